"""What is in the field: the newest upload of each live tracked stream, and the supported releases.

"Now" means this, everywhere. Only what is in the field opens exposures.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects import postgresql as pg

from service.clock import OPEN
from service.db import ReadSession, any_of, arrays
from service.inventory.models import Release, Stream, Upload, Usage


class FieldUse(NamedTuple):
    """A component in the field: in a stream's newest upload (`release_id` None) or in a supported release."""

    product_id: int
    stream_id: int
    release_id: int | None
    component_id: int
    scope: int
    from_us: int


def uses_of_products(session: ReadSession, product_ids: Iterable[int], component_ids: Iterable[int]) -> list[FieldUse]:
    """Give where the named products have the named components in the field."""
    wanted, products = any_of(component_ids), any_of(product_ids)
    return _uses(session, and_(Stream.product_id == products, Usage.component_id == wanted))


def uses_of_components(session: ReadSession, component_ids: Iterable[int]) -> list[FieldUse]:
    """Give where any product has the named components in the field."""
    return _uses(session, Usage.component_id == any_of(component_ids))


def products_using(session: ReadSession, component_ids: Iterable[int]) -> set[int]:
    """Give the products that have any of the named components in the field. Many have many; only ids travel."""
    wanted = Usage.component_id == any_of(component_ids)
    uses = union_all(_heads().where(wanted), _releases().where(wanted)).subquery()
    return set(session.scalars(select(uses.c.product_id).distinct()))


def products_by_component(session: ReadSession, component_ids: Iterable[int]) -> dict[int, int]:
    """Count the products that have each of the named components in the field; those that nobody has are left out."""
    wanted = Usage.component_id == any_of(component_ids)
    uses = union_all(_heads().where(wanted), _releases().where(wanted)).subquery()
    rows = session.execute(
        select(uses.c.component_id, func.count(uses.c.product_id.distinct())).group_by(uses.c.component_id)
    )
    return dict(rows.all())


def weigh_products(session: ReadSession, weights: Mapping[int, int]) -> dict[int, int]:
    """Give the products that have any of some components in the field, and the sum of what these weigh.

    Args:
        session: One snapshot.
        weights: Component id to what each use of it weighs.
    """
    weighed = arrays(component_id=(BigInteger(), list(weights)), weight=(BigInteger(), list(weights.values())))
    wanted = Usage.component_id == any_of(weights)
    uses = union_all(_heads().where(wanted), _releases().where(wanted)).subquery()
    rows = session.execute(
        select(uses.c.product_id, cast(func.sum(weighed.c.weight), BigInteger()))
        .join(weighed, weighed.c.component_id == uses.c.component_id)
        .group_by(uses.c.product_id)
    )
    return dict(rows.all())


def all_uses(session: ReadSession, product_id: int) -> list[FieldUse]:
    """Give everything that one product has in the field."""
    return _uses(session, Stream.product_id == product_id)


def uses_after(session: ReadSession, product_id: int, after: tuple[int, int, int], limit: int) -> list[FieldUse]:
    """Give part of what one product has in the field, by (stream, release or 0, component), after a position."""
    product = Stream.product_id == product_id
    uses = union_all(_heads().where(product), _releases().where(product)).subquery()
    place = (uses.c.id, func.coalesce(uses.c.release_id, 0), uses.c.component_id)
    rows = session.execute(select(uses).where(tuple_(*place) > tuple_(*after)).order_by(*place).limit(limit))
    return [FieldUse(*row) for row in rows]


def uses_of_stream(session: ReadSession, stream: Stream, at_us: int | None, after: int, limit: int) -> list[FieldUse]:
    """Give part of what one stream contains, now (None) or at a time, by component, after one; retired or not."""
    there = Usage.to_us == literal_open() if at_us is None else and_(Usage.from_us <= at_us, Usage.to_us > at_us)
    rows = session.execute(
        select(Usage.component_id, Usage.scope, Usage.from_us)
        .where(Usage.stream_id == stream.id, there, Usage.component_id > after)
        .order_by(Usage.component_id)
        .limit(limit)
    )
    return [FieldUse(stream.product_id, stream.id, None, *row) for row in rows]


def _uses(session: ReadSession, where: ColumnElement[bool]) -> list[FieldUse]:
    rows = session.execute(union_all(_heads().where(where), _releases().where(where)))
    return [FieldUse(*row) for row in rows]


def _heads() -> Select[*tuple[Any, ...]]:
    return (
        select(Stream.product_id, Stream.id, null().label("release_id"), Usage.component_id, Usage.scope, Usage.from_us)
        .join(Usage, Usage.stream_id == Stream.id)
        .where(Usage.to_us == literal_open(), is_live())
    )


def _releases() -> Select[*tuple[Any, ...]]:
    return (
        select(Stream.product_id, Stream.id, Release.id, Usage.component_id, Usage.scope, Usage.from_us)
        .join(Release, Release.stream_id == Stream.id)
        .join(Upload, Upload.id == Release.upload_id)
        .join(
            Usage,
            and_(Usage.stream_id == Stream.id, Usage.from_us <= Upload.at_us, Usage.to_us > Upload.at_us),
        )
        .where(is_live(), is_supported())
    )


def literal_open() -> ColumnElement[int]:
    """Write `OPEN` into the statement, not as a parameter, so that the partial indexes are considered."""
    return literal(OPEN, literal_execute=True)


def is_live() -> ColumnElement[bool]:
    """A stream that counts: tracked and not retired."""
    return and_(Stream.kind == "tracked", Stream.retired_at.is_(None))


def is_supported() -> ColumnElement[bool]:
    """A release that counts: supported, not retired, its upload not taken back."""
    return and_(Release.supported, Release.retired_at.is_(None), Upload.voided_at.is_(None))


def newest_times(session: ReadSession, product_id: int) -> dict[int, int]:
    """Give the time of the newest upload of each of a product's streams: stream id to microseconds."""
    rows = session.execute(
        select(Upload.stream_id, func.max(Upload.at_us))
        .join(Stream, Stream.id == Upload.stream_id)
        .where(Stream.product_id == product_id, Upload.voided_at.is_(None))
        .group_by(Upload.stream_id)
    )
    return dict(rows.all())


class Head(NamedTuple):
    """The newest upload of a live tracked stream; `doubt` is why it proves nothing, unless it was confirmed since."""

    product_id: int
    stream_id: int
    upload_id: int
    doubt: str | None


def heads(session: ReadSession, product_ids: Iterable[int]) -> list[Head]:
    """Give the newest uploads of the products' live tracked streams."""
    doubt = case((Upload.confirmed_at.is_(None), Upload.doubt))
    newest = (
        select(Stream.product_id, Upload.stream_id, Upload.id, doubt)
        .join(Stream, Stream.id == Upload.stream_id)
        .where(Stream.product_id == any_of(product_ids), is_live(), Upload.voided_at.is_(None))
        .ext(pg.distinct_on(Upload.stream_id))
        .order_by(Upload.stream_id, Upload.at_us.desc())
    )
    return [Head(*row) for row in session.execute(newest)]
