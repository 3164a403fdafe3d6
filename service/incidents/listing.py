"""Incidents and exposures in lists. A page costs as many statements as a row.

Lists of incidents run from the newest id to the oldest: ids never change, so that nothing moves between two pages
while somebody reads on. Whoever wants only what changed says since when.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select

from service.db import ReadSession, any_of
from service.errors import NotFound
from service.incidents.models import Exposure, Incident
from service.incidents.occurrences import of_exposures
from service.incidents.proposals import is_waiting
from service.incidents.representing import exposures_as_values, incident_name, incidents_as_values, number_of

Values = dict[str, object]


@dataclass(frozen=True)
class Wanted:
    """Which incidents: empty and None mean any. Team and product have to meet in one exposure."""

    statuses: Collection[str] = ()
    priorities: Collection[str] = ()
    severities: Collection[str] = ()
    team_id: int | None = None
    product_id: int | None = None
    updated_after: datetime | None = None
    known_exploited: bool | None = None


def list_incidents(
    session: ReadSession, wanted: Wanted, *, before: int | None = None, limit: int = 50
) -> list[tuple[int, Values]]:
    """List incidents, the newest first, each with the number of its exposures by status: (id, values)."""
    rows = select(Incident.id).where(*_conditions(wanted)).order_by(Incident.id.desc()).limit(limit)
    if before is not None:
        rows = rows.where(Incident.id < before)
    ids = list(session.scalars(rows))
    values, counts = incidents_as_values(session, ids), _exposure_counts(session, ids)
    return [(id_, {**values[id_], "exposure_counts": counts.get(id_, {})}) for id_ in ids]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        column.in_(sorted(values))
        for column, values in (
            (Incident.status, wanted.statuses),
            (Incident.priority, wanted.priorities),
            (Incident.severity, wanted.severities),
        )
        if values
    ]
    if wanted.updated_after is not None:
        conditions.append(Incident.updated_at > wanted.updated_after)
    if wanted.known_exploited is not None:
        conditions.append(Incident.known_exploited.is_not(None) == wanted.known_exploited)
    concerned = [
        column == value
        for column, value in ((Exposure.team_id, wanted.team_id), (Exposure.product_id, wanted.product_id))
        if value is not None
    ]
    if concerned:
        conditions.append(exists().where(Exposure.incident_id == Incident.id, Exposure.status != "merged", *concerned))
    return conditions


def _exposure_counts(session: ReadSession, incident_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    rows = session.execute(
        select(Exposure.incident_id, Exposure.status, func.count())
        .where(Exposure.incident_id == any_of(incident_ids))
        .group_by(Exposure.incident_id, Exposure.status)
        .order_by(Exposure.incident_id, Exposure.status)
    )
    counts: dict[int, dict[str, int]] = {}
    for incident_id, status, count in rows:
        counts.setdefault(incident_id, {})[status] = count
    return counts


def find_incident(session: ReadSession, name: str) -> Incident:
    """Give an incident by its readable id (`INC-7`)."""
    incident = session.get(Incident, number_of(name, "INC"))
    if incident is None:
        raise NotFound(f"There is no incident {name}.")
    return incident


def incident_values(session: ReadSession, incident_id: int) -> Values:
    """Give one incident, with the number of its exposures by status."""
    counts = _exposure_counts(session, [incident_id])
    return {**incidents_as_values(session, [incident_id])[incident_id], "exposure_counts": counts.get(incident_id, {})}


def incidents_about(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, str]:
    """Give the readable ids of the incidents that some vulnerabilities have, by vulnerability."""
    rows = session.execute(
        select(Incident.vulnerability_id, Incident.id).where(Incident.vulnerability_id == any_of(vulnerability_ids))
    )
    return {row[0]: incident_name(row[1]) for row in rows if row[0] is not None}


# --- exposures -------------------------------------------------------------------------------------------------------


def list_exposures(
    session: ReadSession,
    *,
    incident_id: int | None = None,
    team_id: int | None = None,
    product_id: int | None = None,
    statuses: Collection[str] = (),
    proposed: bool | None = None,
    after: int = 0,
    limit: int = 50,
    now: datetime | None = None,
) -> list[tuple[int, Values]]:
    """List exposures in the order they were opened: (id, values with occurrences).

    *proposed*: only those of which something waits for a second person, or only the others.
    """
    rows = select(Exposure.id).where(Exposure.id > after).order_by(Exposure.id).limit(limit)
    columns = (
        (Exposure.incident_id, incident_id),
        (Exposure.team_id, team_id),
        (Exposure.product_id, product_id),
    )
    rows = rows.where(*(column == value for column, value in columns if value is not None))
    if statuses:
        rows = rows.where(Exposure.status.in_(sorted(statuses)))
    if proposed is not None:
        rows = rows.where(is_waiting() == proposed)
    ids = list(session.scalars(rows))
    return list(zip(ids, exposures_in_full(session, ids, now=now), strict=True))


def exposures_in_full(
    session: ReadSession, exposure_ids: Sequence[int], *, now: datetime | None = None
) -> list[Values]:
    """Give exposures in the order of their ids given, with their occurrences in the field; *now* says what is late."""
    values, occurrences = exposures_as_values(session, exposure_ids, now=now), of_exposures(session, exposure_ids)
    return [{**values[id_], "occurrences": [o.as_values() for o in occurrences.get(id_, [])]} for id_ in exposure_ids]
