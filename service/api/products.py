"""``/v1/products``: what is shipped, who owns it, how much it matters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from service.access import audit
from service.access.teams import team_names
from service.api.deps import (
    CurrentActor,
    IfMatch,
    Listing,
    Now,
    Primary,
    Read,
    Write,
    check_version,
    etag,
    listing,
    may,
)
from service.api.problems import problems
from service.api.schemas import Answer, Body, Page, Reason
from service.db import ReadSession
from service.errors import NotFound
from service.flows import retiring
from service.flows.rebasing import let_base_follow
from service.flows.reowning import let_product_follow
from service.incidents.redeciding import decide_product_anew
from service.inventory import stewardship
from service.inventory.bases import named_bases
from service.inventory.models import Product
from service.inventory.products import find_product, list_products
from service.inventory.stewardship import Kind, ProductFields, Tier, lock_product

router = APIRouter(prefix="/v1/products", tags=["products"])
reads = [Depends(may("read"))]
manages = [Depends(may("manage_products"))]


class BuiltOn(Body):
    """The base image of a product: another product, and the stream of it that is built on."""

    product: str = Field(min_length=1, max_length=100)
    stream: str = Field("main", min_length=1, max_length=200)


class ProductOut(Answer):
    """A product."""

    slug: str
    title: str
    kind: Kind
    tier: Tier
    exposed: bool = Field(description="reachable from the internet")
    tags: list[str]
    team: str | None = Field(description="null: the fallback team")
    built_on: BuiltOn | None = Field(description="what came with it is the base's work first")
    created_at: datetime
    archived_at: datetime | None
    archived_reason: str | None
    version: int


class ProductPage(Page[ProductOut]):
    """Products by slug."""


class ProductIn(Body):
    """What can be said of a product; in a PUT, what is left out returns to its default."""

    title: str = Field("", min_length=1, max_length=500)
    kind: Kind = "own"
    tier: Tier = "medium"
    exposed: bool = False
    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field([], max_length=100)
    team: str | None = None
    built_on: BuiltOn | None = Field(None, description="null: on nothing that is known here")


class ProductPatch(ProductIn):
    """What changes; what is left out stays. Another slug renames: the old one keeps leading here."""

    slug: str = Field("", min_length=1, max_length=100)


@router.get("", dependencies=reads)
def index(
    session: Read,
    place: Annotated[Listing, Depends(listing("products"))],
    *,
    archived: Annotated[bool, Query(description="list archived products too")] = False,
) -> ProductPage:
    """List products by slug."""
    rows = list_products(session, after=place.after(""), limit=place.limit + 1, archived=archived)
    page, following = place.cut(rows, lambda product: product.slug)
    return ProductPage(items=shapes(session, page), next=following)


@router.get("/{product}", dependencies=reads, responses=problems(404))
def show(product: str, session: Read, response: Response) -> ProductOut:
    """Give one product, under its slug or one it had before."""
    return _answer(session, find_product(session, product), response)


@router.put(
    "/{product}",
    dependencies=manages,
    responses=problems(404, 409, 412, 422, 428) | {201: {"model": ProductOut, "description": "The product is new"}},
)
def put(
    product: str,
    body: ProductIn,
    session: Write,
    response: Response,
    actor: CurrentActor,
    now: Now,
    if_match: IfMatch = None,
) -> ProductOut:
    """Make a product as described, or describe it anew (then with If-Match)."""
    try:
        existing = lock_product(session, product)
    except NotFound:
        existing = None
    if existing is not None:
        check_version(if_match, existing.version)
    row, is_new = stewardship.put_product(session, product, _fields(body), now=now)
    audit.record(session, actor, "product.put", row.slug, body.model_dump(exclude_unset=True), now=now)
    if not is_new:
        session.flush()  # urgency is decided from the row
        decide_product_anew(session, row.id, actor=actor.name, now=now)
        let_base_follow(session, row.id, actor=actor, now=now)
    let_product_follow(session, row.id, actor=actor.name, now=now)
    response.status_code = 201 if is_new else 200
    return _answer(session, row, response)


@router.patch("/{product}", dependencies=manages, responses=problems(404, 409, 412, 422, 428))
def patch(
    product: str,
    body: ProductPatch,
    session: Write,
    response: Response,
    actor: CurrentActor,
    now: Now,
    if_match: IfMatch = None,
) -> ProductOut:
    """Change what is said of a product."""
    row = lock_product(session, product)
    check_version(if_match, row.version)
    if stewardship.patch_product(session, row, _fields(body)):
        audit.record(session, actor, "product.patch", row.slug, body.model_dump(exclude_unset=True), now=now)
        if body.model_fields_set & {"tier", "exposed", "tags"}:
            session.flush()  # urgency is decided from the row
            decide_product_anew(session, row.id, actor=actor.name, now=now)
        if "built_on" in body.model_fields_set:
            let_base_follow(session, row.id, actor=actor, now=now)
        let_product_follow(session, row.id, actor=actor.name, now=now)
    return _answer(session, row, response)


@router.post("/{product}:archive", dependencies=manages, responses=problems(404, 409))
def archive(
    product: str, body: Reason, engine: Primary, session: Write, response: Response, actor: CurrentActor, now: Now
) -> ProductOut:
    """Take a product and its streams out of use; its exposures end as retired."""
    retiring.archive(engine, product, reason=body.reason, actor=actor, now=now)
    return _answer(session, find_product(session, product), response)


@router.post("/{product}:revive", dependencies=manages, responses=problems(404, 409))
def revive(
    product: str, engine: Primary, session: Write, response: Response, actor: CurrentActor, now: Now
) -> ProductOut:
    """Put an archived product back into use, with the streams that were archived with it; what is affected reopens."""
    retiring.unarchive(engine, product, actor=actor, now=now)
    return _answer(session, find_product(session, product), response)


def shapes(session: ReadSession, rows: Sequence[Product]) -> list[ProductOut]:
    """Turn products into answers, with the names of their teams."""
    teams = team_names(session, [row.team_id for row in rows if row.team_id])
    bases = named_bases(session, rows)
    return [
        ProductOut(
            slug=row.slug,
            title=row.title,
            kind=cast("Kind", row.kind),
            tier=cast("Tier", row.tier),
            exposed=row.exposed,
            tags=row.tags,
            team=teams.get(row.team_id or 0),
            built_on=BuiltOn(product=bases[row.id][0], stream=bases[row.id][1]) if row.id in bases else None,
            created_at=row.created_at,
            archived_at=row.archived_at,
            archived_reason=row.archived_reason,
            version=row.version,
        )
        for row in rows
    ]


def _answer(session: ReadSession, row: Product, response: Response) -> ProductOut:
    response.headers["ETag"] = etag(row.version)
    # Under an old slug, this says where the product lives now.
    response.headers["Content-Location"] = f"/v1/products/{row.slug}"
    return shapes(session, [row])[0]


def _fields(body: ProductIn) -> ProductFields:
    return cast("ProductFields", body.model_dump(exclude_unset=True))
