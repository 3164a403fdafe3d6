"""What a decision about exposures rests on, read: the components, what is said of their versions, and how bad it is.

A handful of statements, whatever the number of exposures.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import and_, exists, select

from service.advisories.models import Advisory, Affected, Match, VulnerabilityAdvisory
from service.db import ReadSession, any_of
from service.incidents.bounds import Rating, Said, Used
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.inventory.catalogue_models import Component, ComponentCoord, OsvPackage, Package
from service.inventory.field import uses_of_products
from service.purls import Purl


class Known(NamedTuple):
    """What is known of an exposure now: how bad it is, and the components that it is about."""

    rating: Rating
    used: tuple[Used, ...]


def in_field(session: ReadSession, exposure_ids: Collection[int]) -> dict[int, set[int]]:
    """Give the components of exposures that are in the field now; where none is, those that ever were."""
    rows = session.execute(
        select(ExposureComponent.exposure_id, Exposure.product_id, ExposureComponent.component_id)
        .join(Exposure, Exposure.id == ExposureComponent.exposure_id)
        .where(ExposureComponent.exposure_id == any_of(exposure_ids))
    ).all()
    uses = uses_of_products(session, {row.product_id for row in rows}, {row.component_id for row in rows})
    there = {(use.product_id, use.component_id) for use in uses}
    ever: defaultdict[int, set[int]] = defaultdict(set)
    now: defaultdict[int, set[int]] = defaultdict(set)
    for row in rows:
        ever[row.exposure_id].add(row.component_id)
        if (row.product_id, row.component_id) in there:
            now[row.exposure_id].add(row.component_id)
    return {id_: now[id_] or ever[id_] for id_ in exposure_ids}


def known_about(session: ReadSession, components: Mapping[int, Collection[int]]) -> dict[int, Known]:
    """Say what is known of exposures and of these components of theirs: exposure id to components.

    Of several components those count that an advisory names with certainty; where none does, all of them.
    """
    rows = session.execute(
        select(Exposure.id, Incident.vulnerability_id, Incident.severity, Exposure.priority, Incident.known_exploited)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Exposure.id == any_of(components))
    ).all()
    wanted = set().union(*components.values(), set())
    described = _components(session, wanted)
    said = _said(session, wanted, {row.vulnerability_id for row in rows if row.vulnerability_id is not None})
    known = {}
    for row in rows:
        about = row.vulnerability_id or 0
        used = [
            described[component_id]._replace(said=tuple(said.get((component_id, about), ())))
            for component_id in sorted(components[row.id])
            if component_id in described
        ]
        rating = Rating(row.severity, row.priority, row.known_exploited)
        known[row.id] = Known(rating, tuple([each for each in used if each.said] or used))
    return known


def package_name(kind: str, namespace: str, name: str) -> str:
    """Write a package as a purl without version; one that has no purl by its name."""
    return str(Purl(kind, namespace, name, "", {}, "")) if kind else name


def _components(session: ReadSession, component_ids: Iterable[int]) -> dict[int, Used]:
    coordinates: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    ids = any_of(component_ids)
    for row in session.execute(
        select(ComponentCoord.component_id, ComponentCoord.osv_package_id, ComponentCoord.version)
        .where(ComponentCoord.component_id == ids)
        .order_by(ComponentCoord.osv_package_id)
    ):
        coordinates[row.component_id].append((row.osv_package_id, row.version))
    rows = session.execute(
        select(Component.id, Package.id, Package.type, Package.namespace, Package.name, Component.version)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == ids)
    )
    return {
        id_: Used(id_, package_id, package_name(kind, namespace, name), kind, version, tuple(coordinates[id_]), ())
        for id_, package_id, kind, namespace, name, version in rows
    }


def _said(
    session: ReadSession, component_ids: Iterable[int], vulnerability_ids: Iterable[int]
) -> dict[tuple[int, int], list[Said]]:
    """Give what advisories say with certainty: (component, vulnerability) to the intervals in which it lies."""
    same = and_(
        Affected.advisory_id == Match.advisory_id,
        Affected.osv_package_id == Match.osv_package_id,
        Affected.lo_version == Match.lo_version,
        Affected.hi_version == Match.hi_version,
    )
    rows = session.execute(
        select(
            Match.component_id,
            VulnerabilityAdvisory.vulnerability_id,
            Advisory.osv_id,
            Match.osv_package_id,
            OsvPackage.ecosystem,
            Match.lo_version,
            Match.hi_version,
            Match.rule,
            ComponentCoord.version,
            exists().where(same, Affected.hi_included).label("hi_included"),
        )
        .join(Advisory, Advisory.id == Match.advisory_id)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Match.advisory_id)
        .join(OsvPackage, OsvPackage.id == Match.osv_package_id)
        # What is certain is the same package: only then there is one coordinate to compare.
        .join(
            ComponentCoord,
            and_(
                ComponentCoord.component_id == Match.component_id,
                ComponentCoord.osv_package_id == Match.osv_package_id,
            ),
        )
        .where(
            Match.component_id == any_of(component_ids),
            VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids),
            Match.certainty == "certain",
            Advisory.kind != "informational",
        )
        .order_by(Advisory.osv_id)
    )
    said: defaultdict[tuple[int, int], list[Said]] = defaultdict(list)
    for row in rows:
        said[row.component_id, row.vulnerability_id].append(_as_said(row))
    return said


def _as_said(row: Any) -> Said:  # noqa: ANN401 - a wide row
    """Read an interval; a listed version that cannot be ordered has no bounds, and is its own."""
    listed = row.rule.endswith(":version")
    low, high = (row.lo_version, row.hi_version) if row.lo_version or not listed else (row.version, row.version)
    return Said(row.osv_id, row.osv_package_id, row.ecosystem, low, high, hi_included=listed or row.hi_included)
