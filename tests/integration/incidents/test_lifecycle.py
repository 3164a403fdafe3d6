"""What people may do with an exposure: each guard, refused without and allowed with; and every step is written down."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from osv_bucket import make_record
from sqlalchemy import select
from story import CERT, START, Story

from service.access.models import Team
from service.access.roles import Actor, Role
from service.db import reading, writing
from service.errors import Forbidden, ServiceError, Unreadable
from service.incidents import approving, lifecycle
from service.incidents.lifecycle import (
    JUSTIFICATIONS,
    LONGEST_ACCEPTANCE,
    LONGEST_ACCEPTANCE_OF_ACT,
    ChangedMeanwhile,
    Decision,
    StepRefused,
)
from service.incidents.models import Exposure, Transition

OLD, NEW, EVIL = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21", "pkg:npm/evil-pad@1.0.0"
LODASH = make_record("CVE-2021-1", "npm/lodash", "introduced 0", "fixed 4.17.21")
MALWARE = make_record("MAL-2024-1", "npm/evil-pad", versions=["1.0.0"])
DAY = timedelta(days=1)


class Desk:
    """An owner, who acts on the exposures of the own team's product."""

    def __init__(self, story: Story) -> None:
        self.story = story
        story.product("shop", team="payments")
        story.feed(LODASH, MALWARE)
        story.upload("shop", OLD, EVIL)
        with reading(story.engine) as session:
            team_id = session.scalars(select(Team.id).where(Team.name == "payments")).one()
        self.owner = Actor("ann", Role.OWNER, key_id=1, team_id=team_id)
        self.colleague = Actor("ann", Role.OWNER, key_id=2, team_id=team_id)
        self.stranger = Actor("bob", Role.OWNER, key_id=3, team_id=team_id + 1_000)
        self.cert = Actor("cert", Role.CERT, key_id=4)
        self.other_cert = Actor("cert", Role.CERT, key_id=5)

    def exposure(self, vulnerability: str = "CVE-2021-1") -> Exposure:
        exposure = self.story.exposure("shop", vulnerability)
        assert exposure is not None
        return exposure

    def step(
        self,
        to: str,
        *,
        actor: Actor | None = None,
        about: str = "CVE-2021-1",
        version: int | None = None,
        **decision: Any,  # noqa: ANN401
    ) -> Exposure:
        with writing(self.story.engine) as session:
            return lifecycle.transition(
                session,
                self.exposure(about).id,
                Decision(to, **decision),
                actor=actor or self.owner,
                now=self.story.tick(),
                version=version,
            )

    def approve(self, *, actor: Actor | None = None, about: str = "CVE-2021-1") -> Exposure:
        with writing(self.story.engine) as session:
            return approving.approve(
                session, self.exposure(about).id, actor=actor or self.colleague, now=self.story.tick()
            )

    def reach(self, status: str) -> None:
        """Walk to a status."""
        ways: dict[str, list[tuple[str, dict[str, Any]]]] = {
            "open": [],
            "acknowledged": [("acknowledged", {})],
            "in_progress": [("in_progress", {"reason": "update"})],
            "fix_claimed": [("fix_claimed", {})],
            "not_affected": [("not_affected", {"reason": "dead code", "justification": JUSTIFICATIONS[1]})],
            "risk_accepted": [("risk_accepted", {"reason": "internal", "expires_at": START + 30 * DAY})],
        }
        for to, decision in ways[status]:
            self.step(to, **decision)
            if to == "not_affected":
                self.approve()


@pytest.fixture
def desk(story: Story) -> Desk:
    return Desk(story)


STATUSES = ("open", "acknowledged", "in_progress", "fix_claimed", "not_affected", "risk_accepted")
ALLOWED = {
    "acknowledged": {"open"},
    "in_progress": {"open", "acknowledged", "fix_claimed"},
    "fix_claimed": {"open", "acknowledged", "in_progress"},
    "not_affected": {"open", "acknowledged", "in_progress", "fix_claimed"},
    "risk_accepted": {"open", "acknowledged", "in_progress", "fix_claimed"},
    "open": {"not_affected", "risk_accepted"},
}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_leads_on_where_it_should_and_nowhere_else(desk: Desk, status: str) -> None:
    desk.reach(status)
    for to in STATUSES:
        until = desk.story.now + DAY if to == "risk_accepted" else None
        complete = Decision(to, "a reason", JUSTIFICATIONS[0], until)
        with writing(desk.story.engine) as session:
            try:
                lifecycle.transition(session, desk.exposure().id, complete, actor=desk.owner, now=desk.story.now)
                went = True
            except StepRefused:
                went = False
            session.rollback()
        assert went == (status in ALLOWED[to]), f"{status} to {to}"


