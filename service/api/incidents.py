"""``/v1/incidents``: one vulnerability over all products."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.access.teams import get_team
from service.api.clocking import ClockOut, PauseOut, PriorityInputsOut
from service.api.deps import Listing, Now, Read, listing, may
from service.api.judgements import DecisionOut, ProposalOut
from service.api.known import FixesOut, SignalsOut, WhyOut
from service.api.problems import problems
from service.api.schemas import Answer, Instant, Page
from service.db import ReadSession
from service.errors import Unreadable
from service.incidents.history import timeline_of
from service.incidents.listing import Wanted, find_incident, incident_values, list_exposures, list_incidents
from service.inventory.products import find_product

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])
reads = [Depends(may("read_incidents"))]

IncidentStatus = Literal["open", "contained", "resolved", "closed", "withdrawn", "merged"]
ExposureStatus = Literal[
    "open",
    "acknowledged",
    "in_progress",
    "fix_claimed",
    "resolved",
    "not_affected",
    "risk_accepted",
    "withdrawn",
    "retired",
    "merged",
]
Priority = Literal["act", "attend", "track*", "track"]
Severity = Literal["critical", "high", "medium", "low", "none", "unscored"]


class IncidentOut(Answer):
    """An incident."""

    id: str
    kind: str
    vulnerability: str | None
    aliases: list[str]
    title: str
    severity: Severity
    priority: Priority
    status: IncidentStatus
    merged_into: str | None = Field(description="the incident that goes on for this one")
    restricted: bool = Field(description="under embargo: seen by those who need to know")
    opened_at: datetime
    updated_at: datetime
    version: int
    signals: SignalsOut
    exposure_counts: dict[str, int] = Field(description="how many exposures have which status")


class IncidentPage(Page[IncidentOut]):
    """Incidents, the newest first."""


class OwnerOut(Answer):
    """Who has to act, and which rule chose them."""

    team: str
    reason: str


class OccurrenceOut(Answer):
    """An affected component in the field: in a stream's newest SBOM, or in a supported release."""

    stream: str
    release: str | None
    purl: str
    name: str
    version: str
    scope: str
    advisories: list[str]
    fixed_in: list[str]
    fixes: FixesOut
    why: list[WhyOut] = Field(description="one for each advisory")


class LinkOut(Answer):
    """A ticket elsewhere that speaks of an exposure."""

    system: str
    key: str
    url: str | None
    state: Literal["open", "closed", "lost"]
    version_seen: int | None = Field(description="the version of the exposure that the ticket was last told of")
    updated_at: datetime


class ExposureOut(Answer):
    """One incident in one product."""

    id: str
    incident: str
    product: str
    owner: OwnerOut
    origin: Literal["new", "baseline"]
    status: ExposureStatus
    presence: Literal["present", "absent", "unknown"] = Field(description="what the inventory says")
    hold_reason: str | None = Field(description="why it cannot be called resolved yet")
    assessment: str | None = Field(description="what people decided")
    priority: Priority
    priority_inputs: PriorityInputsOut | None = Field(description="null: decided before inputs were kept")
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None
    acknowledge_due_at: datetime | None
    remediate_due_at: datetime | None
    clocks: list[ClockOut]
    pauses: list[PauseOut]
    expires_at: datetime | None
    plan: str | None = Field(description="what is being done")
    planned_for: date | None
    claimed_at: datetime | None = Field(description="since when a fix is claimed")
    ended_at: datetime | None
    inherited_from: str | None = Field(description="the exposure of what this product is built on, which has the work")
    merged_into: str | None = Field(description="the exposure that goes on for this one")
    product_kind: Literal["own", "vendor"] = Field(description="vendor: the owner waits for the vendor's fix")
    reopen_count: int
    decision: DecisionOut | None = Field(description="the one that stands")
    proposal: ProposalOut | None = Field(description="a decision that waits for a second person")
    occurrences: list[OccurrenceOut]
    links: list[LinkOut]
    version: int


