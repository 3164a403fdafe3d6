"""The xz story on real SBOMs: every row of the corpus's manifest, over HTTP, with the whole mirror loaded."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from real_files import Corpus
from serving import Served, serving

from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.clock import utc_now
from service.db import connect, writing
from service.flows.applying import apply_feed
from service.flows.settling import settle
from service.purls import parse

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

Finding = dict[str, Any]

#: What we publish ourselves, for packagings that OSV has no ecosystem or no record for.
OWN = "x_ACME-2024-0001"
#: Known by a CPE alone: no advisory speaks of those, the search for the name does.
BY_CPE = "XZ Utils"


def affected(package: dict[str, str], *events: tuple[str, str], versions: tuple[str, ...] = ()) -> Finding:
    """Write an affected entry of our own."""
    ranges = [{"type": "ECOSYSTEM", "events": [dict([event]) for event in events]}] if events else []
    return {"package": package, "ranges": ranges, "versions": list(versions)}


def by_purl(purl: str, introduced: str, fixed: str) -> Finding:
    return affected({"purl": purl}, ("introduced", introduced), ("fixed", fixed))


def named(ecosystem: str, name: str, introduced: str, fixed: str) -> Finding:
    return affected({"ecosystem": ecosystem, "name": name}, ("introduced", introduced), ("fixed", fixed))


OWN_RECORD = {
    "schema_version": "1.7.3",
    "id": OWN,
    "modified": "2024-03-29T20:00:00Z",
    "aliases": ["CVE-2024-3094"],
    "summary": "xz 5.6.0 and 5.6.1 carry a backdoor, whoever packaged them",
    "affected": [
        by_purl("pkg:rpm/fedora/xz", "5.6.0", "1:5.4.6"),
        by_purl("pkg:rpm/fedora/xz-libs", "5.6.0", "1:5.4.6"),
        # Arch built 5.6.1-2 from git, without the tarball's script.
        by_purl("pkg:alpm/arch/xz", "5.6.0-1", "5.6.1-2"),
        by_purl("pkg:conda/xz", "5.6.0", "5.6.2"),
        by_purl("pkg:generic/xz", "5.6.0", "5.6.2"),
        by_purl("pkg:generic/liblzma", "5.6.0", "5.6.2"),
        named("ConanCenter", "xz_utils", "5.6.0", "5.6.2"),
        named("openSUSE:Tumbleweed", "xz", "5.6.0", "5.6.1.revertto5.4"),
        named("openSUSE:Tumbleweed", "liblzma5", "5.6.0", "5.6.1.revertto5.4"),
        affected({"ecosystem": "Homebrew", "name": "xz"}, versions=("5.6.0", "5.6.1")),
    ],
}


class Row(NamedTuple):
    """What the manifest says of one component."""

    file: str
    name: str
    version: str
    purl: str
    scope: str
    expected: frozenset[str]

    @property
    def wanted(self) -> frozenset[str]:
        """Give the advisories that must match for certain: OSV's, or ours where OSV cannot know."""
        by_own = self.scope == "yes" and not self.expected and self.name != BY_CPE
        return frozenset({OWN}) if by_own else self.expected


def read_manifest(folder: Path) -> list[Row]:
    with (folder / "MANIFEST.tsv").open() as file:
        return [
            Row(
                row["file"],
                row["name"],
                row["version"],
                row["purl"],
                row["backdoor_scope"],
                frozenset(re.sub(r"\(.*?\)", "", row["expected_osv_matches"]).split(";")) - {""},
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]


@pytest.fixture(scope="module")
def served(corpus: Corpus, module_database: str) -> Iterator[Served]:
    """Serve the scenario: the mirror, the five advisories, then each SBOM as a product of its own."""
    scenario, mirror = corpus("xz-scenario"), corpus("osv")
    engine = connect(module_database)
    apply_feed(engine, mirror.as_uri(), "all", now=utc_now())
    records = [read_record(file.read_bytes()) for file in sorted((scenario / "advisories").glob("*.json"))]
    with writing(engine) as session:
        store(session, records)
    settle(engine, actor="test", now=utc_now())
    engine.dispose()
    with serving(module_database) as server:
        for file in sorted(scenario.glob("*.json")):
            answer = server.client.post(f"/v1/products/{file.name}/sboms", content=file.read_bytes())
            assert answer.status_code == 201, answer.text
        published = server.client.put(f"/v1/advisories/{OWN}", json=OWN_RECORD)
        assert published.status_code in (200, 201), published.text
        yield server


def test_every_row_matches_as_the_manifest_says(corpus: Corpus, served: Served) -> None:
    scenario = corpus("xz-scenario")
    backdoor = {file.stem for file in (scenario / "advisories").glob("*.json")} | {OWN}
    rows = read_manifest(scenario)
    wrong = []
    for row in rows:
        certain = certain_advisories(findings(served, row.file), row)
        if certain & backdoor != row.wanted & backdoor or not row.wanted <= certain:
            wrong.append((row, sorted(certain)))

    assert len(rows) == 54
    assert wrong == []


def test_what_only_a_cpe_names_is_found_by_its_name(served: Served) -> None:
    answer = served.client.get("/v1/search", params={"q": "XZ Utils 5.6.1", "limit": 500}).json()

    assert "mixed-ecosystems.cdx.json" in {item["product"] for item in answer["items"]}


def test_all_advisories_make_one_incident(served: Served) -> None:
    incidents = served.client.get("/v1/incidents", params={"limit": 500}).json()["items"]

    named = [incident for incident in incidents if "CVE-2024-3094" in (incident["vulnerability"], *incident["aliases"])]
    assert len(named) == 1
    assert named[0]["priority"] == "act"


def test_rows_to_review_are_found_by_name_or_cannot_be_told(corpus: Corpus, served: Served) -> None:
    said = questions(served)
    for row in read_manifest(corpus("xz-scenario")):
        if row.scope == "review" and not row.expected:
            assert slug(row.file) in said, row


def certain_advisories(found: list[Finding], row: Row) -> set[str]:
    name = row.name.rsplit("/")[-1].rsplit(":")[-1].lower()
    return {
        advisory
        for finding in found
        if finding["certainty"] == "certain"
        and finding["name"].lower() == name
        and bare(finding["version"]) == bare(row.version)
        and kind_of(finding["purl"]) == kind_of(row.purl)
        for advisory in finding["advisories"]
    }


def kind_of(purl: str | None) -> str:
    """Give a purl's type, since brew's xz 5.6.1 is not conda's; '' where there is no purl."""
    return parse(purl).type if purl else ""


def bare(version: str) -> str:
    return version.rsplit(":", maxsplit=1)[-1].removeprefix("v")


def slug(file: str) -> str:
    return file.lower()


def findings(served: Served, file: str) -> list[Finding]:
    found: list[Finding] = []
    after: dict[str, str] = {}
    while True:
        page = served.client.get(f"/v1/products/{file}/findings", params={"limit": "500", **after}).json()
        found += page["items"]
        if not page["next"]:
            return found
        after = {"after": page["next"]}


def questions(served: Served) -> set[str]:
    """Ask what a CERT would, by every name that the family goes by; gives the products that any answer mentions."""
    products = set()
    for q in ("liblzma 5.6", "xz 5.6", "xz-libs 5.6", "xz-utils 5.6", "liblzma-sys", "liblzma.so"):
        answer = served.client.get("/v1/search", params={"q": q, "limit": 500}).json()
        products |= {item["product"] for item in answer["items"] + answer["cannot_tell"]}
    return products
