"""``/v1/exposures``: one incident in one product; what its owner does about it."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.access.teams import get_team
from service.api.deps import IfMatch, Listing, Now, Read, Write, listing, may
from service.api.incidents import ExposureOut, ExposurePage, ExposureStatus, StepOnTimelineOut, TimelinePage
from service.api.one_exposure import answer_exposure, locked_exposure
from service.api.problems import problems
from service.api.schemas import AwareInstant, Body
from service.incidents import approving, lifecycle
from service.incidents.history import timeline_of
from service.incidents.lifecycle import Decision, find_exposure
from service.incidents.listing import list_exposures
from service.incidents.representing import exposure_name
from service.inventory.products import find_product

router = APIRouter(prefix="/v1/exposures", tags=["exposures"])
reads = [Depends(may("read_incidents"))]

Text = Annotated[str, Field(max_length=10_000)]


class StepIn(Body):
    """A step to take, and what it rests on."""

    to: Literal["open", "acknowledged", "in_progress", "fix_claimed", "not_affected", "risk_accepted", "resolved"] = (
        Field(
            description="not_affected, and resolved (an override by the CERT, with evidence), are proposed: another "
            "person approves. Otherwise resolved follows by itself once every SBOM in the field is clean"
        )
    )
    reason: Text = Field("", description="needed, except to acknowledge, to claim a fix, or beside a plan")
    justification: str | None = Field(None, description="for not_affected: one of CycloneDX's")
    expires_at: AwareInstant | None = Field(
        None, strict=False, description="for risk_accepted, where it is needed, and not_affected: until when"
    )
    evidence: dict[str, Any] | None = Field(None, description="what shows it: commits, builds, tickets")
    plan: Literal["update", "rollback", "workaround", "removal"] | None = Field(
        None, description="for in_progress: what will be done"
    )
    planned_for: date | None = Field(None, strict=False, description="for in_progress: by which day")
    versions: str | None = Field(
        None,
        max_length=1000,
        description="for not_affected and risk_accepted: fewer versions than the advisory names, as vers or a range",
        examples=[">=4.17.0,<4.17.21"],
    )

    def as_decision(self) -> Decision:
        """Give it as the transition service takes it."""
        return Decision(**{name: getattr(self, name) for name in StepIn.model_fields})


class TransitionIn(StepIn):
    """A step to take."""


class DeclineIn(Body):
    """Why not."""

    reason: Text = Field(min_length=1)


class CommentIn(Body):
    """Something to say."""

    text: Text = Field(min_length=1)


class OwnerIn(Body):
    """Another team to act."""

    team: str
    reason: Text = ""


@router.get("", dependencies=reads, responses=problems(404))
def index(
    session: Read,
    now: Now,
    place: Annotated[Listing, Depends(listing("exposures"))],
    owner: Annotated[str | None, Query(description="a team")] = None,
    product: Annotated[str | None, Query(description="a slug")] = None,
    status: Annotated[list[ExposureStatus], Query(description="may be repeated")] = [],  # noqa: B006 - FastAPI copies
    proposed: Annotated[bool | None, Query(description="whether something waits for a second person")] = None,
) -> ExposurePage:
    """List exposures in the order they were opened."""
    rows = list_exposures(
        session,
        team_id=get_team(session, owner).id if owner else None,
        product_id=find_product(session, product).id if product else None,
        statuses=status,
        proposed=proposed,
        after=place.after(0),
        limit=place.limit + 1,
        now=now,
    )
    page, following = place.cut(rows, lambda row: row[0])
    return ExposurePage(items=[ExposureOut.model_validate(values) for _, values in page], next=following)


@router.get("/{exposure}", dependencies=reads, responses=problems(404))
def show(exposure: str, session: Read, response: Response, now: Now) -> ExposureOut:
    """Give one exposure; its ETag is needed to change it."""
    return answer_exposure(session, find_exposure(session, exposure), response, now)


@router.get("/{exposure}/timeline", dependencies=reads, responses=problems(404))
def timeline(
    exposure: str, session: Read, place: Annotated[Listing, Depends(listing("exposure timeline"))]
) -> TimelinePage:
    """Tell what happened to an exposure, in order."""
    row = find_exposure(session, exposure)
    rows = timeline_of(session, exposure_id=row.id, after=place.after(0), limit=place.limit + 1)
    page, following = place.cut(rows, lambda step: step[0])
    return TimelinePage(items=[StepOnTimelineOut.model_validate(values) for _, values in page], next=following)


@router.post("/{exposure}/transitions", responses=problems(404, 409, 412, 428))
def transition(
    exposure: str,
    body: TransitionIn,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("claim_fix"))],
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Take a step. Owners act for their own team; an integration can only claim fixes.

    What takes two people answers with the exposure as it was, and its `proposal`.
    """
    row = locked_exposure(session, exposure, if_match)
    row = lifecycle.transition(session, row.id, body.as_decision(), actor=actor, now=now)
    detail = body.model_dump(mode="json", exclude_none=True)
    audit.record(session, actor, "exposure.transition", exposure_name(row.id), detail, now=now)
    return answer_exposure(session, row, response, now)


@router.post("/{exposure}:approve", responses=problems(404, 409, 412, 428))
def approve(
    exposure: str,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("act_on_exposure"))],
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Approve what somebody else proposed. Keys tell people apart; what needs action now takes the CERT."""
    row = locked_exposure(session, exposure, if_match)
    row = approving.approve(session, row.id, actor=actor, now=now)
    audit.record(session, actor, "exposure.approve", exposure_name(row.id), {"to": row.status}, now=now)
    return answer_exposure(session, row, response, now)


@router.post("/{exposure}:decline", responses=problems(404, 409, 412, 428))
def decline(
    exposure: str,
    body: DeclineIn,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("act_on_exposure"))],
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Turn down what was proposed, or take back what one has proposed."""
    row = locked_exposure(session, exposure, if_match)
    row = approving.decline(session, row.id, actor=actor, reason=body.reason, now=now)
    audit.record(session, actor, "exposure.decline", exposure_name(row.id), body.model_dump(), now=now)
    return answer_exposure(session, row, response, now)


@router.post("/{exposure}/comments", responses=problems(404))
def comment(
    exposure: str,
    body: CommentIn,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("act_on_exposure"))],
    now: Now,
) -> ExposureOut:
    """Add a sentence to the timeline."""
    row = lifecycle.comment(session, find_exposure(session, exposure).id, body.text, actor=actor, now=now)
    audit.record(session, actor, "exposure.comment", exposure_name(row.id), now=now)
    return answer_exposure(session, row, response, now)


@router.put("/{exposure}/owner", responses=problems(404, 409, 412))
def assign(
    exposure: str,
    body: OwnerIn,
    session: Write,
    response: Response,
    actor: Annotated[Actor, Depends(may("act_on_exposure"))],
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Give an exposure to another team. If-Match is compared where it is sent."""
    row = locked_exposure(session, exposure, if_match, needed=False)
    row = lifecycle.assign(session, row.id, body.team, actor=actor, reason=body.reason, now=now)
    audit.record(session, actor, "exposure.assign", exposure_name(row.id), body.model_dump(), now=now)
    return answer_exposure(session, row, response, now)
