"""``/v1/advisories``: what is known to be wrong, from feeds and by ourselves."""

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import Field

from service.access.roles import Actor
from service.advisories.models import Advisory
from service.advisories.reading import (
    Wanted,
    find_advisory,
    intervals_of,
    list_advisories,
    match_count,
    spoken_of,
)
from service.advisories.reservations import reservations
from service.api.deps import Listing, Now, Primary, Read, listing, may
from service.api.problems import problems
from service.api.published import (
    ProductHitOut,
    ProductHitPage,
    PublishedOut,
    ReachOut,
    UnevaluatedPartOut,
    published_values,
    reach_values,
)
from service.api.schemas import Answer, Page
from service.db import ReadSession
from service.flows.publishing import publish_advisory, withdraw_advisory
from service.flows.reach import hits_of_advisory, reach_of
from service.incidents.listing import incidents_about

router = APIRouter(prefix="/v1/advisories", tags=["advisories"])
reads = [Depends(may("read"))]

Kind = Literal["vulnerability", "malware", "informational"]
Source = Literal["osv", "own"]


class AdvisoryLineOut(Answer):
    """An advisory in a list."""

    id: str = Field(validation_alias="osv_id")
    source: Source
    kind: Kind
    summary: str
    severity: str
    score: float | None
    modified: datetime
    published: datetime | None
    withdrawn_at: datetime | None
    unevaluated: int = Field(description="parts of it that match nothing because they cannot be read")


class AdvisoryPage(Page[AdvisoryLineOut]):
    """Advisories by id."""


class SpokenOut(Answer):
    """A vulnerability that an advisory speaks of."""

    name: str
    relation: Literal["alias", "evidence"]
    aliases: list[str]
    incident: str | None


class IntervalOut(Answer):
    """Versions of a package that are affected."""

    ecosystem: str
    name: str
    versions: str = Field(description=">=5.6.0, <5.6.2")
    fixed: str | None


class ReservationOut(Answer):
    """What a record says of one of its own entries, for people to weigh a match by; none of it is evaluated."""

    ecosystem: str
    name: str
    labels: list[str] = Field(description="of: no known fix, unreviewed")
    last_known_affected: str = Field(description="GitHub's hint where it knows no fix: < 2.296.1; else empty")
    other_numbers: str = Field(description="ranges in the project's own numbers, where it has others; else empty")


class AdvisoryOut(Answer):
    """An advisory: what we read from it, and the record as received."""

    id: str
    source: Source
    kind: Kind
    summary: str
    severity: str
    score: float | None
    vector: str | None
    modified: datetime
    published: datetime | None
    withdrawn_at: datetime | None
    vulnerabilities: list[SpokenOut]
    affected: list[IntervalOut] = Field(description="ends at 1,000")
    unevaluated: list[UnevaluatedPartOut]
    reservations: list[ReservationOut]
    matches: dict[str, int] = Field(description="components that it matches, by certainty")
    settled: bool = Field(description="exposures have followed its last change")
    record: dict[str, Any]


@router.get("", dependencies=reads)
def index(
    session: Read,
    place: Annotated[Listing, Depends(listing("advisories"))],
    *,
    q: Annotated[str | None, Query(max_length=200, description="what the id begins with")] = None,
    vulnerability: Annotated[str | None, Query(max_length=200, description="any name of one it speaks of")] = None,
    source: Source | None = None,
    kind: Kind | None = None,
    unevaluated: Annotated[bool, Query(description="only those of which a part cannot be read")] = False,
    reason: Annotated[str | None, Query(max_length=100, description="why it cannot be read")] = None,
) -> AdvisoryPage:
    """List advisories by id."""
    wanted = Wanted(q, vulnerability, source, kind, unevaluated, reason)
    rows = list_advisories(session, wanted, after=place.after(""), limit=place.limit + 1)
    page, following = place.cut(rows, lambda line: line.osv_id)
    return AdvisoryPage(items=[AdvisoryLineOut.model_validate(line) for line in page], next=following)


