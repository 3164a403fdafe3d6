"""The xz day before any CVE: a CERT writes an advisory in a hurry, and is told what it has missed. Real SBOMs, HTTP."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from osv_bucket import make_affected, make_record
from real_files import Corpus
from serving import serving

from service.purls import identify

ID = "x_ACME-2024-0007"
#: What was known first: Debian's testing release, from the mail to oss-security.
FIRST = make_affected("Debian:13/xz-utils", "introduced 5.6.0-0.1", "fixed 5.6.1+really5.4.5-1")
#: One of each kind; the others differ from these in their versions.
SBOMS = (
    "deb-trixie-5.6.1-1.syft.spdx",
    "apk-edge-5.6.0-r0.trivy.spdx",
    "rpm-fedora40-5.6.0-2.trivy.spdx",
    "rpm-opensuse-liblzma5-5.6.1.spdx",
    "mixed-ecosystems.cdx",
    "nested.cdx",
)
FIXED = "pkg:deb/debian/liblzma5@5.6.1%2Breally5.4.5-1?upstream=xz-utils&distro=debian-13"


def in_scope(folder: Path) -> set[str]:
    """Give the purls of the corpus's manifest that carry the backdoor, as the service writes them."""
    with (folder / "MANIFEST.tsv").open() as file:
        listed = [row for row in csv.DictReader(file, delimiter="\t") if row["file"].removesuffix(".json") in SBOMS]
    meant = [row["purl"] for row in listed if row["backdoor_scope"] == "yes" and row["purl"]]
    return {identify(purl=purl, name="", version="").purl for purl in meant}


def upload(client: httpx.Client, product: str, path: Path, at: datetime) -> None:
    answer = client.post(f"/v1/products/{product}/sboms", content=path.read_bytes(), params={"at": at.isoformat()})
    assert answer.status_code == 201, answer.text


def put(client: httpx.Client, entries: list[dict[str, Any]], **params: bool) -> dict[str, Any]:
    record = make_record(ID, summary="xz 5.6.0 and 5.6.1 carry a backdoor", affected=entries)
    answer = client.put(f"/v1/advisories/{ID}", json=record, params=params)
    assert answer.is_success, answer.text
    said: dict[str, Any] = answer.json()
    return said


@pytest.mark.soak
def test_a_hurried_advisory_is_told_what_it_has_missed(corpus: Corpus, new_database: Callable[[], str]) -> None:
    folder = corpus("xz-scenario")
    scoped, at = in_scope(folder), datetime(2024, 3, 1, tzinfo=UTC)
    with serving(new_database()) as server:
        client = server.client
        for name in SBOMS:
            upload(client, name, folder / f"{name}.json", at)
        upload(client, "updated", folder / "deb-trixie-5.6.1-1.syft.spdx.json", at)
        upload(client, "updated", folder / "deb-trixie-really5.4.5.syft.spdx.json", at.replace(day=20))

        tried = put(client, [FIRST], dry_run=True)
        assert client.get("/v1/incidents").json()["items"] == []
        published = put(client, [FIRST])
        assert published["opened"] == tried["would_open"]
        hit = {component["purl"] for product in published["products"] for component in product["components"]}
        assert "pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13" in hit
        assert "updated" in {one["product"] for one in published["earlier"]}
        assert all(one["exposure"] for one in published["products"] if one["certainty"] == "certain")

        # What OSV could not know, or what the record did not say, is nearly named, and looks affected.
        likely = {one["purl"]: one for one in published["near_misses"] if one["looks_affected"]}
        assert scoped - hit <= likely.keys()
        assert FIXED.replace("upstream=xz-utils&", "") not in likely
        assert not [purl for purl in likely if "ulikunitz" in purl or "lzma-native" in purl]
        assert {"xz-libs", "liblzma5"} <= {
            one["component"]["name"] for one in published["cannot_tell"] if one["component"]
        }

        meant = [likely[purl] for purl in sorted(scoped - hit)]
        amended = put(
            client, [FIRST, *({"package": one["entry"]["package"], "versions": [one["version"]]} for one in meant)]
        )
        now = {component["purl"] for product in amended["products"] for component in product["components"]}
        assert scoped <= now
        assert amended["newly_affected"]["component_count"] >= len(meant)
        assert amended["no_longer_affected"]["component_count"] == 0

        told = client.get(f"/v1/advisories/{ID}/explanation", params={"purl": FIXED}).json()
        assert (told["verdict"], told["advisories"][0]["entries"][0]["outcome"]) == ("not-affected", "outside")

        gone = client.post(f"/v1/advisories/{ID}:withdraw").json()
        assert gone["no_longer_affected"]["component_count"] == amended["component_count"]
        assert {one["status"] for one in client.get("/v1/exposures").json()["items"]} == {"withdrawn"}
