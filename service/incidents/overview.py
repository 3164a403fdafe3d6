"""Incidents at a glance: how many products, who has not looked yet, which clocks have run out."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select

from service.db import ReadSession, any_of
from service.incidents.models import Exposure
from service.incidents.presence import ACTIVE
from service.incidents.representing import incident_name

#: Statuses in which an incident still asks for work, and those in which it does not.
LIVE = ("open", "contained")
ENDED = ("resolved", "closed", "withdrawn")


class Tally(NamedTuple):
    """An incident's exposures, counted: all, with work left, over a deadline; and the oldest nobody looked at."""

    products: int
    active: int
    overdue: int
    unacknowledged_since: datetime | None


def tallies(session: ReadSession, incident_ids: Iterable[int], *, now: datetime) -> dict[str, Tally]:
    """Count the exposures of incidents, by the incidents' readable ids; those without any are left out."""
    active = Exposure.status.in_(sorted(ACTIVE))
    waiting = Exposure.status == "open"
    late = or_(and_(waiting, Exposure.acknowledge_due_at < now), Exposure.remediate_due_at < now)
    rows = session.execute(
        select(
            Exposure.incident_id,
            func.count(),
            func.count().filter(active),
            func.count().filter(active, late),
            func.min(Exposure.opened_at).filter(waiting),
        )
        .where(Exposure.incident_id == any_of(incident_ids), Exposure.status != "merged")
        .group_by(Exposure.incident_id)
    )
    return {incident_name(row[0]): Tally(*row[1:]) for row in rows}
