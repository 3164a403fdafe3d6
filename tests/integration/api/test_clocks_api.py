"""Clocks over HTTP: what a priority was decided by, pauses, more time, reports; and who may do which."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine, select
from stopped_clock import StoppedClock

from service.access.models import Team
from service.db import reading

CVE, LODASH = "CVE-2021-23337", "pkg:npm/lodash@4.17.20"
REMOTE = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
DAY = timedelta(days=1)


@pytest.fixture
def path(admin: TestClient) -> str:
    """Give the path of an exposure without a known fix, in a product inside, of the team payments."""
    admin.put("/v1/teams/payments", json={"email": "payments@example.org"})
    admin.put("/v1/products/shop", json={"team": "payments"})
    admin.post("/v1/products/shop/sboms", content=make_sbom("pkg:npm/left-pad@1.3.0"))
    record = make_record("OWN-1", "npm/lodash", "introduced 0", aliases=[CVE], severity=REMOTE)
    assert admin.put("/v1/advisories/OWN-1", json=record).is_success
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    (exposure,) = admin.get("/v1/exposures").json()["items"]
    return f"/v1/exposures/{exposure['id']}"


def by_name(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return {row["name"]: row[key] for row in rows}


def test_an_exposure_says_what_its_priority_was_decided_by(admin: TestClient, path: str) -> None:
    shown = admin.get(path).json()
    decided = shown["priority_inputs"]
    assert (shown["priority"], decided["rule"], decided["remediate_within_days"]) == ("track*", "tables", 60)
    assert by_name(decided["tables"], "outcome") == {"cisa_coordinator": "track", "cisa_bod_26_04": "60 days"}
    assert by_name(decided["tables"], "version") == {"cisa_coordinator": "2.0.3", "cisa_bod_26_04": "1.0.0"}
    sources = by_name(decided["inputs"], "source")
    assert sources["automatable"] == f"CVSS 3.1 by OWN-1: {REMOTE[0]['score']}"
    assert sources["mission_impact"] == "the product's tier is medium"
    assert by_name(shown["clocks"], "breached") == {"acknowledge": False, "remediate": False}


def test_a_product_that_matters_more_is_decided_anew_at_once(admin: TestClient, path: str) -> None:
    product = admin.get("/v1/products/shop")
    changed = {"tier": "mission-critical", "exposed": True}
    assert admin.patch("/v1/products/shop", json=changed, headers={"If-Match": product.headers["ETag"]}).is_success
    shown = admin.get(path).json()
    assert (shown["priority"], shown["priority_inputs"]["tables"][1]["outcome"]) == ("attend", "3 days")
    step = admin.get(f"{path}/timeline").json()["items"][-1]
    assert step["step"] == "rated"
    assert step["reason"] == (
        "mission impact medium before, high now; publicly exposed no before, yes now; track* before; now attend"
    )
    assert step["evidence"]["priority_inputs"] == shown["priority_inputs"]


def test_pause_resume_and_extend(admin: TestClient, path: str, clock: StoppedClock) -> None:
    due = admin.get(path).json()["remediate_due_at"]
    wanted = {"kind": "awaiting_upstream", "reason": "asked the maintainers"}
    paused = admin.post(f"{path}/pauses", json=wanted)
    assert (paused.status_code, paused.json()["remediate_due_at"] > due) == (201, True)
    assert paused.json()["pauses"][0]["to"] is None
    again = admin.post(f"{path}/pauses", json=wanted)
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "pause-refused")
    stale = admin.post(f"{path}:resume", json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    clock.now += DAY
    resumed = admin.post(f"{path}:resume", json={"reason": "they answered"}).json()
    assert resumed["pauses"][0]["ended_because"] == "they answered"
    assert admin.post(f"{path}:resume", json={}).status_code == 409
    until = (clock.now + 100 * DAY).isoformat()
    extended = admin.post(f"{path}:extend", json={"until": until, "reason": "frozen until the audit"})
    assert extended.status_code == 200
    steps = [step["step"] for step in admin.get(f"{path}/timeline").json()["items"]]
    assert steps[-3:] == ["paused", "resumed", "extended"]


def test_who_may_and_what_is_refused(
    admin: TestClient, path: str, client_as: Callable[..., TestClient], own_engine: Engine, clock: StoppedClock
) -> None:
    with reading(own_engine) as session:
        payments, others = session.scalars(select(Team.id).order_by(Team.name != "payments")).all()
    owner, reader = client_as("owner", team_id=payments), client_as("reader")
    stranger = client_as("owner", team_id=others)
    wanted = {"kind": "awaiting_decision", "reason": "legal is asked"}
    later = {"until": (clock.now + 100 * DAY).isoformat(), "reason": "busy"}
    assert [one.post(f"{path}/pauses", json=wanted).status_code for one in (reader, stranger, owner)] == [403, 403, 201]
    assert owner.post(f"{path}:extend", json=later).status_code == 403
    assert owner.post(f"{path}/clocks/cra_notification:meet", json={}).status_code == 403
    assert admin.post(f"{path}/clocks/cra_notification:meet", json={}).status_code == 404
    assert admin.post(f"{path}/clocks/lunch:meet", json={}).status_code == 422
    assert admin.post("/v1/exposures/EXP-999999/pauses", json=wanted).status_code == 404
    assert admin.post(f"{path}/pauses", json=wanted | {"kind": "awaiting_lunch"}).status_code == 422
    assert admin.post(f"{path}:extend", json=later | {"until": "yesterday"}).status_code == 422