class ExposurePage(Page[ExposureOut]):
    """Exposures in the order they were opened."""


class IncidentInFull(IncidentOut):
    """An incident with the first of its exposures; `next` goes back to ``/exposures``."""

    exposures: ExposurePage


class StepOnTimelineOut(Answer):
    """Something that happened."""

    at: datetime
    actor: str
    step: str
    incident: str
    exposure: str | None
    from_status: str | None
    to_status: str | None
    reason: str
    justification: str | None
    expires_at: datetime | None
    evidence: dict[str, Any]


class TimelinePage(Page[StepOnTimelineOut]):
    """What happened, in order."""


@router.get("", dependencies=reads, responses=problems(404))
def index(
    session: Read,
    place: Annotated[Listing, Depends(listing("incidents"))],
    status: Annotated[list[IncidentStatus], Query(description="may be repeated")] = [],  # noqa: B006 - FastAPI copies
    priority: Annotated[list[Priority], Query(description="may be repeated")] = [],  # noqa: B006
    severity: Annotated[list[Severity], Query(description="may be repeated")] = [],  # noqa: B006
    owner: Annotated[str | None, Query(description="a team that has an exposure of it")] = None,
    product: Annotated[str | None, Query(description="a product that has an exposure of it")] = None,
    updated_after: Annotated[Instant | None, Query(description="only what changed since")] = None,
    kev: Annotated[bool | None, Query(description="whether CISA lists it as exploited")] = None,
) -> IncidentPage:
    """List incidents, the newest first. Their order never changes, so nothing is lost between two pages."""
    if updated_after is not None and updated_after.tzinfo is None:
        raise Unreadable("updated_after= needs a time zone: 2024-03-29T15:38:00Z.")
    wanted = Wanted(
        statuses=status,
        priorities=priority,
        severities=severity,
        team_id=get_team(session, owner).id if owner else None,
        product_id=find_product(session, product).id if product else None,
        updated_after=updated_after,
        known_exploited=kev,
    )
    rows = list_incidents(session, wanted, before=place.after(None), limit=place.limit + 1)
    page, following = place.cut(rows, lambda row: row[0])
    return IncidentPage(items=[IncidentOut.model_validate(values) for _, values in page], next=following)


@router.get("/{incident}", dependencies=reads, responses=problems(404))
def show(
    incident: str, session: Read, now: Now, place: Annotated[Listing, Depends(listing("incident exposures"))]
) -> IncidentInFull:
    """Give one incident with the first of its exposures. One that was merged says into which."""
    row = find_incident(session, incident)
    exposures = _exposures(session, row.id, place, now)
    return IncidentInFull.model_validate({**incident_values(session, row.id), "exposures": exposures})


@router.get("/{incident}/exposures", dependencies=reads, responses=problems(404))
def exposures(
    incident: str, session: Read, now: Now, place: Annotated[Listing, Depends(listing("incident exposures"))]
) -> ExposurePage:
    """List an incident's exposures."""
    return _exposures(session, find_incident(session, incident).id, place, now)


@router.get("/{incident}/timeline", dependencies=reads, responses=problems(404))
def timeline(
    incident: str, session: Read, place: Annotated[Listing, Depends(listing("incident timeline"))]
) -> TimelinePage:
    """Tell what happened to an incident and its exposures, in order."""
    row = find_incident(session, incident)
    rows = timeline_of(session, incident_id=row.id, after=place.after(0), limit=place.limit + 1)
    page, following = place.cut(rows, lambda step: step[0])
    return TimelinePage(items=[StepOnTimelineOut.model_validate(values) for _, values in page], next=following)


def _exposures(session: ReadSession, incident_id: int, place: Listing, now: datetime) -> ExposurePage:
    rows = list_exposures(session, incident_id=incident_id, after=place.after(0), limit=place.limit + 1, now=now)
    page, following = place.cut(rows, lambda row: row[0])
    return ExposurePage(items=[ExposureOut.model_validate(values) for _, values in page], next=following)
