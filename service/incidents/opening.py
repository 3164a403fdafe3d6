"""New incidents and exposures: one incident per vulnerability, one exposure per product, an owner always."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from service.advisories.findings import Profile, profiles
from service.db import WriteSession, any_of, insert_rows
from service.incidents.clocks import begin_clocks
from service.incidents.deciding import Decision
from service.incidents.models import Episode, Exposure, ExposureComponent, Incident
from service.incidents.ownership import Owner, owners_for
from service.incidents.priority import due
from service.incidents.rating import Rating, known_to_be_exploited, ratings
from service.incidents.redeciding import decisions_of
from service.incidents.representing import exposure_name
from service.incidents.splitting import first_entries, inheritance
from service.incidents.timeline import Entry, write_timeline


@dataclass(frozen=True)
class Opening:
    """A product found affected by a vulnerability for the first time, and by which components.

    `suspicion`: why that is no more than possible, '' where it is certain. Only what we declare opens on a suspicion.
    `inherited_from_id`: the exposure of what the product is built on, which has the work; no clocks run meanwhile.
    """

    product_id: int
    vulnerability_id: int
    component_ids: frozenset[int]
    baseline: bool
    suspicion: str = ""
    inherited_from_id: int | None = None

    @property
    def pair(self) -> tuple[int, int]:
        """Product and vulnerability."""
        return self.product_id, self.vulnerability_id


@dataclass(frozen=True)
class Beginning:
    """How an exposure begins: whose it is, since when we know, and why it is there."""

    owner: Owner
    origin: str
    opened_at: datetime
    reason: str
    manual: bool = False


def open_exposures(session: WriteSession, openings: Sequence[Opening], *, actor: str, now: datetime) -> list[int]:
    """Give every affected product its exposure; products that have one already are left alone.

    Returns:
        Ids of the exposures that are new.
    """
    if not openings:
        return []
    incidents = ensure_incidents(session, {o.vulnerability_id for o in openings}, actor=actor, now=now)
    openings = [opening for opening in openings if opening.vulnerability_id in incidents]
    if not openings:
        return []
    beginnings = _beginnings(session, openings, now)
    decided = decisions_of(session, [(incidents[o.vulnerability_id], o.product_id) for o in openings])
    rows = [
        _exposure_row(opening, incidents[opening.vulnerability_id], beginnings[opening], decided, now)
        for opening in sorted(openings, key=lambda o: (incidents[o.vulnerability_id].id, o.product_id))
    ]
    created = session.execute(
        insert_rows(Exposure, rows)
        .on_conflict_do_nothing(index_elements=["incident_id", "product_id"])
        .returning(Exposure.id, Exposure.incident_id, Exposure.product_id)
    ).all()
    ids = {(row.incident_id, row.product_id): row.id for row in created}
    placed = [
        (ids[key], opening, beginnings[opening])
        for opening in openings
        if (key := (incidents[opening.vulnerability_id].id, opening.product_id)) in ids
    ]
    _record(session, placed, incidents, actor=actor, now=now)
    return sorted(ids.values())


_FIRST_DAY = "found on the product's first SBOM"


def _beginnings(session: WriteSession, openings: Sequence[Opening], now: datetime) -> dict[Opening, Beginning]:
    """Give each exposure its owner and its first day: its own, or those of the exposure that it was part of."""
    affected = {(o.product_id, o.vulnerability_id): o.component_ids for o in openings}
    owners, inherited = owners_for(session, affected), inheritance(session, affected)
    beginnings = {}
    for opening in openings:
        own = "baseline" if opening.baseline else "new"
        reason = opening.suspicion or (_FIRST_DAY if opening.baseline else "a component in the field is affected")
        if opening.inherited_from_id is not None:
            reason = f"it came with what this is built on: {exposure_name(opening.inherited_from_id)} has the work"
        beginning = Beginning(owners[opening.product_id, opening.vulnerability_id], own, now, reason)
        if taken_over := inherited.get((opening.product_id, opening.vulnerability_id)):
            owner = Owner(taken_over.team_id, taken_over.owner_reason)
            beginning = Beginning(
                owner, taken_over.origin, taken_over.opened_at, taken_over.reason, manual=taken_over.owner_manual
            )
        beginnings[opening] = beginning
    return beginnings


def _record(
    session: WriteSession,
    placed: list[tuple[int, Opening, Beginning]],
    incidents: dict[int, Incident],
    *,
    actor: str,
    now: datetime,
) -> None:
    if not placed:
        return
    session.execute(
        insert_rows(
            Episode,
            [{"exposure_id": id_, "number": 1, "opened_at": beginning.opened_at} for id_, _, beginning in placed],
        )
    )
    confirmed = [id_ for id_, opening, _ in placed if incidents[opening.vulnerability_id].is_confirmed]
    begin_clocks(session, confirmed, now=now)
    session.execute(
        insert_rows(
            ExposureComponent,
            [
                {"exposure_id": id_, "component_id": component_id}
                for id_, opening, _ in placed
                for component_id in sorted(opening.component_ids)
            ],
        )
    )
    write_timeline(
        session,
        [
            Entry(
                incident_id=incidents[opening.vulnerability_id].id,
                exposure_id=id_,
                step="opened",
                from_status=None,
                to_status="open",
                reason=beginning.reason,
                evidence={"components": sorted(opening.component_ids)},
            )
            for id_, opening, beginning in placed
        ],
        actor=actor,
        now=now,
    )


def ensure_incidents(
    session: WriteSession, vulnerability_ids: Iterable[int], *, actor: str, now: datetime
) -> dict[int, Incident]:
    """Give each vulnerability its incident, opening those that are missing.

    A vulnerability that has just been merged into another gets none: whoever merged it looks at its products next.
    """
    wanted = sorted(set(vulnerability_ids))
    known = _incidents(session, wanted)
    missing = [v for v in wanted if v not in known]
    if not missing:
        return known
    described = profiles(session, missing)
    if not described:
        return known
    rows = [_incident_row(v, rating, now) for v, rating in sorted(ratings(session, described).items())]
    created = session.execute(
        insert_rows(Incident, rows)
        .on_conflict_do_nothing(index_elements=["vulnerability_id"])
        .returning(Incident.id, Incident.vulnerability_id)
    ).all()
    reasons = {id_: _why_so(described[v]) for id_, v in created if v is not None}
    write_timeline(session, first_entries(session, reasons), actor=actor, now=now)
    return _incidents(session, wanted)


def _why_so(profile: Profile) -> str:
    listed = known_to_be_exploited(profile.signals)
    return f"the first product is affected; {listed}" if listed else "the first product is affected"


def _incidents(session: WriteSession, vulnerability_ids: list[int]) -> dict[int, Incident]:
    rows = session.scalars(select(Incident).where(Incident.vulnerability_id == any_of(vulnerability_ids)))
    return {incident.vulnerability_id: incident for incident in rows if incident.vulnerability_id is not None}


def _incident_row(vulnerability_id: int, rating: Rating, now: datetime) -> dict[str, object]:
    return {
        **rating._asdict(),
        "vulnerability_id": vulnerability_id,
        "status": "open",
        "opened_at": now,
        "updated_at": now,
    }


def _exposure_row(
    opening: Opening,
    incident: Incident,
    beginning: Beginning,
    decided: Mapping[tuple[int, int], Decision],
    now: datetime,
) -> dict[str, object]:
    is_baseline = beginning.origin == "baseline"
    decision = decided[incident.id, opening.product_id]
    priority, inputs = decision.priority, decision.as_values()
    # Nobody could acknowledge it before it was there; how long it may stay counts from the day it was known.
    acknowledge_due_at = due(priority, baseline=is_baseline, opened_at=now, inputs=inputs).acknowledge_at
    remediate_due_at = due(priority, baseline=is_baseline, opened_at=beginning.opened_at, inputs=inputs).remediate_at
    return {
        "incident_id": incident.id,
        "product_id": opening.product_id,
        "team_id": beginning.owner.team_id,
        "owner_reason": beginning.owner.reason,
        "owner_manual": beginning.manual,
        "origin": beginning.origin,
        "status": "open",
        "presence": "unknown" if opening.suspicion else "present",
        "hold_reason": opening.suspicion or None,
        "priority": priority,
        "priority_inputs": inputs,
        "opened_at": beginning.opened_at,
        "updated_at": now,
        "acknowledge_from_at": now,
        "acknowledge_due_at": None if opening.inherited_from_id else acknowledge_due_at,
        "remediate_from_at": beginning.opened_at,
        "remediate_due_at": None if opening.inherited_from_id else remediate_due_at,
        "inherited_from_id": opening.inherited_from_id,
    }
