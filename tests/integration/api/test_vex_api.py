"""VEX over HTTP: out with an ETag, in from those who are believed, and clear refusals of everything else."""

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import vex_oracles
from envelopes import make_dsse, make_key, make_statement
from fastapi import FastAPI
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine, update
from stopped_clock import StoppedClock
from story import Story, statements

from service.db import writing
from service.incidents.models import Incident
from service.incidents.vex.fields import MOST_BINDINGS
from service.sbom.signatures import trusted_key

OLD, OLDER = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.19"
CVE = "CVE-2026-1"
AUTHOR = "https://vendor.example"
Clients = Callable[..., TestClient]


@pytest.fixture
def story(own_engine: Engine, clock: StoppedClock) -> Story:
    """Let shop use a vulnerable component."""
    told = Story(own_engine)
    told.now = clock()
    told.feed(
        make_record(CVE, "npm/lodash", "introduced 4.0.0", "fixed 4.17.21", aliases=["GHSA-aaaa-bbbb-cccc"]),
    )
    told.upload("shop", OLD)
    return told


def trust(cert: TestClient, **source: Any) -> None:  # noqa: ANN401
    tag = cert.get("/v1/vex-sources").headers["ETag"]
    items = [{"author": AUTHOR, "reason": "our vendor", **source}]
    answer = cert.put("/v1/vex-sources", json={"items": items}, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text


def statement(*parts: str, status: str = "not_affected", product: str = "pkg:generic/shop", **more: Any) -> Any:  # noqa: ANN401
    said = {"justification": "vulnerable_code_not_in_execute_path", "status_notes": "It is never called."}
    return {
        "vulnerability": {"name": CVE},
        "products": [{"@id": product, "subcomponents": [{"@id": part} for part in parts]}],
        "status": status,
        **(said if status == "not_affected" else {"action_statement": "Wait."}),
        **more,
    }


def openvex(*statements: Any, version: int = 1, author: str = AUTHOR) -> dict[str, Any]:  # noqa: ANN401
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": f"{AUTHOR}/vex/1",
        "author": author,
        "timestamp": "2026-03-01T10:00:00Z",
        "version": version,
        "statements": list(statements),
    }


def bring(client: TestClient, document: dict[str, Any], **params: Any) -> dict[str, Any]:  # noqa: ANN401
    answer = client.post("/v1/vex", content=orjson.dumps(document), params=params)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def why(said: dict[str, Any]) -> list[str]:
    """Give the reasons why something of the first statement did nothing, or did less than it says."""
    first = said["statements"][0]
    return [one["reason"] for one in (*first["ignored"], *first["exposures"]) if one["reason"]]


# --- out -------------------------------------------------------------------------------------------------------------


FORMS = ("openvex", "cyclonedx", "csaf")


def test_the_same_state_is_the_same_document_and_its_version_rises_with_statements_only(
    story: Story, client_as: Clients
) -> None:
    reader, cert = client_as("reader"), client_as("cert")
    first = {form: reader.get("/v1/vex/shop", params={"format": form}) for form in FORMS}
    for answer in first.values():
        assert vex_oracles.faults(answer.content) == []
    exposure = cert.get("/v1/exposures").json()["items"][0]
    cert.post(f"/v1/exposures/{exposure['id']}/comments", json={"text": "Looking."})
    for form in FORMS:
        known = {"If-None-Match": first[form].headers["ETag"]}
        again = reader.get("/v1/vex/shop", params={"format": form}, headers=known)
        assert (again.status_code, again.content) == (304, b"")
    story.upload("shop", OLDER)
    for form in FORMS:
        changed = reader.get("/v1/vex/shop", params={"format": form})
        assert [_version(answer.json()) for answer in (first[form], changed)] == [1, 2]
        assert changed.headers["ETag"] != first[form].headers["ETag"]


def _version(document: dict[str, Any]) -> int:
    return int(document["version"] if "version" in document else document["document"]["tracking"]["version"])


