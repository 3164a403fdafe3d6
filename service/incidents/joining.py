"""What becomes of several exposures of one product when their vulnerabilities turn out to be one. Pure.

`joined` gives the same whatever is joined with whatever in whatever order, and joining again changes nothing: what is
done counts more than what was decided, and that more than what has ended; among equals, each clock and day is the
strictest of all.
"""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from service.incidents.presence import ACTIVE
from service.incidents.priority import PRIORITIES

T = TypeVar("T", datetime, date)

#: Work that goes on counts more than work that is claimed to be done, and that more than none.
_ORDER = (
    "in_progress", "fix_claimed", "acknowledged", "open", "risk_accepted", "not_affected", "resolved", "withdrawn",
    "retired",
)  # fmt: skip
_RANK = {status: rank for rank, status in enumerate(_ORDER)}
_PRESENCES = ("present", "unknown", "absent")
_ASSESSMENTS = {"not_affected": "not_affected", "risk_accepted": "exploitable"}


class Clock(NamedTuple):
    """A deadline, and since when the time until it counts."""

    due_at: datetime
    from_at: datetime | None


class Work(NamedTuple):
    """What exposures join of. The names are the exposure's, but for the clocks."""

    status: str
    presence: str
    hold_reason: str | None
    priority: str
    priority_inputs: dict[str, Any] | None
    team_id: int
    owner_reason: str
    owner_manual: bool
    origin: str
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledge: Clock | None
    remediate: Clock | None
    expires_at: datetime | None
    plan: str | None
    planned_for: date | None
    claimed_at: datetime | None
    ended_at: datetime | None

    @property
    def assessment(self) -> str | None:
        """What people decided, as VEX says it."""
        return _ASSESSMENTS.get(self.status)

    @property
    def weight(self) -> int:
        """Say how much it counts: 0 where there is work, 1 where somebody decided, 2 where it has ended."""
        return 0 if self.status in ACTIVE else 1 if self.status in _ASSESSMENTS else 2


def joined(one: Work, other: Work) -> Work:
    """Join two exposures of a product."""
    opened_at = min(one.opened_at, other.opened_at)
    if one.weight != other.weight:
        lead, rest = sorted((one, other), key=lambda work: work.weight)
        # An ended exposure's deadlines are history; those of what was decided run on.
        remediate = lead.remediate if rest.weight > 1 else _nearest(lead.remediate, rest.remediate)
        return lead._replace(opened_at=opened_at, remediate=remediate)
    lead, rest = sorted((one, other), key=lambda work: _RANK[work.status])
    alike = [lead, rest] if lead.status == rest.status else [lead]
    owner = min((one, other), key=lambda work: (not work.owner_manual, work.team_id, work.owner_reason))
    rated = min((one, other), key=lambda work: (PRIORITIES.index(work.priority), _written(work.priority_inputs)))
    presence = min((one.presence, other.presence), key=_PRESENCES.index)
    holds = [work.hold_reason for work in (one, other) if work.presence == presence and work.hold_reason]
    plan, planned_for = _planned(alike)
    return Work(
        status=lead.status,
        presence=presence,
        hold_reason=min(holds, default=None),
        priority=rated.priority,
        priority_inputs=rated.priority_inputs,
        team_id=owner.team_id,
        owner_reason=owner.owner_reason,
        owner_manual=owner.owner_manual,
        origin="new" if "new" in (one.origin, other.origin) else "baseline",
        opened_at=opened_at,
        acknowledged_at=_first(work.acknowledged_at for work in (one, other)),
        acknowledge=_nearest(one.acknowledge, other.acknowledge),
        remediate=_nearest(one.remediate, other.remediate),
        expires_at=_first(work.expires_at for work in alike),
        plan=plan,
        planned_for=planned_for,
        claimed_at=_first(work.claimed_at for work in alike),
        ended_at=max((work.ended_at for work in alike if work.ended_at), default=None),
    )


def _first(days: Iterable[T | None]) -> T | None:
    return min((day for day in days if day is not None), default=None)


def _nearest(*clocks: Clock | None) -> Clock | None:
    return min(
        (clock for clock in clocks if clock is not None),
        key=lambda clock: (clock.due_at, clock.from_at is None, clock.from_at or clock.due_at),
        default=None,
    )


def _planned(works: list[Work]) -> tuple[str | None, date | None]:
    """Give the plan for the nearest day."""
    plans = [(work.planned_for or date.max, work.plan) for work in works if work.plan is not None]
    if not plans:
        return None, None
    day, plan = min(plans)
    return plan, None if day == date.max else day


def _written(inputs: dict[str, Any] | None) -> str:
    return json.dumps(inputs, sort_keys=True, default=str)
