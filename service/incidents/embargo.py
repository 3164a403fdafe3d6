"""Embargoes: an incident that only those see who need to know, until it is lifted."""

from datetime import datetime

from sqlalchemy import select

from service.changes.writing import record_changes
from service.db import WriteSession
from service.errors import Conflict, NotFound, Unreadable
from service.incidents.models import Exposure, Incident
from service.incidents.representing import exposures_as_values, incident_name, number_of
from service.incidents.timeline import Entry, write_timeline
from service.incidents.tombstones import exposure_lost, exposures_gained, incident_lost


class EmbargoStands(Conflict):
    """It is under embargo already, or is not any more."""

    slug = "embargo-stands"


def restrict(session: WriteSession, name: str, *, reason: str, actor: str, now: datetime) -> Incident:
    """Put an incident under embargo. Those who saw it and need not know are told that it is gone, and no more.

    Raises:
        EmbargoStands: It is already.
    """
    incident = _locked(session, name, reason)
    if incident.restricted:
        raise EmbargoStands(f"{incident_name(incident.id)} is under embargo already.")
    incident.restricted = True
    _step(session, incident, "restricted", reason, actor, now)
    take_from_sight(session, incident, now=now)
    return incident


def take_from_sight(session: WriteSession, incident: Incident, *, now: datetime) -> None:
    """Tell those who saw an incident, and need not know of it any more, that it is gone. Its row is locked."""
    values = exposures_as_values(session, _exposure_ids(session, incident.id))
    lost = [exposure_lost(values[id_], now=now) for id_ in sorted(values)]
    record_changes(session, incident_lost(incident.id, incident.version, now=now), *lost)


def lift(session: WriteSession, name: str, *, reason: str, actor: str, now: datetime) -> Incident:
    """Lift an embargo: whoever reads incidents sees it from now on, and is told all of it.

    Raises:
        EmbargoStands: There is none.
    """
    incident = _locked(session, name, reason)
    if not incident.restricted:
        raise EmbargoStands(f"{incident_name(incident.id)} is not under embargo.")
    incident.restricted = False
    _step(session, incident, "lifted", reason, actor, now)
    values = exposures_as_values(session, _exposure_ids(session, incident.id), now=now)
    record_changes(session, *exposures_gained((values[id_] for id_ in sorted(values)), now=now))
    return incident


def _locked(session: WriteSession, name: str, reason: str) -> Incident:
    if not reason.strip():
        raise Unreadable("Say in reason why.")
    row = select(Incident).where(Incident.id == number_of(name, "INC")).with_for_update()
    incident = session.scalar(row.execution_options(populate_existing=True))
    if incident is None:
        raise NotFound(f"There is no incident {name}.")
    return incident


def _step(session: WriteSession, incident: Incident, step: str, reason: str, actor: str, now: datetime) -> None:
    session.flush()  # the timeline's change carries the incident as it is now
    write_timeline(session, [Entry(incident.id, step, reason.strip())], actor=actor, now=now)
    session.refresh(incident)


def _exposure_ids(session: WriteSession, incident_id: int) -> list[int]:
    rows = select(Exposure.id).where(Exposure.incident_id == incident_id, Exposure.status != "merged")
    return list(session.scalars(rows))
