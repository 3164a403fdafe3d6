"""The pages that say whom an advisory hits, what it nearly names, what is known of a product, and why."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import listed, make_sbom

from service.access.keys import NewKey

HOSTILE = '<script>alert("1")</script>\u202e'
XZ = "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils&distro=debian-13"
ID = "x_ACME-2024-0007"
RECORD = make_record(ID, "Debian:13/xz-utils", "introduced 0", "fixed 5.6.2-1", summary=HOSTILE)


@pytest.fixture
def admin(app: FastAPI, new_key: Callable[..., NewKey]) -> TestClient:
    client = TestClient(app, headers={"Authorization": f"Bearer {new_key('admin').token}"})
    sbom = make_sbom(XZ, "pkg:conan/xz_utils@5.6.1", listed(name="xz-libs"))
    assert client.post("/v1/products/shop/sboms", content=sbom).status_code == 201
    assert client.put(f"/v1/advisories/{ID}", json=RECORD).status_code == 201
    return client


def test_an_own_advisory_shows_whom_it_hits_and_what_it_nearly_names(reader: TestClient, admin: TestClient) -> None:
    assert admin
    page = reader.get(f"/advisories/{ID}").text
    for words in ("our own", "Hit now (1)", 'href="/products/shop/findings"', "liblzma5 5.6.1-1", "looks affected",
                  "xz_utils 5.6.1", "Cannot tell", "xz-libs", "&lt;5.6.2-1", "INC-"):  # fmt: skip
        assert words in page, words
    assert "<script>" not in page
    assert "⟨U+202E⟩" in page
    assert reader.get("/advisories/NONE").status_code == 404


def test_findings_say_why(reader: TestClient, admin: TestClient) -> None:
    assert admin
    assert 'href="/products/shop/findings"' in reader.get("/products/shop").text
    page = reader.get("/products/shop/findings").text
    assert "liblzma5 5.6.1-1 is built from xz-utils 5.6.1-1, which x_ACME-2024-0007 lists for Debian 13" in page
    assert '<details class="why">' in page
    assert reader.get("/products/shop/findings?after=made-up").status_code == 422


def test_an_incident_says_why_at_each_occurrence(reader: TestClient, admin: TestClient) -> None:
    (incident,) = admin.get("/v1/incidents").json()["items"]
    assert "is built from xz-utils 5.6.1-1" in reader.get(f"/incidents/{incident['id']}").text


def test_a_package_is_explained_step_by_step(reader: TestClient, admin: TestClient) -> None:
    assert admin
    path = f"/advisories/{ID}/explanation"
    assert "Which package?" in reader.get(path).text
    page = reader.get(path, params={"purl": XZ}).text
    for words in (
        "<b>Affected.</b>",
        "Advisories reach it as Debian 13&#39;s xz-utils",
        "5.6.1-1 &lt; 5.6.2-1: inside",
    ):
        assert words in page, words
    refused = reader.get(path, params={"purl": "xz"})
    assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    assert reader.get("/advisories/NONE/explanation", params={"purl": XZ}).status_code == 404
