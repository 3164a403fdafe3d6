"""What a product contains, component by component: in the field, or in one stream at some time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from service.clock import from_micros, to_micros
from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component, Package
from service.inventory.field import FieldUse, uses_after, uses_of_stream
from service.inventory.graph import Relation
from service.inventory.models import Product, Release, Stream
from service.inventory.paths import relations_of
from service.inventory.products import find_stream
from service.inventory.scopes import SCOPES

#: Stream, release (0: the newest upload), component.
Position = tuple[int, int, int]
BEGINNING: Position = (0, 0, 0)


@dataclass(frozen=True)
class Listed:
    """A component where it is.

    `since`: the upload that brought it; `unevaluated`: '' or why nothing can match it; `relation` as in `graph`.
    """

    position: Position
    stream: str
    release: str | None
    purl: str
    name: str
    version: str
    scope: str
    relation: Relation
    licence: str
    supplier: str
    unevaluated: str
    since: datetime | None


def components_of(
    session: ReadSession,
    product: Product,
    *,
    stream: str | None = None,
    as_of: datetime | None = None,
    after: Position = BEGINNING,
    limit: int = 50,
) -> list[Listed]:
    """List what a product contains: all that is in the field, or one stream, now or as of a time.

    Args:
        session: One snapshot.
        product: Whose.
        stream: Only this one, of whatever kind, retired or not.
        as_of: What that stream contained then.
        after: The position of the last one on the page before.
        limit: At most so many.
    """
    if stream is None:
        return _listed(session, uses_after(session, product.id, after, limit))
    row = find_stream(session, product.id, stream)
    at_us = to_micros(as_of) if as_of else None
    return _listed(session, uses_of_stream(session, row, at_us, after[2], limit), at_us)


def places_of(session: ReadSession, uses: Iterable[FieldUse]) -> tuple[dict[int, str], dict[int, str]]:
    """Give the names of the streams and the versions of the releases in which something is used, by id."""
    used = list(uses)
    stream_ids = {use.stream_id for use in used}
    release_ids = {use.release_id for use in used if use.release_id}
    streams = session.execute(select(Stream.id, Stream.name).where(Stream.id == any_of(stream_ids)))
    releases = session.execute(select(Release.id, Release.version).where(Release.id == any_of(release_ids)))
    return {row.id: row.name for row in streams}, {row.id: row.version for row in releases}


def _listed(session: ReadSession, uses: Sequence[FieldUse], at_us: int | None = None) -> list[Listed]:
    streams, releases = places_of(session, uses)
    rows = session.execute(
        select(
            Component.id,
            Component.purl,
            Package.name,
            Component.version,
            Component.licence,
            Component.supplier,
            Component.unevaluated,
        )
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(use.component_id for use in uses))
    )
    components = {row.id: row for row in rows}
    relations = relations_of(session, uses, at_us)
    return [
        Listed(
            position=(use.stream_id, use.release_id or 0, use.component_id),
            stream=streams[use.stream_id],
            release=releases.get(use.release_id or 0),
            purl=components[use.component_id].purl,
            name=components[use.component_id].name,
            version=components[use.component_id].version,
            scope=SCOPES[use.scope],
            relation=relation,
            licence=components[use.component_id].licence,
            supplier=components[use.component_id].supplier,
            unevaluated=components[use.component_id].unevaluated,
            since=from_micros(use.from_us),
        )
        for use, relation in zip(uses, relations, strict=True)
    ]
