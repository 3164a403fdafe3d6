"""What a step that was allowed makes of an exposure, and how all of a batch are written: in the same few statements."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Date, DateTime, Text, select, update
from sqlalchemy.types import TypeEngine

from service.db import WriteSession, any_of, arrays
from service.incidents.models import Exposure
from service.incidents.presence import ACTIVE
from service.incidents.priority import due
from service.incidents.requests import Decision
from service.incidents.stepping import begin_episodes, end_episodes


class State(NamedTuple):
    """What people's steps change of an exposure."""

    status: str
    assessment: str | None
    expires_at: datetime | None
    plan: str | None
    planned_for: date | None
    claimed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledge_from_at: datetime | None
    acknowledge_due_at: datetime | None
    remediate_from_at: datetime | None
    remediate_due_at: datetime | None
    ended_at: datetime | None
    reopen_count: int


_INSTANT = DateTime(timezone=True)
_KINDS: dict[str, TypeEngine[Any]] = {
    "status": Text(), "assessment": Text(), "expires_at": _INSTANT, "plan": Text(), "planned_for": Date(),
    "claimed_at": _INSTANT, "acknowledged_at": _INSTANT, "acknowledge_from_at": _INSTANT,
    "acknowledge_due_at": _INSTANT,
    "remediate_from_at": _INSTANT, "remediate_due_at": _INSTANT, "ended_at": _INSTANT,
    "reopen_count": BigInteger(),
}  # fmt: skip

#: What is decided to need no work has ended, like what is proved; an accepted risk is still there, and runs on.
ENDED = frozenset({"not_affected", "resolved"})


def state_of(exposure: Exposure) -> State:
    """Read what an exposure is."""
    return State(*(getattr(exposure, name) for name in State._fields))


def after_step(state: State, decision: Decision, now: datetime, *, priority: str) -> State:
    """Say what a step makes of an exposure; that it is allowed was asked before."""
    to = decision.to
    if to == "open":
        return opened_again(state, now, priority=priority)
    state = state._replace(
        status=to,
        assessment={"not_affected": "not_affected", "risk_accepted": "exploitable"}.get(to),
        expires_at=decision.expires_at,
        acknowledged_at=state.acknowledged_at or now,
        ended_at=now if to in ENDED else None,
    )
    if to == "in_progress":
        plan = decision.plan or decision.reason.strip()
        return state._replace(plan=plan, planned_for=decision.planned_for, claimed_at=None)
    return state._replace(claimed_at=now) if to == "fix_claimed" else state


def opened_again(state: State, now: datetime, *, priority: str, inputs: Mapping[str, Any] | None = None) -> State:
    """Take back what was decided. What had ended begins anew: somebody has to look again, though not by a later day."""
    taken_back = state._replace(
        status="open", assessment=None, expires_at=None, plan=None, planned_for=None, claimed_at=None, ended_at=None
    )
    if state.ended_at is None:
        return taken_back
    return taken_back._replace(
        acknowledged_at=None,
        acknowledge_from_at=now,
        acknowledge_due_at=due(priority, baseline=False, opened_at=now, inputs=inputs).acknowledge_at,
        reopen_count=state.reopen_count + 1,
    )


def begun_anew(state: State, now: datetime, *, priority: str, inputs: Mapping[str, Any] | None = None) -> State:
    """Open again for what is new: the clocks of what had ended begin anew; an accepted risk's have run on."""
    opened = opened_again(state, now, priority=priority, inputs=inputs)
    if state.ended_at is None:
        return opened
    remediate_at = due(priority, baseline=False, opened_at=now, inputs=inputs).remediate_at
    return opened._replace(remediate_from_at=now, remediate_due_at=remediate_at)


def write_states(session: WriteSession, moved: Sequence[tuple[Exposure, State]], now: datetime) -> None:
    """Write what exposures have become, their episodes too, and read them again. The session holds their locks."""
    if not moved:
        return
    began = [exposure.id for exposure, after in moved if exposure.ended_at is not None and after.status in ACTIVE]
    ended = [exposure.id for exposure, after in moved if exposure.ended_at is None and after.ended_at is not None]
    columns = {name: (kind, [_storable(getattr(after, name)) for _, after in moved]) for name, kind in _KINDS.items()}
    new = arrays(id=(BigInteger(), [exposure.id for exposure, _ in moved]), **columns)
    session.execute(
        update(Exposure)
        .where(Exposure.id == new.c.id)
        .values({name: new.c[name] for name in _KINDS} | {"updated_at": now, "version": Exposure.version + 1}),
        execution_options={"synchronize_session": False},
    )
    exposures = read_again(session, [exposure.id for exposure, _ in moved])
    end_episodes(session, ended, now)
    begin_episodes(session, [exposures[id_] for id_ in began], now)


def read_again(session: WriteSession, exposure_ids: Sequence[int]) -> dict[int, Exposure]:
    """Bring the session's exposures up to date with what was written beside them."""
    rows = select(Exposure).where(Exposure.id == any_of(exposure_ids)).execution_options(populate_existing=True)
    return {exposure.id: exposure for exposure in session.scalars(rows)}


def _storable(value: object) -> object:
    """Write instants and dates as text: arrays quote texts, and nothing else has spaces in it."""
    return value.isoformat() if isinstance(value, date) else value
