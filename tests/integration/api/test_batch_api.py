"""Steps in batches, and second persons, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine, select, update

from service.access.models import Audit
from service.db import reading, writing
from service.incidents.models import Incident

LODASH = "pkg:npm/lodash@4.17.20"
NOT_AFFECTED = {"to": "not_affected", "reason": "only in the installer", "justification": "code_not_reachable"}
NAMES = ("blog", "shop", "wiki")
Maker = Callable[..., TestClient]


@pytest.fixture
def ids(admin: TestClient) -> list[str]:
    """Give the exposures of three products."""
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    for product in NAMES:
        admin.put(f"/v1/products/{product}", json={"team": "payments"})
        admin.post(f"/v1/products/{product}/sboms", content=make_sbom(LODASH))
    record = make_record("OWN-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-1"])
    assert admin.put("/v1/advisories/OWN-1", json=record).is_success
    return [one["id"] for one in admin.get("/v1/exposures").json()["items"]]


def batch(client: TestClient, *items: dict[str, Any], **how: bool) -> Any:  # noqa: ANN401 - an answer
    return client.post("/v1/exposures:batch", json={"items": list(items), **how})


def statuses(client: TestClient) -> list[str]:
    return [one["status"] for one in client.get("/v1/exposures").json()["items"]]


def problems(answer: Any) -> list[tuple[str, int] | None]:  # noqa: ANN401
    found = [item["problem"] for item in answer.json()["items"]]
    return [one and (one["type"], one["status"]) for one in found]


def test_each_item_has_its_own_result(admin: TestClient, ids: list[str], own_engine: Engine) -> None:
    one, two, three = ids
    answer = batch(
        admin,
        {"exposure": one, "to": "acknowledged", "version": 1},
        {"exposure": two, "to": "in_progress"},
        {"exposure": three.lower(), **NOT_AFFECTED},
        {"exposure": "EXP-999999", "to": "acknowledged"},
        {"exposure": "INC-1", "to": "acknowledged"},
        {"exposure": one, "to": "fix_claimed"},
    )
    assert answer.status_code == 200, answer.text
    shown = [(item["result"], item["step"], item["status"], item["version"]) for item in answer.json()["items"]]
    refused = ("refused", None, None, None)
    assert shown == [
        ("ok", "acknowledged", "acknowledged", 2), refused, ("ok", "proposed", "open", 2), refused, refused, refused,
    ]  # fmt: skip
    assert problems(answer) == [
        None, ("step-refused", 409), None, ("not-found", 404), ("not-found", 404), ("step-refused", 409),
    ]  # fmt: skip
    assert answer.json()["items"][3]["problem"]["detail"] == "There is no exposure EXP-999999."
    assert (answer.json()["ok_count"], answer.json()["refused_count"]) == (2, 4)
    with reading(own_engine) as session:
        rows = session.scalars(select(Audit).where(Audit.action == "exposure.transition").order_by(Audit.id)).all()
    assert [row.subject for row in rows] == [one, three]


def test_all_or_none_and_only_tell(admin: TestClient, ids: list[str]) -> None:
    good, bad = [{"exposure": id_, "to": "acknowledged"} for id_ in ids], {"exposure": ids[0], "to": "open"}
    assert problems(batch(admin, *good[1:], bad, atomic=True)) == [
        ("not-taken", 409), ("not-taken", 409), ("step-refused", 409),
    ]  # fmt: skip
    tried = batch(admin, *good, dry_run=True)
    assert (tried.json()["ok_count"], tried.json()["dry_run"]) == (3, True)
    assert statuses(admin) == ["open"] * 3
    assert batch(admin, *good, atomic=True).json()["ok_count"] == 3
    assert statuses(admin) == ["acknowledged"] * 3


def test_a_batch_has_limits(admin: TestClient, ids: list[str]) -> None:
    item = {"exposure": ids[0], "to": "acknowledged"}
    assert batch(admin).status_code == 422
    assert batch(admin, *[item] * 501).status_code == 422
    assert batch(admin, item | {"source": "vex:mine"}).status_code == 422, "not for people"
    assert batch(admin, item | {"approved_by": "me"}).status_code == 422
    assert batch(admin, item | {"bounds": []}).status_code == 422
    assert batch(admin, item | {"to": "withdrawn"}).status_code == 422


def test_roles_decide_item_by_item(admin: TestClient, ids: list[str], client_as: Maker) -> None:
    integration, reader = client_as("integration"), client_as("reader")
    claim, acknowledge = {"exposure": ids[0], "to": "fix_claimed"}, {"exposure": ids[1], "to": "acknowledged"}
    assert problems(batch(integration, claim, acknowledge)) == [None, ("forbidden", 403)]
    assert batch(reader, claim).status_code == 403
    assert statuses(admin) == ["fix_claimed", "open", "open"]


def test_what_is_under_embargo_is_not_there(
    admin: TestClient, ids: list[str], client_as: Maker, own_engine: Engine
) -> None:
    with writing(own_engine) as session:
        session.execute(update(Incident).values(restricted=True))
    claim = {"exposure": ids[0], "to": "fix_claimed"}
    assert problems(batch(client_as("integration"), claim)) == [("not-found", 404)]
    assert problems(batch(admin, claim)) == [None]


def read(client: TestClient, id_: str) -> tuple[dict[str, Any], dict[str, str]]:
    answer = client.get(f"/v1/exposures/{id_}")
    return answer.json(), {"If-Match": answer.headers["ETag"]}


def test_a_second_person_declines_or_approves(admin: TestClient, ids: list[str], client_as: Maker) -> None:
    path, second = f"/v1/exposures/{ids[0]}", client_as("cert")
    assert batch(admin, {"exposure": ids[0], **NOT_AFFECTED, "expires_at": "2026-06-01T00:00:00Z"}).is_success
    shown, tag = read(second, ids[0])
    proposal = shown["proposal"]
    assert (proposal["to"], proposal["proposed_by"], proposal["expires_at"]) == (
        "not_affected", "the admin", "2026-06-01T00:00:00Z",
    )  # fmt: skip
    for proposed, found in ((True, ids[:1]), (False, ids[1:])):
        listed = second.get("/v1/exposures", params={"proposed": proposed}).json()["items"]
        assert [one["id"] for one in listed] == found
    assert second.post(f"{path}:decline", json={"reason": "no"}).status_code == 428
    assert second.post(f"{path}:decline", json={}, headers=tag).status_code == 422
    declined = second.post(f"{path}:decline", json={"reason": "show us"}, headers=tag)
    assert (declined.status_code, declined.json()["proposal"]) == (200, None)
    gone = second.post(f"{path}:approve", headers={"If-Match": declined.headers["ETag"]})
    assert (gone.status_code, gone.json()["type"].rsplit("/")[-1]) == (409, "nothing-proposed")
    batch(admin, {"exposure": ids[0], **NOT_AFFECTED})
    _, tag = read(second, ids[0])
    assert client_as("reader").post(f"{path}:approve", headers=tag).status_code == 403
    approved = second.post(f"{path}:approve", headers=tag)
    assert approved.json()["decision"]["approved_by"] == "the cert"
    assert second.post(f"{path}:approve", headers=tag).status_code == 412
    steps = [step["step"] for step in admin.get(f"{path}/timeline").json()["items"]]
    assert steps == ["opened", "proposed", "declined", "proposed", "not_affected"]


def test_a_plan_is_shown(admin: TestClient, ids: list[str]) -> None:
    step = {"exposure": ids[0], "to": "in_progress", "plan": "update", "planned_for": "2026-03-09"}
    assert batch(admin, step).json()["ok_count"] == 1
    shown, _ = read(admin, ids[0])
    assert (shown["plan"], shown["planned_for"], shown["claimed_at"]) == ("update", "2026-03-09", None)
    batch(admin, {"exposure": ids[0], "to": "fix_claimed"})
    assert read(admin, ids[0])[0]["claimed_at"] == "2026-03-01T12:00:00Z"


def test_a_second_look_at_versions_that_cannot_be_read(admin: TestClient, ids: list[str]) -> None:
    for versions in ("newest", "vers:npm/>>1", ">=4 <", "vers:/"):
        answer = batch(admin, {"exposure": ids[0], **NOT_AFFECTED, "versions": versions})
        assert problems(answer) == [("step-refused", 409)], versions
