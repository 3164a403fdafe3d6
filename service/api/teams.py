"""``/v1/teams``: who owns things, and how they are reached."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from service.access import audit, teams
from service.access.models import Team
from service.api.deps import CurrentActor, Listing, Now, Read, Write, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page

router = APIRouter(prefix="/v1/teams", tags=["teams"])


class TeamOut(Answer):
    """A team."""

    name: str
    email: str | None
    webhook: str | None
    fallback: bool = Field(description="owns what nobody else does")
    created_at: datetime


class TeamPage(Page[TeamOut]):
    """Teams by name."""


class TeamIn(Body):
    """How a team is reached."""

    email: str | None = Field(None, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")
    webhook: str | None = Field(None, max_length=2000, pattern=r"^https?://")


@router.get("", dependencies=[Depends(may("read"))])
def index(session: Read, place: Annotated[Listing, Depends(listing("teams"))]) -> TeamPage:
    """List teams by name."""
    rows = teams.list_teams(session, after=place.after(""), limit=place.limit + 1)
    page, following = place.cut(rows, lambda team: team.name)
    return TeamPage(items=[TeamOut.model_validate(team) for team in page], next=following)


@router.get("/{team}", response_model=TeamOut, dependencies=[Depends(may("read"))], responses=problems(404))
def show(team: str, session: Read) -> Team:
    """Give one team."""
    return teams.get_team(session, team)


@router.put(
    "/{team}",
    response_model=TeamOut,
    dependencies=[Depends(may("manage_teams"))],
    responses=problems(422) | {201: {"model": TeamOut, "description": "The team is new"}},
)
def put(team: str, body: TeamIn, response: Response, session: Write, actor: CurrentActor, now: Now) -> Team:
    """Make a team, or say anew how it is reached."""
    row, is_new = teams.put_team(session, team, email=body.email, webhook=body.webhook, now=now)
    audit.record(session, actor, "team.put", team, body.model_dump(), now=now)
    response.status_code = 201 if is_new else 200
    return row
