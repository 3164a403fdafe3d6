"""``/v1/incidents/{id}/situation`` and ``:close``: where an incident stands, and the all-clear."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import Now, Read, Write, may
from service.api.incidents import IncidentOut
from service.api.problems import problems
from service.api.schemas import Answer, Body
from service.incidents.closing import MOST_LISTED, close_incident
from service.incidents.listing import find_incident, incident_values
from service.incidents.representing import incident_name
from service.incidents.situation import Situation, situation_of

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])


class SilenceOut(Answer):
    """The team that has been silent longest."""

    team: str
    since: datetime


class TeamStandingOut(Answer):
    """One team's share."""

    team: str
    affected: list[str] = Field(description="products")
    suspected: list[str]
    cannot_tell: list[str]
    clear: int
    open: int = Field(description="exposures with work left")
    acknowledged: int = Field(description="of these")
    silent_since: datetime | None = Field(description="since when something waits for a first look")
    told_at: datetime | None = Field(description="when it was last broadcast to")
    heard_at: datetime | None = Field(description="when it last acknowledged a broadcast")


class UnknownOut(Answer):
    """A product of which nobody can tell."""

    product: str
    reason: str


class SituationOut(Answer):
    """Where an incident stands. Each product counts once."""

    incident: str
    status: str
    products: int
    affected: int
    suspected: int
    cannot_tell: int
    clear: int
    acknowledged_percent: float | None = Field(description="of exposures with work left; null where there are none")
    oldest_silence: SilenceOut | None
    unknown: list[UnknownOut] = Field(description="without an SBOM, or with an old one; ends at 1,000")
    teams: list[TeamStandingOut] = Field(description="those with something to do first")


class ClosingIn(Body):
    """Why it can be closed."""

    reason: str = Field("", max_length=10_000)
    override: bool = Field(
        False,
        description="in spite of what is affected or unknown: proposed first, done when another key says the same",
    )


class ObstacleOut(Answer):
    """What stands in the way."""

    product: str
    exposure: str | None
    reason: str


class ClosedOut(Answer):
    """What came of it."""

    incident: IncidentOut
    closed: bool
    proposal: int | None = Field(description="waits for a second person")
    obstacle_count: int
    obstacles: list[ObstacleOut] = Field(description="what is left in spite of it; ends at 1,000")


@router.get("/{incident}/situation", dependencies=[Depends(may("read_incidents"))], responses=problems(404))
def situation(incident: str, session: Read) -> SituationOut:
    """Say where an incident stands: affected, suspected, cannot tell, clear; acknowledged; who is silent."""
    row = find_incident(session, incident)
    return SituationOut.model_validate(_values(situation_of(session, row), row.status))


_CLOSES: dict[str, Any] = {
    "responses": problems(404, 409)
    | {202: {"model": ClosedOut, "description": "Proposed: a second person has to agree"}},
}


@router.post("/{incident}:close", **_CLOSES)
@router.post("/{incident}:all-clear", **_CLOSES)
def close(
    incident: str,
    body: ClosingIn,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("declare"))],
    now: Now,
) -> ClosedOut:
    """Close an incident. Refused, with the list, while anything in the field is affected or unknown.

    With `override` and a reason it is proposed (202); when somebody with another key says the same within a day, and
    nothing has come since, it is closed. It opens again when an exposure does.
    """
    row = find_incident(session, incident)
    outcome = close_incident(session, row, reason=body.reason, override=body.override, actor=actor, now=now)
    act = "incident.close" if outcome.closed else "incident.propose-closing"
    detail = {"reason": body.reason, "obstacles": len(outcome.obstacles)}
    audit.record(session, actor, act, incident_name(row.id), detail, now=now)
    response.status_code = 200 if outcome.closed else 202
    return ClosedOut(
        incident=IncidentOut.model_validate(incident_values(session, row.id)),
        closed=outcome.closed,
        proposal=outcome.proposal,
        obstacle_count=len(outcome.obstacles),
        obstacles=[ObstacleOut.model_validate(each) for each in outcome.obstacles[:MOST_LISTED]],
    )


def _values(found: Situation, status: str) -> dict[str, Any]:
    silence = found.oldest_silence
    teams = sorted(found.teams.values(), key=lambda team: (not team.affected, not team.suspected, team.team))
    return {
        "incident": incident_name(found.incident_id),
        "status": status,
        "products": found.product_count,
        "affected": len(found.affected),
        "suspected": len(found.suspected),
        "cannot_tell": len(found.cannot_tell),
        "clear": found.clear_count,
        "acknowledged_percent": found.acknowledged_percent,
        "oldest_silence": {"team": silence[0], "since": silence[1]} if silence else None,
        "unknown": [{"product": p, "reason": reason} for p, reason in found.cannot_tell.items()][:MOST_LISTED],
        "teams": teams,
    }
