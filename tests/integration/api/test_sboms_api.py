"""Uploads over HTTP: what comes in, what is answered, what is refused and why."""

import gzip
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import zstandard
from fastapi import FastAPI
from fastapi.testclient import TestClient
from osv_bucket import make_record
from pydantic import SecretStr
from sboms import make_sbom
from sqlalchemy import Engine
from stopped_clock import StoppedClock

from service.api.sboms import ReceiptOut
from service.main import create_app
from service.settings import Settings

#: As every other time a URL carries.
NOON = "2026-03-02T12:00:00Z"
LODASH = "pkg:npm/lodash@4.17.20"
FIXED = "pkg:npm/lodash@4.17.21"
AFFECTED = make_record("OWN-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-23337"])
#: Content-Encoding, and how it packs.
PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("zstd", zstandard.ZstdCompressor().compress),
]


def publish(admin: TestClient) -> None:
    assert admin.put("/v1/advisories/OWN-1", json=AFFECTED).status_code == 201


def test_an_upload_is_answered_with_what_is_affected(admin: TestClient) -> None:
    publish(admin)
    answer = admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH, "pkg:npm/left-pad@1.3.0"))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["product"], body["stream"], body["sequence"], body["duplicate"]) == ("shop", "main", 1, False)
    assert body["components"] == {"total": 2, "listed": 2, "added": 2, "removed": 0, "unidentified": 0}
    assert body["missing_feeds"] == ["npm"]
    (finding,) = body["findings"]
    said = {
        "purl": LODASH, "name": "lodash", "version": "4.17.20", "scope": "required",
        "vulnerability": "CVE-2021-23337", "advisories": ["OWN-1"], "severity": "unscored", "kind": "vulnerability",
        "certainty": "certain", "note": None, "informational": None, "fixed_in": ["4.17.21"], "status": "open",
        "fixes": {"nearest": "4.17.21", "all": ["4.17.21"], "known": True, "hint": None}, "new": True,
    }  # fmt: skip
    assert {name: finding[name] for name in said} == said
    assert finding["exposure"].startswith("EXP-")
    assert body["verdict"] == "fail"


def test_the_answer_has_the_shape_that_the_api_describes(admin: TestClient) -> None:
    publish(admin)
    for sbom in (make_sbom(LODASH, "pkg:generic/openssl@3"), make_sbom(FIXED), make_sbom(FIXED)):
        body = admin.post("/v1/products/shop/sboms", content=sbom).json()
        assert ReceiptOut.model_validate(body).model_dump(mode="json") == body


def test_the_fix_is_seen_by_the_next_upload(admin: TestClient) -> None:
    publish(admin)
    first = admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH)).json()
    fixed = admin.post("/v1/products/shop/sboms", content=make_sbom(FIXED)).json()
    assert fixed["findings"] == []
    assert [step["exposure"] for step in fixed["resolved"]] == [first["findings"][0]["exposure"]]


def test_the_same_bytes_again_are_nothing_new(admin: TestClient) -> None:
    data = make_sbom(LODASH)
    first = admin.post("/v1/products/shop/sboms", content=data)
    again = admin.post("/v1/products/shop/sboms", content=data)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["duplicate"]
    assert again.json()["sbom"]["id"] == first.json()["sbom"]["id"]
    labelled = admin.post("/v1/products/shop/sboms", content=data, params={"version": "1.0"})
    assert (labelled.status_code, labelled.json()["version"]) == (201, "1.0")


def test_the_same_bytes_again_are_a_sign_of_life(admin: TestClient, clock: StoppedClock) -> None:
    sbom = make_sbom(LODASH)
    for path in ("/v1/products/shop/sboms", "/v1/products/shop/sboms", f"/v1/products/shop/sboms?at={NOON}"):
        clock.advance(timedelta(days=1))
        assert admin.post(path, content=sbom).is_success
        (stream,) = admin.get("/v1/products/shop/streams").json()["items"]
        assert datetime.fromisoformat(stream["last_upload_at"]) == clock.now


def test_at_one_time_stands_one_sbom_until_it_is_replaced(admin: TestClient) -> None:
    when = {"at": "2026-02-01T12:00:00Z"}
    first = admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH), params=when).json()
    other = make_sbom(FIXED)
    taken = admin.post("/v1/products/shop/sboms", content=other, params=when)
    assert (taken.status_code, taken.json()["type"].rsplit("/")[-1]) == (409, "time-taken")
    replaced = admin.post("/v1/products/shop/sboms", content=other, params={"replaces": first["sbom"]["id"]})
    assert (replaced.status_code, replaced.json()["at"]) == (201, first["at"])
    assert admin.get(f"/v1/sboms/{first['sbom']['id']}").json()["voided"]["reason"] == "replaced by a corrected SBOM"
    missing = admin.post("/v1/products/shop/sboms", content=make_sbom(), params={"replaces": 2**62})
    assert missing.status_code == 404


