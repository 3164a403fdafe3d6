"""``/v1/exposures/{exposure}/links``: tickets elsewhere. All that a pull-only integration has to write."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import IfMatch, Now, Write, check_version, may
from service.api.incidents import ExposureOut
from service.api.one_exposure import answer_exposure
from service.api.problems import problems
from service.api.schemas import Body
from service.errors import Forbidden
from service.feedback.tickets.systems import check_may_link
from service.incidents.lifecycle import lock_exposure
from service.incidents.links import Seen, put_link, remove_link
from service.incidents.models import Exposure
from service.incidents.representing import exposure_name

router = APIRouter(prefix="/v1/exposures/{exposure}/links", tags=["exposures"])

Linker = Annotated[Actor, Depends(may("set_links"))]
System = Annotated[str, Path(max_length=50, description="name of the other system: jira, helpdesk, ...")]


class LinkIn(Body):
    """What is known of a ticket."""

    key: str = Field(min_length=1, max_length=200, description="its id over there", examples=["SEC-42"])
    url: str | None = Field(None, max_length=2000, pattern=r"^https?://")
    state: Literal["open", "closed", "lost"] = Field("open", description="closing it claims a fix, and no more")
    version: int | None = Field(None, ge=1, description="the version of the exposure that the ticket speaks of")


@router.put("/{system}", responses=problems(404, 412))
def put(
    exposure: str,
    system: System,
    body: LinkIn,
    session: Write,
    response: Response,
    actor: Linker,
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Link a ticket, or say anew what is known of it. The same again changes nothing."""
    row = _locked(session, exposure, system, actor, if_match)
    if put_link(session, row, system, Seen(body.key, body.url, body.state, body.version), actor=actor, now=now):
        detail = {"system": system, **body.model_dump(exclude_none=True)}
        audit.record(session, actor, "exposure.link", exposure_name(row.id), detail, now=now)
    session.flush()
    return answer_exposure(session, row, response, now)


@router.delete("/{system}", responses=problems(404, 412))
def delete(
    exposure: str,
    system: System,
    session: Write,
    response: Response,
    actor: Linker,
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Forget a ticket; the timeline keeps that it was there."""
    row = _locked(session, exposure, system, actor, if_match)
    remove_link(session, row, system, actor=actor, now=now)
    audit.record(session, actor, "exposure.unlink", exposure_name(row.id), {"system": system}, now=now)
    return answer_exposure(session, row, response, now)


def _locked(session: Write, exposure: str, system: str, actor: Actor, if_match: str | None) -> Exposure:
    row = lock_exposure(session, exposure)
    if not (actor.acts_for(row.team_id) or actor.role == "integration"):
        raise Forbidden(f"{exposure_name(row.id)} belongs to another team.")
    check_may_link(session, system, actor)
    if if_match is not None:
        check_version(if_match, row.version)
    return row
