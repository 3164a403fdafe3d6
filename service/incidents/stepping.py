"""The machine's steps on exposures that exist: reopened, held, ended. People's are in `lifecycle`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.dialects import postgresql as pg

from service.db import WriteSession, any_of
from service.incidents.models import Episode, Exposure, ExposureComponent
from service.incidents.ownership import follow_rules
from service.incidents.presence import ACTIVE, Step
from service.incidents.priority import due
from service.incidents.timeline import Entry, write_timeline


@dataclass(frozen=True)
class Taken:
    """A step that was taken."""

    exposure_id: int
    name: str
    to_status: str | None
    reason: str


@dataclass(frozen=True)
class Evidenced:
    """What steps rest on.

    Attributes:
        components: Exposure id to the components that affect it now.
        known: Exposure id to those remembered already.
        cause: For the timeline: the upload, the advisory.
    """

    components: Mapping[int, set[int]]
    known: Mapping[int, set[int]]
    cause: dict[str, object]


def take_steps(
    session: WriteSession,
    steps: Sequence[tuple[Exposure, Step]],
    evidence: Evidenced,
    *,
    actor: str,
    now: datetime,
) -> list[Taken]:
    """Apply steps, write them to the timeline, and remember which components made an exposure affected.

    The session holds the exposures' row locks.
    """
    known = evidence.known
    fresh = [(id_, c) for id_, present in evidence.components.items() for c in sorted(present - known.get(id_, set()))]
    if fresh:
        rows = [{"exposure_id": id_, "component_id": c} for id_, c in fresh]
        session.execute(pg.insert(ExposureComponent).on_conflict_do_nothing(), rows)
    if not steps:
        return []
    entries = [_apply(exposure, step, evidence.cause, now) for exposure, step in steps]
    session.flush()  # the timeline's changes carry the exposures as they are now
    end_episodes(session, [exposure.id for exposure, step in steps if exposure.ended_at == now], now)
    begin_episodes(session, [exposure for exposure, step in steps if step.name == "reopened"], now)
    write_timeline(session, entries, actor=actor, now=now)
    # Rules may have changed while it was over.
    follow_rules(session, [exposure.id for exposure, step in steps if step.name == "reopened"], actor=actor, now=now)
    return [Taken(exposure.id, step.name, step.to_status, step.reason) for exposure, step in steps]


def _apply(exposure: Exposure, step: Step, cause: dict[str, object], now: datetime) -> Entry:
    before = exposure.status
    exposure.presence = step.presence
    exposure.hold_reason = step.hold
    exposure.updated_at = now
    exposure.version += 1
    if step.name == "reopened" and exposure.ended_at is not None:
        _reopen(exposure, now)
    elif step.to_status in ACTIVE:
        _go_on(exposure)
    elif step.to_status is not None:
        exposure.ended_at, exposure.inherited_from_id = now, None
    exposure.status = step.to_status or before
    return Entry(
        incident_id=exposure.incident_id,
        exposure_id=exposure.id,
        step=step.name,
        from_status=before,
        to_status=exposure.status,
        reason=step.reason,
        evidence=cause,
    )


def _reopen(exposure: Exposure, now: datetime) -> None:
    """Open what had ended: the same exposure, a new episode, new clocks. What was decided is not due later for that."""
    acknowledge, remediate = due(exposure.priority, baseline=False, opened_at=now, inputs=exposure.priority_inputs)
    exposure.acknowledge_from_at, exposure.acknowledge_due_at = now, acknowledge
    old = exposure.remediate_due_at if exposure.status == "not_affected" else None
    if old is None or remediate < old:
        exposure.remediate_from_at, exposure.remediate_due_at = now, remediate
    exposure.acknowledged_at = exposure.ended_at = exposure.expires_at = None
    exposure.origin = "new"
    exposure.reopen_count += 1
    _go_on(exposure)


def _go_on(exposure: Exposure) -> None:
    """Take back what people had decided or claimed; the plan of who doubts a claim is the old one."""
    exposure.assessment = exposure.expires_at = exposure.claimed_at = None


#: What an episode keeps of its exposure as that was at the end.
_KEPT = ("acknowledged_at", "acknowledge_due_at", "remediate_due_at", "team_id", "priority", "origin")


def end_episodes(session: WriteSession, exposure_ids: Sequence[int], now: datetime) -> None:
    """End the running episodes of exposures that have just ended; their status is the outcome."""
    if not exposure_ids:
        return
    session.execute(
        update(Episode)
        .where(Episode.exposure_id == Exposure.id, Episode.ended_at.is_(None))
        .where(Exposure.id == any_of(exposure_ids))
        .values({"ended_at": now, "outcome": Exposure.status} | {name: getattr(Exposure, name) for name in _KEPT}),
        execution_options={"synchronize_session": False},
    )


def begin_episodes(session: WriteSession, exposures: Sequence[Exposure], now: datetime) -> None:
    """Begin the next episode of exposures that go on after they had ended."""
    if not exposures:
        return
    last = (
        select(Episode.exposure_id, func.max(Episode.number).label("number"))
        .where(Episode.exposure_id == any_of(exposure.id for exposure in exposures))
        .group_by(Episode.exposure_id)
        # An accepted risk that opens again was there all the time: its episode runs on.
        .having(func.bool_and(Episode.ended_at.is_not(None)))
        .subquery()
    )
    session.execute(
        insert(Episode).from_select(
            ["exposure_id", "number", "opened_at"], select(last.c.exposure_id, last.c.number + 1, literal(now))
        )
    )
