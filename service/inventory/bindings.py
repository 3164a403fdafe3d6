"""Keys bound to products: such a key uploads to these, or follows their incidents, and sees no others."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.dialects import postgresql as pg

from service.access.roles import BINDABLE, Actor
from service.db import ReadSession, WriteSession, any_of
from service.errors import NotFound
from service.inventory.models import KeyProduct, Product
from service.inventory.products import find_product


def bind_key(session: WriteSession, key_id: int, product_ids: Iterable[int]) -> None:
    """Bind a key to products, in addition to those it is bound to already."""
    rows = [{"key_id": key_id, "product_id": product_id} for product_id in sorted(set(product_ids))]
    if rows:
        session.execute(pg.insert(KeyProduct).on_conflict_do_nothing(), rows)


def with_bindings(session: ReadSession, actor: Actor) -> Actor:
    """Give the actor with the products its key is bound to."""
    if actor.role not in BINDABLE or actor.key_id is None:
        return actor
    bound = frozenset(session.scalars(select(KeyProduct.product_id).where(KeyProduct.key_id == actor.key_id)))
    return replace(actor, products=bound or None)


def visible_product(session: ReadSession, actor: Actor, slug: str) -> Product:
    """Give a product that the actor may see; one that it may not is not there."""
    product = find_product(session, slug)
    if not actor.sees(product.id):
        raise NotFound(f"There is no product {slug}.")
    return product


def bound_slugs(session: ReadSession, key_ids: Iterable[int]) -> dict[int, list[str]]:
    """Give the slugs of the products each key is bound to, in order."""
    rows = select(KeyProduct.key_id, Product.slug).join(Product).where(KeyProduct.key_id == any_of(key_ids))
    slugs: dict[int, list[str]] = {}
    for key_id, slug in session.execute(rows.order_by(Product.slug)):
        slugs.setdefault(key_id, []).append(slug)
    return slugs
