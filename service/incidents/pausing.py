"""Pauses of remediation: begun by people with a reason, ended by them or by themselves, and never longer than allowed.

Acknowledgement never pauses. An exposure has one pause at a time; the rows stay, whatever becomes of its priority.
A regression is a new episode with new limits.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from service.access.roles import Actor
from service.db import ReadSession, WriteSession, any_of
from service.errors import Conflict, Refused, Unreadable
from service.incidents.clock_models import Pause
from service.incidents.models import Episode, Exposure
from service.incidents.occurrences import of_exposures
from service.incidents.pauses import LIMITS, Interval, Running, time_left
from service.incidents.presence import ACTIVE
from service.incidents.representing import exposure_name
from service.incidents.timeline import Entry, write_timeline


class PauseRefused(Refused):
    """Remediation cannot be paused, or not for this."""

    slug = "pause-refused"


class NotPaused(Conflict):
    """Nothing is paused."""

    slug = "not-paused"


def episodes_of(session: ReadSession, exposure_ids: Iterable[int]) -> dict[int, int]:
    """Give the number of each exposure's last episode."""
    rows = (
        select(Episode.exposure_id, func.max(Episode.number))
        .where(Episode.exposure_id == any_of(exposure_ids))
        .group_by(Episode.exposure_id)
    )
    return dict(session.execute(rows).all())


def running_pauses(session: ReadSession, exposure_ids: Iterable[int]) -> dict[int, Pause]:
    """Give the pauses that run, by exposure."""
    rows = session.scalars(select(Pause).where(Pause.exposure_id == any_of(exposure_ids), Pause.until_at.is_(None)))
    return {pause.exposure_id: pause for pause in rows}


def pauses_of(session: ReadSession, exposure_ids: Iterable[int]) -> dict[int, list[Pause]]:
    """Give all pauses of exposures, in order."""
    rows = session.scalars(select(Pause).where(Pause.exposure_id == any_of(exposure_ids)).order_by(Pause.id))
    pauses = defaultdict(list)
    for pause in rows:
        pauses[pause.exposure_id].append(pause)
    return pauses


def pause(
    session: WriteSession,
    exposure: Exposure,
    kind: str,
    *,
    reason: str,
    until: datetime | None,
    actor: Actor,
    now: datetime,
) -> Exposure:
    """Stop the remediation clock for a while. The session holds the exposure's lock, and the actor may act on it.

    Args:
        session: Open for writing.
        exposure: Active, with a due date ahead.
        kind: ``awaiting_upstream`` while no fixed version is known, or ``awaiting_decision``.
        reason: What is awaited, from whom.
        until: The latest end; None = as long as is left.
        actor: Stands in the timeline.
        now: Aware UTC.

    Raises:
        PauseRefused: It runs already, has ended, is due, is Act, a fix is known, or no time is left.
        Unreadable: There is no reason, no such kind, or `until` is not ahead.
    """
    _check(session, exposure, kind, reason, now)
    episode = episodes_of(session, [exposure.id])[exposure.id]
    taken = [
        Interval(one.from_at, one.until_at)
        for one in pauses_of(session, [exposure.id])[exposure.id]
        if one.episode == episode and one.kind == kind and one.until_at is not None
    ]
    left = time_left(kind, taken)
    if not left:
        raise PauseRefused(f"{exposure_name(exposure.id)} was {_words(kind)} for {LIMITS[kind].days} days already.")
    if until is not None and until <= now:
        raise Unreadable("A pause ends in the future: until lies behind.")
    ends_by = min(until or now + left, now + left)
    session.add(
        Pause(
            exposure_id=exposure.id,
            episode=episode,
            kind=kind,
            reason=reason.strip(),
            made_by=actor.name,
            from_at=now,
            ends_by=ends_by,
        )
    )
    _move(exposure, ends_by - now, now)
    session.flush()  # the timeline's change carries the exposure as it is now
    said = f"{_words(kind)} until {ends_by:%Y-%m-%d %H:%M}Z at most: {reason.strip()}"
    write_timeline(session, [_entry(exposure, "paused", said, kind, ends_by)], actor=actor.name, now=now)
    return exposure


def resume(session: WriteSession, exposure: Exposure, *, reason: str, actor: Actor, now: datetime) -> Exposure:
    """Let the remediation clock run on.

    Raises:
        NotPaused: It runs.
    """
    running = running_pauses(session, [exposure.id]).get(exposure.id)
    if running is None:
        raise NotPaused(f"{exposure_name(exposure.id)} is not paused.")
    entry = end_pause(exposure, running, reason.strip() or f"{actor.name} resumed it", now=now)
    session.flush()  # the timeline's change carries the exposure as it is now
    write_timeline(session, [entry], actor=actor.name, now=now)
    return exposure


def end_pause(exposure: Exposure, running: Pause, because: str, *, now: datetime) -> Entry:
    """End a pause, at its limit if that has passed, and take back what it did not use. Gives the step to write down."""
    at = min(now, running.ends_by)
    running.until_at, running.ended_because = at, because
    _move(exposure, at - running.ends_by, now)
    return _entry(exposure, "resumed", because, running.kind, at)


