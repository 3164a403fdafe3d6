"""Advisories, feeds and search over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_affected, make_record, to_bytes, write_ecosystem
from sboms import make_sbom
from sqlalchemy import Engine, select

from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.clock import utc_now
from service.db import reading, writing
from service.flows.applying import apply_feed
from service.jobs.models import Job

LODASH = "pkg:npm/lodash@4.17.20"
AFFECTED = make_record("OWN-1", "npm/lodash", "introduced 4.0.0", "fixed 4.17.21", aliases=["CVE-2021-23337"])


def from_feed(engine: Engine, *records: dict[str, Any]) -> None:
    with writing(engine) as session:
        store(session, [read_record(to_bytes(record)) for record in records])


def upload(admin: TestClient, product: str, *components: str, **params: str | int | list[str]) -> None:
    answer = admin.post(f"/v1/products/{product}/sboms", content=make_sbom(*components), params=params)
    assert answer.status_code == 201, answer.text


def test_an_own_advisory_is_matched_before_the_answer_comes(admin: TestClient) -> None:
    for product in ("shop", "blog"):
        upload(admin, product, LODASH)
    tried = admin.put("/v1/advisories/OWN-1", json=AFFECTED, params={"dry_run": True})
    said = {"id": "OWN-1", "created": True, "component_count": 1, "product_count": 2, "unevaluated": []}
    assert (tried.status_code, {name: tried.json()[name] for name in said}) == (200, said)
    assert admin.get("/v1/advisories/OWN-1").status_code == 404
    assert admin.get("/v1/incidents").json()["items"] == []

    published = admin.put("/v1/advisories/OWN-1", json=AFFECTED)
    assert (published.status_code, {name: published.json()[name] for name in said}) == (201, said)
    assert admin.put("/v1/advisories/OWN-1", json=AFFECTED).status_code == 200
    shown = admin.get("/v1/advisories/OWN-1").json()
    assert shown["affected"] == [
        {"ecosystem": "npm", "name": "lodash", "versions": ">=4.0.0, <4.17.21", "fixed": "4.17.21"}
    ]
    (spoken,) = shown["vulnerabilities"]
    assert (spoken["name"], spoken["relation"], spoken["aliases"]) == (
        "CVE-2021-23337", "alias", ["CVE-2021-23337", "OWN-1"]
    )  # fmt: skip
    assert admin.get(f"/v1/incidents/{spoken['incident']}").json()["exposure_counts"] == {"open": 2}
    assert (shown["matches"], shown["settled"], shown["source"]) == ({"certain": 1}, True, "own")
    assert shown["record"]["affected"] == AFFECTED["affected"]


def test_a_withdrawn_advisory_takes_back_what_it_opened_until_it_is_put_again(admin: TestClient) -> None:
    upload(admin, "shop", LODASH)
    admin.put("/v1/advisories/OWN-1", json=AFFECTED)

    def status() -> str:
        (exposure,) = admin.get("/v1/exposures").json()["items"]
        return str(exposure["status"])

    assert admin.post("/v1/advisories/OWN-1:withdraw").json()["component_count"] == 0
    assert status() == "withdrawn"
    assert admin.get("/v1/advisories/OWN-1").json()["withdrawn_at"] is not None
    admin.put("/v1/advisories/OWN-1", json=AFFECTED)
    assert status() == "open"
    actions = [row["action"] for row in admin.get("/v1/audit").json()["items"]]
    assert actions[:3] == ["advisory.publish", "advisory.withdraw", "advisory.publish"]
    assert admin.post("/v1/advisories/NONE:withdraw").status_code == 404


def test_an_advisory_of_a_feed_is_not_ours(admin: TestClient, own_engine: Engine) -> None:
    from_feed(own_engine, make_record("GHSA-35jh-r3h4-6jhm", "npm/lodash", "introduced 0"))
    put = admin.put("/v1/advisories/GHSA-35jh-r3h4-6jhm", json={})
    assert (put.status_code, put.json()["type"].rsplit("/")[-1]) == (409, "not-ours")
    assert admin.post("/v1/advisories/GHSA-35jh-r3h4-6jhm:withdraw").status_code == 409


@pytest.mark.parametrize(
    "record",
    [
        {"id": "OTHER"},
        {"id": 7},
        {"affected": "everything"},
        {"published": "soon"},
        {"database_specific": {"number": 2**70}},
    ],
)
def test_what_is_no_record_is_refused(admin: TestClient, record: dict[str, Any]) -> None:
    assert admin.put("/v1/advisories/OWN-1", json=record).status_code == 422
    assert admin.put("/v1/advisories/OWN-1", json=[]).status_code == 422
    assert admin.get("/v1/advisories/OWN-1").status_code == 404


def test_half_of_a_surrogate_pair_is_refused_or_cleaned(admin: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = admin.put("/v1/advisories/OWN-1", content=b'{"summary": "a\\ud800b"}', headers=headers)
    assert answer.status_code == 422


def test_advisories_are_listed_by_id_and_filtered(admin: TestClient, own_engine: Engine) -> None:
    from_feed(
        own_engine,
        make_record("GHSA-35jh-r3h4-6jhm", "npm/lodash", "introduced 0", aliases=["CVE-2021-23337"]),
        make_record("GHSA-p6mc-m468-83gw", "npm/lodash", "introduced not-a-version"),
        make_record("MAL-2024-1", "npm/evil", versions=["1.0.0"]),
        make_record("DSA-5649-1", "Debian:13/xz-utils", "introduced 0", upstream=["CVE-2021-23337"]),
    )
    admin.put("/v1/advisories/OWN-1", json=make_record("OWN-1", "npm/lodash", "introduced 0"))

    def found(**params: str | int | list[str]) -> list[str]:
        return [one["id"] for one in admin.get("/v1/advisories", params=params).json()["items"]]

    everything = ["DSA-5649-1", "GHSA-35jh-r3h4-6jhm", "GHSA-p6mc-m468-83gw", "MAL-2024-1", "OWN-1"]
    assert found() == everything
    assert found(q="GHSA-") == everything[1:3]
    assert found(q="GHSA-%") == []
    assert found(source="own") == ["OWN-1"]
    assert found(kind="malware") == ["MAL-2024-1"]
    assert found(vulnerability="CVE-2021-23337") == everything[:2]
    assert found(unevaluated=True) == found(unevaluated=True, reason="unparsable") == ["GHSA-p6mc-m468-83gw"]
    assert found(reason="git-only") == []
    first = admin.get("/v1/advisories", params={"limit": 3}).json()
    rest = admin.get("/v1/advisories", params={"limit": 3, "after": first["next"]}).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == everything
    assert rest["next"] is None
    assert admin.get("/v1/feeds").json()["unevaluated"] == {"unparsable": 1}


@pytest.mark.parametrize(
    ("entry", "versions"),
    [
        (make_affected("npm/a", "introduced 0"), ["all versions"]),
        (make_affected("npm/a", "introduced 0", "last_affected 2.0.0"), ["<=2.0.0"]),
        (make_affected("npm/a", "introduced 1.0.0"), [">=1.0.0"]),
        (make_affected("npm/a", versions=["1.0.0", "2.0.0"]), ["=1.0.0", "=2.0.0"]),
        (make_affected("npm/a", versions=["elephant"]), ["=elephant"]),
    ],
)
def test_what_is_affected_is_said_in_words(admin: TestClient, entry: dict[str, Any], versions: list[str]) -> None:
    admin.put("/v1/advisories/OWN-1", json={"affected": [entry]})
    assert [one["versions"] for one in admin.get("/v1/advisories/OWN-1").json()["affected"]] == versions


# --- feeds -----------------------------------------------------------------------------------------------------------


def test_a_sync_can_be_asked_for_and_waits_in_line_once(admin: TestClient, own_engine: Engine) -> None:
    shown = admin.get("/v1/feeds").json()
    assert (shown["items"], shown["sync_every_seconds"], shown["unevaluated"]) == ([], 900, {})
    answers = [admin.post("/v1/feeds:sync") for _ in range(2)]
    assert [(one.status_code, one.json()["queued"]) for one in answers] == [(202, True), (202, False)]
    with reading(own_engine) as session:
        assert [job.kind for job in session.scalars(select(Job))] == ["sync"]


def test_a_feed_that_is_held_says_so_everywhere_and_can_be_let_go(
    admin: TestClient, own_engine: Engine, tmp_path: Path
) -> None:
    for count in (20, 5):
        write_ecosystem(tmp_path, "npm", [make_record(f"GHSA-{n}", "npm/x", "introduced 0") for n in range(count)])
        apply_feed(own_engine, tmp_path.as_uri(), "all", now=utc_now())

    (held,) = admin.get("/v1/feeds").json()["items"]
    assert (held["state"], held["held_count"], held["record_count"], held["missing_count"]) == ("held", 15, 20, 0)
    metrics = admin.get("/metrics").text
    assert 'muster_feed_state{ecosystem="npm",state="held"} 1\n' in metrics
    assert 'muster_feed_state{ecosystem="npm",state="fresh"} 0\n' in metrics
    assert 'muster_feed_advisories{ecosystem="npm"} 20\n' in metrics
    assert tmp_path.name not in metrics

    assert admin.post("/v1/feeds:sync", params={"accept": "PyPI"}).json()["type"].endswith("/nothing-held")
    admin.post("/v1/feeds:sync")
    agreed = admin.post("/v1/feeds:sync", params={"accept": "npm"}).json()
    assert agreed == {"queued": True, "accepted": {"npm": 15}}
    with reading(own_engine) as session:
        jobs = session.scalars(select(Job).order_by(Job.id)).all()
    assert [job.payload for job in jobs] == [{}, {"accepted": {"npm": 15}}]


# --- search ----------------------------------------------------------------------------------------------------------


def test_search_says_who_uses_it_and_what_cannot_be_told(admin: TestClient) -> None:
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    admin.put("/v1/products/shop", json={"team": "payments"})
    admin.put("/v1/products/empty", json={})
    upload(admin, "shop", "pkg:deb/debian/liblzma5@5.6.1-1?distro=debian-13")
    answer = admin.get("/v1/search", params={"q": "liblzma 5.6"})
    assert answer.status_code == 200
    (item,) = answer.json()["items"]
    assert (item["product"], item["stream"], item["release"], item["in_field"]) == ("shop", "main", None, True)
    assert (item["owner"]["team"], item["component"]["version"]) == ("payments", "5.6.1-1")
    assert (item["first_seen_at"], item["last_seen_at"]) == ("2026-03-01T12:00:00Z", None)
    assert [(one["product"], one["reason"]) for one in answer.json()["cannot_tell"]] == [("empty", "no_sbom")]


def test_a_search_is_walked_page_by_page(admin: TestClient) -> None:
    for number in range(5):
        upload(admin, f"p{number}", LODASH)
    seen, after = [], None
    while True:
        params: dict[str, Any] = {"name": "lodash", "limit": 2} | ({"after": after} if after else {})
        page = admin.get("/v1/search", params=params).json()
        seen += [one["product"] for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [f"p{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"purl": LODASH}, 1),
        ({"name": "lodash", "version": "4.17"}, 1),
        ({"name": "lodash", "version": "5"}, 0),
        ({"name": "lodash", "range": ">=4.17.0,<4.17.21"}, 1),
        ({"name": "lodash", "vers": "vers:npm/>=4.17.21"}, 0),
        ({"name": "lodash", "exact": True}, 1),
        ({"hash": "d41d8cd98f00b204e9800998ecf8427e"}, 0),
        ({"name": "lodash", "as_of": "2026-02-01T00:00:00Z"}, 0),
        ({"name": "ms"}, 0),
        ({"name": "ms", "ever": True}, 1),
    ],
)
def test_a_search_is_asked_in_many_ways(admin: TestClient, params: dict[str, Any], count: int) -> None:
    upload(admin, "shop", "pkg:npm/ms@1.0.0", at="2026-02-20T00:00:00Z")
    upload(admin, "shop", LODASH)
    assert len(admin.get("/v1/search", params=params).json()["items"]) == count


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"q": "a", "name": "b"},
        {"purl": "pkg:"},
        {"name": "a", "range": "between"},
        {"name": "a", "as_of": "2026-02-01T00:00:00"},
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(admin: TestClient, params: dict[str, str]) -> None:
    assert admin.get("/v1/search", params=params).status_code == 422


def test_an_advisory_says_what_it_leaves_open(admin: TestClient, engine: Engine) -> None:
    entry = make_affected("npm/babel-traverse", "introduced 0")
    entry["database_specific"] = {"last_known_affected_version_range": "< 7.23.2"}
    from_feed(engine, make_record("GHSA-67hx-6x53-jw92", affected=[entry]))

    assert admin.get("/v1/advisories/GHSA-67hx-6x53-jw92").json()["reservations"] == [
        {
            "ecosystem": "npm",
            "name": "babel-traverse",
            "labels": ["no known fix"],
            "last_known_affected": "< 7.23.2",
            "other_numbers": "",
        }
    ]
