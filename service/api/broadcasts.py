"""``/v1/incidents/{id}/broadcasts``: one message to every team, and who has heard."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import Listing, Now, Read, Write, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page
from service.incidents.broadcasting import LONGEST_MESSAGE, Sent, broadcast, broadcasts_of, compose
from service.incidents.listing import find_incident
from service.incidents.representing import incident_name

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

Audience = Literal["act", "confirm", "clear"]
RequestKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, description="sent again, it tells nobody twice"),
]


class BroadcastIn(Body):
    """What to tell."""

    message: str = Field(min_length=1, max_length=LONGEST_MESSAGE)
    dry_run: bool = Field(False, description="say who would be told what, and send nothing")


class ProductsOut(Answer):
    """A team's products by what is asked for them."""

    act: list[str]
    confirm: list[str] = Field(description="nobody can tell whether they are affected: their owners have to say")
    clear: int


class ShareOut(Answer):
    """What one team is told."""

    team: str
    audience: Audience
    products: ProductsOut


class BroadcastOut(Answer):
    """A broadcast, sent or composed."""

    id: int | None = Field(description="null where nothing was sent")
    incident: str
    message: str
    act: int = Field(description="teams that have to act")
    confirm: int
    clear: int
    teams: list[ShareOut]


class HeardOut(ShareOut):
    """What one team was told, and since when it has said that it knows."""

    acknowledged_at: datetime | None
    acknowledged_by: str | None


class ToldOut(Answer):
    """A broadcast that was sent."""

    id: int
    at: datetime
    actor: str
    message: str
    teams: list[HeardOut]


class BroadcastPage(Page[ToldOut]):
    """Broadcasts in order."""


@router.post(
    "/{incident}/broadcasts",
    status_code=200,
    responses=problems(404) | {201: {"model": BroadcastOut, "description": "Every team is told"}},
)
def send(
    incident: str,
    body: BroadcastIn,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("declare"))],
    now: Now,
    request_key: RequestKey = None,
) -> BroadcastOut:
    """Tell every team: to act, to confirm what nobody can tell, or that it is clear. Each hears once, of its products.

    A change `incident.broadcast` goes out for each team; mail carries a link that acknowledges, which no change has.
    """
    row = find_incident(session, incident)
    if body.dry_run:
        return _shape(incident_name(row.id), compose(session, row, body.message))
    sent = broadcast(session, row, body.message, actor=actor.name, now=now, request_key=request_key)
    detail = {"broadcast": sent.id, "teams": len(sent.shares)}
    audit.record(session, actor, "incident.broadcast", incident_name(row.id), detail, now=now)
    response.status_code = 201
    return _shape(incident_name(row.id), sent)


@router.get("/{incident}/broadcasts", responses=problems(404))
def index(
    incident: str,
    session: Read,
    actor: Annotated[Actor, Depends(may("read_incidents"))],
    place: Annotated[Listing, Depends(listing("broadcasts"))],
) -> BroadcastPage:
    """List what was broadcast, and who has heard. Under embargo each team reads its own share."""
    row = find_incident(session, incident)
    team_id = None if actor.may("declare") or not row.restricted else actor.team_id or 0
    rows = broadcasts_of(session, row.id, team_id=team_id, after=place.after(0), limit=place.limit + 1)
    page, following = place.cut(rows, lambda told: told.id)
    return BroadcastPage(items=[ToldOut.model_validate(told) for told in page], next=following)


def _shape(incident: str, sent: Sent) -> BroadcastOut:
    counts = {audience: sum(share.audience == audience for share in sent.shares) for audience in _AUDIENCES}
    teams = [ShareOut.model_validate(share) for share in sent.shares]
    return BroadcastOut(id=sent.id, incident=incident, message=sent.message, teams=teams, **counts)


_AUDIENCES: tuple[Audience, ...] = ("act", "confirm", "clear")
