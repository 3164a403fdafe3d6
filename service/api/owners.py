"""``/v1/exposures/{id}/owners``: who has had an exposure, and giving it back to the rules."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import IfMatch, Now, Read, Write, may
from service.api.incidents import ExposureOut
from service.api.one_exposure import answer_exposure, locked_exposure
from service.api.problems import problems
from service.api.schemas import Answer, Page
from service.incidents.assigning import give_back, tenures
from service.incidents.lifecycle import find_exposure
from service.incidents.representing import exposure_name

router = APIRouter(prefix="/v1/exposures", tags=["exposures"])


class TenureOut(Answer):
    """A change of owner."""

    at: datetime
    former: str | None = Field(serialization_alias="from", description="null where the exposure began")
    to: str
    reason: str
    by: str
    manual: bool = Field(description="somebody chose; rules leave it alone until the team retires")


class TenurePage(Page[TenureOut]):
    """All owners so far, the first one first; there is never a next page."""


@router.get("/{exposure}/owners", dependencies=[Depends(may("read_incidents"))], responses=problems(404))
def index(exposure: str, session: Read) -> TenurePage:
    """Tell who has had an exposure, since when, and why."""
    rows = tenures(session, find_exposure(session, exposure))
    return TenurePage(items=[TenureOut.model_validate(row) for row in rows], next=None)


@router.delete("/{exposure}/owner", responses=problems(404, 409, 412))
def release(
    exposure: str,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("act_on_exposure"))],
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Let the rules decide again who owns an exposure that somebody had assigned. If-Match is compared if sent."""
    row = locked_exposure(session, exposure, if_match, needed=False)
    row = give_back(session, row.id, actor=actor, now=now)
    audit.record(session, actor, "exposure.release", exposure_name(row.id), now=now)
    return answer_exposure(session, row, response, now)
