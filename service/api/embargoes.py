"""``/v1/incidents/{id}:restrict`` and ``:lift``: who may know of an incident."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import Now, Write, may
from service.api.incidents import IncidentOut
from service.api.problems import problems
from service.api.schemas import Body
from service.db import WriteSession
from service.incidents import embargo
from service.incidents.listing import incident_values
from service.incidents.models import Incident

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

Declarer = Annotated[Actor, Depends(may("declare"))]


class EmbargoIn(Body):
    """Why."""

    reason: str = Field(min_length=1, max_length=10_000)


@router.post("/{incident}:restrict", responses=problems(404, 409, 422))
def restrict(incident: str, body: EmbargoIn, session: Write, actor: Declarer, now: Now) -> IncidentOut:
    """Put an incident under embargo: only the CERT sees it, and each team what concerns its own products."""
    row = embargo.restrict(session, incident, reason=body.reason, actor=actor.name, now=now)
    audit.record(session, actor, "incident.restrict", f"INC-{row.id}", {"reason": body.reason}, now=now)
    return _shape(session, row)


@router.post("/{incident}:lift", responses=problems(404, 409, 422))
def lift(incident: str, body: EmbargoIn, session: Write, actor: Declarer, now: Now) -> IncidentOut:
    """Lift an embargo: whoever reads incidents sees it from now on."""
    row = embargo.lift(session, incident, reason=body.reason, actor=actor.name, now=now)
    audit.record(session, actor, "incident.lift", f"INC-{row.id}", {"reason": body.reason}, now=now)
    return _shape(session, row)


def _shape(session: WriteSession, row: Incident) -> IncidentOut:
    return IncidentOut.model_validate(incident_values(session, row.id))
