"""What claims may be about: the exposures to vulnerabilities of some names, and where their components are now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select

from service.advisories.models import VulnerabilityAlias
from service.db import ReadSession, among, any_of
from service.incidents.bounds import Used
from service.incidents.grounds import in_field, known_about
from service.incidents.models import Exposure, Incident
from service.incidents.vex.binding import Ours, Spot
from service.incidents.vex.judging import Candidate, Known
from service.incidents.vex_places import generic
from service.inventory.catalogue_models import Component
from service.inventory.field import heads, uses_of_products
from service.inventory.models import Product, ProductSlug, Release, Stream, Upload
from service.purls import Identity, identify


def known_under(session: ReadSession, names: Collection[str], *, base: str, known_as: Mapping[str, str]) -> Known:
    """Gather what is known under names of vulnerabilities. A constant number of statements.

    Args:
        session: Sees the field as it is.
        names: As documents give them.
        base: Our own address, by which documents of ours name products.
        known_as: Names that an author has for our products: identifier to slug.
    """
    rows = session.execute(
        select(VulnerabilityAlias.alias, VulnerabilityAlias.vulnerability_id).where(
            VulnerabilityAlias.alias.in_(among(names))
        )
    ).all()
    candidates = _candidates(session, {row.vulnerability_id for row in rows})
    slugs = _slugs(session)
    return Known(
        Ours(slugs, base, {name: slugs[slug] for name, slug in known_as.items() if slug in slugs}),
        {row.alias: candidates.get(row.vulnerability_id, ()) for row in rows},
    )


def _slugs(session: ReadSession) -> dict[str, str]:
    now = session.execute(select(Product.slug))
    then = session.execute(select(ProductSlug.slug, Product.slug).join(Product, Product.id == ProductSlug.product_id))
    return dict(then.all()) | {row.slug: row.slug for row in now}


def _candidates(session: ReadSession, vulnerability_ids: Collection[int]) -> dict[int, tuple[Candidate, ...]]:
    rows = session.execute(
        select(Exposure.id, Incident.vulnerability_id, Exposure.product_id, Product.slug)
        .join(Incident, Incident.id == Exposure.incident_id)
        .join(Product, Product.id == Exposure.product_id)
        .where(Incident.vulnerability_id == any_of(vulnerability_ids), Incident.status != "merged")
        .where(Exposure.status.not_in(["merged", "retired"]))
        .order_by(Exposure.id)
    ).all()
    known = known_about(session, in_field(session, [row.id for row in rows]))
    used = {each.component_id: each for one in known.values() for each in one.used}
    identities = _identities(session, used)
    places = _places(session, {row.product_id for row in rows}, used)
    found: defaultdict[int, list[Candidate]] = defaultdict(list)
    for row in rows:
        parts = known[row.id].used if row.id in known else ()
        spots = tuple(_spots(parts, identities, places.get(row.product_id, {})))
        found[row.vulnerability_id].append(Candidate(row.id, row.slug, spots))
    return {id_: tuple(candidates) for id_, candidates in found.items()}


def _spots(
    parts: Iterable[Used], identities: Mapping[int, Identity], places: Mapping[int, list[tuple[str, str]]]
) -> Iterable[Spot]:
    for part in parts:
        if part.component_id in identities:
            # One that is nowhere now (an SBOM that proves nothing) may still be spoken of.
            for stream, label in places.get(part.component_id) or [("", "")]:
                yield Spot(stream, label, part, identities[part.component_id])


def _identities(session: ReadSession, used: Mapping[int, Used]) -> dict[int, Identity]:
    rows = session.execute(
        select(Component.id, Component.purl, Component.source_name, Component.source_version).where(
            Component.id == any_of(used)
        )
    )
    return {
        row.id: identify(
            purl=row.purl or generic(used[row.id].package, used[row.id].version),
            name="",
            version=used[row.id].version,
            source_name=row.source_name,
            source_version=row.source_version,
        )
        for row in rows
    }


def _places(
    session: ReadSession, product_ids: Collection[int], component_ids: Iterable[int]
) -> dict[int, dict[int, list[tuple[str, str]]]]:
    """Give (stream, label) by product and component; the label is the release, or that of the newest upload."""
    uses = uses_of_products(session, product_ids, component_ids)
    streams = dict(
        session.execute(
            select(Stream.id, Stream.name).where(Stream.id == any_of({use.stream_id for use in uses}))
        ).all()
    )
    releases = dict(
        session.execute(
            select(Release.id, Release.version).where(
                Release.id == any_of({use.release_id for use in uses if use.release_id is not None})
            )
        ).all()
    )
    labels = _labels(session, product_ids)
    found: defaultdict[int, defaultdict[int, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for use in uses:
        label = releases[use.release_id] if use.release_id is not None else labels.get(use.stream_id, "")
        found[use.product_id][use.component_id].append((streams[use.stream_id], label))
    return {product_id: dict(places) for product_id, places in found.items()}


def _labels(session: ReadSession, product_ids: Collection[int]) -> dict[int, str]:
    """Give what the newest upload of each stream is called, where it is called something."""
    newest = {head.upload_id: head.stream_id for head in heads(session, product_ids)}
    rows = session.execute(select(Upload.id, Upload.version_label).where(Upload.id == any_of(newest)))
    return {newest[row.id]: row.version_label or "" for row in rows}
