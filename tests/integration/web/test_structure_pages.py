"""The pages about a product's structure: what changed, and how a component came in."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from osv_bucket import make_record
from stopped_clock import StoppedClock

from service.access.keys import NewKey

HOSTILE = '<script>alert("1")</script>\u202e"\'>&'
LODASH, FIXED, MS = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21", "pkg:npm/ms@2.0.0"


@pytest.fixture
def admin(app: FastAPI, new_key: Callable[..., NewKey]) -> TestClient:
    return TestClient(app, headers={"Authorization": f"Bearer {new_key('admin').token}"})


def upload(admin: TestClient, *listed: tuple[str, str], depends: dict[str, list[str]] | None = None) -> int:
    """Upload an SBOM that lists these purls under these licences."""
    components = [
        {"type": "library", "bom-ref": purl, "purl": purl, "name": purl.split("/")[-1].split("@")[0],
         "version": purl.split("@")[1], "licenses": [{"license": {"name": licence}}]}
        for purl, licence in listed
    ]  # fmt: skip
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": {"type": "application", "name": "shop", "bom-ref": "root"}},
        "components": components,
        "dependencies": [{"ref": above, "dependsOn": below} for above, below in (depends or {}).items()],
    }
    answer = admin.post("/v1/products/shop/sboms", content=json.dumps(document))
    assert answer.status_code == 201, answer.text
    sbom: int = answer.json()["sbom"]["id"]
    return sbom


def test_the_product_leads_to_what_changed_with_each_upload(
    reader: TestClient, admin: TestClient, clock: StoppedClock
) -> None:
    admin.put("/v1/advisories/OWN-1", json=make_record("OWN-1", "npm/lodash", "introduced 0", "fixed 4.17.21"))
    upload(admin, (LODASH, "MIT"))
    clock.now += timedelta(hours=1)
    sbom = upload(admin, (FIXED, "BUSL-1.1"), (MS, HOSTILE), depends={"root": [MS], MS: [FIXED]})
    assert f'href="/products/shop/diff?to={sbom}"' in reader.get("/products/shop").text
    page = reader.get(f"/products/shop/diff?to={sbom}").text
    assert "1 vulnerability went" in page
    assert "came</h2>" not in page
    for words in ("MIT → BUSL-1.1", "OWN-1", "4.17.20", "4.17.21", "<b>1</b> added", "<b>1</b> upgraded"):
        assert words in page, words
    assert "<script>" not in page
    assert "⟨U+202E⟩" in page
    licences = reader.get(f"/products/shop/diff?to={sbom}&show=licence").text
    assert ("<b>lodash</b>" in licences, "<b>ms</b>" in licences) == (True, False)
    assert "no SBOM came before" in reader.get("/products/shop/diff?to=stream:main@2024-03-29T19:00:00Z").text
    for address, status in (("to=nothing", 422), ("to=stream:x", 404), ("after=x", 422)):
        assert reader.get(f"/products/shop/diff?{address}").status_code == status


def test_a_long_difference_goes_on_on_the_next_page(reader: TestClient, admin: TestClient) -> None:
    upload(admin, *((f"pkg:npm/p{number:03}@1.0.0", "MIT") for number in range(250)))
    first = reader.get("/products/shop/diff").text
    following = first.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = reader.get(following).text
    assert ("p199@1.0.0" in first, "p200@1.0.0" in first) == (True, False)
    assert ("p199@1.0.0" in second, "p200@1.0.0" in second, "p249@1.0.0" in second) == (False, True, True)


def test_the_way_of_a_component_is_shown_from_the_product_down(reader: TestClient, admin: TestClient) -> None:
    sbom = upload(admin, (LODASH, "MIT"), (MS, "MIT"), depends={"root": [MS, LODASH], MS: [LODASH]})
    for query in ("purl=pkg:npm/lodash", "purl=lodash", f"purl=pkg:npm/lodash@4.17.20&sbom={sbom}"):
        page = reader.get(f"/products/shop/paths?{query}").text
        assert "<b>direct</b>" in page
        assert "<b>2</b> paths" in page
        assert "through <b>2</b> direct dependencies" in page
    assert "Nothing in the field contains it" in reader.get("/products/shop/paths?purl=left-pad").text
    for query, status in (("purl=", 422), ("purl=lodash&sbom=99999", 404), ("purl=lodash&after=x", 422)):
        assert reader.get(f"/products/shop/paths?{query}").status_code == status
