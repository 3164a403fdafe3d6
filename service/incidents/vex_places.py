"""Where exposures of one product have their components in the field: in which version of the product, exactly."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import select

from service.db import ReadSession, any_of
from service.incidents.grounds import known_about
from service.incidents.models import Exposure, ExposureComponent
from service.incidents.vex.statements import Part, ProductVersion
from service.inventory.catalogue_models import Component, Package
from service.inventory.field import FieldUse, is_live, is_supported, newest_times, uses_of_products
from service.inventory.merging import serial_of
from service.inventory.models import Product, Release, Stream, Upload
from service.purls import Purl

#: Statuses whose components are no longer in the field, or not meant any more: the package's other versions are.
_GONE = frozenset({"resolved", "withdrawn"})

Place = tuple[ProductVersion, Part]


class _Known(NamedTuple):
    package_id: int
    part: Part


def places_of(
    session: ReadSession, product: Product, exposures: Collection[Exposure], *, stream: str | None, release: str | None
) -> dict[int, tuple[Place, ...]]:
    """Give the places of exposures by exposure id, in order. A constant number of statements.

    What is affected, or was decided about, stands where its component is in the field; where none is (an SBOM that
    proves nothing), it is meant wherever the product is. What was fixed or retracted stands where another version of
    the same package is now, or, where the package is gone, as the package without a version.

    Args:
        session: One snapshot.
        product: Whose they are.
        exposures: Of this product.
        stream: Only as this stream has it now, and in its releases.
        release: Only as this release has it.
    """
    own = _components_of(session, exposures)
    known = _known(session, {component_id for ids in own.values() for component_id in ids})
    uses = uses_of_products(session, [product.id], known)
    versions = _product_versions(session, product, stream, release)
    there: defaultdict[int, list[ProductVersion]] = defaultdict(list)
    for use in uses:
        if (version := versions.get((use.stream_id, use.release_id))) is not None:
            there[use.component_id].append(version)
    by_package: defaultdict[int, list[int]] = defaultdict(list)
    for component_id in there:
        by_package[known[component_id].package_id].append(component_id)
    everywhere = list(versions.values())
    return {
        exposure.id: _in_order(_places(exposure, own[exposure.id], known, there, by_package, everywhere, uses))
        for exposure in exposures
    }


def _places(
    exposure: Exposure,
    own: Collection[int],
    known: Mapping[int, _Known],
    there: Mapping[int, list[ProductVersion]],
    by_package: Mapping[int, list[int]],
    everywhere: Iterable[ProductVersion],
    uses: Iterable[FieldUse],
) -> Iterable[Place]:
    gone = exposure.status in _GONE
    packages = {known[id_].package_id for id_ in own}
    meant = {id_ for package_id in packages for id_ in by_package.get(package_id, ())} if gone else set(own)
    found = [(version, known[id_].part) for id_ in meant for version in there.get(id_, ())]
    if found or any(use.component_id in meant for use in uses):  # they are elsewhere, outside of what was asked for
        return found
    parts = {_bare(known[id_].part) if gone else known[id_].part for id_ in own}
    return [(version, part) for version in everywhere for part in parts]


def _in_order(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(set(places), key=lambda place: (place[0].purl, place[1].purl)))


def _bare(part: Part) -> Part:
    head, _, qualifiers = part.purl.partition("?")
    cut = head.rfind("@", head.rfind("/"))
    bare = head[:cut] if cut > 0 else head
    return Part(f"{bare}?{qualifiers}" if qualifiers else bare, part.name, "")


def _components_of(session: ReadSession, exposures: Collection[Exposure]) -> dict[int, set[int]]:
    """Give the components of exposures: those that an advisory names with certainty, where one does."""
    rows = session.execute(
        select(ExposureComponent.exposure_id, ExposureComponent.component_id).where(
            ExposureComponent.exposure_id == any_of(exposure.id for exposure in exposures)
        )
    )
    ever: dict[int, set[int]] = {exposure.id: set() for exposure in exposures}
    for exposure_id, component_id in rows:
        ever[exposure_id].add(component_id)
    certain = known_about(session, ever)
    return {
        id_: {used.component_id for used in certain[id_].used} if id_ in certain else ids for id_, ids in ever.items()
    }


def _known(session: ReadSession, component_ids: Collection[int]) -> dict[int, _Known]:
    """Describe components, and all others of their packages."""
    packages = select(Component.package_id).where(Component.id == any_of(component_ids))
    rows = session.execute(
        select(Component.id, Component.package_id, Component.purl, Component.version, Package.namespace, Package.name)
        .join(Package, Package.id == Component.package_id)
        .where(Component.package_id.in_(packages))
    )
    return {
        row.id: _Known(row.package_id, Part(row.purl or generic(row.name, row.version), row.name, row.version))
        for row in rows
    }


def generic(name: str, version: str, qualifiers: dict[str, str] | None = None) -> str:
    """Write a purl for what has none of its own."""
    return str(Purl("generic", "", name, version, qualifiers or {}, ""))


def _product_versions(
    session: ReadSession, product: Product, stream: str | None, release: str | None
) -> dict[tuple[int, int | None], ProductVersion]:
    """Give the product as its streams have it now, and its supported releases: (stream, release or None)."""
    newest = newest_times(session, product.id)
    heads = session.execute(
        select(Stream.id, Stream.name).where(Stream.product_id == product.id, is_live()).order_by(Stream.name)
    )
    releases = session.execute(
        select(Stream.id, Stream.name, Release.id, Release.version, Upload.at_us)
        .join(Release, Release.stream_id == Stream.id)
        .join(Upload, Upload.id == Release.upload_id)
        .where(Stream.product_id == product.id, is_live(), is_supported())
        .order_by(Stream.name, Release.version)
    )
    versions: dict[tuple[int, int | None], ProductVersion] = {}
    for id_, name in heads:
        if release is None and stream in (None, name) and id_ in newest:
            versions[id_, None] = _version(product, id_, name, "", newest[id_])
    for id_, name, release_id, version, at_us in releases:
        if stream in (None, name) and release in (None, version):
            versions[id_, release_id] = _version(product, id_, name, version, at_us)
    return versions


def _version(product: Product, stream_id: int, stream: str, release: str, at_us: int) -> ProductVersion:
    named = release or stream
    return ProductVersion(
        purl=generic(product.slug, release, {"stream": stream}),
        name=f"{product.title} {named}" if release else f"{product.title}, {named}",
        version=release,
        stream=stream,
        release=release,
        bom_link=f"urn:cdx:{serial_of(product.id, stream_id, at_us)}/1",
    )
