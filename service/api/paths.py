"""``/v1/products/{product}/paths``: how a component came in, from the product down."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.api.deps import Listing, Read, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, Instant, Page
from service.api.search import NamedOut
from service.clock import from_micros
from service.errors import Unreadable
from service.inventory.candidates import find_candidates
from service.inventory.paths import BEGINNING, Position, Way, uses_in, ways_of
from service.inventory.products import find_product
from service.inventory.question import ask
from service.inventory.snapshots import snapshots_at

router = APIRouter(prefix="/v1/products/{product}", tags=["products"])

Text = Annotated[str, Query(max_length=1000)]


class PathCountOut(Answer):
    """How many paths lead to a component; large and circular graphs are not counted to the end."""

    count: int
    at_least: bool = Field(description="there may be more; roots and entries count as far as was looked, too")


class WayOut(Answer):
    """How a component came into one SBOM."""

    component: NamedOut
    stream: str
    release: str | None = Field(description="null: in the stream's newest SBOM, or in the one asked for")
    sbom: int = Field(description="the upload whose graph this is")
    at: datetime
    scope: str
    relation: Literal["direct", "transitive", "unknown"] = Field(
        description="unknown: the SBOM has no graph, or does not connect the component with its subject"
    )
    paths: list[list[NamedOut]] = Field(
        description="shortest first, from the subject (which has no purl), or from the topmost component known"
    )
    total: PathCountOut
    roots: int = Field(description="topmost components that the paths begin at, the subject included")
    entries: int = Field(description="the subject's own dependencies that the paths lead through")


class WayPage(Page[WayOut]):
    """Components that were asked for, the surest first, by stream and release."""

    cut: bool = Field(description="the question was too broad to be answered completely")


@router.get("/paths", dependencies=[Depends(may("read"))], responses=problems(404, 409))
def paths(
    product: str,
    session: Read,
    place: Annotated[Listing, Depends(listing("paths"))],
    *,
    purl: Annotated[Text, Query(description="with or without version")] = "",
    name: Annotated[Text, Query(description="as in a search: sources and families count")] = "",
    version: Annotated[Text, Query(description="the beginning of the version")] = "",
    exact: Annotated[bool, Query(description="only packages of exactly this name")] = False,
    stream: Annotated[str | None, Query(description="only this one; absent: all that is in the field")] = None,
    release: Annotated[str | None, Query(description="what this release shipped")] = None,
    sbom: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="in this upload")] = None,
    as_of: Annotated[Instant | None, Query(description="as it was then")] = None,
    most: Annotated[int, Query(alias="paths", ge=1, le=100, description="paths of each component")] = 5,
) -> WayPage:
    """Say how components came in: directly or through what, for each stream and release that contains them."""
    if as_of is not None and as_of.tzinfo is None:
        raise Unreadable("as_of= needs a time zone: 2024-03-29T15:38:00Z.")
    question = ask(name=name, version=version, purl=purl)
    row = find_product(session, product)
    snapshots = snapshots_at(session, row, stream=stream, release=release, upload_id=sbom, at=as_of)
    candidates = find_candidates(session, question, exact=exact)
    used = uses_in(session, snapshots, {one.component_id: int(one.place) for one in candidates.meant})
    after: Position = _position(place) if place.position else BEGINNING
    rest = [one for one in used if one.position > after]
    page = rest[: place.limit]
    return WayPage(
        items=[_shape(way) for way in ways_of(session, page, most=most)],
        next=place.write(*page[-1].position) if len(rest) > len(page) else None,
        cut=candidates.cut,
    )


def _position(place: Listing) -> Position:
    rank, stream, release, component = place.position
    return rank, stream, release, component


def _shape(way: Way) -> WayOut:
    upload = way.snapshot.upload
    return WayOut.model_validate(
        {
            "component": way.component,
            "stream": way.snapshot.stream,
            "release": way.snapshot.release,
            "sbom": upload.id,
            "at": from_micros(upload.at_us),
            "scope": way.scope,
            "relation": way.relation,
            "paths": way.paths,
            "total": {"count": way.path_count, "at_least": way.at_least},
            "roots": way.root_count,
            "entries": way.entry_count,
        }
    )
