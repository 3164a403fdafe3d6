"""What an own advisory meets, as the API answers it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from service.api.incidents import OwnerOut
from service.api.schemas import Answer, Page
from service.flows.publishing import Published
from service.flows.reach import Reach


class UnevaluatedPartOut(Answer):
    """A part of a record that matches nothing because it cannot be read."""

    package: str
    reason: str
    detail: str


class RemarkOut(Answer):
    """Something odd about a record, and what to write instead."""

    code: str
    where: str = Field(description="JSON pointer into the record")
    message: str
    suggestion: str = Field(description="empty if nobody knows")


class NamedOut(Answer):
    """A component."""

    purl: str
    name: str
    version: str
    certainty: str = Field(description="certain, possible, or empty where it is not matched")


class ProductHitOut(Answer):
    """A product that has matched components in the field."""

    product: str
    owner: OwnerOut
    streams: list[str]
    releases: list[str]
    certainty: Literal["certain", "possible"]
    component_count: int
    components: list[NamedOut] = Field(description="ends at 20")
    incident: str | None
    exposure: str | None = Field(description="null where there is none yet, or only possible matches")
    status: str | None
    opens: Literal["opened", "reopened"] | None = Field(description="what follows, or would; null: nothing new")


class ProductHitPage(Page[ProductHitOut]):
    """Products by slug."""


class EarlierHitOut(Answer):
    """A product that had matched components, and has them in the field no longer."""

    product: str
    owner: OwnerOut
    component_count: int
    first_seen_at: datetime
    last_seen_at: datetime | None


class UnknownOut(Answer):
    """A place in the field of which nobody can tell whether the advisory concerns it."""

    product: str
    stream: str | None
    release: str | None
    owner: OwnerOut
    component: NamedOut | None
    reason: str
    sentence: str


class EntryOut(Answer):
    """A package as an affected entry names it."""

    ecosystem: str
    name: str
    package: dict[str, str] = Field(description="to be written so; by purl where OSV has no ecosystem for it")


class NearMissOut(Answer):
    """A component that the advisory does not match, and nearly does."""

    kind: Literal["cannot-evaluate", "other-packaging", "other-release", "other-version", "same-name"]
    purl: str
    name: str
    version: str
    looks_affected: bool | None = Field(description="compared in upstream's numbers; null: that cannot be told")
    product_count: int = Field(description="products that have it in the field")
    family: str | None = Field(description="the upstream code that both carry")
    reason: str = Field(description="why it cannot be evaluated, or empty")
    entry: EntryOut | None = Field(description="what the advisory would have to name to speak of it")
    sentence: str


class OpensOut(Answer):
    """What an advisory opens over all products."""

    incidents: int
    exposures: int
    reopened: int


class DifferenceOut(Answer):
    """Components that came or went with an amendment."""

    component_count: int
    product_count: int = Field(description="products that have one of them in the field")
    components: list[NamedOut] = Field(description="ends at 20")


class PublishedOut(Answer):
    """What an own advisory meets."""

    id: str
    created: bool
    component_count: int = Field(description="components that match, in any SBOM ever received")
    product_count: int = Field(description="products that have one of them in the field")
    unevaluated: list[UnevaluatedPartOut]
    remarks: list[RemarkOut] = Field(description="what is odd about the record; nothing of it was refused")
    products: list[ProductHitOut] = Field(description="who is hit now, by slug; ends at 100")
    products_next: str | None = Field(description="where all are listed, if there are more and it is published")
    earlier_count: int
    earlier: list[EarlierHitOut] = Field(description="who was hit and is no longer, the last first; ends at 100")
    cannot_tell_count: int
    cannot_tell: list[UnknownOut] = Field(description="ends at 100")
    near_miss_count: int
    near_misses: list[NearMissOut] = Field(description="the likeliest to be meant first; ends at 100")
    would_open: OpensOut | None = Field(description="of a dry run")
    opened: OpensOut | None = Field(description="null for a dry run")
    newly_affected: DifferenceOut | None = Field(description="null where no earlier form was amended")
    no_longer_affected: DifferenceOut | None = Field(description="null where no earlier form was amended")


class ReachOut(Answer):
    """How far an advisory reaches, now."""

    component_count: int
    product_count: int
    products: list[ProductHitOut] = Field(description="who is hit now, by slug; ends at 100")
    products_next: str | None
    earlier_count: int
    earlier: list[EarlierHitOut]
    cannot_tell_count: int
    cannot_tell: list[UnknownOut]
    near_miss_count: int
    near_misses: list[NearMissOut]


def published_values(published: Published, products_at: str | None) -> dict[str, Any]:
    """Lay out the answer to a publication; *products_at* is where its products are listed, if they are."""
    reach = published.reach
    return {
        "id": published.osv_id,
        "created": published.created,
        "unevaluated": published.unevaluated,
        "remarks": published.remarks,
        **reach_values(reach, products_at),
        "would_open": reach.would_open,
        "opened": reach.opened,
        "newly_affected": reach.newly_affected,
        "no_longer_affected": reach.no_longer_affected,
    }


def reach_values(reach: Reach, products_at: str | None) -> dict[str, Any]:
    """Lay out how far an advisory reaches."""
    return {
        "component_count": len(reach.hits.matched),
        "product_count": reach.hits.product_count,
        "products": reach.hits.products,
        "products_next": products_at if reach.hits.next else None,
        "earlier_count": reach.earlier_count,
        "earlier": reach.earlier,
        "cannot_tell_count": reach.cannot_tell_count,
        "cannot_tell": reach.cannot_tell,
        "near_miss_count": reach.near_miss_count,
        "near_misses": reach.near_misses,
    }
