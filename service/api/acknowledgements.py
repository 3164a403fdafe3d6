"""``/v1/incidents/{id}/acknowledgements`` and ``/answers``: teams say that they have seen it, and what they know."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.access.teams import get_team, team_names
from service.api.deps import Now, Write, may
from service.api.problems import problems
from service.api.schemas import Answer, Body
from service.db import ReadSession
from service.errors import Forbidden, Unreadable
from service.incidents import confirming
from service.incidents.acknowledging import acknowledge_all
from service.incidents.listing import find_incident
from service.incidents.representing import exposure_name, incident_name

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

Responder = Annotated[Actor, Depends(may("act_on_exposure"))]
Text = Annotated[str, Field(max_length=10_000)]


class AcknowledgementIn(Body):
    """Who has seen it."""

    team: str | None = Field(None, description="absent: the key's own team")
    reason: Text = ""


class AcknowledgedOut(Answer):
    """What is acknowledged."""

    incident: str
    team: str
    now: list[str] = Field(description="exposures that are acknowledged by this")
    before: list[str] = Field(description="those that somebody had seen before")


class AnswerIn(Body):
    """What an owner knows of one product of which nobody can tell."""

    product: str = Field(max_length=200)
    affected: bool
    sentence: Text = Field(min_length=1, description="what others can check")
    justification: Text = Field("code_not_present", description="of what is not affected: one of CycloneDX's")


class AnsweredOut(Answer):
    """What became of an answer."""

    product: str
    exposure: str | None
    became: Literal["answered", "commented", "proposed"] = Field(
        description="proposed: a second person has to agree that it is not affected"
    )
    note: str


@router.post("/{incident}/acknowledgements", responses=problems(404, 409))
def acknowledge(incident: str, body: AcknowledgementIn, session: Write, actor: Responder, now: Now) -> AcknowledgedOut:
    """Acknowledge all that a team has open of an incident. To send it again changes nothing."""
    row = find_incident(session, incident)
    team_id, team = _team(session, actor, body.team)
    if not actor.acts_for(team_id):
        raise Forbidden(f"You may not speak for {team}.")
    done = acknowledge_all(session, row.id, team_id, actor=actor, reason=body.reason, now=now)
    detail = {"team": team, "count": len(done.now)}
    audit.record(session, actor, "incident.acknowledge", incident_name(row.id), detail, now=now)
    return AcknowledgedOut(
        incident=incident_name(row.id),
        team=team,
        now=[exposure_name(id_) for id_ in done.now],
        before=[exposure_name(id_) for id_ in done.before],
    )


@router.post("/{incident}/answers", responses=problems(404, 409))
def answer(incident: str, body: AnswerIn, session: Write, actor: Responder, now: Now) -> AnsweredOut:
    """Say whether a product is affected of which nobody can tell, and a sentence that others can check."""
    row = find_incident(session, incident)
    said = confirming.Answer(**body.model_dump())
    answered = confirming.answer(session, row, said, actor=actor, now=now)
    detail = {"product": answered.product, "affected": body.affected}
    audit.record(session, actor, "incident.answer", incident_name(row.id), detail, now=now)
    return AnsweredOut.model_validate(answered)


def _team(session: ReadSession, actor: Actor, named: str | None) -> tuple[int, str]:
    if named is not None:
        team = get_team(session, named)
        return team.id, team.name
    if actor.team_id is None:
        raise Unreadable("Say for which team: this key has none.")
    return actor.team_id, team_names(session, [actor.team_id])[actor.team_id]
