"""``/v1/products/{product}/components`` and ``/findings``: what is in it, and what is known of that."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.access.roles import Actor
from service.api.deps import Listing, Read, listing, may
from service.api.known import WhyOut
from service.api.problems import problems
from service.api.sboms import FindingOut
from service.api.schemas import Answer, Instant, Page
from service.errors import Unreadable
from service.flows.field_findings import findings_in_field
from service.inventory.bindings import visible_product
from service.inventory.contents import BEGINNING, Position, components_of
from service.inventory.products import find_product

router = APIRouter(prefix="/v1/products/{product}", tags=["products"])


class ComponentOut(Answer):
    """A component where it is."""

    stream: str
    release: str | None = Field(description="null: in the stream's newest SBOM")
    purl: str
    name: str
    version: str
    scope: str
    relation: Literal["direct", "transitive", "unknown"] = Field(
        description="unknown: the SBOM has no graph, or does not connect the component with its subject"
    )
    licence: str
    supplier: str
    unevaluated: str = Field(description="empty, or why no advisory can be matched with certainty")
    since: datetime = Field(description="time of the SBOM that brought it")


class ComponentPage(Page[ComponentOut]):
    """Components by stream and release."""


class PlacedFindingOut(FindingOut):
    """A finding, as in the answer to an upload, and where."""

    stream: str
    release: str | None = Field(description="null: in the stream's newest SBOM")
    why: list[WhyOut] = Field(description="one for each advisory")


class FindingPage(Page[PlacedFindingOut]):
    """Findings, the worst first."""


@router.get("/components", dependencies=[Depends(may("read"))], responses=problems(404))
def components(
    product: str,
    session: Read,
    place: Annotated[Listing, Depends(listing("components"))],
    stream: Annotated[str | None, Query(description="only this one; absent: all that is in the field")] = None,
    as_of: Annotated[Instant | None, Query(description="what that stream contained then")] = None,
) -> ComponentPage:
    """List what a product contains: in the field, or in one stream, now or as of a time."""
    if as_of is not None and (stream is None or as_of.tzinfo is None):
        raise Unreadable("as_of= goes with stream= and needs a time zone: 2024-03-29T15:38:00Z.")
    row = find_product(session, product)
    after: Position = (place.position[0], place.position[1], place.position[2]) if place.position else BEGINNING
    rows = components_of(session, row, stream=stream, as_of=as_of, after=after, limit=place.limit + 1)
    page = rows[: place.limit]
    following = place.write(*page[-1].position) if len(rows) > place.limit else None
    return ComponentPage(items=[ComponentOut.model_validate(one) for one in page], next=following)


@router.get("/findings", responses=problems(404))
def findings(
    product: str,
    session: Read,
    actor: Annotated[Actor, Depends(may("read_answer"))],
    place: Annotated[Listing, Depends(listing("findings"))],
) -> FindingPage:
    """List what is known of all that a product has in the field, the worst first."""
    row = visible_product(session, actor, product)
    rows = findings_in_field(session, row.id, after=tuple(place.position), limit=place.limit + 1)
    page = rows[: place.limit]
    following = place.write(*page[-1].rank) if len(rows) > place.limit else None
    items = [PlacedFindingOut.model_validate(one.as_values()) for one in page]
    return FindingPage(items=items, next=following)
