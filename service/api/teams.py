"""``/v1/teams``: who owns things, and how they are reached."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Response
from pydantic import Field, field_validator

from service.access import teams
from service.access.models import Team
from service.access.teams import TeamFields, team_names
from service.api.deps import CurrentActor, Listing, Now, Primary, Read, Write, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page
from service.db import ReadSession
from service.flows import reowning

router = APIRouter(prefix="/v1/teams", tags=["teams"])
manages = [Depends(may("manage_teams"))]


class TeamOut(Answer):
    """A team."""

    name: str
    email: str | None
    webhook: str | None
    chat: str | None = Field(description="the scheme alone, as in slack://…; the rest is secret")
    on_call: str | None = Field(description="who is called when the team is silent")
    manager: str | None = Field(description="who is told when that does not help either")
    members: list[str]
    reachable: bool = Field(description="it has an address of its own; what a team without any owns falls through")
    fallback: bool = Field(description="owns what nobody else does")
    created_at: datetime
    retired_at: datetime | None
    successor: str | None = Field(description="who owns what a retired team owned")


class TeamPage(Page[TeamOut]):
    """Teams by name."""


Mail = Annotated[str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]


class TeamIn(Body):
    """How a team is reached. `email` and `webhook` are taken away where they are left out; the others stay."""

    email: Mail | None = None
    webhook: str | None = Field(None, max_length=2000, pattern=r"^https?://")
    chat: str | None = Field(
        None,
        max_length=2000,
        pattern=r"^[a-z][a-z0-9+.-]*://\S+$",
        description="an address in apprise's notation; as it is answered, with … in it, it stays what it is",
    )
    on_call: Mail | None = None
    manager: Mail | None = None
    members: list[Mail] = Field([], max_length=200)

    @field_validator("members")
    @classmethod
    def _once_each(cls, members: list[str]) -> list[str]:
        return sorted(set(members))


class Retirement(Body):
    """Why a team ends, and who goes on."""

    reason: str = Field(min_length=1, max_length=10_000)
    successor: str | None = Field(None, description="a team; what no rule gives to somebody else is its own")


@router.get("", dependencies=[Depends(may("read"))])
def index(session: Read, place: Annotated[Listing, Depends(listing("teams"))]) -> TeamPage:
    """List teams by name, retired ones included."""
    rows = teams.list_teams(session, after=place.after(""), limit=place.limit + 1)
    page, following = place.cut(rows, lambda team: team.name)
    return TeamPage(items=_shapes(session, page), next=following)


@router.get("/{team}", dependencies=[Depends(may("read"))], responses=problems(404))
def show(team: str, session: Read) -> TeamOut:
    """Give one team."""
    return _shapes(session, [teams.get_team(session, team)])[0]


@router.put(
    "/{team}",
    dependencies=manages,
    responses=problems(409, 422) | {201: {"model": TeamOut, "description": "The team is new"}},
)
def put(
    team: str, body: TeamIn, response: Response, engine: Primary, session: Write, actor: CurrentActor, now: Now
) -> TeamOut:
    """Make a team, or say anew how it is reached. Where that makes it live, or no longer so, exposures follow."""
    said = body.model_dump(exclude_unset=True)
    if said.get("chat"):
        said["chat"] = _masked(said["chat"])
    row, is_new = reowning.put_team(engine, team, _fields(body), said=said, actor=actor, now=now)
    response.status_code = 201 if is_new else 200
    return _shapes(session, [row])[0]


@router.post("/{team}:retire", dependencies=manages, responses=problems(404, 409, 422))
def retire(team: str, body: Retirement, engine: Primary, session: Write, actor: CurrentActor, now: Now) -> TeamOut:
    """Let a team end. What it owned goes to whom the rules name next, and, where they name nobody, to its successor."""
    reowning.retire_team(engine, team, successor=body.successor, reason=body.reason, actor=actor, now=now)
    return _shapes(session, [teams.get_team(session, team)])[0]


def _fields(body: TeamIn) -> TeamFields:
    said = {"email": body.email, "webhook": body.webhook} | body.model_dump(exclude_unset=True)
    if "…" in (said.get("chat") or ""):
        del said["chat"]
    return cast("TeamFields", said)


def _masked(chat: str | None) -> str | None:
    return f"{chat.partition('://')[0]}://…" if chat else None


def _shapes(session: ReadSession, rows: Sequence[Team]) -> list[TeamOut]:
    successors = team_names(session, [row.successor_id for row in rows if row.successor_id])
    return [
        TeamOut(
            name=row.name,
            email=row.email,
            webhook=row.webhook,
            chat=_masked(row.chat),
            on_call=row.on_call,
            manager=row.manager,
            members=row.members,
            reachable=bool(row.email or row.webhook or row.chat or row.members),
            fallback=row.fallback,
            created_at=row.created_at,
            retired_at=row.retired_at,
            successor=successors.get(row.successor_id or 0),
        )
        for row in rows
    ]
