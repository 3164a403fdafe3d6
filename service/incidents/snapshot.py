"""All incidents and exposures as they are now, page by page, in the shapes of the feed: where an integration begins.

Incidents come first, then exposures, each in the order of their ids. What changes while somebody reads on is in the
feed after the number that was read before the first page, so that nothing is lost between the two.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Select, select

from service.db import ReadSession
from service.incidents.models import Exposure, Incident
from service.incidents.representing import exposures_as_values, incidents_as_values

Kind = Literal["incident", "exposure"]


@dataclass(frozen=True)
class Place:
    """The last row given: of which kind, and its id."""

    kind: Kind = "incident"
    after: int = 0


@dataclass(frozen=True)
class Part:
    """Some of it; `following` None: that was all."""

    items: list[tuple[Kind, dict[str, object]]]
    following: Place | None


def part_of_snapshot(
    session: ReadSession,
    place: Place,
    *,
    limit: int,
    now: datetime,
    team_id: int | None = None,
    product_id: int | None = None,
) -> Part:
    """Give the next rows after a place, of one team or product or all."""
    if place.kind == "exposure":
        return _exposures(session, place.after, limit, now, team_id, product_id)
    rows = select(Incident.id).where(Incident.id > place.after).order_by(Incident.id).limit(limit + 1)
    if team_id is not None or product_id is not None:
        concerned = select(Exposure.id).where(Exposure.incident_id == Incident.id)
        rows = rows.where(_of(concerned, team_id, product_id).exists())
    ids = list(session.scalars(rows))
    values = incidents_as_values(session, ids[:limit])
    items: list[tuple[Kind, dict[str, object]]] = [("incident", values[id_]) for id_ in ids[:limit]]
    return Part(items, Place("incident", ids[limit - 1]) if len(ids) > limit else Place("exposure"))


def _exposures(
    session: ReadSession, after: int, limit: int, now: datetime, team_id: int | None, product_id: int | None
) -> Part:
    rows = select(Exposure.id).where(Exposure.id > after).order_by(Exposure.id).limit(limit + 1)
    ids = list(session.scalars(_of(rows, team_id, product_id)))
    values = exposures_as_values(session, ids[:limit], now=now)
    items: list[tuple[Kind, dict[str, object]]] = [("exposure", values[id_]) for id_ in ids[:limit]]
    return Part(items, Place("exposure", ids[limit - 1]) if len(ids) > limit else None)


def _of(rows: Select[int], team_id: int | None, product_id: int | None) -> Select[int]:
    if team_id is not None:
        rows = rows.where(Exposure.team_id == team_id)
    return rows if product_id is None else rows.where(Exposure.product_id == product_id)
