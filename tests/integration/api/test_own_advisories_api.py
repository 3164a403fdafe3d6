"""Publishing our own over HTTP: who is hit and was, what is nearly named, what is odd, what an amendment changes."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_affected, make_record
from sboms import Part, listed, make_sbom

XZ = "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils&distro=debian-13"
FIXED = "pkg:deb/debian/liblzma5@5.6.1%2Breally5.4.5-1?upstream=xz-utils&distro=debian-13"
CONAN = "pkg:conan/xz_utils@5.6.1"
FEDORA = "pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?distro=fedora-40"
NAMESAKE = "pkg:npm/xz-utils@5.6.1"
ID = "x_ACME-2024-0007"
RANGE = ("introduced 5.6.0-0.1", "fixed 5.6.1+really5.4.5-1")
RECORD = make_record(ID, "Debian:13/xz-utils", *RANGE)


def upload(admin: TestClient, product: str, *components: str | Part, **params: str) -> None:
    answer = admin.post(f"/v1/products/{product}/sboms", content=make_sbom(*components), params=params)
    assert answer.status_code == 201, answer.text


def put(admin: TestClient, record: dict[str, Any] = RECORD, *, dry_run: bool = False) -> dict[str, Any]:
    answer = admin.put(f"/v1/advisories/{record['id']}", json=record, params={"dry_run": dry_run})
    assert answer.is_success, answer.text
    said: dict[str, Any] = answer.json()
    return said


def missed(said: dict[str, Any]) -> dict[str, tuple[str, bool | None]]:
    return {one["purl"] or one["name"]: (one["kind"], one["looks_affected"]) for one in said["near_misses"]}


# --- who is hit ------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_publishing_then_does(admin: TestClient) -> None:
    admin.put("/v1/teams/edge", json={"email": "edge@example.org"})
    admin.put("/v1/products/gateway", json={"team": "edge"})
    for product in ("gateway", "shop"):
        upload(admin, product, XZ)
    tried = put(admin, dry_run=True)
    assert (tried["would_open"], tried["opened"]) == ({"incidents": 1, "exposures": 2, "reopened": 0}, None)
    assert admin.get(f"/v1/advisories/{ID}").status_code == 404

    published = put(admin)
    assert (published["would_open"], published["opened"]) == (None, tried["would_open"])
    hit = published["products"][0]
    assert (hit["product"], hit["owner"]["team"], hit["streams"]) == ("gateway", "edge", ["main"])
    assert [(one["name"], one["version"], one["certainty"]) for one in hit["components"]] == [
        ("liblzma5", "5.6.1-1", "certain")
    ]
    assert (hit["opens"], hit["status"]) == ("opened", "open")
    assert [(one["product"], one["opens"], one["exposure"]) for one in tried["products"]] == [
        ("gateway", "opened", None),
        ("shop", "opened", None),
    ]
    again = put(admin)
    assert (again["opened"], again["products"][0]["opens"]) == ({"incidents": 0, "exposures": 0, "reopened": 0}, None)


def test_who_had_it_earlier_is_said_with_the_time(admin: TestClient) -> None:
    upload(admin, "shop", XZ, at="2026-02-01T00:00:00Z")
    upload(admin, "shop", FIXED, at="2026-02-20T00:00:00Z")
    upload(admin, "blog", XZ)
    said = put(admin, dry_run=True)
    assert [one["product"] for one in said["products"]] == ["blog"]
    (earlier,) = said["earlier"]
    assert (earlier["product"], earlier["first_seen_at"], earlier["last_seen_at"]) == (
        "shop",
        "2026-02-01T00:00:00Z",
        "2026-02-20T00:00:00Z",
    )


def test_a_possible_match_opens_nothing(admin: TestClient) -> None:
    upload(admin, "shop", "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils")
    said = put(admin, dry_run=True)
    assert said["would_open"]["exposures"] == 0
    assert [(one["certainty"], one["opens"]) for one in said["products"]] == [("possible", None)]


def test_all_that_are_hit_are_a_page_away(admin: TestClient) -> None:
    for number in range(3):
        upload(admin, f"p{number}", XZ)
    put(admin)
    seen, after = [], None
    while True:
        params: dict[str, Any] = {"limit": 2} | ({"after": after} if after else {})
        page = admin.get(f"/v1/advisories/{ID}/products", params=params).json()
        seen += [one["product"] for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ["p0", "p1", "p2"]


# --- near misses -----------------------------------------------------------------------------------------------------


def test_the_same_code_in_other_packagings_is_a_near_miss(admin: TestClient) -> None:
    upload(admin, "shop", XZ, CONAN, FEDORA, NAMESAKE, FIXED, listed(name="xz-libs"))
    said = put(admin, dry_run=True)
    kinds = missed(said)
    assert kinds[CONAN] == ("other-packaging", True)
    assert kinds["pkg:rpm/fedora/xz-libs@5.6.0-2.fc40?distro=fedora-40"] == ("other-packaging", True)
    assert kinds[NAMESAKE][0] == "same-name"
    assert kinds[FIXED.partition("?")[0] + "?distro=debian-13"] == ("other-version", False)
    assert kinds["xz-libs"] == ("cannot-evaluate", None)
    conan = next(one for one in said["near_misses"] if one["purl"] == CONAN)
    package = {"ecosystem": "ConanCenter", "name": "xz_utils"}
    assert conan["entry"] == {**package, "package": package}
    fedora = next(one for one in said["near_misses"] if "fedora" in one["purl"])
    assert fedora["entry"]["package"] == {"purl": "pkg:rpm/fedora/xz-libs"}
    assert conan["family"] == "xz"
    assert conan["sentence"] == (
        "xz_utils 5.6.1 (conan) carries the code of xz: XZ Utils. The advisory names Debian 13's xz-utils, not "
        "ConanCenter's xz_utils. In upstream's numbers its version lies within what is affected."
    )
    assert said["near_misses"][-1]["purl"] == NAMESAKE
    assert ("xz-libs", "no-purl") in {
        (one["component"]["name"], one["reason"]) for one in said["cannot_tell"] if one["component"]
    }


def test_another_release_is_a_near_miss(admin: TestClient) -> None:
    other = "pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-14"
    upload(admin, "shop", f"{other}&upstream=xz-utils")
    assert missed(put(admin, dry_run=True)) == {other: ("other-release", True)}


def test_what_is_amended_says_who_came_and_who_went(admin: TestClient) -> None:
    upload(admin, "shop", XZ)
    upload(admin, "blog", CONAN, FEDORA)
    first = put(admin)
    assert (first["created"], first["newly_affected"], first["no_longer_affected"]) == (True, None, None)
    nearly = [one["entry"]["package"] for one in first["near_misses"] if one["looks_affected"]]
    versions = ["5.6.1", "5.6.0-2.fc40"]
    wider = {**RECORD, "affected": [*RECORD["affected"], *({"package": one, "versions": versions} for one in nearly)]}
    second = put(admin, wider)
    assert {one["purl"] for one in second["newly_affected"]["components"]} == {CONAN, FEDORA}
    assert (second["newly_affected"]["product_count"], second["no_longer_affected"]["component_count"]) == (1, 0)
    assert second["opened"] == {"incidents": 0, "exposures": 1, "reopened": 0}
    gone = admin.post(f"/v1/advisories/{ID}:withdraw").json()
    assert (gone["product_count"], gone["no_longer_affected"]["component_count"]) == (0, 3)
    assert gone["near_misses"] == []
    back = put(admin, wider)
    assert back["opened"] == {"incidents": 0, "exposures": 0, "reopened": 2}
    assert {one["status"] for one in back["products"]} == {"open"}


# --- ids and oddities ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("osv_id", ["CVE-2026-1", "GHSA-2222-3333-4444", "DEBIAN-CVE-2024-3094", "SUSE-SU-2024:1-1"])
def test_a_public_id_is_refused_with_a_better_one(admin: TestClient, osv_id: str) -> None:
    answer = admin.put(f"/v1/advisories/{osv_id}", json={}, params={"dry_run": True})
    problem = answer.json()
    assert (answer.status_code, problem["type"].rpartition("/")[2]) == (409, "public-id")
    assert problem["suggestion"].startswith("x_ACME-20")
    assert f'"aliases": ["{osv_id}"]' in problem["detail"]


def test_an_id_of_another_form_is_taken_with_a_remark(admin: TestClient) -> None:
    (remark,) = put(admin, make_record("ACME-7", "npm/lodash", "introduced 0"), dry_run=True)["remarks"][:1]
    assert (remark["code"], remark["where"], remark["suggestion"]) == ("id-form", "/id", "x_ACME-7")
    codes = {one["code"] for one in put(admin, dry_run=True)["remarks"]}
    assert "id-form" not in codes


@pytest.mark.parametrize(
    ("entry", "code", "suggestion"),
    [
        (make_affected("debian:13/xz-utils", "introduced 0"), "unknown-ecosystem", "Debian:13"),
        (make_affected("pip/requests", "introduced 0"), "unknown-ecosystem", "PyPI"),
        (make_affected("Debian/xz-utils", "introduced 0"), "no-release", "Debian:…"),
        (make_affected("PyPI/Zope.Interface", "introduced 0"), "name-spelling", "zope-interface"),
        (make_affected("npm/lodash", "introduced 2.0.0", "fixed 1.0.0"), "empty-range", ""),
        (make_affected("npm/lodash", "introduced elephant"), "unparsable", ""),
        (make_affected("npm/lodash", "fixed 1.0.0"), "malformed-range", ""),
        (make_affected("npm/lodash"), "no-versions", ""),
        (make_affected("npm/a", "introduced 1", "fixed 2", "last_affected 3"), "fixed-and-last-affected", ""),
        (make_affected("npm/loadash", "introduced 0"), "unknown-name", ""),
        (make_affected("NuGet/Newtonsoft", "introduced 0"), "name-spelling", "newtonsoft"),
        (make_affected("Debian:13/liblzma5", "introduced 0"), "binary-name", "xz-utils"),
    ],
)
def test_what_is_odd_is_said_with_what_to_write(
    admin: TestClient, entry: dict[str, Any], code: str, suggestion: str
) -> None:
    upload(admin, "shop", XZ, "pkg:npm/lodash@4.17.20")
    remarks = put(admin, {"id": ID, "affected": [entry]}, dry_run=True)["remarks"]
    said = {one["code"]: one for one in remarks}
    assert code in said, remarks
    assert said[code]["suggestion"] == suggestion
    assert said[code]["where"].startswith("/affected")


def test_a_sound_record_draws_no_remark(admin: TestClient) -> None:
    upload(admin, "shop", XZ)
    assert put(admin, dry_run=True)["remarks"] == []


def test_an_empty_record_is_taken_and_said_to_name_nothing(admin: TestClient) -> None:
    said = put(admin, {"id": ID})
    assert [one["code"] for one in said["remarks"]] == ["nothing-affected"]