@pytest.mark.parametrize(
    ("to", "without", "enough"),
    [
        ("in_progress", {}, {"reason": "update"}),
        ("in_progress", {"reason": "  "}, {"reason": "update"}),
        ("not_affected", {"reason": "dead code"}, {"reason": "dead code", "justification": "code_not_reachable"}),
        (
            "not_affected",
            {"justification": "code_not_reachable"},
            {"reason": "dead code", "justification": "code_not_reachable"},
        ),
        (
            "not_affected",
            {"reason": "x", "justification": "because"},
            {"reason": "x", "justification": "code_not_present"},
        ),
        ("risk_accepted", {"reason": "internal"}, {"reason": "internal", "expires_at": START + DAY}),
        ("risk_accepted", {"expires_at": START + DAY}, {"reason": "internal", "expires_at": START + DAY}),
        (
            "risk_accepted",
            {"reason": "internal", "expires_at": START - DAY},
            {"reason": "internal", "expires_at": START + LONGEST_ACCEPTANCE},
        ),
        (
            "risk_accepted",
            {"reason": "internal", "expires_at": START + LONGEST_ACCEPTANCE + DAY},
            {"reason": "internal", "expires_at": START + LONGEST_ACCEPTANCE},
        ),
    ],
)
def test_a_guard_refuses_what_lacks_something(
    desk: Desk, to: str, without: dict[str, Any], enough: dict[str, Any]
) -> None:
    with pytest.raises(StepRefused):
        desk.step(to, **without)
    assert desk.exposure().status == "open"
    taken = desk.step(to, **enough)
    assert (desk.approve() if to == "not_affected" else taken).status == to


def test_nobody_can_say_resolved(desk: Desk) -> None:
    for actor in (desk.owner, desk.cert):
        with pytest.raises(StepRefused, match="Nothing closes on a word"):
            desk.step("resolved", actor=actor)


@pytest.mark.parametrize("to", ["withdrawn", "retired", "merged", "nonsense"])
def test_the_machines_steps_are_not_for_people(desk: Desk, to: str) -> None:
    with pytest.raises(Unreadable):
        desk.step(to, actor=CERT)


def test_what_needs_action_now_is_decided_by_the_cert(desk: Desk) -> None:
    decision: dict[str, Any] = {"reason": "never ran", "justification": "code_not_reachable"}
    desk.step("not_affected", about="MAL-2024-1", **decision)
    with pytest.raises(StepRefused, match="the CERT as one of the two"):
        desk.approve(about="MAL-2024-1")
    with pytest.raises(StepRefused):
        desk.step("risk_accepted", about="MAL-2024-1", reason="x", expires_at=START + DAY)
    late = START + LONGEST_ACCEPTANCE_OF_ACT + DAY
    with pytest.raises(StepRefused):
        desk.step("risk_accepted", about="MAL-2024-1", actor=CERT, reason="x", expires_at=late)
    assert desk.approve(about="MAL-2024-1", actor=desk.cert).status == "not_affected"


def test_another_teams_exposure_is_not_touched(desk: Desk) -> None:
    with pytest.raises(Forbidden):
        desk.step("acknowledged", actor=desk.stranger)
    with pytest.raises(Forbidden):
        desk.step("acknowledged", actor=Actor("jira", Role.INTEGRATION))


def test_an_integration_may_claim_a_fix(desk: Desk) -> None:
    assert desk.step("fix_claimed", actor=Actor("jira", Role.INTEGRATION)).status == "fix_claimed"


def test_a_claim_is_only_proven_by_an_upload(desk: Desk) -> None:
    desk.reach("fix_claimed")
    assert desk.exposure().status == "fix_claimed"
    desk.story.upload("shop", NEW, EVIL)
    assert desk.exposure().status == "resolved"


def test_an_old_version_is_refused(desk: Desk) -> None:
    version = desk.exposure().version
    desk.step("acknowledged", version=version)
    with pytest.raises(ChangedMeanwhile):
        desk.step("in_progress", reason="update", version=version)


def test_an_accepted_risk_opens_again_when_its_time_is_over(desk: Desk) -> None:
    desk.reach("risk_accepted")
    with writing(desk.story.engine) as session:
        assert lifecycle.end_acceptances(session, now=START + 29 * DAY) == 0
        assert lifecycle.end_acceptances(session, now=START + 30 * DAY) == 1
    exposure = desk.exposure()
    assert (exposure.status, exposure.expires_at) == ("open", None)
    assert [s.step for s in desk.story.steps(exposure)] == ["opened", "risk_accepted", "expired"]


