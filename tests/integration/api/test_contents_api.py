"""What a product contains and what is known of it, over HTTP; and what leaves the field with its streams."""

from datetime import timedelta
from typing import Any

from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import listed, make_sbom
from stopped_clock import StoppedClock

LODASH = "pkg:npm/lodash@4.17.20"
FIXED = "pkg:npm/lodash@4.17.21"
AFFECTED = make_record("OWN-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-23337"])


def walk(client: TestClient, path: str, **params: str | int | list[str]) -> list[dict[str, Any]]:
    """Read a list two by two."""
    items, after = [], None
    while True:
        page = client.get(path, params={"limit": 2, **params} | ({"after": after} if after else {})).json()
        items += page["items"]
        after = page["next"]
        if after is None:
            return items


def upload(client: TestClient, *components: str | dict[str, Any], **params: str | int | list[str]) -> dict[str, Any]:
    answer = client.post("/v1/products/shop/sboms", content=make_sbom(*components), params=params)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_components_in_the_field_are_those_of_newest_uploads_and_supported_releases(admin: TestClient) -> None:
    upload(admin, LODASH, version="1.0")
    upload(admin, FIXED, "pkg:npm/left-pad@1.3.0", listed("pkg:npm/jest@29.0.0", scope="dev"))
    upload(admin, "pkg:npm/ms@2.0.0", stream="pull/7", preview=True)
    admin.patch("/v1/products/shop/releases/1.0", json={"supported": True})
    found = [
        (one["stream"], one["release"], one["name"], one["version"], one["scope"])
        for one in walk(admin, "/v1/products/shop/components")
    ]
    assert sorted(found, key=str) == [
        ("main", "1.0", "lodash", "4.17.20", "required"),
        ("main", None, "jest", "29.0.0", "dev"),
        ("main", None, "left-pad", "1.3.0", "required"),
        ("main", None, "lodash", "4.17.21", "required"),
    ]


def test_a_stream_is_shown_as_it_is_and_as_it_was(admin: TestClient, clock: StoppedClock) -> None:
    upload(admin, LODASH, "pkg:npm/left-pad@1.3.0")
    clock.advance(timedelta(days=1))
    upload(admin, FIXED, "pkg:npm/left-pad@1.3.0")
    path = "/v1/products/shop/components"
    now = [one["version"] for one in walk(admin, path, stream="main")]
    then = [one["version"] for one in walk(admin, path, stream="main", as_of="2026-03-01T13:00:00Z")]
    assert (sorted(now), sorted(then)) == (["1.3.0", "4.17.21"], ["1.3.0", "4.17.20"])
    for params in ({"as_of": "2026-03-01T13:00:00Z"}, {"stream": "main", "as_of": "2026-03-01T13:00:00"}):
        assert admin.get(path, params=params).status_code == 422
    assert admin.get(path, params={"stream": "none"}).status_code == 404


def test_findings_say_where_they_are_and_the_worst_comes_first(admin: TestClient) -> None:
    upload(admin, LODASH, "pkg:npm/evil@1.0.0", version="1.0")
    upload(admin, LODASH, stream="2.x")
    admin.patch("/v1/products/shop/releases/1.0", json={"supported": True})
    admin.put("/v1/advisories/OWN-1", json=AFFECTED)
    malware = make_record("OWN-2", "npm/evil", versions=["1.0.0"], database_specific={"cwe_ids": ["CWE-506"]})
    admin.put("/v1/advisories/OWN-2", json=malware)
    found = walk(admin, "/v1/products/shop/findings")
    places = [(one["kind"], one["name"], one["stream"], one["release"]) for one in found]
    assert places == [
        ("malware", "evil", "main", None),
        ("malware", "evil", "main", "1.0"),
        ("vulnerability", "lodash", "2.x", None),
        ("vulnerability", "lodash", "main", None),
        ("vulnerability", "lodash", "main", "1.0"),
    ]
    assert {one["status"] for one in found} == {"open"}
    assert all(one["new"] for one in found)
    upload(admin, LODASH, "pkg:npm/ms@2.0.0", stream="2.x")
    (known,) = [one for one in walk(admin, "/v1/products/shop/findings") if one["stream"] == "2.x"]
    assert not known["new"]


def exposure_of(admin: TestClient) -> tuple[str, str]:
    (exposure,) = admin.get("/v1/exposures", params={"product": "shop"}).json()["items"]
    return exposure["status"], exposure["presence"]


def test_exposures_end_as_retired_with_their_stream_and_open_again_with_it(admin: TestClient) -> None:
    upload(admin, LODASH)
    admin.put("/v1/advisories/OWN-1", json=AFFECTED)
    assert exposure_of(admin) == ("open", "present")
    retired = admin.post("/v1/products/shop/streams/main:retire", json={"reason": "moved"})
    assert (retired.status_code, retired.json()["retired_reason"]) == (200, "moved")
    assert exposure_of(admin) == ("retired", "absent")
    assert admin.post("/v1/products/shop/streams/main:revive").status_code == 200
    assert exposure_of(admin) == ("open", "present")
    actions = [row["action"] for row in admin.get("/v1/audit").json()["items"]]
    assert actions[:2] == ["stream.revive", "stream.retire"]


def test_exposures_end_as_retired_with_their_product_and_open_again_with_it(admin: TestClient) -> None:
    upload(admin, LODASH)
    admin.put("/v1/advisories/OWN-1", json=AFFECTED)
    assert admin.post("/v1/products/shop:archive", json={"reason": "sold"}).json()["archived_reason"] == "sold"
    assert exposure_of(admin) == ("retired", "absent")
    assert admin.post("/v1/products/shop:revive").json()["archived_at"] is None
    assert exposure_of(admin) == ("open", "present")


def test_a_supported_release_keeps_an_exposure_open_until_its_support_ends(admin: TestClient) -> None:
    upload(admin, LODASH, version="1.0")
    admin.patch("/v1/products/shop/releases/1.0", json={"supported": True})
    admin.put("/v1/advisories/OWN-1", json=AFFECTED)
    upload(admin, FIXED)
    assert exposure_of(admin) == ("open", "present")
    ended = admin.patch("/v1/products/shop/releases/1.0", json={"supported": False})
    assert (ended.status_code, ended.json()["supported"]) == (200, False)
    assert exposure_of(admin) == ("retired", "absent")