@pytest.mark.parametrize("at", ["2026-02-01T12:00:00", "yesterday", "2026-03-01T12:06:00Z"])
def test_a_time_without_zone_or_in_the_future_is_refused(admin: TestClient, at: str) -> None:
    assert admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH), params={"at": at}).status_code == 422
    assert admin.get("/v1/products/shop").status_code == 404


def test_a_late_upload_says_so_and_changes_nothing_in_the_field(admin: TestClient) -> None:
    publish(admin)
    admin.post("/v1/products/shop/sboms", content=make_sbom(FIXED))
    late = admin.post(
        "/v1/products/shop/sboms", content=make_sbom(LODASH), params={"at": "2026-02-01T12:00:00Z"}
    ).json()
    assert late["late"]
    assert [finding["incident"] for finding in late["findings"]] == [None]


def test_a_preview_is_answered_and_opens_nothing(admin: TestClient) -> None:
    publish(admin)
    preview: dict[str, str | bool] = {"stream": "pull/7", "preview": True}
    answer = admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH), params=preview).json()
    assert (answer["verdict"], answer["findings"][0]["exposure"]) == ("fail", None)
    assert admin.get("/v1/incidents").json()["items"] == []
    tracked = admin.post("/v1/products/shop/sboms", content=make_sbom(FIXED), params={"stream": "pull/7"})
    assert (tracked.status_code, tracked.json()["kind"]) == (409, "preview")


def test_a_gate_that_says_no_carries_the_whole_answer_as_a_problem(admin: TestClient) -> None:
    publish(admin)
    data = make_sbom(LODASH)
    asked = {"gate": "high", "on_fail": "409"}
    problem = admin.post("/v1/products/shop/sboms", content=data, params=asked)
    assert problem.status_code == 409
    assert problem.headers["Content-Type"] == "application/problem+json"
    body = problem.json()
    assert body["type"].endswith("/problems/gate-failed")
    answer = admin.post("/v1/products/shop/sboms", content=data, params={"gate": "high"})
    assert answer.status_code == 200
    fields = answer.json()
    assert body.keys() - fields.keys() == {"type", "title", "status", "detail", "instance"}
    assert fields.keys() <= body.keys()
    assert body["sbom"] == fields["sbom"]
    assert body["findings"][0]["vulnerability"] == "CVE-2021-23337"
    assert admin.post("/v1/products/shop/sboms", content=data, params=asked | {"gate": "critical"}).status_code == 200