def test_a_stream_or_a_release_can_be_asked_for_alone(story: Story, client_as: Clients) -> None:
    story.upload("shop", OLDER, stream="2.x", version="2.0")
    story.support("shop", "2.0", supported=True)
    reader = client_as("reader")

    def parts(**params: str) -> set[str]:
        products = reader.get("/v1/vex/shop", params=params).json()["statements"][0]["products"]
        return {f"{p['@id']} {s['@id']}" for p in products for s in p["subcomponents"]}

    main = f"pkg:generic/shop?stream=main {OLD}"
    head, release = f"pkg:generic/shop?stream=2.x {OLDER}", f"pkg:generic/shop@2.0?stream=2.x {OLDER}"
    assert parts() == {main, head, release}
    assert parts(stream="main") == {main}
    assert parts(version="2.0") == {release}
    assert reader.get("/v1/vex/shop", params={"stream": "3.x"}).status_code == 404


def test_nothing_to_state_is_said_so(story: Story, client_as: Clients) -> None:
    story.upload("clean", "pkg:npm/ms@2.0.0")
    answer = client_as("reader").get("/v1/vex/clean")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (404, "nothing-to-state")


# --- in --------------------------------------------------------------------------------------------------------------


def test_a_statement_of_somebody_who_is_believed_decides(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    said = bring(cert, openvex(statement(OLD)))
    assert (said["applied"], said["author"]) == (1, AUTHOR)
    exposure = cert.get("/v1/exposures").json()["items"][0]
    assert exposure["status"] == "not_affected"
    kept = cert.get(f"/v1/vex-documents/{said['id']}").json()
    assert (kept["received_by"], kept["author"], kept["heard"]) == ("the cert", AUTHOR, True)
    assert kept["statements"] == said["statements"]
    assert orjson.loads(cert.get(f"/v1/vex-documents/{said['id']}/content").content) == openvex(statement(OLD))
    assert story.status("shop", CVE) == "not_affected"


def test_one_person_alone_cannot_believe_an_author_and_bring_his_word(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(cert)
    said = bring(cert, openvex(statement(OLD)))
    assert (why(said), said["applied"]) == (["refused"], 0)
    assert "two people" in said["statements"][0]["exposures"][0]["detail"]
    assert story.status("shop", CVE) == "open"
    assert bring(client_as("cert"), openvex(statement(OLD)))["applied"] == 1


def test_a_dry_run_says_the_same_and_keeps_nothing(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    before = story.rows()
    said = bring(cert, openvex(statement(OLD)), dry_run=True)
    assert (said["applied"], said["id"]) == (1, None)
    after = story.rows()
    assert {name for name, count in after.items() if count != before[name]} <= {"audit"}
    assert story.status("shop", CVE) == "open"
    assert bring(cert, openvex(statement(OLD)))["statements"] == said["statements"]


TOO_LITTLE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "another version": (statement(OLDER), ["version_outside"]),
    "another component": (statement("pkg:npm/underscore@1.0.0"), ["component_not_in_field"]),
    "another range": (statement("pkg:npm/lodash?vers=vers:npm/<4.17.20"), ["version_outside"]),
    "by the CVE alone": (statement(), ["no_component"]),
    "a name that is no purl": (statement("lodash"), ["no_component"]),
    "somebody else's product": (statement(OLD, product="pkg:oci/other"), ["unknown_product"]),
    "unknown": (statement(OLD, vulnerability={"name": "CVE-1999-1"}), ["unknown_vulnerability"]),
    "other release": (statement(OLD, product="pkg:generic/shop@9?stream=main"), ["version_outside"]),
    "unjustified": ({**statement(OLD, impact_statement="No."), "justification": None}, ["no_justification"]),
    "affected": (statement(OLD, status="affected"), []),
    "under investigation": (statement(OLD, status="under_investigation"), []),
}


def test_nothing_is_decided_on_less_than_a_component_and_a_justification(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    for version, (name, (said, reasons)) in enumerate(TOO_LITTLE.items(), 1):
        answer = bring(cert, openvex(said, version=version))
        assert (name, why(answer), answer["applied"]) == (name, reasons, 0)
    assert story.status("shop", CVE) == "open"


def test_a_word_on_part_of_what_is_exposed_decides_nothing(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    story.upload("shop", OLDER, stream="2.x")
    assert why(bring(cert, openvex(statement(OLD)))) == ["partly_covered"]
    assert story.status("shop", CVE) == "open"
    assert bring(cert, openvex(statement(OLD, OLDER), version=2))["applied"] == 1


def test_two_words_on_one_component_decide_nothing(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    said = bring(cert, openvex(statement(OLD), statement(OLD, status="affected")))
    assert why(said) == ["contradictory"]
    assert story.status("shop", CVE) == "open"


def test_fixed_is_a_claim(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    assert bring(cert, openvex(statement(OLD, status="fixed")))["applied"] == 1
    assert story.status("shop", CVE) == "fix_claimed"


@pytest.mark.parametrize(
    ("source", "author", "reasons"),
    [
        ({}, "https://else.example", ["untrusted_source"]),
        ({"packages": ["pkg:npm/@acme/"]}, AUTHOR, ["beyond_trust"]),
        ({"products": ["blog"]}, AUTHOR, ["beyond_trust"]),
        ({"signed": True}, AUTHOR, ["not_signed"]),
        ({"author": "https://*.example", "packages": ["pkg:npm/"], "products": ["shop"]}, "https://a.example", []),
    ],
)
def test_an_author_is_believed_only_so_far(
    story: Story, client_as: Clients, source: dict[str, Any], author: str, reasons: list[str]
) -> None:
    story.product("blog")
    cert = client_as("cert")
    trust(client_as("cert"), **source)
    said = bring(cert, openvex(statement(OLD), author=author))
    assert why(said) == reasons
    assert story.status("shop", CVE) == ("open" if reasons else "not_affected")


def test_a_newer_version_takes_back_what_it_no_longer_says_and_an_older_one_is_ignored(
    story: Story, client_as: Clients
) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    bring(cert, openvex(statement(OLD)))
    assert bring(cert, openvex(statement(OLD)))["applied"] == 0
    bring(cert, openvex(statement(OLD, status="affected"), version=3))
    assert story.status("shop", CVE) == "open"
    assert why(bring(cert, openvex(statement(OLD), version=2))) == ["older_than_known"]
    bring(cert, openvex(statement(OLD), version=4))
    assert story.status("shop", CVE) == "not_affected"
    bring(cert, openvex(version=5))
    assert story.status("shop", CVE) == "open"


def test_what_people_took_back_is_not_decided_again_by_the_same_words(story: Story, client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"))
    bring(cert, openvex(statement(OLD)))
    exposure = cert.get("/v1/exposures").json()["items"][0]
    tag = cert.get(f"/v1/exposures/{exposure['id']}").headers["ETag"]
    body = {"to": "open", "reason": "We call it after all."}
    cert.post(f"/v1/exposures/{exposure['id']}/transitions", json=body, headers={"If-Match": tag})
    assert why(bring(cert, openvex(statement(OLD), version=2))) == ["nothing_to_do"]
    assert story.status("shop", CVE) == "open"


def test_an_upstream_word_on_its_own_package_holds_wherever_it_is(story: Story, client_as: Clients) -> None:
    story.upload("blog", OLD)
    cert = client_as("cert")
    trust(client_as("cert"), packages=["pkg:npm/lodash"])
    said = {**statement(), "products": [{"@id": OLD}]}
    assert len(bring(cert, openvex(said))["statements"][0]["exposures"]) == 2
    assert [story.status(product, CVE) for product in ("shop", "blog")] == ["not_affected"] * 2


@pytest.mark.usefixtures("story")
def test_a_vendors_own_name_for_a_product_can_be_known(client_as: Clients) -> None:
    cert = client_as("cert")
    trust(client_as("cert"), known_as={"pkg:oci/vendor/shop": "shop"})
    assert bring(cert, openvex(statement(OLD, product="pkg:oci/vendor/shop")))["applied"] == 1


@pytest.mark.usefixtures("story")
def test_a_signature_is_asked_for_where_the_source_wants_one(app: FastAPI, client_as: Clients) -> None:
    sign, public = make_key()
    stranger, _ = make_key()
    app.state.trusted = (trusted_key("vendor.pub", public),)
    cert = client_as("cert")
    trust(cert, signed=True)
    stated = make_statement(b"", "https://openvex.dev/ns/v0.2.0", predicate=openvex(statement(OLD)))
    assert why(bring(cert, stated)) == ["not_signed"]
    assert why(bring(cert, make_dsse(stated, ("k", stranger)))) == ["not_signed"]
    signed = orjson.dumps(make_dsse(stated, ("k", sign)))
    answer = cert.post("/v1/vex", content=gzip.compress(signed), headers={"Content-Encoding": "gzip"})
    assert (answer.json()["applied"], answer.json()["signed_by"]) == (1, ["vendor.pub"])


# --- who, and what -------------------------------------------------------------------------------------------------


def test_who_may_not_say_whom_to_believe_brings_nothing(client_as: Clients) -> None:
    for role in ("reader", "uploader", "integration"):
        client = client_as(role)
        assert client.post("/v1/vex", content=b"{}").status_code == 403
        assert client.put("/v1/vex-sources", json={"items": []}, headers={"If-Match": "*"}).status_code == 403
        assert client.get("/v1/vex-documents").status_code == 403


def test_sources_change_for_whoever_saw_them_last(client_as: Clients) -> None:
    cert = client_as("cert")
    stale = cert.get("/v1/vex-sources").headers["ETag"]
    trust(client_as("cert"))
    assert cert.put("/v1/vex-sources", json={"items": []}).status_code == 428
    assert cert.put("/v1/vex-sources", json={"items": []}, headers={"If-Match": stale}).status_code == 412
    for bad in ({"author": "*"}, {"packages": ["openssl"]}, {"products": ["nowhere"]}):
        items = [{"author": AUTHOR, "reason": "ours", **bad}]
        answer = cert.put("/v1/vex-sources", json={"items": items}, headers={"If-Match": "*"})
        assert answer.status_code in (404, 409), answer.text


DEEP = b'{"@context":"https://openvex.dev/ns","a":' + b"[" * 100_000
BOMB = b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6">&a;</bom>'
MANY = openvex(*[statement(*[f"pkg:npm/a@{n}" for n in range(1_000)])] * (MOST_BINDINGS // 1_000 + 1))


UNREADABLE: list[tuple[bytes, int]] = [
    (b"", 422),
    (b"[]", 422),
    (b"{}", 422),
    (b"\x00\xff", 422),
    (b'{"@context":"https://openvex.dev/ns/v0.2.0"}', 422),
    (DEEP, 422),
    (BOMB, 422),
    (b"<html></html>", 422),
    (b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6">' + b"<a>" * 5_000, 422),
    (orjson.dumps(openvex(7)), 422),
    (orjson.dumps(openvex({"vulnerability": 7, "status": "fixed"})), 422),
    (orjson.dumps(openvex(statement(OLD, status="perhaps"))), 422),
    (orjson.dumps(openvex(statement(OLD), author="a\0b")), 422),
    (orjson.dumps(openvex(statement(OLD)) | {"timestamp": "yesterday"}), 422),
    (orjson.dumps({"bomFormat": "CycloneDX", "vulnerabilities": {"id": 1}}), 422),
    (orjson.dumps({"document": {"csaf_version": "2.0", "publisher": [], "tracking": {}}}), 422),
    (orjson.dumps(MANY), 413),
    (b"{" + b'"a":[],' * 1_100_000 + b'"b":1}', 413),
    (make_sbom(OLD).replace(b"CycloneDX", b"SPDX"), 422),
]


def test_what_cannot_be_read_is_refused_with_a_reason(client_as: Clients) -> None:
    cert = client_as("cert")
    for number, (sent, status) in enumerate(UNREADABLE):
        answer = cert.post("/v1/vex", content=sent)
        assert (number, answer.status_code) == (number, status), answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert len(answer.json()["detail"]) > 10


def test_what_is_under_embargo_is_stated_to_those_who_know_alone(story: Story, client_as: Clients) -> None:
    story.feed(make_record("CVE-2026-2", "npm/ms", "introduced 0", "fixed 9.0.0"))
    story.upload("shop", OLD, "pkg:npm/ms@2.0.0")
    secret = story.incident("CVE-2026-2")
    assert secret is not None
    with writing(story.engine) as session:
        session.execute(update(Incident).where(Incident.id == secret.id).values(restricted=True))

    def names(role: str) -> list[str]:
        document = client_as(role).get("/v1/vex/shop", params={"format": "csaf"}).json()
        label = document["document"]["distribution"]["tlp"]["label"]
        return [label, *(one["ids"][0]["text"] for one in document["vulnerabilities"])]

    assert names("reader") == ["WHITE", CVE]
    assert names("cert") == ["AMBER", CVE, "CVE-2026-2"]
    assert names("reader") == ["WHITE", CVE]


def test_twenty_exposures_cost_as_many_statements_as_one(story: Story, client_as: Clients) -> None:
    story.product("twin", team=None)
    many = [make_record(f"CVE-2026-3{n:03}", f"npm/p{n}", "introduced 0", "fixed 2.0.0") for n in range(20)]
    story.feed(*many)
    story.upload("twin", *(f"pkg:npm/p{n}@1.0.0" for n in range(20)))
    cert = client_as("cert")
    trust(client_as("cert"))
    assert cert.get("/v1/vex-sources").is_success  # from now on the key has been used

    def counted(act: Callable[[], Any]) -> int:
        with statements(story.engine) as sent:
            act()
        return sum(sent.values())

    out = [counted(lambda slug=slug: cert.get(f"/v1/vex/{slug}")) for slug in ("shop", "twin")]  # type: ignore[misc]
    said = [
        statement(f"pkg:npm/p{n}@1.0.0", product="pkg:generic/twin", vulnerability={"name": f"CVE-2026-3{n:03}"})
        for n in range(20)
    ]
    ways = (openvex(statement(OLD)), openvex(*said) | {"@id": "https://vendor.example/vex/2"})
    into = [counted(lambda document=document: bring(cert, document)) for document in ways]  # type: ignore[misc]
    assert out[0] == out[1]
    assert into[0] == into[1]


def test_what_was_fixed_removed_or_retracted_is_stated_of_what_is_there_now(story: Story, client_as: Clients) -> None:
    story.feed(make_record("CVE-2026-2", "npm/ms", "introduced 0"), make_record("CVE-2026-3", "npm/ws", "introduced 0"))
    story.upload("shop", OLD, "pkg:npm/ms@2.0.0", "pkg:npm/ws@8.0.0")
    story.upload("shop", "pkg:npm/lodash@4.17.21", "pkg:npm/ws@8.0.0")
    story.feed(make_record("CVE-2026-3", "npm/ws", "introduced 0", withdrawn="2026-03-01T10:00:00Z"))
    reader = client_as("reader")
    for form in FORMS:
        assert vex_oracles.faults(reader.get("/v1/vex/shop", params={"format": form}).content) == []
    stated = {
        one["vulnerability"]["name"]: (one["status"], one["products"][0]["subcomponents"][0]["@id"])
        for one in reader.get("/v1/vex/shop").json()["statements"]
    }
    assert stated == {CVE: ("fixed", "pkg:npm/lodash@4.17.21"), "CVE-2026-2": ("fixed", "pkg:npm/ms")}
    retracted = reader.get("/v1/vex/shop", params={"format": "cyclonedx"}).json()["vulnerabilities"][-1]
    assert (retracted["id"], retracted["analysis"]["state"]) == ("CVE-2026-3", "false_positive")
