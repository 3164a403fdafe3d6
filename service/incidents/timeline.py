"""Every step, written down once: the timeline, the incident's own status that follows, and the feed of changes.

All that happens to incidents and exposures passes through `write_timeline`, so no integration can miss a step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, case, func, literal, not_, or_, select, update

from service.changes.writing import NewChange, record_changes
from service.db import WriteSession, any_of, insert_rows
from service.incidents.decisions import end_decisions
from service.incidents.models import Exposure, Incident, Transition
from service.incidents.presence import ACTIVE
from service.incidents.priority import PRIORITIES
from service.incidents.proposals import end_proposals
from service.incidents.representing import exposures_as_values, incidents_as_values
from service.incidents.tombstones import changes_of_sight

_RANKS = {name: rank for rank, name in enumerate(PRIORITIES)}


@dataclass(frozen=True)
class Entry:
    """One step of an exposure, or of an incident (`exposure_id` None)."""

    incident_id: int
    step: str
    reason: str
    exposure_id: int | None = None
    from_status: str | None = None
    to_status: str | None = None
    justification: str | None = None
    expires_at: datetime | None = None
    evidence: dict[str, object] = field(default_factory=dict)


def write_timeline(session: WriteSession, entries: Sequence[Entry], *, actor: str, now: datetime) -> None:
    """Add steps to the timeline and let incidents and integrations know. The exposures are as they shall be."""
    if not entries:
        return
    entries = [*entries, *_let_go(session, entries, actor, now)]
    session.execute(insert_rows(Transition, [_row(entry, actor, now) for entry in entries]))
    incident_ids = {entry.incident_id for entry in entries}
    _refresh_incidents(session, incident_ids, now, reopened=_reopened(entries))
    exposure_ids = {entry.exposure_id for entry in entries if entry.exposure_id is not None}
    exposures = exposures_as_values(session, exposure_ids, now=now)
    incidents = incidents_as_values(session, incident_ids)
    sight = changes_of_sight(session, entries, exposures, incidents, now=now)
    record_changes(session, *(_change(entry, exposures, incidents, now) for entry in entries), *sight)


#: Steps of the machine that change what the inventory says.
_PRESENCE = frozenset({"seen", "held"})


def _let_go(session: WriteSession, entries: Sequence[Entry], actor: str, now: datetime) -> list[Entry]:
    """End the decisions of exposures that go on to another status, and the proposals about what is no longer so."""
    moves = {
        entry.exposure_id: entry
        for entry in entries
        if entry.exposure_id is not None and entry.from_status is not None
        if entry.from_status != entry.to_status or entry.step in _PRESENCE
    }
    if not moves:
        return []
    gone_on = {id_: (entry.to_status or "", entry.reason or entry.step) for id_, entry in moves.items()}
    end_decisions(session, gone_on, now=now)
    lapsed = end_proposals(session, moves, "lapsed", actor=actor, now=now)
    if lapsed:
        session.execute(
            update(Exposure).where(Exposure.id == any_of(lapsed)).values(version=Exposure.version + 1),
            execution_options={"synchronize_session": "fetch"},
        )
    return [_lapsed(moves[id_], proposed) for id_, proposed in sorted(lapsed.items())]


def _lapsed(move: Entry, proposed: str) -> Entry:
    reason = f"{proposed} was proposed before that, and nobody has approved it"
    return Entry(move.incident_id, "lapsed", reason, move.exposure_id, move.to_status, move.to_status)


def _row(entry: Entry, actor: str, now: datetime) -> dict[str, object]:
    return {
        "incident_id": entry.incident_id,
        "exposure_id": entry.exposure_id,
        "at": now,
        "actor": actor,
        "step": entry.step,
        "from_status": entry.from_status,
        "to_status": entry.to_status,
        "reason": entry.reason,
        "justification": entry.justification,
        "expires_at": entry.expires_at,
        "evidence": entry.evidence,
    }


def _change(
    entry: Entry, exposures: dict[int, dict[str, object]], incidents: dict[int, dict[str, object]], now: datetime
) -> NewChange:
    incident = incidents[entry.incident_id]
    if entry.exposure_id is None:
        return NewChange(type=f"incident.{entry.step}", at=now, incident=str(incident["id"]), data=incident)
    exposure = exposures[entry.exposure_id]
    owner = exposure["owner"]
    return NewChange(
        type=f"exposure.{entry.step}",
        at=now,
        incident=str(incident["id"]),
        exposure=str(exposure["id"]),
        product=str(exposure["product"]),
        team=str(owner["team"]) if isinstance(owner, dict) else None,
        data=exposure,
    )


def _reopened(entries: Iterable[Entry]) -> list[int]:
    """Give the incidents that a closure does not cover any more: an exposure of them opened, or came from another."""
    return sorted(
        {
            entry.incident_id
            for entry in entries
            if entry.exposure_id is not None and entry.to_status in ACTIVE
            if entry.from_status not in ACTIVE or entry.step == "moved"
        }
    )


def _refresh_incidents(
    session: WriteSession, incident_ids: Iterable[int], now: datetime, *, reopened: Sequence[int]
) -> None:
    """Work out the status of incidents from their exposures: open, contained, resolved, withdrawn.

    What was closed stays closed, in spite of what two people have agreed to leave, until it is *reopened*.
    """
    wanted = any_of(sorted(incident_ids))
    # Uploads of different products share incidents: locked in id order, they queue up instead of deadlocking.
    session.execute(
        select(Incident.id).where(Incident.id == wanted).order_by(Incident.id).with_for_update(key_share=True)
    )
    active = Exposure.status.in_(sorted(ACTIVE))
    handled = Exposure.status.in_(["in_progress", "fix_claimed"])
    derived = (
        select(
            Exposure.incident_id,
            case(
                (func.bool_or(and_(active, ~handled)), "open"),
                (func.bool_or(active), "contained"),
                (func.bool_and(Exposure.status == "withdrawn"), "withdrawn"),
                else_="resolved",
            ).label("status"),
            func.min(case(_RANKS, value=Exposure.priority)).filter(active).label("rank"),
        )
        .where(Exposure.incident_id == wanted, Exposure.status != "merged")
        .group_by(Exposure.incident_id)
        .subquery()
    )
    worst = case(dict(enumerate(PRIORITIES)), value=derived.c.rank)
    settled = or_(Incident.status == "merged", and_(Incident.status == "closed", not_(Incident.id == any_of(reopened))))
    session.execute(
        update(Incident)
        .where(Incident.id == derived.c.incident_id)
        .values(
            status=case((settled, Incident.status), else_=derived.c.status),
            # The worst of its active exposures; where there are none, what it is whatever the product.
            priority=func.coalesce(worst, Incident.priority_facts["alone"].astext, Incident.priority),
            updated_at=literal(now),
            version=Incident.version + 1,
        ),
        execution_options={"synchronize_session": "fetch"},
    )
