"""The door that OSV's clients know, over real HTTP: their questions, OSV's shapes, our rules."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from osv_bucket import make_record, to_bytes
from serving import Served, serving
from sqlalchemy import text

from service.access.keys import create_key
from service.access.roles import Role
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.clock import utc_now
from service.db import connect, writing

PYPI = make_record("PYSEC-2026-1", "PyPI/Zope.Interface", "introduced 0", "fixed 5.1", summary="Wrong")
LODASH = make_record(
    "GHSA-lodash", "npm/lodash", "introduced 0", "fixed 4.17.21", modified="2024-04-01T12:00:00.123456Z"
)
MALWARE = make_record("MAL-2026-1", "npm/evil", "introduced 0")
WITHDRAWN = make_record("GHSA-gone", "npm/lodash", "introduced 0", withdrawn="2024-05-01T00:00:00Z")
IN_13 = make_record("DSA-13", "Debian:13/xz-utils", "introduced 0", "fixed 5.6.2-1")
IN_12 = make_record("DSA-12", "Debian:12/xz-utils", "introduced 0", "fixed 5.6.2-1")
GIT_ONLY = make_record(
    "CURL-1",
    affected=[
        {
            "package": {"ecosystem": "npm", "name": "lodash"},
            "ranges": [{"type": "GIT", "repo": "https://git.example/lodash", "events": [{"introduced": "0"}]}],
        }
    ],
)
MANY = [make_record(f"MANY-{number:04}", "npm/many", "introduced 0", "fixed 9.0.0") for number in range(1_203)]
LARGE = [
    make_record(f"LARGE-{number}", "npm/large", "introduced 0", "fixed 9.0.0", details="x" * 6 * 2**20)
    for number in range(3)
]
OWN = make_record("x_OWN-2026-7", "npm/acme-cart", "introduced 0", "fixed 2.0.0", summary="Ours")
CART = (
    make_record("GHSA-cart", "npm/@acme/cart", "introduced 0", "fixed 2.0.0"),
    make_record("MAL-cart", "npm/@acme/cart", "introduced 0"),
)
#: Somebody broke into our own build of it.
OWN_CART = make_record(
    "x_OWN-cart", "npm/@acme/cart", "introduced 0", "fixed 2.0.0", database_specific={"cwe_ids": ["CWE-506"]}
)
KNOWN = (*CART, PYPI, LODASH, MALWARE, WITHDRAWN, IN_13, IN_12, GIT_ONLY, *MANY, *LARGE)

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    engine = connect(module_database)
    with writing(engine) as session:
        store(session, [read_record(to_bytes(record)) for record in KNOWN])
    engine.dispose()
    with serving(module_database) as server:
        for own in (OWN, OWN_CART):
            server.client.put(f"/v1/advisories/{own['id']}", json=own).raise_for_status()
        yield server


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    return key_of(served, Role.READER)


@pytest.fixture(scope="module")
def api(served: Served, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://:{key}@127.0.0.1:{served.port}/osv/v1", timeout=60) as client:
        yield client


def key_of(served: Served, role: Role) -> str:
    engine = connect(served.database)
    with writing(engine) as session:
        token = create_key(session, f"the {role}", role, now=utc_now()).token
    engine.dispose()
    return token


def query(api: httpx.Client, **asked: Any) -> Answer:  # noqa: ANN401
    answer = api.post("/query", json=asked)
    assert answer.status_code == 200, answer.text
    found: Answer = answer.json()
    return found


def batch(api: httpx.Client, *queries: Answer, **params: Any) -> list[Answer]:  # noqa: ANN401
    answer = api.post("/querybatch", json={"queries": queries}, params=params)
    assert answer.status_code == 200, answer.text
    results: list[Answer] = answer.json()["results"]
    return results


def ids(answer: Answer) -> list[str]:
    return [vuln["id"] for vuln in answer.get("vulns", [])]


def npm(name: str, version: str | None = None, **more: str) -> Answer:
    return {"package": {"name": name, "ecosystem": "npm"}} | ({"version": version} if version else {}) | more


# --- what is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        npm("lodash", "4.17.20"),
        {"package": {"purl": "pkg:npm/lodash@4.17.20"}},
        {"package": {"purl": "pkg:npm/lodash"}, "version": "4.17.20"},
        {"package": {"purl": "pkg:npm/lodash", "name": "", "ecosystem": None}, "version": "4.17.20", "commit": ""},
    ],
)
def test_a_package_at_a_version_is_answered_with_full_records(api: httpx.Client, asked: Answer) -> None:
    assert query(api, **asked) == {"vulns": [LODASH]}


def test_what_is_not_affected_is_an_empty_object(api: httpx.Client) -> None:
    assert query(api, **npm("lodash", "4.17.21")) == {}
    assert query(api, **npm("nobody-knows", "1.0.0")) == {}


def test_without_a_version_every_live_advisory_of_the_package_is_given(api: httpx.Client) -> None:
    assert ids(query(api, **npm("lodash"))) == ["CURL-1", "GHSA-lodash"]
    assert ids(query(api, package={"purl": "pkg:npm/lodash"})) == ["CURL-1", "GHSA-lodash"]
    assert ids(query(api, package={"purl": "pkg:deb/debian/xz-utils?distro=debian-13"})) == ["DSA-13"]


def test_names_are_compared_as_their_registry_does(api: httpx.Client) -> None:
    assert ids(query(api, package={"name": "zope-interface", "ecosystem": "PyPI"}, version="5.0")) == [PYPI["id"]]


def test_own_advisories_are_answered_like_all_others(api: httpx.Client) -> None:
    (record,) = query(api, **npm("acme-cart", "1.0.0"))["vulns"]

    assert (record["id"], record["summary"]) == (OWN["id"], "Ours")


def test_a_batch_is_answered_with_ids_in_its_order(api: httpx.Client) -> None:
    clean, lodash, unknown = batch(
        api, npm("lodash", "5.0.0"), npm("lodash", "4.0.0"), {"package": {"purl": "pkg:x/y@1"}}
    )

    assert (clean, unknown) == ({}, {})
    assert lodash == {"vulns": [{"id": "GHSA-lodash", "modified": LODASH["modified"]}]}


def test_an_empty_batch_has_no_results(api: httpx.Client) -> None:
    assert batch(api) == []
    assert api.post("/querybatch", content=b"").json() == {"results": []}


def test_a_body_is_read_whatever_type_it_claims(api: httpx.Client) -> None:
    answer = api.post("/query", content=json.dumps(npm("lodash", "4.0.0")), headers={"Content-Type": "text/plain"})

    assert ids(answer.json()) == ["GHSA-lodash"]


# --- how certain -----------------------------------------------------------------------------------------------------


def test_what_is_only_possible_is_answered_on_request_and_marked(api: httpx.Client) -> None:
    somewhere = {"package": {"name": "xz-utils", "ecosystem": "Debian"}, "version": "5.6.1-1"}
    assert query(api, **somewhere) == {}

    vulns = api.post("/query", json=somewhere, params={"possible": True}).json()["vulns"]

    assert [vuln["id"] for vuln in vulns] == ["DSA-12", "DSA-13"]
    assert vulns[0] == IN_12 | {"database_specific": {"muster": {"certainty": "possible", "rule": "package:range"}}}
    (found,) = batch(api, somewhere, possible=True)
    assert ids(found) == ["DSA-12", "DSA-13"]


def test_a_release_meets_its_own_advisories_only(api: httpx.Client) -> None:
    purl = "pkg:deb/debian/liblzma5@5.6.1-1?upstream=xz-utils&distro=debian-13"
    assert ids(query(api, package={"purl": purl})) == ["DSA-13"]
    assert ids(query(api, package={"name": "xz-utils", "ecosystem": "Debian:12"}, version="5.6.1-1")) == ["DSA-12"]


def test_malware_is_always_answered(api: httpx.Client) -> None:
    assert ids(query(api, **npm("evil", "1.0.0"))) == ["MAL-2026-1"]


def test_private_names_meet_own_advisories_only(api: httpx.Client, served: Served) -> None:
    assert ids(query(api, **npm("@acme/cart", "1.0.0"))) == ["GHSA-cart", "MAL-cart", "x_OWN-cart"]
    added = served.client.put("/v1/internal-namespaces/npm:@acme/*", json={"reason": "ours"})
    assert added.is_success, added.text

    for asked in (npm("@acme/cart", "1.0.0"), {"package": {"purl": "pkg:npm/%40acme/cart@1.0.0"}}, npm("@acme/cart")):
        assert ids(query(api, **asked)) == ["x_OWN-cart"]
    (found,) = batch(api, npm("@acme/cart", "1.0.0"), possible=True)
    assert ids(found) == ["MAL-cart", "x_OWN-cart"]


def test_malware_does_not_mean_what_came_from_elsewhere(api: httpx.Client) -> None:
    purl = "pkg:npm/evil@1.0.0?repository_url=https://nexus.acme.example/npm"
    assert ids(query(api, package={"purl": purl})) == []


def test_what_cannot_be_evaluated_is_no_answer_and_is_not_hidden(api: httpx.Client) -> None:
    answer = api.post("/query", json={"commit": "6879efc2c1596d11a6a6ad296f80063b558d5e0f"})
    assert (answer.json(), answer.headers["X-Muster-Unevaluated"]) == ({}, "commit=1")

    questions = [{"package": {"purl": purl}} for purl in ("pkg:x/y@1", "pkg:x/z@1", "pkg:npm/lodash@4.17.20")]
    answer = api.post("/querybatch", json={"queries": [*questions, {"commit": "ab" * 20}]})
    assert answer.headers["X-Muster-Unevaluated"] == "commit=1, no-ecosystem=2"
    answer = api.post("/query", json=npm("lodash", "no version"))
    assert answer.headers["X-Muster-Unevaluated"] == "unparsable-version=1"
    for asked in (npm("lodash", "5.0.0"), npm("lodash")):
        assert "X-Muster-Unevaluated" not in api.post("/query", json=asked).headers


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_record_is_given_as_stored_withdrawn_ones_too(api: httpx.Client) -> None:
    assert api.get("/vulns/GHSA-lodash").json() == LODASH
    assert api.get("/vulns/GHSA-gone").json() == WITHDRAWN


def test_a_record_that_its_feed_has_dropped_says_that_it_is_withdrawn(api: httpx.Client, served: Served) -> None:
    engine = connect(served.database)
    with writing(engine) as session:
        store(session, [read_record(to_bytes(make_record("GHSA-dropped", "npm/dropped", "introduced 0")))])
        session.execute(text("UPDATE advisory SET withdrawn_at = '2024-06-01Z' WHERE osv_id = 'GHSA-dropped'"))
    engine.dispose()

    assert api.get("/vulns/GHSA-dropped").json()["withdrawn"] == "2024-06-01T00:00:00Z"


@pytest.mark.parametrize("id_", ["GHSA-nobody", "ghsa-lodash", "a/b"])
def test_an_unknown_record_is_not_found_in_osvs_words(api: httpx.Client, id_: str) -> None:
    answer = api.get(f"/vulns/{id_}")

    assert (answer.status_code, answer.json()) == (404, {"code": 5, "message": "Bug not found."})


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages_lead_through_all_records_once(api: httpx.Client) -> None:
    first = query(api, **npm("many", "1.0.0"))
    second = query(api, **npm("many", "1.0.0", page_token=first["next_page_token"]))

    assert (len(first["vulns"]), len(second["vulns"])) == (1_000, 203)
    assert ids(first) + ids(second) == [record["id"] for record in MANY]
    assert "next_page_token" not in second


def test_each_question_of_a_batch_has_pages_of_its_own(api: httpx.Client) -> None:
    first, small = batch(api, npm("many", "1.0.0"), npm("lodash", "4.0.0"))
    (second,) = batch(api, npm("many", "1.0.0", pageToken=first["next_page_token"]))

    assert (len(first["vulns"]), ids(small), len(second["vulns"])) == (1_000, ["GHSA-lodash"], 203)


def test_a_batch_that_gives_very_much_gives_the_rest_in_short_pages(api: httpx.Client) -> None:
    results = batch(api, *[npm("many", f"1.0.{number}") for number in range(12)])

    assert [len(result["vulns"]) for result in results] == [1_000] * 10 + [10] * 2
    assert all(result["next_page_token"] for result in results)


def test_a_page_of_large_records_ends_early_and_is_never_empty(api: httpx.Client) -> None:
    pages, token = [], ""
    while True:
        answer = query(api, **npm("large", "1.0.0", page_token=token))
        pages.append(ids(answer))
        token = answer.get("next_page_token", "")
        if not token:
            break

    assert pages == [["LARGE-0"], ["LARGE-1"], ["LARGE-2"]]


def test_a_token_belongs_to_its_question(api: httpx.Client) -> None:
    token = query(api, **npm("many", "1.0.0"))["next_page_token"]

    for asked in (npm("many", "1.0.1", page_token=token), npm("many", "1.0.0", page_token=token[:-2] + "AA")):
        answer = api.post("/query", json=asked)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        assert "token" in answer.json()["message"]


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "Invalid query"),
        ({"version": "1.0"}, "Invalid query"),
        ({"package": {"name": "lodash"}, "version": "1"}, "Invalid query"),
        ({"package": {"ecosystem": "npm"}}, "Invalid query"),
        ({"package": {"name": "a\0b", "ecosystem": "npm"}}, "Invalid query"),
        ({"package": {"name": "django", "ecosystem": "pypi"}, "version": "1"}, "Invalid ecosystem"),
        ({"package": {"name": "django", "ecosystem": "Debian:" + "9" * 300}, "version": "1"}, "Invalid ecosystem"),
        ({"package": {"purl": "npm/lodash"}}, "Invalid PURL"),
        ({"package": {"purl": "pkg:npm/lodash@1"}, "version": "1"}, "version specified"),
        ({"package": {"purl": "pkg:npm/lodash@1", "name": "lodash"}}, "name specified"),
        ({"package": {"purl": "pkg:npm/lodash@1", "ecosystem": "npm"}}, "ecosystem specified"),
        ({"commit": "not a hash"}, "Invalid hash"),
        ({"package": "lodash"}, "cannot be read"),
        ({"package": {"name": 7, "ecosystem": "npm"}}, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_and_fails_its_batch(api: httpx.Client, asked: Answer, says: str) -> None:
    for answer in (
        api.post("/query", json=asked),
        api.post("/querybatch", json={"queries": [npm("lodash", "4.0.0"), asked]}),
    ):
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] == 3
        assert says in answer.json()["message"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"\xff", b'{"package":{"name":"\\ud800","ecosystem":"npm"}}', b"[" * 9_999]
)
def test_what_is_no_json_is_refused(api: httpx.Client, body: bytes) -> None:
    for path in ("/query", "/querybatch"):
        answer = api.post(path, content=body)
        if answer.status_code != 200:  # a batch without questions is one
            assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_a_parameter_that_cannot_be_read_is_refused(api: httpx.Client) -> None:
    answer = api.post("/query", params={"possible": "perhaps"}, json=npm("lodash", "4.0.0"))

    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_more_than_a_thousand_questions_are_refused(api: httpx.Client) -> None:
    answer = api.post("/querybatch", json={"queries": [npm("lodash", "4.0.0")] * 1_001})

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert "Too many queries" in answer.json()["message"]


def test_an_endless_body_is_refused(api: httpx.Client) -> None:
    answer = api.post("/query", content=(b" " * 2**20 for _ in range(40)))

    assert (answer.status_code, answer.json()["code"]) == (413, 8)


# --- keys ------------------------------------------------------------------------------------------------------------


def test_the_key_comes_as_a_password_a_name_or_a_bearer(served: Served, key: str) -> None:
    for user in (f":{key}@", f"{key}@", f"scanner:{key}@", f"{key}:x-oauth-basic@"):
        answer = httpx.get(f"http://{user}127.0.0.1:{served.port}/osv/v1/vulns/GHSA-lodash")
        assert answer.status_code == (401 if "oauth" in user else 200), user
    bearer = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"http://127.0.0.1:{served.port}/osv/v1/vulns/GHSA-lodash", headers=bearer).status_code == 200


@pytest.mark.parametrize(
    "authorization", [None, "Basic " + b64encode(b":mst_wrong").decode(), "Basic nonsense", "Bearer x"]
)
def test_without_a_valid_key_there_is_a_challenge_that_clients_know(served: Served, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = httpx.post(f"http://127.0.0.1:{served.port}/osv/v1/query", headers=headers, json=npm("lodash", "4.0.0"))

    assert (answer.status_code, answer.json()["code"]) == (401, 16)
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_key_that_may_not_read_is_refused(served: Served) -> None:
    user = key_of(served, Role.INTEGRATION)
    answer = httpx.get(f"http://:{user}@127.0.0.1:{served.port}/osv/v1/vulns/GHSA-lodash")

    assert (answer.status_code, answer.json()["code"]) == (403, 7)


def test_the_log_never_has_the_key(api: httpx.Client, served: Served, key: str) -> None:
    query(api, **npm("lodash", "4.0.0"))

    assert key not in served.log()