@router.get("/{advisory}", dependencies=reads, responses=problems(404))
def show(advisory: str, session: Read) -> AdvisoryOut:
    """Give one advisory: the record as received, and what we made of it."""
    return _in_full(session, find_advisory(session, advisory))


@router.get(
    "/{advisory}/products", dependencies=[Depends(may("read")), Depends(may("read_incidents"))], responses=problems(404)
)
def products(
    advisory: str, session: Read, place: Annotated[Listing, Depends(listing("advisory products"))]
) -> ProductHitPage:
    """List the products that have in the field what an advisory matches, any feed's too."""
    row = find_advisory(session, advisory)
    hits = hits_of_advisory(session, row, after=place.after(""), limit=place.limit)
    following = place.write(hits.next) if hits.next else None
    return ProductHitPage(items=[ProductHitOut.model_validate(one) for one in hits.products], next=following)


@router.get(
    "/{advisory}/reach", dependencies=[Depends(may("read")), Depends(may("read_incidents"))], responses=problems(404)
)
def reach(advisory: str, session: Read) -> ReachOut:
    """Say whom an advisory hits and hit, what nobody can tell, and what it nearly names."""
    row = find_advisory(session, advisory)
    return ReachOut.model_validate(reach_values(reach_of(session, row), _products_at(row.osv_id)))


@router.put(
    "/{advisory}",
    responses=problems(409) | {201: {"model": PublishedOut, "description": "The advisory is new"}},
)
def put(
    advisory: str,
    record: Annotated[dict[str, Any], Body(description="an OSV record; id and modified may be missing")],
    engine: Primary,
    response: Response,
    actor: Annotated[Actor, Depends(may("publish_advisory"))],
    now: Now,
    *,
    dry_run: Annotated[bool, Query(description="say what it would meet, and keep nothing")] = False,
) -> PublishedOut:
    """Publish or amend an own advisory. Its exposures are open when the answer comes.

    A new one needs an id of its own: `x_…`, as OSV's schema wants it of private databases.
    """
    published = publish_advisory(engine, advisory, record, actor=actor, now=now, dry_run=dry_run)
    response.status_code = 201 if published.created and not dry_run else 200
    return PublishedOut.model_validate(published_values(published, None if dry_run else _products_at(advisory)))


@router.post("/{advisory}:withdraw", responses=problems(404, 409))
def withdraw(
    advisory: str, engine: Primary, actor: Annotated[Actor, Depends(may("publish_advisory"))], now: Now
) -> PublishedOut:
    """Withdraw an own advisory: what it alone opened is withdrawn. To put it again brings it back."""
    published = withdraw_advisory(engine, advisory, actor=actor, now=now)
    return PublishedOut.model_validate(published_values(published, _products_at(advisory)))


def _products_at(advisory: str) -> str:
    return f"/v1/advisories/{quote(advisory, safe='')}/products"


def _in_full(session: ReadSession, row: Advisory) -> AdvisoryOut:
    spoken = spoken_of(session, row.id)
    incidents = incidents_about(session, (one.vulnerability_id for one in spoken))
    return AdvisoryOut.model_validate(
        {
            "id": row.osv_id,
            "source": row.source,
            "kind": row.kind,
            "summary": row.summary,
            "severity": row.severity,
            "score": row.score,
            "vector": row.vector,
            "modified": row.modified,
            "published": row.published,
            "withdrawn_at": row.withdrawn_at,
            "vulnerabilities": [{**one._asdict(), "incident": incidents.get(one.vulnerability_id)} for one in spoken],
            "affected": intervals_of(session, row.id),
            "unevaluated": row.unevaluated,
            "reservations": reservations(row.record),
            "matches": match_count(session, row.id),
            "settled": row.settled,
            "record": row.record,
        }
    )
