"""Paused time moves a due date by exactly what was paused, once, and never by more than the limits."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from service.incidents.escalating import LEVELS, steps_due
from service.incidents.pauses import LIMITS, Interval, Running, paused_time, time_left

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
hours = st.integers(0, 200)
intervals = st.lists(st.builds(lambda a, b: Interval(NOON + a * HOUR, NOON + (a + b) * HOUR), hours, hours), max_size=6)


@settings(max_examples=60)
@given(intervals, hours, hours)
def test_time_that_is_paused_twice_counts_once(taken: list[Interval], begin: int, length: int) -> None:
    ticks = range(begin, begin + length)
    paused = sum(any(one.from_at <= NOON + tick * HOUR < one.until_at for one in taken) for tick in ticks)
    assert paused_time(taken, NOON + begin * HOUR, NOON + (begin + length) * HOUR) == paused * HOUR


class Act(NamedTuple):
    """Something that happens to a clock, some hours after what happened before."""

    after: int
    what: str
    amount: int


acts = st.lists(st.builds(Act, hours, st.sampled_from(("pause", "resume", "budget")), st.integers(1, 300)), max_size=12)


@settings(max_examples=120)
@given(acts, st.integers(1, 400))
def test_the_column_says_what_the_history_of_budgets_and_pauses_says(history: list[Act], budget: int) -> None:
    """One column carries it all; the model keeps every budget and every pause, and works the due date out anew."""
    now, clock = NOON, Running(NOON, NOON + budget * HOUR)
    budgets = [(NOON, budget * HOUR)]
    pauses: list[Interval] = []
    ends_by: datetime | None = None
    for act in history:
        now += act.after * HOUR
        if ends_by is not None and ends_by <= now:
            pauses[-1], ends_by = Interval(pauses[-1].from_at, ends_by), None
        if act.what == "pause" and ends_by is None:
            left = min(act.amount * HOUR, time_left("awaiting_upstream", pauses))
            if left:
                ends_by = now + left
                pauses.append(Interval(now, ends_by))
                clock = clock.moved(left)
        elif act.what == "resume" and ends_by is not None:
            clock = clock.moved(now - ends_by)
            pauses[-1], ends_by = Interval(pauses[-1].from_at, now), None
        elif act.what == "budget":
            rest = ends_by - now if ends_by else timedelta()
            clock = clock.nearer(Running(now + rest, now + rest + act.amount * HOUR))
            budgets.append((now, act.amount * HOUR))
    forever = now + timedelta(days=3650)
    due = [since + length + paused_time(pauses, since, forever) for since, length in budgets]
    assert clock.due_at == min(due)
    assert clock.due_at <= NOON + budget * HOUR + LIMITS["awaiting_upstream"]
    assert time_left("awaiting_upstream", pauses) == LIMITS["awaiting_upstream"] - paused_time(pauses, NOON, forever)


@settings(max_examples=60)
@given(st.sampled_from(sorted(LEVELS)), st.lists(st.floats(0, 5), max_size=8))
def test_each_step_of_escalation_is_taken_once_and_never_after_a_higher_one(clock: str, shares: list[float]) -> None:
    taken: list[str] = []
    order = [name for level in LEVELS[clock] for name in level.names]
    for share in sorted(shares):
        names, skipped = steps_due(clock, share, taken)
        assert not set(names + skipped) & set(taken)
        taken += [*skipped, *names]
    assert taken == order[: len(taken)]
    passed = [name for level in LEVELS[clock] for name in level.names if level.share <= max(shares, default=0)]
    assert taken == passed


def test_the_share_of_time_that_has_passed_is_as_it_was_before_a_pause() -> None:
    clock = Running(NOON, NOON + 10 * HOUR)
    assert clock.share(NOON + 4 * HOUR) == clock.moved(5 * HOUR).share(NOON + 9 * HOUR) == 0.4
    assert Running(NOON, NOON).share(NOON) == float("inf")
