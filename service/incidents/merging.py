"""Two vulnerabilities turn out to be one: their incidents follow. The oldest id survives; nothing is lost."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from service.advisories.models import Vulnerability
from service.db import ReadSession, WriteSession, any_of
from service.incidents.models import Exposure, Incident
from service.incidents.representing import incident_name
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
    moved = _move_exposures(session, younger, older, now)
    entries = [
        Entry(younger.id, "merged", f"the same vulnerability as {incident_name(older.id)}", to_status="merged"),
        Entry(older.id, "joined", f"{incident_name(younger.id)} is the same vulnerability"),
        *moved,
    ]
    session.flush()  # the timeline's changes carry incidents and exposures as they are now
    end_episodes(session, [entry.exposure_id for entry in moved if entry.step == "merged" and entry.exposure_id], now)
    write_timeline(session, entries, actor=actor, now=now)


def _move_exposures(session: WriteSession, younger: Incident, older: Incident, now: datetime) -> list[Entry]:
    """Hand exposures over where the older incident has none for the product; end the others as merged."""
    moving = list(session.scalars(select(Exposure).where(Exposure.incident_id == younger.id).order_by(Exposure.id)))
    taken = set(
        session.scalars(
            select(Exposure.product_id).where(
                Exposure.incident_id == older.id, Exposure.product_id == any_of(e.product_id for e in moving)
            )
        )
    )
    entries = []
    for exposure in moving:
        before = exposure.status
        exposure.version += 1
        exposure.updated_at = now
        if exposure.product_id in taken:
            exposure.status, exposure.ended_at = "merged", now
        else:
            exposure.incident_id = older.id
        entries.append(
            Entry(
                incident_id=exposure.incident_id,
                exposure_id=exposure.id,
                step="merged" if exposure.product_id in taken else "moved",
                from_status=before,
                to_status=exposure.status,
                reason=f"{incident_name(younger.id)} merged into {incident_name(older.id)}",
            )
        )
    return entries