def end_pauses(session: WriteSession, exposures: Sequence[Exposure], because: str, *, now: datetime) -> list[Entry]:
    """End the pauses of exposures that are about to be joined; gives the steps to write down."""
    running = running_pauses(session, [exposure.id for exposure in exposures])
    return [end_pause(one, running[one.id], because, now=now) for one in exposures if one.id in running]


def end_pauses_of_act(exposures: Sequence[Exposure], running: Mapping[int, Pause], *, now: datetime) -> list[Entry]:
    """End the wait for upstream of what has become Act: it is contained by other means."""
    return [
        end_pause(exposure, running[exposure.id], "what needs action now does not wait for upstream", now=now)
        for exposure in exposures
        if exposure.priority == "act" and exposure.id in running and running[exposure.id].kind == "awaiting_upstream"
    ]


def end_due_pauses(session: WriteSession, *, now: datetime) -> int:
    """End pauses whose time is over, whose exposure has ended, or that wait for a fix that is there. Gives how many.

    Pauses whose exposure somebody is acting on are left to the next minute.
    """
    rows = session.execute(
        select(Pause, Exposure)
        .join(Exposure, Exposure.id == Pause.exposure_id)
        .where(Pause.until_at.is_(None))
        .order_by(Exposure.id)
        .with_for_update(of=Exposure, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    if not rows:
        return 0
    ids = [exposure.id for _, exposure in rows]
    episodes, waiting = episodes_of(session, ids), [p.exposure_id for p, _ in rows if p.kind == "awaiting_upstream"]
    fixed = fix_is_known(session, waiting) if waiting else set()
    entries = []
    for running, exposure in rows:
        if running.episode != episodes.get(exposure.id, running.episode):
            # The clocks of a later episode never heard of it.
            running.until_at, running.ended_because = min(now, running.ends_by), "its episode has ended"
        elif because := _over(running, exposure, fixed, now):
            entries.append(end_pause(exposure, running, because, now=exposure.ended_at or now))
    session.flush()  # the timeline's changes carry the exposures as they are now
    write_timeline(session, entries, actor="clock", now=now)
    return len(entries)


def _over(running: Pause, exposure: Exposure, fixed: set[int], now: datetime) -> str:
    """Say why a pause is over; '' where it is not."""
    if exposure.status not in ACTIVE:
        return f"it is {exposure.status.replace('_', ' ')}"
    if running.ends_by <= now:
        return f"the time for {_words(running.kind)} is over"
    return "a fixed version is known" if exposure.id in fixed and running.kind == "awaiting_upstream" else ""


def fix_is_known(session: ReadSession, exposure_ids: Iterable[int]) -> set[int]:
    """Tell in which exposures a fixed version is known for everything that is affected."""
    found = of_exposures(session, exposure_ids).items()
    return {id_ for id_, occurrences in found if occurrences and all(one.fixes.nearest for one in occurrences)}


def _check(session: ReadSession, exposure: Exposure, kind: str, reason: str, now: datetime) -> None:
    name = exposure_name(exposure.id)
    if kind not in LIMITS:
        raise Unreadable(f"A pause is one of {', '.join(LIMITS)}.")
    if not reason.strip():
        raise Unreadable("A pause needs a reason: what is awaited, and from whom.")
    if exposure.status not in ACTIVE:
        raise PauseRefused(f"{name} is {exposure.status}: no clock runs that could be paused.")
    if exposure.remediate_due_at is None or exposure.remediate_due_at <= now:
        raise PauseRefused(f"{name} is due already; the CERT may extend it, with a reason.")
    if running_pauses(session, [exposure.id]):
        raise PauseRefused(f"{name} is paused already; resume it first.")
    if kind == "awaiting_upstream" and exposure.priority == "act":
        raise PauseRefused("What needs action now does not wait for upstream: contain it by other means.")
    if kind == "awaiting_upstream" and fix_is_known(session, [exposure.id]):
        raise PauseRefused("A fixed version is known for all that is affected, so there is nothing to wait for.")


def _move(exposure: Exposure, by: timedelta, now: datetime) -> None:
    if exposure.remediate_due_at is not None:
        clock = Running(exposure.remediate_from_at or exposure.opened_at, exposure.remediate_due_at).moved(by)
        exposure.remediate_from_at, exposure.remediate_due_at = clock
    exposure.version += 1
    exposure.updated_at = now


def _entry(exposure: Exposure, step: str, reason: str, kind: str, until: datetime) -> Entry:
    due_at = exposure.remediate_due_at.isoformat() if exposure.remediate_due_at else None
    evidence: dict[str, object] = {"pause": kind, "until": until.isoformat(), "remediate_due_at": due_at}
    return Entry(exposure.incident_id, step, reason, exposure.id, exposure.status, exposure.status, evidence=evidence)


def _words(kind: str) -> str:
    return kind.replace("_", " ")
