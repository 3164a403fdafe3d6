"""What a document leaves in memory, and what it takes meanwhile, when it is written to take much."""

import tracemalloc
from collections.abc import Callable

import orjson
import pytest

from service.sbom import TooDeep, TooManyComponents, read

MEGABYTE = 1 << 20
CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"


def cyclonedx(*components: object) -> bytes:
    return orjson.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components})


def licensed(letter: str) -> bytes:
    return cyclonedx({"name": "a", "licenses": [{"license": {"id": letter * MEGABYTE}}]})


def hashed(letter: str) -> bytes:
    return cyclonedx({"name": "a", "hashes": [{"alg": letter * MEGABYTE, "content": "00" * 20}]})


def related(letter: str) -> bytes:
    package = {"type": "software_Package", "spdxId": "urn:a", "name": "a"}
    strange = {"type": "Relationship", "relationshipType": letter * MEGABYTE, "from": "urn:a", "to": []}
    return orjson.dumps({"@context": CONTEXT, "@graph": [package, strange]})


def supplied(letter: str) -> bytes:
    package = {"SPDXID": "SPDXRef-a", "name": "a", "supplier": letter * MEGABYTE}
    return orjson.dumps({"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": [package]})


@pytest.mark.parametrize("written", [licensed, hashed, related, supplied])
def test_no_long_text_outlives_its_document(written: Callable[[str], bytes]) -> None:
    read(written("x"))  # what is loaded once
    tracemalloc.start()
    try:
        for letter in "abcde":
            read(written(letter))
        assert tracemalloc.get_traced_memory()[0] < MEGABYTE
    finally:
        tracemalloc.stop()


def test_many_chains_of_components_are_too_deep() -> None:
    component: dict[str, object] = {"name": "a"}
    for _ in range(120):
        component = {"name": "a", "components": [component]}
    assert len(read(cyclonedx(component)).components) == 121
    with pytest.raises(TooDeep, match="Flatten"):
        read(cyclonedx(*[component] * 100))


def test_a_long_licence_in_every_set_is_too_much() -> None:
    long = " AND ".join(["MIT"] * 2_000)
    elements: list[object] = [
        {"type": "simplelicensing_LicenseExpression", "spdxId": "urn:l", "simplelicensing_licenseExpression": long}
    ]
    for place in range(400):
        members = ["urn:l", f"https://spdx.org/licenses/X{place}"]
        licence = {"relationshipType": "hasDeclaredLicense", "from": f"urn:p{place}", "to": [f"urn:s{place}"]}
        elements += [
            {"type": "software_Package", "spdxId": f"urn:p{place}", "name": "a"},
            {"type": "expandedlicensing_ConjunctiveLicenseSet", "spdxId": f"urn:s{place}"}
            | {"expandedlicensing_member": members},
            {"type": "Relationship"} | licence,
        ]
    with pytest.raises(TooManyComponents, match="licences"):
        read(orjson.dumps({"@context": CONTEXT, "@graph": elements}))
