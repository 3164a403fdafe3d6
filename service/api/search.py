"""``/v1/search``: who uses it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.api.deps import Listing, Read, listing, may
from service.api.schemas import Answer, Instant, Page
from service.errors import Unreadable
from service.inventory.question import ask
from service.inventory.search import search

router = APIRouter(prefix="/v1/search", tags=["search"])

Text = Annotated[str, Query(max_length=1000)]


class OwnerOut(Answer):
    """Who answers for a product, and which rule says so."""

    team: str
    reason: str


class NamedOut(Answer):
    """A component as people read it."""

    purl: str
    name: str
    version: str


class ReasonOut(Answer):
    """A rule that fired, and on what."""

    rule: str
    detail: str


class ItemOut(Answer):
    """A component that was asked for, in a product's stream or release."""

    product: str
    stream: str
    release: str | None
    in_field: bool
    owner: OwnerOut
    component: NamedOut
    first_seen_at: datetime | None
    last_seen_at: datetime | None = Field(description="null: still there")
    matched_by: list[ReasonOut]
    path: list[str] = Field(description="from the product to the component, as its SBOM has it")


class CannotTellOut(Answer):
    """What could not be judged; unknown is neither affected nor clean."""

    product: str
    stream: str | None
    release: str | None
    owner: OwnerOut
    reason: Literal["no_sbom", "stale", "no_version", "own_versions"]
    component: NamedOut | None


class ExcludedOut(Answer):
    """A component that looks as if it were meant and is not, and why."""

    component: NamedOut
    reason: str


class SearchPage(Page[ItemOut]):
    """Who uses it, the likeliest first."""

    cannot_tell: list[CannotTellOut] = Field(description="with the first page only")
    excluded: list[ExcludedOut] = Field(description="with the first page only")
    cut: bool = Field(description="the question was too broad to be answered completely")


@router.get("", dependencies=[Depends(may("read"))], response_model=SearchPage)
def index(
    session: Read,
    place: Annotated[Listing, Depends(listing("search"))],
    *,
    q: Annotated[Text, Query(description="what people type: liblzma 5.6")] = "",
    name: Text = "",
    version: Annotated[Text, Query(description="the beginning of the version")] = "",
    purl: Text = "",
    version_range: Annotated[Text, Query(alias="range", description=">=5.6.0,<5.6.2")] = "",
    vers: Annotated[Text, Query(description="vers:deb/>=5.6.0|<5.6.2")] = "",
    cpe: Text = "",
    digest: Annotated[Text, Query(alias="hash", description="of any kind, hexadecimal")] = "",
    ever: Annotated[bool, Query(description="whatever ever contained it")] = False,
    as_of: Annotated[Instant | None, Query(description="what was in the field then")] = None,
    exact: Annotated[bool, Query(description="only packages of exactly this name")] = False,
) -> dict[str, Any]:
    """Say who uses what is asked for, who owns that, and what cannot be told."""
    if as_of is not None and as_of.tzinfo is None:
        raise Unreadable("as_of= needs a time zone: 2024-03-29T15:38:00Z.")
    question = ask(
        q, name=name, version=version, purl=purl, version_range=version_range, vers=vers, cpe=cpe, digest=digest
    )
    after = tuple(place.position) or None
    answer = search(session, question, ever=ever, as_of=as_of, exact=exact, after=after, limit=place.limit)
    return {
        "items": answer.items,
        "next": place.write(*answer.next) if answer.next else None,
        "cannot_tell": answer.cannot_tell,
        "excluded": answer.excluded,
        "cut": answer.cut,
    }