def test_an_accepted_risk_that_is_gone_is_resolved(desk: Desk) -> None:
    desk.reach("risk_accepted")
    desk.story.upload("shop", NEW, EVIL)
    assert desk.exposure().status == "resolved"


def test_not_affected_stays_so_whatever_is_uploaded(desk: Desk) -> None:
    desk.reach("not_affected")
    desk.story.upload("shop", NEW, EVIL)
    exposure = desk.exposure()
    assert (exposure.status, exposure.presence) == ("not_affected", "absent")
    desk.story.upload("shop", OLD, EVIL)
    exposure = desk.exposure()
    assert (exposure.status, exposure.presence) == ("not_affected", "present")


def test_what_is_gone_is_not_opened_again_by_hand(desk: Desk) -> None:
    desk.reach("not_affected")
    desk.story.upload("shop", NEW, EVIL)
    with pytest.raises(StepRefused, match="nothing to open"):
        desk.step("open", reason="it was affected after all")
    desk.story.upload("shop", OLD, EVIL)
    assert desk.step("open", reason="it was affected after all").status == "open"


@pytest.mark.parametrize("to", ["acknowledged", "fix_claimed"])
def test_only_an_accepted_risk_ends_at_a_time(desk: Desk, to: str) -> None:
    with pytest.raises(StepRefused, match="expires_at"):
        desk.step(to, expires_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
    assert desk.exposure().expires_at is None


def test_everything_that_happens_is_in_the_timeline_and_in_the_feed_of_changes(desk: Desk) -> None:
    desk.step("acknowledged")
    desk.step("in_progress", reason="update to 4.17.21")
    with writing(desk.story.engine) as session:
        id_ = desk.exposure().id
        lifecycle.comment(session, id_, "It is in the queue.", actor=desk.owner, now=desk.story.tick())
        lifecycle.assign(session, id_, "cert-triage", actor=CERT, reason="", now=desk.story.tick())
    desk.story.upload("shop", NEW, EVIL)
    exposure = desk.exposure()
    steps = desk.story.steps(exposure)
    expected = ["opened", "acknowledged", "in_progress", "commented", "assigned", "resolved"]
    assert [s.step for s in steps] == expected
    assert [s.actor for s in steps] == ["ci", "ann", "ann", "ann", "muster", "ci"]
    assert desk.story.owner(exposure) == "cert-triage"
    mine = [change for change in desk.story.changes() if change.exposure == f"EXP-{exposure.id}"]
    mine = [change for change in mine if change.type != "exposure.visibility_lost"]  # no step: its team is another's
    assert [change.type for change in mine] == [f"exposure.{step}" for step in expected]
    assert [change.data["status"] for change in mine] == [
        "open",
        "acknowledged",
        "in_progress",
        "in_progress",
        "in_progress",
        "resolved",
    ]
    assert [change.data["version"] for change in mine] == [1, 2, 3, 4, 5, 6]


def test_an_incident_says_what_its_exposures_say(desk: Desk) -> None:
    story = desk.story
    story.upload("blog", OLD)

    def status() -> str:
        incident = story.incident("CVE-2021-1")
        assert incident is not None
        return incident.status

    assert status() == "open"
    desk.step("in_progress", reason="update")
    assert status() == "open", "the blog has not begun"
    story.upload("blog", NEW)
    assert status() == "contained"
    story.upload("shop", NEW, EVIL)
    assert status() == "resolved"
    story.upload("blog", OLD)
    assert status() == "open"
    story.feed(LODASH | {"withdrawn": "2026-03-02T00:00:00Z"})
    assert status() == "resolved", "one product did have to fix it"


def test_every_transition_has_its_change(desk: Desk) -> None:
    with reading(desk.story.engine) as session:
        steps = [(t.exposure_id, t.step) for t in session.scalars(select(Transition).order_by(Transition.id))]
    changes = [(c.exposure and int(c.exposure[4:]), c.type.split(".")[1]) for c in desk.story.changes()]
    assert changes == steps


def test_refusals_leave_nothing_behind(desk: Desk) -> None:
    before = desk.story.rows()
    for to in ("in_progress", "resolved", "open"):
        with pytest.raises(ServiceError):
            desk.step(to)
    assert desk.story.rows() == before
