"""What products are built on: the stream of another product, whose components they carry along.

A component that the base has in its newest SBOM too came with it. Who builds on whom makes no circle.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import and_, or_, select

from service.db import ReadSession, WriteSession, any_of
from service.errors import Refused
from service.inventory.field import is_live
from service.inventory.models import Product, Stream
from service.inventory.products import DEFAULT_STREAM, find_product, find_stream


class CircularBase(Refused):
    """A product cannot be built on itself, not by a detour either."""

    slug = "circular-base"


class Base(NamedTuple):
    """A product's base. `live`: its stream is in the field; a stream that is out of use holds nobody up."""

    product_id: int
    stream_id: int
    base_product_id: int
    live: bool


def bases_of(session: ReadSession, product_ids: Iterable[int]) -> list[Base]:
    """Give the bases of some products, and those that build on some of them."""
    wanted = any_of(sorted(product_ids))
    rows = session.execute(
        select(Product.id, Stream.id, Stream.product_id, and_(is_live()).label("live"))
        .join(Stream, Stream.id == Product.built_on_id)
        .where(or_(Product.id == wanted, Stream.product_id == wanted))
    )
    return [Base(*row) for row in rows]


def bases_first(session: ReadSession, product_ids: Iterable[int]) -> list[int]:
    """Put products into an order in which each comes after what it is built on, and else by id."""
    wanted = sorted(product_ids)
    base_of = {base.product_id: base.base_product_id for base in bases_of(session, wanted)}

    def depth(product_id: int) -> int:
        count = 0
        while (product_id := base_of.get(product_id, 0)) and count < len(base_of):
            count += 1
        return count

    return sorted(wanted, key=lambda product_id: (depth(product_id), product_id))


def build_on(session: WriteSession, product: Product, base: str | None, stream: str = DEFAULT_STREAM) -> bool:
    """Say what a product is built on, None: on nothing; tells whether that is news. The caller holds the product.

    Raises:
        NotFound: There is no such product or stream.
        CircularBase: The base is built on this product.
    """
    built_on_id = None
    if base is not None:
        below = find_product(session, base)
        built_on_id = find_stream(session, below.id, stream).id
        _refuse_circle(session, product, below)
    if product.built_on_id == built_on_id:
        return False
    product.built_on_id = built_on_id
    session.flush()  # whoever looks at its exposures next reads it
    return True


def _refuse_circle(session: WriteSession, product: Product, base: Product) -> None:
    # Two that change at once could close a circle together: they queue up at the rows that they both lead through.
    seen, below = [base.slug], base.id
    while below != product.id:
        row = (
            select(Stream.product_id)
            .join(Product, Product.built_on_id == Stream.id)
            .where(Product.id == below)
            .with_for_update(of=Product, read=True)
        )
        following = session.scalar(row)
        if following is None:
            return
        below = following
        seen.append(session.get_one(Product, below).slug)
    if len(seen) == 1:
        raise CircularBase(f"{product.slug} cannot be built on itself.")
    raise CircularBase(f"{' is built on '.join(seen)} already.", through=seen)


def named_bases(session: ReadSession, products: Iterable[Product]) -> dict[int, tuple[str, str]]:
    """Name what products are built on: product id to (product, stream)."""
    ids = [product.built_on_id for product in products if product.built_on_id is not None]
    if not ids:
        return {}
    rows = session.execute(
        select(Stream.id, Product.slug, Stream.name)
        .join(Product, Product.id == Stream.product_id)
        .where(Stream.id == any_of(ids))
    )
    names = {row[0]: (row[1], row[2]) for row in rows}
    return {product.id: names[product.built_on_id] for product in products if product.built_on_id in names}
