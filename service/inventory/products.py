"""Products and their streams: made on first sight, found under every slug they ever had.

Unique names decide races: two uploads that both bring a new product or stream make one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql as pg

from service.db import ReadSession, WriteSession, any_of
from service.errors import Conflict, NotFound, Refused, Unreadable
from service.inventory.models import Product, ProductSlug, Stream
from service.inventory.slugs import slugify

DEFAULT_STREAM = "main"
#: A preview that nobody uploads to any more retires by itself.
PREVIEW_LIFE = timedelta(days=14)
_LONGEST_STREAM_NAME = 200


class Archived(Refused):
    """The product was archived."""

    slug = "archived"


class StreamRetired(Refused):
    """The stream was retired."""

    slug = "stream-retired"


class OtherKindOfStream(Conflict):
    """The stream exists already, and is of the other kind."""

    slug = "other-kind-of-stream"


class BadName(Unreadable):
    """This cannot be a name."""

    slug = "bad-name"


def ensure_product(session: WriteSession, name: str, *, now: datetime) -> Product:
    """Give the product of this name or slug; make it if it is new.

    Raises:
        Archived: It was taken out of use.
    """
    slug, title = slugify(name)
    product = _by_slug(session, slug)
    if product is None:
        new = pg.insert(Product).values(slug=slug, title=title, created_at=now)
        session.execute(new.on_conflict_do_nothing(index_elements=["slug"]))
        product = find_product(session, slug)
    if product.archived_at is not None:
        raise Archived(f"{product.slug} was archived: {product.archived_reason}. Revive it to upload again.")
    return product


def find_product(session: ReadSession, slug: str) -> Product:
    """Give the product that has this slug, or had it before a rename."""
    product = _by_slug(session, slug)
    if product is None:
        raise NotFound(f"There is no product {slug}.")
    return product


def _by_slug(session: ReadSession, slug: str) -> Product | None:
    product = session.scalar(select(Product).where(Product.slug == slug))
    if product is not None:
        return product
    return session.scalar(select(Product).join(ProductSlug).where(ProductSlug.slug == slug))


def names_of(session: ReadSession, product_id: int) -> set[str]:
    """Give the slugs that a product has and had."""
    now = select(Product.slug).where(Product.id == product_id)
    before = select(ProductSlug.slug).where(ProductSlug.product_id == product_id)
    return {*session.scalars(now), *session.scalars(before)}


def slugs_of(session: ReadSession, product_ids: Iterable[int]) -> dict[int, str]:
    """Give the slugs of products by id."""
    rows = session.execute(select(Product.id, Product.slug).where(Product.id == any_of(set(product_ids))))
    return {row.id: row.slug for row in rows}


def list_products(session: ReadSession, *, after: str = "", limit: int = 50, archived: bool = False) -> list[Product]:
    """List products by slug; archived ones only when asked for."""
    rows = select(Product).where(Product.slug > after).order_by(Product.slug).limit(limit)
    return list(session.scalars(rows if archived else rows.where(Product.archived_at.is_(None))))


# --- streams -------------------------------------------------------------------------------------------------------


def ensure_stream(session: WriteSession, product_id: int, name: str, *, preview: bool, now: datetime) -> Stream:
    """Give the product's stream of this name; make it if it is new.

    A preview that has retired comes back; a tracked stream was retired for a reason, and stays so.

    Raises:
        OtherKindOfStream: The first upload decided whether it is tracked or a preview, and said otherwise.
        StreamRetired: It was taken out of use.
    """
    if not name.strip() or len(name) > _LONGEST_STREAM_NAME or not name.isprintable():
        raise BadName(f"A stream's name has 1 to {_LONGEST_STREAM_NAME} printable characters.")
    kind = "preview" if preview else "tracked"
    stream = _stream(session, product_id, name)
    if stream is None:
        _hold_product(session, product_id)
        new = pg.insert(Stream).values(product_id=product_id, name=name, kind=kind, created_at=now)
        session.execute(new.on_conflict_do_nothing(index_elements=["product_id", "name"]))
        stream = find_stream(session, product_id, name)
    if stream.kind != kind:
        raise OtherKindOfStream(
            f"The stream {name} is {stream.kind}; a {kind} upload needs a stream of another name.", kind=stream.kind
        )
    if not preview:
        _refuse_retired(stream)
    if stream.retired_at is not None:
        stream.retired_at = stream.retired_reason = None
    return stream


def _hold_product(session: WriteSession, product_id: int) -> None:
    """Keep a product from being archived before its new stream is there to retire with it."""
    row = select(Product.archived_at, Product.slug, Product.archived_reason).where(Product.id == product_id)
    product = session.execute(row.with_for_update(read=True)).one()
    if product.archived_at is not None:
        raise Archived(f"{product.slug} was archived: {product.archived_reason}. Revive it to upload again.")


def _refuse_retired(stream: Stream) -> None:
    if stream.retired_at is not None:
        raise StreamRetired(
            f"The stream {stream.name} was retired: {stream.retired_reason}. Revive it to upload again."
        )


def find_stream(session: ReadSession, product_id: int, name: str) -> Stream:
    """Give the product's stream of this name."""
    stream = _stream(session, product_id, name)
    if stream is None:
        raise NotFound(f"This product has no stream {name}.")
    return stream


