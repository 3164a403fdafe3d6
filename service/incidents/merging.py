"""Two vulnerabilities turn out to be one: their incidents follow. The oldest id survives; nothing is lost."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from service.advisories.models import Vulnerability
from service.db import ReadSession, WriteSession, any_of
from service.incidents.embargo import take_from_sight
from service.incidents.handing import hand_over, resume_episodes
from service.incidents.joining import Clock, Work, joined
from service.incidents.models import Exposure, Incident
from service.incidents.pausing import end_pauses
from service.incidents.representing import exposure_name, incident_name
from service.incidents.stepping import end_episodes
from service.incidents.timeline import Entry, write_timeline


def awaits_merging(session: ReadSession) -> bool:
    """Tell whether some vulnerability was merged into another, and its incident has yet to follow."""
    return session.execute(_awaiting().limit(1)).first() is not None


def merge_incidents(session: WriteSession, *, actor: str, now: datetime) -> int:
    """Merge the incidents of vulnerabilities that were merged; gives how many there were. Idempotent."""
    rows = session.execute(_awaiting().order_by(Incident.id)).all()
    _lock_exposures(session, {id_ for _, *both in rows for id_ in both})
    for incident_id, _, survivor_id in rows:
        _merge(session, session.get_one(Incident, incident_id), survivor_id, actor=actor, now=now)
    return len(rows)


def _awaiting() -> Select[int, int, int]:
    # One step leads to the survivor: `grouping` lets whoever was merged into a loser follow it.
    survivor = aliased(Vulnerability)
    return (
        select(Incident.id, Vulnerability.id, survivor.id)
        .join(Vulnerability, Vulnerability.id == Incident.vulnerability_id)
        .join(survivor, survivor.id == Vulnerability.merged_into_id)
        .where(Incident.status != "merged")
    )


def _lock_exposures(session: WriteSession, vulnerability_ids: set[int]) -> None:
    """Let nobody decide about an exposure that is about to move. Before incidents, as everybody else locks them."""
    session.execute(
        select(Exposure.id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Incident.vulnerability_id == any_of(vulnerability_ids))
        .order_by(Exposure.id)
        .with_for_update(of=Exposure)
    )


def _merge(session: WriteSession, incident: Incident, vulnerability_id: int, *, actor: str, now: datetime) -> None:
    survivor = session.scalar(select(Incident).where(Incident.vulnerability_id == vulnerability_id))
    if survivor is None:
        incident.vulnerability_id = vulnerability_id
        session.flush()  # the change carries the new name
        reason = "its vulnerability turned out to be another's alias"
        write_timeline(session, [Entry(incident.id, "renamed", reason)], actor=actor, now=now)
        return
    older, younger = sorted((incident, survivor), key=lambda i: i.id)
    older.vulnerability_id, younger.vulnerability_id = None, None
    session.flush()  # the unique vulnerability must be free before the older incident takes it
    older.vulnerability_id = vulnerability_id
    younger.status, younger.merged_into_id = "merged", older.id
    was_seen, is_secret = not older.restricted, older.restricted or younger.restricted
    older.restricted = is_secret  # what is under embargo stays so until it is lifted
    moved = _move_exposures(session, younger, older, now)
    entries = [
        Entry(younger.id, "merged", f"the same vulnerability as {incident_name(older.id)}", to_status="merged"),
        Entry(older.id, "joined", f"{incident_name(younger.id)} is the same vulnerability"),
        *moved,
    ]
    session.flush()  # the timeline's changes carry incidents and exposures as they are now
    end_episodes(session, [entry.exposure_id for entry in moved if entry.step == "merged" and entry.exposure_id], now)
    write_timeline(session, entries, actor=actor, now=now)
    if was_seen and is_secret:
        session.refresh(older)
        take_from_sight(session, older, now=now)


def _move_exposures(session: WriteSession, younger: Incident, older: Incident, now: datetime) -> list[Entry]:
    """Hand exposures over where the older incident has none for the product; join the others with those it has."""
    standing = Exposure.status != "merged"  # what merged before stays where it was, and points on
    moving = list(session.scalars(_of(younger).where(standing)))
    products = any_of(exposure.product_id for exposure in moving)
    kept = {e.product_id: e for e in session.scalars(_of(older).where(Exposure.product_id == products))}
    pairs = [(exposure, kept[exposure.product_id]) for exposure in moving if exposure.product_id in kept]
    reason = f"{incident_name(younger.id)} merged into {incident_name(older.id)}"
    # What a pause has not used yet belongs to neither of the due dates that are about to be compared.
    entries = end_pauses(session, [exposure for pair in pairs for exposure in pair], reason, now=now)
    entries += [entry for goes, stays in pairs for entry in _join(goes, stays, reason, now)]
    for exposure in moving:
        if exposure.product_id not in kept:
            exposure.incident_id = older.id
            _touch(exposure, now)
            entries.append(Entry(older.id, "moved", reason, exposure.id, exposure.status, exposure.status))
    going_on = {goes.id: stays.id for goes, stays in pairs}
    hand_over(session, going_on, now=now)
    resumed = {entry.exposure_id for entry in entries if entry.step == "reopened"}
    session.flush()  # episodes follow from what exposures are now
    resume_episodes(session, {goes.id: stays.id for goes, stays in pairs if stays.id in resumed})
    return entries


def _of(incident: Incident) -> Select[Exposure]:
    return select(Exposure).where(Exposure.incident_id == incident.id).order_by(Exposure.id)


def _join(goes: Exposure, stays: Exposure, reason: str, now: datetime) -> list[Entry]:
    """Let one exposure go on for both, and the other end."""
    before, both = stays.status, joined(_work(stays), _work(goes))
    had_ended = stays.ended_at is not None
    changed = both != _work(stays)
    _set(stays, both)
    merged = Entry(
        goes.incident_id, "merged", reason, goes.id, goes.status, "merged", evidence={"into": exposure_name(stays.id)}
    )
    goes.status, goes.ended_at, goes.merged_into_id, goes.inherited_from_id = "merged", now, stays.id, None
    _touch(goes, now)
    if not changed:
        return [merged]
    _touch(stays, now)
    goes_on = had_ended and stays.ended_at is None
    stays.reopen_count += goes_on
    why = f"{'carries on' if goes_on else 'joined with'} {exposure_name(goes.id)}"
    return [merged, Entry(stays.incident_id, "reopened" if goes_on else "joined", why, stays.id, before, stays.status)]


def _touch(exposure: Exposure, now: datetime) -> None:
    exposure.version += 1
    exposure.updated_at = now


#: What `Work` calls as exposures do.
_ALIKE = tuple(name for name in Work._fields if name not in ("acknowledge", "remediate"))


def _work(exposure: Exposure) -> Work:
    acknowledge = Clock(due, exposure.acknowledge_from_at) if (due := exposure.acknowledge_due_at) else None
    remediate = Clock(due, exposure.remediate_from_at) if (due := exposure.remediate_due_at) else None
    alike = {name: getattr(exposure, name) for name in _ALIKE}
    return Work(acknowledge=acknowledge, remediate=remediate, **alike)


def _set(exposure: Exposure, work: Work) -> None:
    for name in _ALIKE:
        setattr(exposure, name, getattr(work, name))
    exposure.assessment = work.assessment
    exposure.acknowledge_due_at, exposure.acknowledge_from_at = work.acknowledge or (None, None)
    exposure.remediate_due_at, exposure.remediate_from_at = work.remediate or (None, None)
