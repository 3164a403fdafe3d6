"""The clocks of exposures: pause remediation, let it run on, give it more time, say that a report was sent."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import IfMatch, Now, Write, check_version, may
from service.api.incidents import ExposureOut
from service.api.one_exposure import answer_exposure
from service.api.problems import problems
from service.api.schemas import AwareInstant, Body
from service.incidents import clocks, extending, pausing
from service.incidents.locking import locked_for
from service.incidents.models import Exposure
from service.incidents.representing import exposure_name, number_of

router = APIRouter(prefix="/v1/exposures", tags=["exposures"])

Acts = Annotated[Actor, Depends(may("act_on_exposure"))]
Cert = Annotated[Actor, Depends(may("declare"))]
Text = Annotated[str, Field(max_length=10_000)]
Report = Literal["cra_early_warning", "cra_notification", "cra_final_report"]


class PauseIn(Body):
    """Time that does not count for remediation."""

    kind: Literal["awaiting_upstream", "awaiting_decision"] = Field(
        description="awaiting_upstream: no fixed version is known; 30 days in all, and ends by itself when one is. "
        "awaiting_decision: 5 days in all"
    )
    reason: Text = Field(min_length=1, description="what is awaited, from whom")
    until: AwareInstant | None = Field(None, strict=False, description="the latest end; null: as long as is left")


class ReasonIn(Body):
    """Why."""

    reason: Text = ""


class ExtensionIn(Body):
    """A later day."""

    until: AwareInstant = Field(strict=False)
    reason: Text = Field(min_length=1)


class ReportIn(Body):
    """What was sent."""

    note: Text = Field("", description="to whom, and under which reference")


@router.post("/{exposure}/pauses", status_code=201, responses=problems(404, 409, 412))
def pause(
    exposure: str, body: PauseIn, session: Write, response: Response, actor: Acts, now: Now, if_match: IfMatch = None
) -> ExposureOut:
    """Pause remediation: its due date moves by the time that is paused. Acknowledgement never pauses."""
    row = _locked(session, exposure, actor, if_match)
    pausing.pause(session, row, body.kind, reason=body.reason, until=body.until, actor=actor, now=now)
    detail = body.model_dump(mode="json", exclude_none=True)
    audit.record(session, actor, "exposure.pause", exposure_name(row.id), detail, now=now)
    return answer_exposure(session, row, response, now)


@router.post("/{exposure}:resume", responses=problems(404, 409, 412))
def resume(
    exposure: str, body: ReasonIn, session: Write, response: Response, actor: Acts, now: Now, if_match: IfMatch = None
) -> ExposureOut:
    """Let remediation run on: the due date moves back by what the pause did not use."""
    row = _locked(session, exposure, actor, if_match)
    pausing.resume(session, row, reason=body.reason, actor=actor, now=now)
    audit.record(session, actor, "exposure.resume", exposure_name(row.id), body.model_dump(), now=now)
    return answer_exposure(session, row, response, now)


@router.post("/{exposure}:extend", responses=problems(404, 409, 412))
def extend(
    exposure: str,
    body: ExtensionIn,
    session: Write,
    response: Response,
    actor: Cert,
    now: Now,
    if_match: IfMatch = None,
) -> ExposureOut:
    """Give remediation more time. The CERT's to decide; the reason stands in the timeline."""
    row = _locked(session, exposure, actor, if_match)
    extending.extend(session, row, body.until, reason=body.reason, actor=actor, now=now)
    audit.record(session, actor, "exposure.extend", exposure_name(row.id), body.model_dump(mode="json"), now=now)
    return answer_exposure(session, row, response, now)


@router.post("/{exposure}/clocks/{name}:meet", responses=problems(404, 409))
def meet(
    exposure: str, name: Report, body: ReportIn, session: Write, response: Response, actor: Cert, now: Now
) -> ExposureOut:
    """Say that a report under Article 14 of the Cyber Resilience Act was sent."""
    row = _locked(session, exposure, actor, None)
    clocks.meet_clock(session, row, name, note=body.note, actor=actor.name, now=now)
    detail = body.model_dump() | {"clock": name}
    audit.record(session, actor, "exposure.report", exposure_name(row.id), detail, now=now)
    return answer_exposure(session, row, response, now)


def _locked(session: Write, exposure: str, actor: Actor, if_match: IfMatch) -> Exposure:
    row = locked_for(session, number_of(exposure, "EXP"), actor)
    if if_match is not None:
        check_version(if_match, row.version)
    return row
