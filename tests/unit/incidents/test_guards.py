"""What each step needs, as a table: refused without, allowed with; and who may be the second person."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from service.access.roles import Actor, Role
from service.errors import Forbidden, Unreadable
from service.incidents.guards import (
    JUSTIFICATIONS,
    LEADS_ON_FROM,
    LONGEST_ACCEPTANCE,
    LONGEST_ACCEPTANCE_OF_ACT,
    Proposed,
    Standing,
    approval_refused,
    refusal_of,
)
from service.incidents.models import EXPOSURE_STATUSES
from service.incidents.requests import ChangedMeanwhile, Decision, StepRefused

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY, MOMENT = timedelta(days=1), timedelta(seconds=1)
TEAM = 7
OPEN = Standing("EXP-41", TEAM, "open", "present", "attend", 3)
URGENT = OPEN._replace(priority="act")
OWNER, COLLEAGUE = Actor("ann", Role.OWNER, key_id=1, team_id=TEAM), Actor("ann", Role.OWNER, key_id=2, team_id=TEAM)
STRANGER = Actor("bob", Role.OWNER, key_id=3, team_id=TEAM + 1)
CERT, ADMIN = Actor("cert", Role.CERT, key_id=4), Actor("root", Role.ADMIN, key_id=5)
JIRA, READER = Actor("jira", Role.INTEGRATION, key_id=6), Actor("eve", Role.READER, key_id=7, team_id=TEAM)

COMPLETE: dict[str, dict[str, Any]] = {
    "acknowledged": {},
    "in_progress": {"plan": "update", "planned_for": NOW.date()},
    "fix_claimed": {},
    "not_affected": {"reason": "dead code", "justification": "code_not_reachable"},
    "risk_accepted": {"reason": "internal", "expires_at": NOW + DAY},
    "resolved": {"reason": "patched in place", "evidence": {"ticket": "OPS-1"}},
    "open": {"reason": "it was affected after all"},
}


def refused(standing: Standing, to: str, actor: Actor = CERT, **fields: Any) -> Any:  # noqa: ANN401 - a refusal
    return refusal_of(standing, Decision(to, **fields), actor, NOW)


@pytest.mark.parametrize("to", sorted(LEADS_ON_FROM))
def test_each_step_leads_on_from_its_own_statuses_only(to: str) -> None:
    for status in EXPOSURE_STATUSES:
        refusal = refused(OPEN._replace(status=status), to, **COMPLETE[to])
        assert (refusal is None) == (status in LEADS_ON_FROM[to]), status


@pytest.mark.parametrize(
    ("standing", "to", "fields", "says"),
    [
        (OPEN, "in_progress", {}, "Say in plan"),
        (OPEN, "in_progress", {"reason": "  "}, "Say in plan"),
        (OPEN, "in_progress", {"plan": "hope"}, "hope is no plan"),
        (OPEN, "in_progress", {"plan": "update"}, "planned_for"),
        (OPEN, "in_progress", {"plan": "update", "planned_for": NOW.date() - DAY}, "is over"),
        (OPEN, "in_progress", {"reason": "update", "planned_for": NOW.date() - DAY}, "is over"),
        (OPEN, "acknowledged", {"plan": "update"}, "belong to in_progress"),
        (OPEN, "fix_claimed", {"planned_for": NOW.date()}, "belong to in_progress"),
        (OPEN, "acknowledged", {"expires_at": NOW + DAY}, "expires_at"),
        (OPEN, "fix_claimed", {"versions": "<2"}, "bound to versions"),
        (OPEN, "not_affected", {"reason": "dead code"}, "justification"),
        (OPEN, "not_affected", {"justification": "code_not_present"}, "reason"),
        (OPEN, "not_affected", {"reason": "x", "justification": "because"}, "justification"),
        (OPEN, "not_affected", COMPLETE["not_affected"] | {"expires_at": NOW}, "over already"),
        (OPEN, "not_affected", COMPLETE["not_affected"] | {"versions": "newer ones"}, "not a range"),
        (OPEN, "not_affected", COMPLETE["not_affected"] | {"versions": "vers:npm/>>1"}, "not a constraint"),
        (OPEN, "risk_accepted", {"reason": "internal"}, "at most 90 days"),
        (OPEN, "risk_accepted", {"expires_at": NOW + DAY}, "needs a reason"),
        (OPEN, "risk_accepted", {"reason": "x", "expires_at": NOW}, "at most 90 days"),
        (OPEN, "risk_accepted", {"reason": "x", "expires_at": NOW + LONGEST_ACCEPTANCE + MOMENT}, "at most 90 days"),
        (
            URGENT,
            "risk_accepted",
            {"reason": "x", "expires_at": NOW + LONGEST_ACCEPTANCE_OF_ACT + MOMENT},
            "at most 7 days",
        ),
        (OPEN, "resolved", {"reason": "trust me"}, "Nothing closes on a word"),
        (OPEN, "resolved", {"evidence": {"build": "1"}}, "Nothing closes on a word"),
        (OPEN._replace(status="not_affected", presence="absent"), "open", {}, "nothing to open"),
    ],
)
def test_a_step_that_lacks_something_is_refused_and_hears_what(
    standing: Standing, to: str, fields: dict[str, Any], says: str
) -> None:
    refusal = refused(standing, to, **fields)
    assert isinstance(refusal, StepRefused)
    assert says in refusal.detail
    whole = standing._replace(presence="present")
    assert refused(whole, to, **COMPLETE[to]) is None


@pytest.mark.parametrize("longest", [LONGEST_ACCEPTANCE, LONGEST_ACCEPTANCE_OF_ACT])
def test_the_last_moment_still_counts(longest: timedelta) -> None:
    standing = OPEN if longest == LONGEST_ACCEPTANCE else URGENT
    assert refused(standing, "risk_accepted", reason="x", expires_at=NOW + longest) is None


def test_an_old_call_says_its_plan_in_the_reason() -> None:
    assert refused(OPEN, "in_progress", reason="update to 4.17.21") is None
    assert refused(OPEN, "in_progress", reason="update", planned_for=date(2026, 3, 9)) is None


@pytest.mark.parametrize(
    ("actor", "to", "kind"),
    [
        (OWNER, "acknowledged", None),
        (STRANGER, "acknowledged", Forbidden),
        (READER, "acknowledged", Forbidden),
        (JIRA, "acknowledged", Forbidden),
        (JIRA, "fix_claimed", None),
        (STRANGER, "fix_claimed", Forbidden),
        (READER, "fix_claimed", Forbidden),
        (OWNER, "resolved", StepRefused),
        (CERT, "resolved", None),
        (ADMIN, "resolved", None),
        (OWNER, "not_affected", None),
        (replace(OWNER, key_id=None), "not_affected", StepRefused),
        (replace(CERT, key_id=None), "resolved", StepRefused),
        (replace(OWNER, key_id=None), "risk_accepted", None),
    ],
)
def test_who_may_take_which_step(actor: Actor, to: str, kind: type | None) -> None:
    refusal = refused(OPEN, to, actor, **COMPLETE[to])
    assert refusal is None if kind is None else isinstance(refusal, kind)


def test_what_needs_action_now_is_decided_with_the_cert() -> None:
    assert refused(URGENT, "risk_accepted", OWNER, **COMPLETE["risk_accepted"]) is not None
    assert refused(URGENT, "risk_accepted", CERT, **COMPLETE["risk_accepted"]) is None
    assert refused(URGENT, "not_affected", OWNER, **COMPLETE["not_affected"]) is None, "the second may be the CERT"
    heard = COMPLETE["not_affected"] | {"approved_by": "a trusted supplier"}
    assert refused(URGENT, "not_affected", OWNER, **heard) is not None
    assert refused(URGENT, "not_affected", CERT, **heard) is None


@pytest.mark.parametrize("to", ["withdrawn", "retired", "merged", "nonsense", ""])
def test_what_is_no_step_of_a_person_cannot_be_read(to: str) -> None:
    assert isinstance(refused(OPEN, to), Unreadable)


def test_the_version_that_was_looked_at_decides() -> None:
    decision = Decision("acknowledged")
    assert refusal_of(OPEN, decision, CERT, NOW, version=3) is None
    assert isinstance(refusal_of(OPEN, decision, CERT, NOW, version=2), ChangedMeanwhile)


def test_justifications_are_cyclonedx_s() -> None:
    for justification in JUSTIFICATIONS:
        assert refused(OPEN, "not_affected", reason="x", justification=justification) is None


BY_OWNER, BY_CERT = Proposed("not_affected", 1, by_cert=False), Proposed("not_affected", 4, by_cert=True)
OVERRIDE = Proposed("resolved", 4, by_cert=True)


@pytest.mark.parametrize(
    ("standing", "proposed", "actor", "kind"),
    [
        (OPEN, BY_OWNER, COLLEAGUE, None),
        (OPEN, BY_OWNER, CERT, None),
        (OPEN, BY_OWNER, OWNER, StepRefused),
        (OPEN, BY_OWNER, replace(COLLEAGUE, key_id=1), StepRefused),
        (OPEN, BY_OWNER, replace(OWNER, name="somebody else"), StepRefused),
        (OPEN, BY_OWNER, replace(COLLEAGUE, key_id=None), StepRefused),
        (OPEN, BY_OWNER, STRANGER, Forbidden),
        (OPEN, BY_OWNER, JIRA, Forbidden),
        (OPEN, BY_OWNER, READER, Forbidden),
        (URGENT, BY_OWNER, COLLEAGUE, StepRefused),
        (URGENT, BY_OWNER, CERT, None),
        (URGENT, BY_CERT, OWNER, None),
        (URGENT, BY_CERT, CERT, StepRefused),
        (OPEN, OVERRIDE, OWNER, StepRefused),
        (OPEN, OVERRIDE, ADMIN, None),
        (OPEN, OVERRIDE, CERT, StepRefused),
    ],
)
def test_who_can_be_the_second_person(standing: Standing, proposed: Proposed, actor: Actor, kind: type | None) -> None:
    refusal = approval_refused(standing, proposed, actor)
    assert refusal is None if kind is None else isinstance(refusal, kind)
