"""``/v1/products/{product}/diff``: what changed from one SBOM to another, and which vulnerabilities came and went."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from service.api.deps import Listing, Read, listing, may
from service.api.known import KnownOut
from service.api.problems import problems
from service.api.sboms import UploadOut
from service.api.schemas import Answer, Page
from service.db import ReadSession
from service.flows.answering import MOST, upload_values
from service.flows.comparing import Comparison, Moved, compare, sides_named
from service.inventory.diff import BEGINNING, Aspect, Change, Diff, Kind, Position, Side, relations_on
from service.inventory.graph import Relation
from service.inventory.models import Stream
from service.inventory.products import find_product
from service.inventory.snapshots import Snapshot

router = APIRouter(prefix="/v1/products/{product}", tags=["products"])

_GRAMMAR = (
    "`12` or `sbom:12` (an upload), `release:1.4.2` (`release:1.4.2@2.x` where several streams have it), `stream:main` "
    "(its newest SBOM), `stream:main@2026-03-29T15:38:00Z` (the newest then); of another product with its slug before "
    "it: `payments-api/stream:main`"
)
_NEWEST = "written as `from`; absent: the newest SBOM of `main`, or of the only stream"
_ONLY = "only these; for `version`, `licence`, `scope` and `identity` also where more has changed"

Text = Annotated[str, Query(max_length=500)]


class SideOut(Answer):
    """A component as one side has it."""

    purl: str
    version: str
    licence: str = Field(description="empty: not stated")
    scope: str


class ChangeOut(Answer):
    """A component that came, left, or became another version of the same package."""

    change: Kind = Field(
        description="version: nobody can tell which is later; identity: the same version under another purl or source"
    )
    differs: list[Aspect] = Field(description="between the two sides")
    name: str
    before: SideOut | None = Field(serialization_alias="from")
    after: SideOut | None = Field(serialization_alias="to")
    relation: Relation = Field(description="on the side of `to`, or of `from` where it was removed")


class SummaryOut(Answer):
    """How many components changed how; every pair counts once, as its `change` says, but for `relicensed`."""

    added: int
    removed: int
    upgraded: int
    downgraded: int
    changed: int = Field(description="version, licence, scope or identity")
    unchanged: int
    relicensed: int = Field(description="those whose licence is another, whatever else changed")


class MovedOut(KnownOut):
    """A vulnerability that a package has on one side only."""

    elsewhere: bool = Field(description="the other side has the vulnerability too, in another package")


class FindingsOut(Answer):
    """What `to` brings and what it fixes, by what is known today; lists end at 1,000."""

    added: list[MovedOut]
    removed: list[MovedOut]
    added_count: int
    removed_count: int


class DiffPage(Page[ChangeOut]):
    """What changed; additions first, then by name."""

    before: UploadOut | None = Field(serialization_alias="from", description="null: nothing came before")
    after: UploadOut = Field(serialization_alias="to")
    summary: SummaryOut
    licences: Literal["documents", "catalogue"] = Field(
        description="catalogue: a document was pruned or is slow to read; then a version has one licence for all SBOMs"
    )
    findings: FindingsOut | None = Field(description="with the first page only")


@router.get("/diff", dependencies=[Depends(may("read"))], responses=problems(404, 409))
def diff(
    product: str,
    session: Read,
    place: Annotated[Listing, Depends(listing("diff"))],
    *,
    before: Annotated[Text, Query(alias="from", description=f"{_GRAMMAR}; absent: the upload before `to`")] = "",
    after: Annotated[Text, Query(alias="to", description=_NEWEST)] = "",
    change: Annotated[Kind | None, Query(description=_ONLY)] = None,
) -> DiffPage:
    """Say what changed between two SBOMs: components, versions, licences, scopes, and the vulnerabilities they have."""
    row = find_product(session, product)
    older, newer = sides_named(session, row, before, after)
    compared = compare(session, older, newer, with_findings=not place.position)
    found = compared.diff
    start: Position = _position(place) if place.position else BEGINNING
    rest = [one for one in found.changes if one.position > start and (change is None or one.is_about(change))]
    page = rest[: place.limit]
    relations = relations_on(session, found, page)
    return DiffPage(
        before=_record(session, older) if older else None,
        after=_record(session, newer),
        summary=_summary(found),
        licences="documents" if found.from_documents else "catalogue",
        findings=None if place.position else _findings(compared),
        items=[_shape(one, relation) for one, relation in zip(page, relations, strict=True)],
        next=place.write(*page[-1].position) if len(rest) > len(page) else None,
    )


def _position(place: Listing) -> Position:
    kind, name, before, after = place.position
    return kind, name, before, after


def _record(session: ReadSession, side: Snapshot) -> UploadOut:
    stream = session.get_one(Stream, side.upload.stream_id)
    return UploadOut.model_validate(upload_values(session, side.product, stream, side.upload))


def _summary(found: Diff) -> SummaryOut:
    counts = found.counts
    return SummaryOut(
        added=counts["added"],
        removed=counts["removed"],
        upgraded=counts["upgrade"],
        downgraded=counts["downgrade"],
        changed=counts["version"] + counts["licence"] + counts["scope"] + counts["identity"],
        unchanged=found.unchanged,
        relicensed=found.relicensed,
    )


def _findings(compared: Comparison) -> FindingsOut:
    return FindingsOut(
        added=_moved(compared.came),
        removed=_moved(compared.went),
        added_count=len(compared.came),
        removed_count=len(compared.went),
    )


def _moved(findings: list[Moved]) -> list[MovedOut]:
    return [MovedOut.model_validate(one.as_values()) for one in findings[:MOST]]


def _shape(one: Change, relation: Relation) -> ChangeOut:
    return ChangeOut(
        change=one.kind,
        differs=list(one.differs),
        name=one.name,
        before=_side(one.before),
        after=_side(one.after),
        relation=relation,
    )


def _side(side: Side | None) -> SideOut | None:
    if side is None:
        return None
    return SideOut(purl=side.part.purl, version=side.part.version, licence=side.licence, scope=side.scope)
