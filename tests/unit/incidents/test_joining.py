"""Joining exposures gives the same in whatever order, and joining again changes nothing."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from service.incidents.joining import Clock, Work, joined
from service.incidents.presence import ACTIVE
from service.incidents.priority import PRIORITIES

DAYS = st.integers(0, 3).map(lambda days: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=days))
MAYBE = st.none() | DAYS
CLOCK = st.none() | st.builds(Clock, DAYS, MAYBE)


@st.composite
def works(draw: st.DrawFn) -> Work:
    status = draw(
        st.sampled_from(
            [
                "open",
                "acknowledged",
                "in_progress",
                "fix_claimed",
                "risk_accepted",
                "not_affected",
                "resolved",
                "retired",
            ]
        )
    )
    ended = status in ("not_affected", "resolved", "retired")
    return Work(
        status=status,
        presence=draw(st.sampled_from(["present", "unknown", "absent"])),
        hold_reason=draw(st.sampled_from([None, "a", "b"])),
        priority=draw(st.sampled_from(PRIORITIES)),
        priority_inputs=draw(st.sampled_from([None, {"a": 1}])),
        team_id=draw(st.integers(1, 2)),
        owner_reason=draw(st.sampled_from(["by rule", "assigned"])),
        owner_manual=draw(st.booleans()),
        origin=draw(st.sampled_from(["new", "baseline"])),
        opened_at=draw(DAYS),
        acknowledged_at=None if status == "open" else draw(MAYBE),
        acknowledge=draw(CLOCK),
        remediate=draw(CLOCK),
        expires_at=draw(MAYBE),
        plan=draw(st.sampled_from([None, "update", "rollback"])),
        planned_for=draw(st.none() | st.just(date(2026, 4, 1))),
        claimed_at=draw(MAYBE),
        ended_at=draw(DAYS) if ended else None,
    )


def unplanned(work: Work) -> Work:
    """Leave out a day without a plan: that is nothing that could be said."""
    return work._replace(planned_for=work.planned_for if work.plan else None, hold_reason=_hold(work))


def _hold(work: Work) -> str | None:
    return (work.hold_reason or "a") if work.presence == "unknown" else None


W = works().map(unplanned)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(W, W, W)
def test_joining_is_the_same_in_every_order(one: Work, two: Work, three: Work) -> None:
    assert joined(one, two) == joined(two, one)
    assert joined(joined(one, two), three) == joined(one, joined(two, three))
    assert joined(one, one) == one
    assert joined(joined(one, two), two) == joined(one, two)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(W, W)
def test_what_is_left_is_the_strictest_of_both(one: Work, two: Work) -> None:
    both = joined(one, two)
    assert both.opened_at == min(one.opened_at, two.opened_at)
    if {one.status, two.status} & ACTIVE:
        assert both.status in ACTIVE
    for work in (one, two):
        if work.remediate and work.weight < 2:
            assert both.remediate
            assert both.remediate.due_at <= work.remediate.due_at
