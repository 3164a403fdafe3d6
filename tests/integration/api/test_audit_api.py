"""Who did what, when and from where: for every write and every export, whether its route remembered or not."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine
from stopped_clock import StoppedClock
from walking import OPEN, walk

from service.access.chaining import chain_audit
from service.access.verifying import verify_audit
from service.api.deps import may
from service.compat.asking import asks_only
from service.db import reading, writing

LODASH = "pkg:npm/lodash@4.17.20"

#: Answers in other formats that are no export of what the inventory or incidents hold, and why.
NO_EXPORT = {
    "/metrics": "numbers for machines, without a key",
    "/v1/metrics/response": "numbers alone",
    "/v1/ownership-rules": "a setting that every reader has; no findings in it",
}
#: What changes things without a key of its own, and how it is recorded.
BY_OTHER_MEANS = {
    "/login": "records session.open by itself",
    "/logout": "takes a cookie back and stores nothing",
    "/acknowledge/{sealed}": "the seal says which team acts; the acknowledgement is on the incident's timeline",
}


def dependencies(app: FastAPI) -> Iterator[tuple[str, set[str], list[object]]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            yield str(context.path), set(route.methods or ()), list(_calls(route.dependant))


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for child in dependant.dependencies:
        yield from _calls(child)


def test_every_document_that_leaves_is_marked_as_an_export(app: FastAPI) -> None:
    marked = {path for path, _, calls in dependencies(app) if any(hasattr(call, "what") for call in calls)}
    documents = {
        path
        for path, methods in app.openapi()["paths"].items()
        if set(methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})) - {"application/json"}
    }
    assert documents - marked == set(NO_EXPORT)
    assert "/v1/changes:snapshot" in marked


def test_every_route_that_writes_knows_who_acts_and_so_leaves_a_row(app: FastAPI) -> None:
    writes = [route for route in walk(app) if route.method != "GET"]
    assert {route.path for route in writes if not route.permissions} == set(BY_OTHER_MEANS)
    assert {route.path for route in writes if route.path in OPEN} == set(BY_OTHER_MEANS)
    exempt = {path for path, _, calls in dependencies(app) if asks_only.dependency in calls}
    assert exempt == {"/osv/v1/query", "/osv/v1/querybatch"}


def test_a_route_that_forgets_is_recorded_by_its_path(app_of_its_own: FastAPI, admin: TestClient) -> None:
    router = APIRouter()

    @router.post("/v1/forgetful/{name}", dependencies=[Depends(may("read"))])
    def forgetful(name: str) -> str:
        return name

    @router.post("/v1/failing/{name}", status_code=422, dependencies=[Depends(may("read"))])
    def failing(name: str) -> str:
        return name

    app_of_its_own.include_router(router)
    assert admin.post("/v1/forgetful/a%20b").is_success
    admin.post("/v1/failing/a")
    assert [(row["action"], row["subject"]) for row in rows(admin)] == [
        ("POST /v1/forgetful/{name}", "/v1/forgetful/a b")
    ]


def rows(client: TestClient, **wanted: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("/v1/audit", params=wanted).json()["items"]
    return items


def calls() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Give calls that succeed in this order: (action, method, path, arguments)."""
    reason = {"json": {"reason": "because"}}
    yield "team.put", "PUT", "/v1/teams/payments", {"json": {"email": "payments@example.org"}}
    yield "product.put", "PUT", "/v1/products/shop", {"json": {"team": "payments"}}
    yield "product.patch", "PATCH", "/v1/products/shop", {"json": {"tier": "high"}, "headers": {"If-Match": "*"}}
    sbom = make_sbom(LODASH)
    yield "sbom.upload", "POST", "/v1/products/shop/sboms?version=1.0", {"content": sbom}
    yield "POST /v1/products/{product}/sboms", "POST", "/v1/products/shop/sboms?version=1.0", {"content": sbom}
    yield "release.patch", "PATCH", "/v1/products/shop/releases/1.0", {"json": {"supported": True}}
    yield "sbom.export", "GET", "/v1/products/shop/sbom?format=spdx-2.3-json", {}
    yield "export.request", "POST", "/v1/products/shop/exports", {"json": {}}
    yield "internal_namespace.put", "PUT", "/v1/internal-namespaces/pkg:npm/@acme/*", reason
    yield "internal_namespace.remove", "DELETE", "/v1/internal-namespaces/pkg:npm/@acme/*", {}
    own = {"affected": [{"package": {"ecosystem": "npm", "name": "lodash"}, "versions": ["4.17.20"]}]}
    record = {key: value for key, value in make_record("x_ACME-2026-0001").items() if key not in ("id", "modified")}
    yield "advisory.publish", "PUT", "/v1/advisories/x_ACME-2026-0001", {"json": record | own}
    yield "exposure.comment", "POST", "/v1/exposures/{exposure}/comments", {"json": {"text": "we look into it"}}
    step = {"json": {"to": "acknowledged"}, "headers": {"If-Match": "*"}}
    yield "exposure.transition", "POST", "/v1/exposures/{exposure}/transitions", step
    yield "exposure.assign", "PUT", "/v1/exposures/{exposure}/owner", {"json": {"team": "cert-triage"}}
    yield "incident.restrict", "POST", "/v1/incidents/{incident}:restrict", reason
    yield "incident.lift", "POST", "/v1/incidents/{incident}:lift", reason
    yield "changes.snapshot.export", "GET", "/v1/changes:snapshot?limit=1", {}
    yield "advisory.withdraw", "POST", "/v1/advisories/x_ACME-2026-0001:withdraw", {}
    yield "stream.retire", "POST", "/v1/products/shop/streams/main:retire", reason
    yield "stream.revive", "POST", "/v1/products/shop/streams/main:revive", {}
    yield "product.archive", "POST", "/v1/products/shop:archive", reason
    yield "product.revive", "POST", "/v1/products/shop:revive", {}
    yield "key.create", "POST", "/v1/keys", {"json": {"name": "ci", "role": "uploader"}}
    yield "key.revoke", "DELETE", "/v1/keys/{key}", {}
    yield "project.make", "PUT", "/api/v1/project", {"json": {"name": "other", "version": "1"}}


