"""Quality: each element of each profile is there in one complete SBOM, and missed as soon as it is taken away."""

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from service.sbom import Tool, read
from service.sbom.quality import quality_of, shown
from service.sbom.quality.facts import PER_DOCUMENT
from service.sbom.quality.known_tools import CHANGES, GENERAL
from service.sbom.quality.profiles import PROFILES
from service.sbom.quality.tools import tool_of

Sbom = dict[str, Any]
Take = Callable[[Sbom], object]

_FILE = {"filename": "xz", "executable": "executable", "archive": "no archive", "structured": "unstructured"}


def entry(name: str) -> Sbom:
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": "1.0",
        "purl": f"pkg:npm/{name}@1.0",
        "supplier": {"name": "Acme", "url": ["https://acme.example"]},
        "licenses": [{"license": {"id": "MIT"}}],
        "hashes": [{"alg": "SHA-512", "content": "a" * 128}],
        "properties": [{"name": f"bsi:component:{key}", "value": value} for key, value in _FILE.items()],
    }


COMPLETE: Sbom = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:11111111-2222-4333-8444-555555555555",
    "metadata": {
        "timestamp": "2026-03-01T10:00:00Z",
        "lifecycles": [{"phase": "build"}],
        "tools": {"components": [{"type": "application", "name": "syft", "version": "1.30.0"}]},
        "authors": [{"name": "Jane Doe", "email": "jane@example.org"}],
        "component": {"bom-ref": "shop", "type": "application", "name": "shop", "version": "2"},
    },
    "components": [entry("left"), entry("right")],
    "dependencies": [{"ref": "shop", "dependsOn": ["left", "right"]}],
}


def shown_of(sbom: Sbom) -> dict[str, Any]:
    return shown(orjson.loads(orjson.dumps(quality_of(read(orjson.dumps(sbom)))._asdict())))


def missed(quality: dict[str, Any]) -> dict[str, list[str]]:
    """Give each profile's elements that are not complete."""
    return {
        name: [one["element"] for one in profile["elements"] if one["present"] < one["of"]]
        for name, profile in quality["profiles"].items()
    }


def without(key: str) -> Take:
    return lambda sbom: sbom["components"][1].pop(key)


def no_metadata(key: str) -> Take:
    return lambda sbom: sbom["metadata"].pop(key)


def no_property(word: str) -> Take:
    def take(sbom: Sbom) -> None:
        kept = [one for one in sbom["components"][1]["properties"] if not one["name"].endswith(word)]
        sbom["components"][1]["properties"] = kept

    return take


def test_a_complete_sbom_meets_every_profile_and_needs_no_advice() -> None:
    quality = shown_of(COMPLETE)
    assert (quality["score"], quality["missing"], quality["advice"]) == (100, {}, [])
    assert {name: (one["met"], one["score"]) for name, one in quality["profiles"].items()} == {
        "ntia": (True, 100),
        "cisa-2025": (True, 100),
        "bsi-tr-03183": (True, 100),
    }
    assert missed(quality) == {"ntia": [], "cisa-2025": [], "bsi-tr-03183": []}


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        pytest.param(
            without("version"),
            (["version of the component"], ["component version"], ["component version"]),
            id="version",
        ),
        pytest.param(
            without("purl"),
            (["other unique identifiers"], ["software identifiers"], ["other unique identifiers"]),
            id="identifier",
        ),
        pytest.param(
            without("supplier"), (["supplier name"], ["software producer"], ["component creator"]), id="supplier"
        ),
        pytest.param(
            lambda sbom: sbom["components"][1]["supplier"].pop("url"), ([], [], ["component creator"]), id="contact"
        ),
        pytest.param(without("licenses"), ([], ["license"], ["distribution licences"]), id="licence"),
        pytest.param(
            without("hashes"), ([], ["component hash"], ["hash value of the deployable component"]), id="hash"
        ),
        pytest.param(
            lambda sbom: sbom["components"][1]["hashes"][0].update(alg="SHA-256", content="a" * 64),
            ([], [], ["hash value of the deployable component"]),
            id="sha512",
        ),
        pytest.param(
            lambda sbom: sbom["dependencies"][0]["dependsOn"].pop(),
            (["dependency relationship"], ["dependency relationship"], ["dependencies on other components"]),
            id="linked",
        ),
        pytest.param(
            no_metadata("authors"), (["author of SBOM data"], ["SBOM author"], ["creator of the SBOM"]), id="author"
        ),
        pytest.param(
            lambda sbom: sbom["metadata"]["authors"][0].pop("email"), ([], [], ["creator of the SBOM"]), id="reach"
        ),
        pytest.param(no_metadata("timestamp"), (["timestamp"], ["timestamp"], ["timestamp"]), id="timestamp"),
        pytest.param(no_metadata("tools"), ([], ["tool name"], []), id="tool"),
        pytest.param(no_metadata("lifecycles"), ([], ["generation context"], []), id="lifecycle"),
        pytest.param(lambda sbom: sbom.update(specVersion="1.5"), ([], [], ["format"]), id="format"),
        pytest.param(lambda sbom: sbom.pop("serialNumber"), ([], [], ["SBOM-URI"]), id="serial"),
        pytest.param(no_property("filename"), ([], [], ["filename of the component"]), id="filename"),
        pytest.param(no_property("executable"), ([], [], ["executable property"]), id="executable"),
        pytest.param(no_property("archive"), ([], [], ["archive property"]), id="archive"),
        pytest.param(no_property(":structured"), ([], [], ["structured property"]), id="structured"),
    ],
)
def test_what_is_taken_away_is_missed(take: Take, expected: tuple[list[str], ...]) -> None:
    sbom = copy.deepcopy(COMPLETE)
    take(sbom)
    quality = shown_of(sbom)
    assert tuple(missed(quality).values()) == expected
    optional = {"SBOM-URI", "other unique identifiers"}
    for (name, profile), elements in zip(quality["profiles"].items(), expected, strict=True):
        required = [one for one in elements if name != "bsi-tr-03183" or one not in optional]
        assert profile["met"] is (not required)
        assert (profile["score"] < 100) is bool(required)