def _stream(session: ReadSession, product_id: int, name: str) -> Stream | None:
    return session.scalar(select(Stream).where(Stream.product_id == product_id, Stream.name == name))


def list_streams(session: ReadSession, product_id: int, *, after: str = "", limit: int = 500) -> list[Stream]:
    """List a product's streams by name, retired ones included."""
    rows = select(Stream).where(Stream.product_id == product_id, Stream.name > after)
    return list(session.scalars(rows.order_by(Stream.name).limit(limit)))


def lock_stream(session: WriteSession, stream_id: int) -> Stream:
    """Lock a stream's row until the transaction ends, and read it anew: uploads to one stream queue up here.

    The lock lets foreign keys to the stream be checked meanwhile.
    """
    row = select(Stream).where(Stream.id == stream_id).with_for_update(key_share=True)
    return session.scalars(row, execution_options={"populate_existing": True}).one()


def lock_streams(session: WriteSession, stream_ids: Iterable[int]) -> None:
    """Lock several streams' rows until the transaction ends, in the order of their ids."""
    row = select(Stream.id).where(Stream.id == any_of(sorted(set(stream_ids)))).order_by(Stream.id)
    session.execute(row.with_for_update(key_share=True))


def lock_live_stream(session: WriteSession, stream_id: int) -> Stream:
    """Lock a stream that an upload is for.

    Raises:
        StreamRetired: It was taken out of use while the upload waited.
    """
    stream = lock_stream(session, stream_id)
    _refuse_retired(stream)
    return stream


def retire_stream(session: WriteSession, stream: Stream, *, reason: str, now: datetime) -> None:
    """Take a stream out of the field for good; the caller ends its exposures as retired."""
    if not reason.strip():
        raise Unreadable("Retiring a stream needs a reason.")
    stream = lock_stream(session, stream.id)  # an upload under way comes first
    if stream.retired_at is not None:
        raise Conflict(f"The stream {stream.name} was retired already: {stream.retired_reason}.")
    stream.retired_at, stream.retired_reason = now, reason.strip()


def revive_stream(session: WriteSession, stream: Stream) -> None:
    """Put a retired stream back into the field, as its newest upload left it; the caller looks for findings anew."""
    stream = lock_stream(session, stream.id)
    if stream.retired_at is None:
        raise Conflict(f"The stream {stream.name} is not retired.")
    stream.retired_at = stream.retired_reason = None


def retire_previews(session: WriteSession, *, now: datetime) -> int:
    """Retire the previews that nobody has uploaded to for a while; tells how many."""
    last_sign = func.coalesce(Stream.last_upload_at, Stream.created_at)
    stale = update(Stream).where(Stream.kind == "preview", Stream.retired_at.is_(None), last_sign < now - PREVIEW_LIFE)
    reason = f"no upload for {PREVIEW_LIFE.days} days"
    return len(session.scalars(stale.values(retired_at=now, retired_reason=reason).returning(Stream.id)).all())
