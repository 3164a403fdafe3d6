"""Time that does not count, as intervals: how much of it there may be, and where it moves a due date. Pure.

Every budget that ever applied is due when it was started, plus the budget, plus what was paused since; the nearest of
them is the due date. All move alike with a pause, so one column carries it: beginning a pause moves it to where the
longest pause would leave it, ending the pause sooner moves it back by the rest.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Kind = Literal["awaiting_upstream", "awaiting_decision"]

#: The longest that an episode may be paused altogether, by kind.
LIMITS: dict[str, timedelta] = {"awaiting_upstream": timedelta(days=30), "awaiting_decision": timedelta(days=5)}


class Interval(NamedTuple):
    """From, up to but excluding until."""

    from_at: datetime
    until_at: datetime


def paused_time(intervals: Iterable[Interval], since: datetime, until: datetime) -> timedelta:
    """Give how much of the time between two instants was paused; what overlaps counts once."""
    total, reached = timedelta(), since
    for interval in sorted(intervals):
        begin, end = max(interval.from_at, reached), min(interval.until_at, until)
        if begin < end:
            total += end - begin
            reached = end
    return total


def time_left(kind: str, taken: Iterable[Interval]) -> timedelta:
    """Give how long an episode may still be paused for this reason."""
    return max(LIMITS[kind] - sum((end - begin for begin, end in taken), timedelta()), timedelta())


class Running(NamedTuple):
    """A clock's time: from, and until. Both move by what is paused, so that the share that has passed stays true."""

    from_at: datetime
    due_at: datetime

    def moved(self, by: timedelta) -> "Running":
        """Move by paused time; a negative one takes back what a pause did not use."""
        return Running(self.from_at + by, self.due_at + by)

    def share(self, now: datetime) -> float:
        """Give how much of the time has passed: 1.0 when it is due."""
        whole = (self.due_at - self.from_at).total_seconds()
        return (now - self.from_at).total_seconds() / whole if whole > 0 else float("inf")

    def nearer(self, other: "Running") -> "Running":
        """Give the one that is due first: a new budget never moves a due date away."""
        return other if other.due_at < self.due_at else self