@pytest.mark.parametrize(("encoding", "pack"), [*PACKERS, ("GZIP", gzip.compress), ("identity", bytes)])
def test_packed_bodies_are_unpacked(admin: TestClient, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    data = make_sbom(LODASH)
    answer = admin.post("/v1/products/shop/sboms", content=pack(data), headers={"Content-Encoding": encoding})
    assert answer.status_code == 201
    kept = admin.get(f"/v1/sboms/{answer.json()['sbom']['id']}/document")
    assert kept.content == data
    assert kept.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_a_packed_body_that_breaks_off_or_is_something_else_is_refused(
    admin: TestClient, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    data = make_sbom(LODASH)
    for body in (pack(data)[:-5], data, b""):
        answer = admin.post("/v1/products/shop/sboms", content=body, headers={"Content-Encoding": encoding})
        assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (422, "unreadable"), body[:20]


def test_another_encoding_is_415_and_names_those_we_take(admin: TestClient) -> None:
    answer = admin.post("/v1/products/shop/sboms", content=b"x", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415
    assert "zstd" in answer.json()["detail"]


@pytest.fixture
def small(own_engine: Engine, admin: TestClient, clock: Callable[[], object]) -> TestClient:
    """Give a client of a service that takes 100,000 bytes at most."""
    settings = Settings(secret_key=SecretStr("x"), max_upload_bytes=100_000)
    app = create_app(settings, engine=own_engine, clock=clock)  # type: ignore[arg-type]
    return TestClient(app, headers=dict(admin.headers), raise_server_exceptions=False)


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_a_bomb_is_refused_when_it_goes_off(small: TestClient, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(50_000_000))
    assert len(bomb) < 100_000
    answer = small.post("/v1/products/shop/sboms", content=bomb, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["max_bytes"]) == (413, 100_000)


def test_what_is_too_large_is_refused_announced_or_not(small: TestClient) -> None:
    announced = small.post("/v1/products/shop/sboms", content=bytes(100_001))
    streamed = small.post("/v1/products/shop/sboms", content=iter([bytes(60_000), bytes(60_000)]))
    assert (announced.status_code, streamed.status_code) == (413, 413)


@pytest.mark.parametrize(
    ("data", "status", "slug"),
    [
        (b"", 422, "not-an-sbom"),
        (b"hello", 422, "not-an-sbom"),
        (b'{"lockfileVersion": 3, "packages": {}}', 422, "not-an-sbom"),
        (make_sbom(LODASH)[:-10], 422, "malformed-sbom"),
    ],
)
def test_what_is_no_sbom_is_refused_with_a_title_that_says_what_it_is(
    admin: TestClient, data: bytes, status: int, slug: str
) -> None:
    answer = admin.post("/v1/products/shop/sboms", content=data)
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (status, slug)
    assert answer.json()["detail"]
    assert admin.get("/v1/products/shop").status_code == 404


def test_a_bound_key_uploads_to_its_products_and_sees_no_others(admin: TestClient, app: FastAPI) -> None:
    for slug in ("shop", "blog"):
        admin.put(f"/v1/products/{slug}", json={})
    made = admin.post("/v1/keys", json={"name": "ci", "role": "uploader", "products": ["shop"]}).json()
    ci = TestClient(app, headers={"Authorization": f"Bearer {made['key']}"}, raise_server_exceptions=False)
    mine = ci.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    assert mine.status_code == 201
    assert ci.get(f"/v1/sboms/{mine.json()['sbom']['id']}").status_code == 200
    assert ci.get("/v1/products/shop/findings").status_code == 200
    other = admin.post("/v1/products/blog/sboms", content=make_sbom(LODASH)).json()
    unseen = (
        ci.post("/v1/products/blog/sboms", content=make_sbom(LODASH)),
        ci.post("/v1/products/new/sboms", content=make_sbom(LODASH)),
        ci.get("/v1/products/blog/findings"),
        ci.get(f"/v1/sboms/{other['sbom']['id']}"),
    )
    assert [answer.status_code for answer in unseen] == [404] * 4
    hidden, absent = (answer.json()["detail"] for answer in unseen[:2])
    assert hidden == absent.replace("new", "blog"), "nothing tells what is hidden from what is not there"
    assert admin.get("/v1/products/new").status_code == 404


def test_a_void_withdraws_what_the_upload_opened(admin: TestClient) -> None:
    publish(admin)
    admin.post("/v1/products/shop/sboms", content=make_sbom(FIXED))
    wrong = admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH)).json()
    path = f"/v1/sboms/{wrong['sbom']['id']}:void"
    assert admin.post(path, json={"reason": "  "}).status_code == 422
    taken_back = admin.post(path, json={"reason": "another branch"})
    assert taken_back.json()["voided"]["reason"] == "another branch"
    exposure = admin.get(f"/v1/exposures/{wrong['findings'][0]['exposure']}").json()
    assert (exposure["status"], exposure["presence"]) == ("withdrawn", "absent")
    assert admin.post(path, json={"reason": "again"}).status_code == 409
    assert admin.get("/v1/audit").json()["items"][0]["action"] == "sbom.void"


def test_uploads_are_listed_the_last_received_first(admin: TestClient, clock: Callable[[], object]) -> None:
    for stream in ("main", "2.x", "main"):
        clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
        admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH), params={"stream": stream})
    first = admin.get("/v1/products/shop/sboms", params={"limit": 2}).json()
    rest = admin.get("/v1/products/shop/sboms", params={"limit": 2, "after": first["next"]}).json()
    listed = [(item["stream"], item["sequence"]) for item in first["items"] + rest["items"]]
    assert listed == [("main", 2), ("2.x", 1), ("main", 1)]
    assert rest["next"] is None
    only = admin.get("/v1/products/shop/sboms", params={"stream": "2.x"}).json()["items"]
    assert [item["stream"] for item in only] == ["2.x"]


def test_an_sbom_that_lists_nothing_is_not_clean(admin: TestClient) -> None:
    answer = admin.post("/v1/products/shop/sboms", content=make_sbom())
    assert (answer.status_code, answer.json()["verdict"]) == (201, "unknown")
    assert [warning["code"] for warning in answer.json()["warnings"]] == ["no-components"]
