"""Incidents and exposures over HTTP: one incident over all products, and what people do about their part of it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine, event, select

from service.access.models import Audit, Team
from service.db import reading

LODASH = "pkg:npm/lodash@4.17.20"
FIXED = "pkg:npm/lodash@4.17.21"
CVE = "CVE-2021-23337"


def publish(
    admin: TestClient, osv_id: str = "OWN-1", package: str = "npm/lodash", cve: str = CVE, **fields: object
) -> None:
    record = make_record(osv_id, package, "introduced 0", "fixed 4.17.21", aliases=[cve]) | fields
    assert admin.put(f"/v1/advisories/{osv_id}", json=record).is_success


def upload(admin: TestClient, product: str, *components: str) -> dict[str, Any]:
    answer = admin.post(f"/v1/products/{product}/sboms", content=make_sbom(*components))
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def exposure(admin: TestClient) -> dict[str, Any]:
    """Give the exposure of a product of the team payments, opened after its first SBOM."""
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    admin.put("/v1/products/shop", json={"team": "payments"})
    upload(admin, "shop", LODASH)
    publish(admin)
    (opened,) = admin.get("/v1/exposures").json()["items"]
    shown: dict[str, Any] = opened
    return shown


def take(client: TestClient, exposure: dict[str, Any], to: str, **fields: Any) -> Any:  # noqa: ANN401 - an answer
    etag = client.get(f"/v1/exposures/{exposure['id']}").headers["ETag"]
    path = f"/v1/exposures/{exposure['id']}/transitions"
    return client.post(path, json={"to": to, **fields}, headers={"If-Match": etag})


# --- incidents -------------------------------------------------------------------------------------------------------


def test_one_vulnerability_is_one_incident_over_all_products(admin: TestClient) -> None:
    for product in ("shop", "blog", "wiki"):
        upload(admin, product, LODASH)
    publish(
        admin,
        summary="Command injection",
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    )
    (listed,) = admin.get("/v1/incidents").json()["items"]
    assert (listed["vulnerability"], listed["aliases"], listed["title"]) == (CVE, ["OWN-1"], "Command injection")
    assert (listed["severity"], listed["priority"], listed["status"]) == ("critical", "track*", "open")
    assert (listed["exposure_counts"], listed["merged_into"]) == ({"open": 3}, None)
    full = admin.get(f"/v1/incidents/{listed['id']}", params={"limit": 2}).json()
    assert {key: full[key] for key in listed} == listed
    rest = admin.get(f"/v1/incidents/{listed['id']}/exposures", params={"after": full["exposures"]["next"]}).json()
    exposures = full["exposures"]["items"] + rest["items"]
    assert [one["product"] for one in exposures] == ["shop", "blog", "wiki"]
    assert rest["next"] is None
    assert exposures[0]["owner"] == {"team": "cert-triage", "reason": "no team owns the product"}
    (occurrence,) = exposures[0]["occurrences"]
    assert [one["sentence"] for one in occurrence.pop("why")] == [
        "lodash 4.17.20 is listed by OWN-1 for npm as affected in every version up to, not including, 4.17.21."
    ]
    expected = {
        "stream": "main", "release": None, "purl": LODASH, "name": "lodash", "version": "4.17.20",
        "scope": "required", "advisories": ["OWN-1"], "fixed_in": ["4.17.21"],
    }  # fmt: skip
    assert {name: occurrence[name] for name in expected} == expected


def test_incidents_are_found_by_what_they_are_and_whom_they_concern(
    admin: TestClient, clock: Callable[[], object]
) -> None:
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    admin.put("/v1/products/shop", json={"team": "payments"})
    upload(admin, "shop", LODASH)
    upload(admin, "blog", "pkg:npm/ms@1.0.0")
    publish(admin)
    clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    publish(admin, "OWN-2", "npm/ms", "CVE-2017-20162", database_specific={"severity": "LOW"})

    def found(**params: str | int | list[str]) -> list[str]:
        return [one["vulnerability"] for one in admin.get("/v1/incidents", params=params).json()["items"]]

    ms = "CVE-2017-20162"
    assert found() == [ms, CVE]
    assert found(owner="payments") == found(product="shop") == found(severity="unscored") == [CVE]
    assert found(product="blog") == found(priority="track") == found(updated_after="2026-03-01T12:30:00Z") == [ms]
    assert found(owner="payments", product="blog") == []
    assert found(status=["open", "contained"], severity=["low", "unscored"]) == [ms, CVE]
    assert found(status="resolved") == []
    first = admin.get("/v1/incidents", params={"limit": 1}).json()
    second = admin.get("/v1/incidents", params={"limit": 1, "after": first["next"]}).json()
    assert ([i["vulnerability"] for i in second["items"]], second["next"]) == ([CVE], None)
    refused = {"owner": "nobody"}, {"product": "none"}, {"status": "shut"}, {"updated_after": "2026-03-01T12:30:00"}
    assert [admin.get("/v1/incidents", params=params).status_code for params in refused] == [404, 404, 422, 422]


@pytest.mark.parametrize("name", ["INC-999999", "7x", "EXP-1", "INC-" + "9" * 30, "INC-\u0667"])
def test_what_is_no_incident_is_not_there(admin: TestClient, name: str) -> None:
    for path in (f"/v1/incidents/{name}", f"/v1/incidents/{name}/exposures", f"/v1/incidents/{name}/timeline"):
        assert admin.get(path).status_code == 404


def test_a_merged_incident_says_into_which(admin: TestClient) -> None:
    upload(admin, "shop", LODASH)
    publish(admin, "OWN-1", cve="CVE-2021-1")
    publish(admin, "OWN-2", cve="CVE-2021-2")
    newer, older = admin.get("/v1/incidents").json()["items"]
    record = make_record("OWN-3", "npm/lodash", "introduced 0", aliases=["CVE-2021-1", "CVE-2021-2"])
    admin.put("/v1/advisories/OWN-3", json=record)
    merged = admin.get(f"/v1/incidents/{newer['id']}").json()
    assert (merged["status"], merged["merged_into"]) == ("merged", older["id"])
    assert [one["status"] for one in merged["exposures"]["items"]] == ["merged"]
    survivor = admin.get(f"/v1/incidents/{older['id']}").json()
    assert (survivor["status"], survivor["exposure_counts"]) == ("open", {"open": 1})
    steps = [step["step"] for step in admin.get(f"/v1/incidents/{older['id']}/timeline").json()["items"]]
    assert "joined" in steps


def test_the_timeline_names_components_and_never_ids_of_rows(admin: TestClient, exposure: dict[str, Any]) -> None:
    take(admin, exposure, "acknowledged", evidence={"components": [2**80, "mine"]})
    steps = admin.get(f"/v1/exposures/{exposure['id']}/timeline").json()["items"]
    assert [(one["step"], one["from_status"], one["to_status"]) for one in steps] == [
        ("opened", None, "open"),
        ("acknowledged", "open", "acknowledged"),
    ]
    assert steps[0]["evidence"] == {"components": [LODASH]}
    assert steps[1]["evidence"] == {"components": [2**80, "mine"]}
    whole = admin.get(f"/v1/incidents/{exposure['incident']}/timeline").json()["items"]
    assert [one["step"] for one in whole] == ["opened", "opened", "acknowledged"]
    assert whole[0]["exposure"] is None


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    "path",
    ["/v1/incidents", "/v1/incidents/{incident}", "/v1/incidents/{incident}/timeline", "/v1/exposures"],
)
def test_twenty_rows_cost_as_many_statements_as_two(admin: TestClient, own_engine: Engine, path: str) -> None:
    for number in range(2):
        upload(admin, f"p{number}", LODASH)
    publish(admin)
    path = path.format(incident=admin.get("/v1/incidents").json()["items"][0]["id"])
    with counted(own_engine) as few:
        admin.get(path)
    for number in range(20):
        upload(admin, f"q{number}", LODASH)
    publish(admin, "OWN-2", cve="CVE-2021-2")
    with counted(own_engine) as many:
        assert admin.get(path).status_code == 200
    assert len(many) <= len(few)  # what fixes what is remembered by then


# --- exposures -------------------------------------------------------------------------------------------------------


def test_a_step_needs_the_version_that_was_read(admin: TestClient, exposure: dict[str, Any]) -> None:
    path = f"/v1/exposures/{exposure['id']}/transitions"
    etag = admin.get(f"/v1/exposures/{exposure['id']}").headers["ETag"]
    assert admin.post(path, json={"to": "acknowledged"}).status_code == 428
    done = admin.post(path, json={"to": "acknowledged"}, headers={"If-Match": etag})
    assert (done.status_code, done.json()["status"]) == (200, "acknowledged")
    assert done.headers["ETag"] != etag
    late = admin.post(path, json={"to": "fix_claimed"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["type"].rsplit("/")[-1]) == (412, "stale")
    assert admin.post(path, json={"to": "fix_claimed"}, headers={"If-Match": "*"}).status_code == 200
    assert admin.post(path, json={"to": "acknowledged"}, headers={"If-Match": "*"}).status_code == 409


def test_of_two_who_read_the_same_version_one_is_told(admin: TestClient, exposure: dict[str, Any]) -> None:
    etag = admin.get(f"/v1/exposures/{exposure['id']}").headers["ETag"]
    path = f"/v1/exposures/{exposure['id']}/transitions"

    def claim(number: int) -> int:
        body = {"to": "fix_claimed", "evidence": {"build": number}}
        return admin.post(path, json=body, headers={"If-Match": etag}).status_code

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert sorted(pool.map(claim, range(4))) == [200, 412, 412, 412]


def test_nobody_says_resolved(admin: TestClient, exposure: dict[str, Any]) -> None:
    refused = take(admin, exposure, "resolved", reason="trust me")
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (409, "step-refused")
    assert "fix_claimed" in refused.json()["detail"]
    assert take(admin, exposure, "finished").status_code == 422


def test_decisions_need_their_grounds(
    admin: TestClient, exposure: dict[str, Any], client_as: Callable[..., TestClient]
) -> None:
    assert take(admin, exposure, "in_progress").status_code == 409
    assert take(admin, exposure, "not_affected", reason="not called").status_code == 409
    assert take(admin, exposure, "risk_accepted", reason="later", expires_at="2027-03-01T00:00:00Z").status_code == 409
    assert take(admin, exposure, "risk_accepted", reason="later", expires_at="2026-03-08T00:00:00").status_code == 422
    accepted = take(admin, exposure, "risk_accepted", reason="later", expires_at="2026-03-08T00:00:00Z")
    assert (accepted.status_code, accepted.json()["expires_at"]) == (200, "2026-03-08T00:00:00Z")
    take(admin, exposure, "open")
    proposed = take(admin, exposure, "not_affected", reason="not called", justification="code_not_reachable")
    assert (proposed.json()["status"], proposed.json()["assessment"]) == ("open", None)
    assert proposed.json()["proposal"]["proposed_by"] == "the admin"
    path, tag = f"/v1/exposures/{exposure['id']}:approve", {"If-Match": proposed.headers["ETag"]}
    assert admin.post(path, headers=tag).json()["type"].endswith("/step-refused"), "nobody approves their own"
    decided = client_as("cert").post(path, headers=tag).json()
    assert (decided["status"], decided["assessment"], decided["proposal"]) == ("not_affected", "not_affected", None)
    assert decided["decision"]["bounds"] == [
        {"package": "pkg:npm/lodash", "range": "vers:npm/<4.17.21", "narrowed_to": None}
    ]


def test_owners_act_for_their_own_team_and_integrations_only_claim(
    admin: TestClient, exposure: dict[str, Any], client_as: Callable[..., TestClient], own_engine: Engine
) -> None:
    admin.put("/v1/teams/other", json={"email": "other@example.org"})
    with reading(own_engine) as session:
        teams = {team.name: team.id for team in session.scalars(select(Team))}
    owner = client_as("owner", team_id=teams["payments"])
    stranger = client_as("owner", team_id=teams["other"])
    integration = client_as("integration")
    assert take(stranger, exposure, "acknowledged").status_code == 403
    assert take(integration, exposure, "acknowledged").status_code == 403
    assert take(owner, exposure, "acknowledged").status_code == 200
    assert take(integration, exposure, "fix_claimed", evidence={"commit": "abc"}).status_code == 200
    path = f"/v1/exposures/{exposure['id']}"
    assert stranger.post(f"{path}/comments", json={"text": "mine?"}).status_code == 403
    assert owner.put(f"{path}/owner", json={"team": "other", "reason": "they run it"}).status_code == 200
    assert owner.post(f"{path}/comments", json={"text": "still mine?"}).status_code == 403
    assert stranger.post(f"{path}/comments", json={"text": "ours now"}).status_code == 200


def test_an_assignment_is_explained_and_checked(admin: TestClient, exposure: dict[str, Any]) -> None:
    path = f"/v1/exposures/{exposure['id']}/owner"
    assert admin.put(path, json={"team": "nobody"}).status_code == 404
    assert admin.put(path, json={"team": "cert-triage"}, headers={"If-Match": '"99"'}).status_code == 412
    given = admin.put(path, json={"team": "cert-triage", "reason": "they asked"})
    assert given.json()["owner"] == {"team": "cert-triage", "reason": "assigned by the admin"}
    assert [one["id"] for one in admin.get("/v1/exposures", params={"owner": "cert-triage"}).json()["items"]] == [
        exposure["id"]
    ]
    assert admin.get("/v1/exposures", params={"owner": "payments"}).json()["items"] == []


def test_every_write_is_in_the_audit_once(admin: TestClient, exposure: dict[str, Any], own_engine: Engine) -> None:
    path = f"/v1/exposures/{exposure['id']}"
    take(admin, exposure, "acknowledged")
    admin.post(f"{path}/comments", json={"text": "looking"})
    admin.put(f"{path}/owner", json={"team": "cert-triage"})
    take(admin, exposure, "resolved")  # refused: it did not happen
    with reading(own_engine) as session:
        rows = session.scalars(select(Audit).where(Audit.subject == exposure["id"]).order_by(Audit.id)).all()
    assert [row.action for row in rows] == ["exposure.transition", "exposure.comment", "exposure.assign"]


def test_the_fix_is_claimed_and_then_proved(admin: TestClient, exposure: dict[str, Any]) -> None:
    take(admin, exposure, "fix_claimed")
    assert admin.get(f"/v1/incidents/{exposure['incident']}").json()["status"] == "contained"
    upload(admin, "shop", FIXED)
    ended = admin.get(f"/v1/exposures/{exposure['id']}").json()
    assert (ended["status"], ended["presence"], ended["occurrences"]) == ("resolved", "absent", [])
    assert admin.get(f"/v1/incidents/{exposure['incident']}").json()["status"] == "resolved"


def test_exposures_are_listed_by_status_and_product(admin: TestClient, exposure: dict[str, Any]) -> None:
    for params, count in (
        ({"status": "open"}, 1),
        ({"status": ["resolved", "open"]}, 1),
        ({"status": "resolved"}, 0),
        ({"product": "shop"}, 1),
    ):
        assert len(admin.get("/v1/exposures", params=params).json()["items"]) == count, params
    for name in ("EXP-999999", "INC-1", "x"):
        assert admin.get(f"/v1/exposures/{name}").status_code == 404
        assert admin.post(f"/v1/exposures/{name}/comments", json={"text": "?"}).status_code == 404
    assert admin.get(f"/v1/exposures/{exposure['id'].lower()}").status_code == 200


def test_characters_that_cannot_be_stored_are_refused(admin: TestClient, exposure: dict[str, Any]) -> None:
    path = f"/v1/exposures/{exposure['id']}/comments"
    assert admin.post(path, json={"text": "a\0b"}).status_code == 422
    assert admin.post(path, json={"text": "   "}).status_code == 422