def test_what_is_done_is_recorded_once_with_who_and_where_from(admin: TestClient, own_engine: Engine) -> None:
    names = {"exposure": "", "incident": "", "key": ""}
    for number, (action, method, path, arguments) in enumerate(calls()):
        if "{exposure}" in path or "{incident}" in path:
            exposure = admin.get("/v1/exposures").json()["items"][0]
            names |= {"exposure": exposure["id"], "incident": exposure["incident"]}
        headers = {"X-Request-Id": f"request-{number:04}"} | arguments.pop("headers", {})
        answer = admin.request(method, path.format(**names), headers=headers, **arguments)
        assert answer.is_success, (action, answer.text)
        if action == "key.create":
            names["key"] = answer.json()["id"]
        (row,) = [row for row in rows(admin) if row["request_id"] == f"request-{number:04}"]
        if not action.startswith("advisory"):
            assert row["action"] == action
        assert (row["actor"], row["address"]) == ("the admin", "testclient")
        assert row["key"]
        assert "mst_" not in str(row)
    with writing(own_engine) as session:
        assert chain_audit(session) >= 25
    with reading(own_engine) as session:
        assert verify_audit(session).broken is None


def test_acts_are_found_by_who_what_and_when(
    admin: TestClient, client_as: Callable[..., TestClient], clock: StoppedClock
) -> None:
    noon = clock()
    admin.put("/v1/teams/payments", json={})
    clock.advance(timedelta(hours=1))
    client_as("cert").put("/v1/teams/press", json={})
    admin.put("/v1/products/shop", json={})
    assert [row["subject"] for row in rows(admin, action="team.put")] == ["press", "payments"]
    assert [row["subject"] for row in rows(admin, action="team")] == ["press", "payments"]
    assert rows(admin, action="te") == []
    assert [row["subject"] for row in rows(admin, actor="the cert")] == ["press"]
    assert [row["subject"] for row in rows(admin, subject="shop")] == ["shop"]
    later = (noon + timedelta(minutes=1)).isoformat()
    assert [row["subject"] for row in rows(admin, since=later)] == ["shop", "press"]
    assert [row["subject"] for row in rows(admin, until=later)] == ["payments"]
    assert admin.get("/v1/audit", params={"since": "2026-03-01T12:00:00"}).status_code == 422


def test_the_end_of_the_record_is_there_to_be_kept_elsewhere(admin: TestClient, own_engine: Engine) -> None:
    admin.put("/v1/teams/payments", json={})
    before = admin.get("/v1/audit/head").json()
    assert (before["seq"], before["hash"], before["waiting"]) == (0, "00" * 32, 1)
    with writing(own_engine) as session:
        chain_audit(session)
    after = admin.get("/v1/audit/head").json()
    assert (after["seq"], after["waiting"]) == (1, 0)
    assert rows(admin)[0]["hash"] == after["hash"]


def test_signing_in_is_recorded(admin: TestClient, nobody: TestClient) -> None:
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    answer = nobody.post("/login", data={"key": token}, follow_redirects=False)
    assert answer.status_code == 303
    assert [(row["action"], row["actor"]) for row in rows(admin)] == [("session.open", "the admin")]
    assert nobody.post("/login", data={"key": "mst_wrong"}, follow_redirects=False).status_code == 401
    assert len(rows(admin)) == 1


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/audit/head"])
def test_the_record_is_for_those_who_answer_for_it(client_as: Callable[..., TestClient], path: str) -> None:
    assert client_as("reader").get(path).status_code == 403