def test_a_name_made_up_by_the_reader_counts_as_a_name() -> None:
    sbom = copy.deepcopy(COMPLETE)
    sbom["components"][1].pop("name")
    assert missed(shown_of(sbom))["ntia"] == []


def test_elements_are_counted_by_component_and_a_profile_is_not_rounded_up() -> None:
    sbom = copy.deepcopy(COMPLETE)
    sbom["components"] += [entry(f"part-{number}") for number in range(998)]
    sbom["dependencies"][0]["dependsOn"] = [one["bom-ref"] for one in sbom["components"]]
    sbom["components"][7].pop("version")
    ntia = shown_of(sbom)["profiles"]["ntia"]
    assert ntia["elements"][2] == {
        "element": "version of the component",
        "required": True,
        "present": 999,
        "of": 1000,
    }
    assert (ntia["met"], ntia["score"]) == (False, 99)


def test_the_score_is_the_mean_share_of_nine_facts() -> None:
    sbom = copy.deepcopy(COMPLETE)
    sbom["components"][1].pop("version")  # one of two components: half a ninth
    sbom["metadata"].pop("tools")  # a ninth
    quality = shown_of(sbom)
    assert (quality["score"], quality["missing"]) == (round(100 * 7.5 / 9), {"version": 1, "tool": 1})


def test_an_sbom_without_components_is_worth_nothing_whatever_it_says_of_itself() -> None:
    sbom = COMPLETE | {"components": [], "dependencies": []}
    quality = shown_of(sbom)
    assert (quality["score"], quality["missing"]) == (0, {"components": 1})
    assert not any(profile["met"] for profile in quality["profiles"].values())
    assert [one["element"] for one in quality["advice"]] == ["components"]


def test_what_was_stored_before_there_were_profiles_is_still_shown() -> None:
    assert shown({"score": 67, "missing": {"hash": 2}}) == {
        "score": 67,
        "missing": {"hash": 2},
        "profiles": {},
        "advice": [],
    }


def test_advice_names_the_generators_own_flag_and_comes_in_order_of_its_gains() -> None:
    sbom = copy.deepcopy(COMPLETE)
    for part in sbom["components"]:
        part.pop("licenses")
    sbom["metadata"].pop("lifecycles")
    advice = shown_of(sbom)["advice"]
    assert [one["element"] for one in advice] == ["licence", "lifecycle"]
    assert "--enrich" in advice[0]["change"]
    assert advice[0]["gains"] == {"score": 11, "cisa-2025": 9, "bsi-tr-03183": 8}
    assert advice[1] == {"element": "lifecycle", "change": GENERAL["lifecycle"], "gains": {"cisa-2025": 9}}


def test_advice_ends_after_six_and_never_lacks_words() -> None:
    bare = {"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [{"type": "library", "name": "x"}]}
    advice = shown_of(bare)["advice"]
    assert len(advice) == 6
    totals = [sum(one["gains"].values()) for one in advice]
    assert totals == sorted(totals, reverse=True)
    facts = {element.fact for elements in PROFILES.values() for element in elements if element.required} | {
        *PER_DOCUMENT
    }
    together = {"linked", "sha512", "contact", "author-contact", "filename", "executable", "archive", "structured"}
    assert facts - together - {"serial"} <= GENERAL.keys()
    assert {topic for changes in CHANGES.values() for topic in changes} <= GENERAL.keys()


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["syft"], "syft"),
        (["cyclonedx-library", "cyclonedx-npm"], "cyclonedx-npm"),
        (["CycloneDX Maven plugin"], "cyclonedx-maven"),
        (["sigs.k8s.io/bom/pkg/spdx"], "bom"),
        (["tern-b8e13d1780cd3a02204226bba3d0772d95da24a0"], "tern"),
        (["Microsoft.SBOMTool"], "sbom-tool"),
        (["Awesome Tool"], ""),
        ([], ""),
    ],
)
def test_generators_are_known_by_what_they_call_themselves(names: list[str], key: str) -> None:
    assert tool_of(Tool(name=name) for name in names) == key


def test_a_stored_quality_stays_small() -> None:
    bare = {"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [{"type": "library", "name": "x"}] * 5000}
    assert len(orjson.dumps(quality_of(read(orjson.dumps(bare)))._asdict())) < 600
