"""What people decide about a product: who owns it, how much it matters, what it is called, when it ends."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql as pg

from service.access.models import Team
from service.access.teams import refuse_retired
from service.db import WriteSession
from service.errors import Conflict, Unreadable
from service.inventory.bases import build_on
from service.inventory.models import Product, ProductSlug, Stream
from service.inventory.products import DEFAULT_STREAM, BadName, find_product
from service.inventory.slugs import slugify

Tier = Literal["low", "medium", "high", "mission-critical"]
Kind = Literal["own", "vendor"]


class ProductFields(TypedDict, total=False):
    """What can be said of a product. `team` is a name; None leaves it to the fallback team."""

    slug: str
    title: str
    kind: Kind
    tier: Tier
    exposed: bool
    tags: Sequence[str]
    team: str | None
    built_on: "BuiltOn | None"


class BuiltOn(TypedDict):
    """What a product is built on, by the names of product and stream; the default stream need not be named."""

    product: str
    stream: NotRequired[str]


class SlugTaken(Conflict):
    """Another product has this slug, or had it once."""

    slug = "slug-taken"


class UnknownTeam(Unreadable):
    """There is no such team."""

    slug = "unknown-team"


def lock_product(session: WriteSession, slug: str) -> Product:
    """Give a product and lock its row until the transaction ends: whoever compares its version sees the last one."""
    product = find_product(session, slug)
    row = select(Product).where(Product.id == product.id).with_for_update(key_share=True)
    return session.scalars(row, execution_options={"populate_existing": True}).one()


def put_product(session: WriteSession, slug: str, fields: ProductFields, *, now: datetime) -> tuple[Product, bool]:
    """Make a product as described, or describe it anew: what is not said returns to its default.

    Returns:
        The product, and whether it is new.
    """
    _check_slug(slug)
    new = pg.insert(Product).values(slug=slug, title=slug, created_at=now)
    inserted = None
    if session.get(ProductSlug, slug) is None:
        inserted = session.scalar(new.on_conflict_do_nothing(index_elements=["slug"]).returning(Product.id))
    product = find_product(session, slug)
    defaults = ProductFields(title=product.slug, kind="own", tier="medium", exposed=False, tags=(), team=None)
    defaults |= ProductFields(built_on=None)
    if inserted is None:
        patch_product(session, product, defaults | fields)
    else:
        _apply(session, product, defaults | fields)
    return product, inserted is not None


def patch_product(session: WriteSession, product: Product, fields: ProductFields) -> bool:
    """Change what is said and leave the rest; tells whether anything changed (then `version` counts on).

    Raises:
        SlugTaken: The new slug is another product's.
        UnknownTeam: The team does not exist.
        TeamRetired: The team is no more.
        NotFound: What it is to be built on does not exist.
        CircularBase: That is built on this product.
    """
    if not _apply(session, product, fields):
        return False
    product.version += 1
    return True


def _apply(session: WriteSession, product: Product, fields: ProductFields) -> bool:
    others = {"slug", "team", "tags", "built_on"}
    wanted: dict[str, object] = {name: value for name, value in fields.items() if name not in others}
    if "team" in fields:
        wanted["team_id"] = _team_id(session, product, fields["team"])
    if "tags" in fields:
        wanted["tags"] = sorted(set(fields["tags"]))
    changed = {name: value for name, value in wanted.items() if getattr(product, name) != value}
    for name, value in changed.items():
        setattr(product, name, value)
    renamed = "slug" in fields and _rename(session, product, fields["slug"])
    rebased = "built_on" in fields and _rebase(session, product, fields["built_on"])
    return bool(changed) or renamed or rebased


def _rebase(session: WriteSession, product: Product, base: BuiltOn | None) -> bool:
    if base is None:
        return build_on(session, product, None)
    return build_on(session, product, base["product"], base.get("stream", DEFAULT_STREAM))


def _team_id(session: WriteSession, product: Product, name: str | None) -> int | None:
    if name is None:
        return None
    team = session.scalar(select(Team).where(Team.name == name))
    if team is None:
        raise UnknownTeam(f"There is no team {name}; PUT /v1/teams/{name} makes one.")
    if team.id != product.team_id:
        refuse_retired(team)
    return team.id


def _rename(session: WriteSession, product: Product, slug: str) -> bool:
    """Give a product another slug; the old one keeps leading to it."""
    if slug == product.slug:
        return False
    _check_slug(slug)
    session.flush()  # what is pending belongs to the old name
    former = session.get(ProductSlug, slug)
    if former is not None and former.product_id != product.id:
        raise SlugTaken(f"{slug} leads to another product that was renamed.")
    if session.scalar(select(Product.id).where(Product.slug == slug)) is not None:
        raise SlugTaken(f"There is a product {slug} already.")
    if former is not None:
        session.delete(former)
    keep = pg.insert(ProductSlug).values(slug=product.slug, product_id=product.id)
    session.execute(keep.on_conflict_do_nothing(index_elements=["slug"]))
    product.slug = slug
    session.flush()  # the unique slug decides a race here, inside this call
    return True


def _check_slug(slug: str) -> None:
    if slugify(slug)[0] != slug:
        raise BadName(f"{slug!r} is no slug: use a-z, 0-9, '.', '_', '-', at most 100 of them, not a dot first.")


def archive_product(session: WriteSession, product: Product, *, reason: str, now: datetime) -> list[int]:
    """Take a product and all its streams out of use.

    Returns:
        Ids of the streams that retired with it; the caller ends its exposures as retired.
    """
    if not reason.strip():
        raise Unreadable("Archiving a product needs a reason.")
    if product.archived_at is not None:
        raise Conflict(f"{product.slug} was archived already: {product.archived_reason}.")
    product.archived_at, product.archived_reason = now, reason.strip()
    product.version += 1
    live = update(Stream).where(Stream.product_id == product.id, Stream.retired_at.is_(None))
    retired = live.values(retired_at=now, retired_reason=f"product archived: {reason.strip()}")
    return list(session.scalars(retired.returning(Stream.id), execution_options={"synchronize_session": "fetch"}))


def revive_product(session: WriteSession, product: Product) -> list[int]:
    """Put an archived product back into use, with the streams that retired with it.

    Returns:
        Ids of these streams; the caller looks for findings anew.
    """
    if product.archived_at is None:
        raise Conflict(f"{product.slug} is not archived.")
    with_it = update(Stream).where(Stream.product_id == product.id, Stream.retired_at == product.archived_at)
    revived = with_it.values(retired_at=None, retired_reason=None).returning(Stream.id)
    product.archived_at = product.archived_reason = None
    product.version += 1
    return list(session.scalars(revived, execution_options={"synchronize_session": "fetch"}))
