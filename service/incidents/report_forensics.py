"""What was ever in the field of an incident's products: the list from which forensics begin.

A product that is clean today may have run the code for weeks. Previews ran nowhere, and do not count.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, union_all

from service.advisories.findings import matched_components, possible_components
from service.clock import OPEN, from_micros, to_micros
from service.db import ReadSession, any_of
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.inventory.catalogue_models import Component, Package
from service.inventory.field import literal_open
from service.inventory.models import Product, Stream, Usage

#: So many rows are listed.
MOST_LISTED: Final = 20_000


def ever_in_use(session: ReadSession, incident: Incident, *, since: datetime | None) -> list[dict[str, Any]]:
    """List by product and stream what contained an affected component, from when to when; None: it still does.

    Affected are the components that are surely meant now, and those that made an exposure affected earlier.
    """
    components = _components(session, incident)
    if not components:
        return []
    after = to_micros(since) if since else 0
    had = union_all(_used(components, still=True), _used(components, still=False).where(Usage.to_us > after)).subquery()
    until = func.max(had.c.to_us)
    rows = session.execute(
        select(
            Product.slug,
            Stream.name,
            Component.purl,
            Package.name,
            Component.version,
            func.min(had.c.from_us),
            until,
            Stream.retired_at,
        )
        .join(Stream, Stream.id == had.c.stream_id)
        .join(Product, Product.id == Stream.product_id)
        .join(Component, Component.id == had.c.component_id)
        .join(Package, Package.id == Component.package_id)
        .where(Stream.kind == "tracked")
        .group_by(Product.slug, Stream.id, Stream.name, Component.id, Component.purl, Package.name, Component.version)
        .order_by(Product.slug, Stream.name, Package.name, Component.version, Component.id)
        .limit(MOST_LISTED)
    )
    return [
        {
            "product": product,
            "stream": stream,
            "component": purl or f"{name} {version}".strip(),
            "first_seen_at": from_micros(from_us),
            "last_seen_at": retired_at if to_us == OPEN else from_micros(to_us),
        }
        for product, stream, purl, name, version, from_us, to_us, retired_at in rows
    ]


def _components(session: ReadSession, incident: Incident) -> set[int]:
    vulnerability = [incident.vulnerability_id] if incident.vulnerability_id is not None else []
    matched = set().union(*matched_components(session, vulnerability).values(), set())
    possible = set().union(*possible_components(session, vulnerability).values(), set())
    once = session.scalars(
        select(ExposureComponent.component_id)
        .join(Exposure, Exposure.id == ExposureComponent.exposure_id)
        .where(Exposure.incident_id == incident.id, Exposure.status.not_in(["withdrawn", "merged"]))
    )
    return (matched - possible) | set(once)


def _used(components: Iterable[int], *, still: bool) -> Select[int, int, int, int]:
    # Written out, so that the partial indexes are considered; neither serves both.
    when: ColumnElement[bool] = Usage.to_us == literal_open() if still else Usage.to_us < literal_open()
    return select(Usage.stream_id, Usage.component_id, Usage.from_us, Usage.to_us).where(
        Usage.component_id == any_of(components), when
    )
