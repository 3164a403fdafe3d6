"""Who else is told when a clock runs out: the steps of escalation, each taken once in an episode.

Acknowledgement: the team again at half of the time, whoever is on call when it is due, the manager and the CERT at
twice the time. Remediation: the team at four fifths, the manager when it is due. After downtime only the highest step
that is due is taken; it names those that it skips, and they are never taken later.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Double, and_, cast, extract, func, literal, not_, or_, select

from service.db import WriteSession, insert_rows
from service.incidents.clock_models import Escalation
from service.incidents.models import Episode, Exposure
from service.incidents.timeline import Entry, write_timeline


class Level(NamedTuple):
    """A step: at which share of a clock's time whom to tell."""

    share: float
    names: tuple[str, ...]


#: By clock, the first step first.
LEVELS: dict[str, tuple[Level, ...]] = {
    "acknowledge": (Level(0.5, ("team",)), Level(1.0, ("on-call",)), Level(2.0, ("manager", "cert"))),
    "remediate": (Level(0.8, ("team",)), Level(1.0, ("manager",))),
}

#: In the order of the partial index, so that the planner knows it again.
_ACTIVE = ["open", "acknowledged", "in_progress", "fix_claimed"]

#: Exposures escalated in one transaction.
AT_ONCE = 1_000


class Late(NamedTuple):
    """A clock that has passed a step not taken yet."""

    exposure_id: int
    incident_id: int
    episode: int
    clock: str
    status: str
    due_at: datetime
    share: float
    taken: frozenset[str]


def steps_due(clock: str, share: float, taken: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give whom to tell now, and who is skipped: the names of the highest step, and of lower ones not taken. Pure."""
    passed = [level for level in LEVELS[clock] if level.share <= share]
    if not passed or set(passed[-1].names) <= set(taken):
        return (), ()
    skipped = tuple(name for level in passed[:-1] for name in level.names if name not in taken)
    return tuple(name for name in passed[-1].names if name not in taken), skipped


def escalate(session: WriteSession, *, now: datetime) -> int:
    """Take the steps that are due, for as many exposures as one transaction takes; gives how many there were.

    Exposures that somebody is acting on are left to the next minute: an acknowledgement may be on its way.
    """
    late = [*_late(session, "acknowledge", now), *_late(session, "remediate", now)]
    entries, rows = [], []
    for one in late:
        names, skipped = steps_due(one.clock, one.share, one.taken)
        rows += [_row(one, name, now, skipped=name in skipped) for name in (*names, *skipped)]
        entries += [_entry(one, name, skipped) for name in names]
    if not rows:
        return 0
    fired = session.execute(
        insert_rows(Escalation, rows)
        .on_conflict_do_nothing()
        .returning(Escalation.exposure_id, Escalation.clock, Escalation.level)
    )
    new = {tuple(row) for row in fired}
    told = [entry for entry in entries if (entry.exposure_id, entry.evidence["clock"], entry.evidence["level"]) in new]
    write_timeline(session, told, actor="clock", now=now)
    return len({one.exposure_id for one in late})


def _late(session: WriteSession, clock: str, now: datetime) -> list[Late]:
    """Lock the exposures whose clock has passed a step that was not taken, in the order of ids."""
    from_at, due_at = _times(clock)
    passed, whole = (extract("epoch", span) for span in (literal(now) - from_at, due_at - from_at))
    share: ColumnElement[float] = cast(passed / func.greatest(whole, 1), Double())
    taken = select(func.array_agg(Escalation.level)).where(*_of_episode(clock)).scalar_subquery()
    rows = session.execute(
        select(Exposure.id, Exposure.incident_id, _episode(), Exposure.status, due_at, share, taken)
        .where(_running(clock), due_at.is_not(None), Exposure.inherited_from_id.is_(None))
        .where(_passed(clock, LEVELS[clock][0], now), _untaken(clock, now))
        .order_by(Exposure.id)
        .limit(AT_ONCE)
        .with_for_update(of=Exposure, key_share=True, skip_locked=True)
    )
    return [Late(i, n, e, clock, s, d, float(p), frozenset(t or ())) for i, n, e, s, d, p, t in rows]


def _times(clock: str) -> tuple[ColumnElement[datetime], ColumnElement[datetime | None]]:
    if clock == "acknowledge":
        return func.coalesce(Exposure.acknowledge_from_at, Exposure.opened_at), Exposure.acknowledge_due_at.expression
    return func.coalesce(Exposure.remediate_from_at, Exposure.opened_at), Exposure.remediate_due_at.expression


def _running(clock: str) -> ColumnElement[bool]:
    """Write the conditions of the partial indexes."""
    if clock == "acknowledge":
        return and_(Exposure.status == "open", Exposure.acknowledged_at.is_(None))
    return Exposure.status.in_(_ACTIVE)


def _passed(clock: str, level: Level, now: datetime) -> ColumnElement[bool]:
    """Tell whether a clock has passed a step. Not by its share: 10,000 divisions a minute, while nothing is due."""
    from_at, due_at = _times(clock)
    whole = func.greatest(due_at - from_at, literal(timedelta(seconds=1)))
    return literal(now) >= from_at + whole * literal(level.share, Double())


def _untaken(clock: str, now: datetime) -> ColumnElement[bool]:
    """Tell whether the highest step that is due was not taken."""
    levels = LEVELS[clock]
    cases = []
    for level, above in zip(levels, (*levels[1:], None), strict=True):
        is_highest = [_passed(clock, level, now)] + ([not_(_passed(clock, above, now))] if above else [])
        taken = select(Escalation.level).where(*_of_episode(clock), Escalation.level == level.names[-1]).exists()
        cases.append(and_(*is_highest, ~taken))
    return or_(*cases)


def _of_episode(clock: str) -> tuple[ColumnElement[bool], ...]:
    return Escalation.exposure_id == Exposure.id, Escalation.episode == _episode(), Escalation.clock == clock


def _episode() -> ColumnElement[int]:
    last = select(func.coalesce(func.max(Episode.number), 1)).where(Episode.exposure_id == Exposure.id)
    return last.correlate(Exposure).scalar_subquery()


def _row(one: Late, level: str, now: datetime, *, skipped: bool) -> dict[str, object]:
    return {
        "exposure_id": one.exposure_id,
        "episode": one.episode,
        "clock": one.clock,
        "level": level,
        "at": now,
        "due_at": one.due_at,
        "skipped": skipped,
    }


_STILL = {"acknowledge": "nobody has acknowledged it", "remediate": "it is not remediated"}


def _entry(one: Late, level: str, skipped: Sequence[str]) -> Entry:
    passed = f"{one.share:.0%} of the time until {one.due_at:%Y-%m-%d %H:%M}Z has passed"
    beside = f" ({', '.join(skipped)} skipped)" if skipped else ""
    evidence: dict[str, object] = {
        "clock": one.clock,
        "level": level,
        "due_at": one.due_at.isoformat(),
        "share": round(one.share, 3),
        "skipped": list(skipped),
    }
    reason = f"{_STILL[one.clock]}: {passed}; to {level}{beside}"
    return Entry(one.incident_id, "escalated", reason, one.exposure_id, one.status, one.status, evidence=evidence)
