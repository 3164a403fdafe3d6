"""Two vulnerabilities turn out to be one: their incidents follow. The oldest id survives; nothing is lost."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Select, select
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import aliased

from service.advisories.models import Vulnerability
from service.db import ReadSession, WriteSession, any_of, arrays
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.incidents.presence import ENDED_BY_PROOF, REOPENED_BY_MATCH
from service.incidents.representing import exposure_name, incident_name
from service.incidents.stepping import begin_episodes, end_episodes
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
    """Hand exposures over where the older incident has none for the product; end the others as merged.

    What had ended in the older one, and goes on in the younger, goes on in the older one as it is.
    """
    moving = list(session.scalars(select(Exposure).where(Exposure.incident_id == younger.id).order_by(Exposure.id)))
    products = any_of(exposure.product_id for exposure in moving)
    standing = select(Exposure).where(Exposure.incident_id == older.id, Exposure.product_id == products)
    kept = {exposure.product_id: exposure for exposure in session.scalars(standing)}
    reason = f"{incident_name(younger.id)} merged into {incident_name(older.id)}"
    entries, carried_on = [], []
    for exposure in moving:
        before, stays = exposure.status, kept.get(exposure.product_id)
        if stays is None:
            exposure.incident_id = older.id
        else:
            if stays.status in REOPENED_BY_MATCH and before not in (*REOPENED_BY_MATCH, "merged"):
                entries.append(_carry_on(stays, exposure, now))
                carried_on.append(stays)
            exposure.status, exposure.ended_at = "merged", now
        exposure.version += 1
        exposure.updated_at = now
        step = "moved" if stays is None else "merged"
        entries.append(Entry(exposure.incident_id, step, reason, exposure.id, before, exposure.status))
    _remember_components(
        session, {exposure.id: kept[p].id for exposure in moving if (p := exposure.product_id) in kept}
    )
    begin_episodes(session, [exposure for exposure in carried_on if exposure.status in ENDED_BY_PROOF], now)
    return entries


#: What an exposure takes over from another whose work it carries on.
_CARRIED_ON = (
    "team_id", "owner_reason", "owner_manual", "status", "presence", "hold_reason", "assessment", "priority",
    "acknowledged_at", "acknowledge_due_at", "remediate_due_at", "expires_at", "ended_at",
)  # fmt: skip


def _carry_on(stays: Exposure, moving: Exposure, now: datetime) -> Entry:
    before = stays.status
    for name in _CARRIED_ON:
        setattr(stays, name, getattr(moving, name))
    stays.version += 1
    stays.updated_at = now
    stays.reopen_count += 1
    reason = f"carries on {exposure_name(moving.id)}"
    return Entry(stays.incident_id, "reopened", reason, stays.id, before, stays.status)


def _remember_components(session: WriteSession, merged: Mapping[int, int]) -> None:
    """Let the exposures that stay know what made the merged ones affected, or none of it would ever hold them."""
    if not merged:
        return
    pairs = arrays(old=(BigInteger(), list(merged)), new=(BigInteger(), list(merged.values())))
    known = select(pairs.c.new, ExposureComponent.component_id).join(
        ExposureComponent, ExposureComponent.exposure_id == pairs.c.old
    )
    session.execute(
        pg.insert(ExposureComponent)
        .from_select(["exposure_id", "component_id"], known.distinct())
        .on_conflict_do_nothing()
    )
