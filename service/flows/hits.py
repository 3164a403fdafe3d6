"""Whom an advisory hits: products in the field, products that had it earlier, and what it opens.

Everything is read from matches and usage, set-based, so that a thousand products cost as many statements as one. Lists
are cut for whoever shows them; the counts are whole.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Select, case, cast, func, select, union_all

from service.advisories.findings import evidence_about
from service.advisories.models import Match
from service.clock import from_micros
from service.db import ReadSession, any_of
from service.flows.answering import Row, component_rows
from service.incidents.assessing import affected_components
from service.incidents.models import Exposure, Incident
from service.incidents.presence import REOPENED_BY_MATCH
from service.incidents.representing import exposure_name, incident_name
from service.inventory.contents import places_of
from service.inventory.field import FieldUse, literal_open, uses_of_components
from service.inventory.models import Stream, Usage
from service.inventory.owners import Question, owners_named
from service.inventory.products import slugs_of

#: Products that one answer lists; the rest is a page away.
MOST_PRODUCTS = 100
#: Components that are named for one product, or for one difference.
MOST_COMPONENTS = 20


class Owner(NamedTuple):
    """Who answers for a product, and by which rule."""

    team: str
    reason: str


class Named(NamedTuple):
    """A component that the advisory matches."""

    purl: str
    name: str
    version: str
    certainty: str


@dataclass(frozen=True)
class ProductHit:
    """A product that has matched components in the field.

    `certainty`: ``certain`` as soon as one match is. `opens`: ``opened`` or ``reopened`` where that makes, or made, an
    exposure; None where it stands already or nothing follows from a possible match.
    """

    product: str
    owner: Owner
    streams: list[str]
    releases: list[str]
    certainty: str
    component_count: int
    components: list[Named]
    incident: str | None
    exposure: str | None
    status: str | None
    opens: str | None


@dataclass(frozen=True)
class EarlierHit:
    """A product that had matched components, and has them no longer."""

    product: str
    owner: Owner
    component_count: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None


class Opens(NamedTuple):
    """What an advisory opens over all products."""

    incidents: int
    exposures: int
    reopened: int


@dataclass(frozen=True)
class Hits:
    """Whom it hits: one page of products by slug (`next` is the last one's, if there are more), and all counts."""

    matched: dict[int, str]
    product_ids: frozenset[int]
    products: list[ProductHit]
    next: str | None
    opens: Opens

    @property
    def product_count(self) -> int:
        """Count the products that are hit, on all pages."""
        return len(self.product_ids)


class _Standing(NamedTuple):
    """An exposure to one of the advisory's vulnerabilities."""

    exposure_id: int
    incident_id: int
    status: str


_Pair = tuple[int, int]


def hits_of(
    session: ReadSession,
    advisory_id: int,
    vulnerabilities: Mapping[int, int],
    *,
    after: str = "",
    limit: int = MOST_PRODUCTS,
    before: Mapping[int, str] | None = None,
) -> Hits:
    """Say which products an advisory hits in the field, and what that opens.

    Args:
        session: One snapshot; in a dry run the transaction that will be rolled back.
        advisory_id: Matched already.
        vulnerabilities: Those it speaks of, each leading to itself, and those that merged into one of them.
        after: The slug of the last product on the page before.
        limit: Products on the page.
        before: The statuses of exposures before something was done about it; None: now.
    """
    matched = dict(
        session.execute(select(Match.component_id, Match.certainty).where(Match.advisory_id == advisory_id)).all()
    )
    uses = uses_of_components(session, matched)
    used: defaultdict[int, list[FieldUse]] = defaultdict(list)
    for use in uses:
        used[use.product_id].append(use)
    products = owners_and_slugs(session, {id_: [use.component_id for use in its] for id_, its in used.items()})
    opens = _opens(session, uses, vulnerabilities, before)
    wanted = sorted((slug, product_id) for product_id, (slug, _) in products.items() if slug > after)
    page = wanted[:limit]
    return Hits(
        matched=matched,
        product_ids=frozenset(used),
        products=_described(session, page, used, products, matched, opens),
        next=page[-1][0] if len(wanted) > len(page) else None,
        opens=_tally(opens),
    )


def owners_and_slugs(session: ReadSession, components: Mapping[int, Iterable[int]]) -> dict[int, tuple[str, Owner]]:
    """Give products by id: slug, and who owns what these components bring to it."""
    slugs = slugs_of(session, components)
    owners = owners_named(session, {id_: Question(id_, frozenset(components[id_])) for id_ in slugs})
    return {id_: (slug, Owner(*owners[id_])) for id_, slug in slugs.items()}


class _Opening(NamedTuple):
    """What follows for one product and vulnerability."""

    step: str | None
    standing: _Standing | None


def _opens(
    session: ReadSession,
    uses: Sequence[FieldUse],
    vulnerabilities: Mapping[int, int],
    before: Mapping[int, str] | None,
) -> dict[_Pair, _Opening]:
    """Tell what matches make of exposures, as `assess` will, or has done since *before*."""
    survivors = set(vulnerabilities.values())
    evidence = evidence_about(session, {use.component_id for use in uses}, survivors)
    affected = affected_components(uses, evidence)
    standing = _standing(session, {product_id for product_id, _ in affected}, vulnerabilities)
    return {pair: _opening(standing.get(pair), before) for pair in affected}


def _opening(standing: _Standing | None, before: Mapping[int, str] | None) -> _Opening:
    if standing is None:
        return _Opening("opened", None)
    status = standing.status if before is None else before.get(standing.exposure_id)
    if status is None:
        return _Opening("opened", standing)
    return _Opening("reopened" if status in REOPENED_BY_MATCH else None, standing)


def statuses_of(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, str]:
    """Give the statuses of all exposures to some vulnerabilities, by exposure."""
    rows = session.execute(
        select(Exposure.id, Exposure.status)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Incident.vulnerability_id == any_of(vulnerability_ids))
    )
    return dict(rows.all())


def _standing(
    session: ReadSession, product_ids: Iterable[int], vulnerabilities: Mapping[int, int]
) -> dict[_Pair, _Standing]:
    rows = session.execute(
        select(
            Exposure.product_id,
            Incident.vulnerability_id,
            Exposure.id,
            Incident.id,
            Exposure.status,
        )
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(
            Exposure.product_id == any_of(product_ids),
            Incident.vulnerability_id == any_of(vulnerabilities),
            Exposure.status != "merged",
        )
        .order_by(Exposure.id)
    )
    found: dict[_Pair, _Standing] = {}
    for product_id, vulnerability_id, exposure_id, incident_id, status in rows:
        if vulnerability_id is not None:
            standing = _Standing(exposure_id, incident_id, status)
            found.setdefault((product_id, vulnerabilities[vulnerability_id]), standing)
    return found


def _tally(opens: Mapping[_Pair, _Opening]) -> Opens:
    opened = [(pair, one) for pair, one in opens.items() if one.step == "opened"]
    standing = {vulnerability_id for (_, vulnerability_id), one in opens.items() if one.standing and one.step is None}
    incidents = {vulnerability_id for (_, vulnerability_id), _ in opened} - standing
    return Opens(len(incidents), len(opened), sum(one.step == "reopened" for one in opens.values()))


def _described(
    session: ReadSession,
    page: Sequence[tuple[str, int]],
    used: Mapping[int, list[FieldUse]],
    products: Mapping[int, tuple[str, Owner]],
    matched: Mapping[int, str],
    opens: Mapping[_Pair, _Opening],
) -> list[ProductHit]:
    shown = [use for _, product_id in page for use in used[product_id]]
    streams, releases = places_of(session, shown)
    rows = component_rows(session, {use.component_id for use in shown})
    following: defaultdict[int, list[_Opening]] = defaultdict(list)
    for (product_id, _), opening in sorted(opens.items()):
        following[product_id].append(opening)
    hits = []
    for slug, product_id in page:
        uses = used[product_id]
        components = sorted({named(rows[use.component_id], matched[use.component_id]) for use in uses}, key=_by_name)
        first = min(following[product_id], key=lambda one: one.step is None, default=_Opening(None, None))
        hits.append(
            ProductHit(
                product=slug,
                owner=products[product_id][1],
                streams=sorted({streams[use.stream_id] for use in uses}),
                releases=sorted({releases[use.release_id] for use in uses if use.release_id}),
                certainty=min(matched[use.component_id] for use in uses),
                component_count=len(components),
                components=components[:MOST_COMPONENTS],
                incident=incident_name(first.standing.incident_id) if first.standing else None,
                exposure=exposure_name(first.standing.exposure_id) if first.standing else None,
                status=first.standing.status if first.standing else None,
                opens=first.step,
            )
        )
    return hits


def named(row: Row, certainty: str) -> Named:
    """Name a component."""
    return Named(row.purl, row.name, row.version, certainty)


def _by_name(one: Named) -> tuple[str, str, str, str]:
    return (one.certainty, one.name, one.version, one.purl)


def earlier_hits(
    session: ReadSession, matched: Iterable[int], now_hit: Collection[int], *, limit: int = MOST_PRODUCTS
) -> tuple[int, list[EarlierHit]]:
    """Give the products that had matched components and have them in the field no longer, the last to lose them first.

    Previews do not count. A stream that was retired with them had them until then.

    Returns:
        How many there are, and the first of them.
    """
    component_ids = sorted(matched)
    if not component_ids:
        return 0, []
    had = union_all(_used(component_ids, still=True), _used(component_ids, still=False)).subquery()
    retired_us = cast(func.extract("epoch", Stream.retired_at) * 1_000_000, BigInteger)
    until = func.max(case((had.c.to_us == literal_open(), retired_us), else_=had.c.to_us))
    rows = session.execute(
        select(
            Stream.product_id, func.count(had.c.component_id.distinct()), func.min(had.c.from_us), until.label("until")
        )
        .join(had, had.c.stream_id == Stream.id)
        .where(Stream.kind == "tracked")
        .group_by(Stream.product_id)
        .order_by(until.desc().nulls_first(), Stream.product_id)
    ).all()
    gone = [row for row in rows if row[0] not in now_hit]
    products = owners_and_slugs(session, {row[0]: () for row in gone[:limit]})
    hits = [
        EarlierHit(*products[product_id], count, from_micros(from_us), from_micros(until_us) if until_us else None)
        for product_id, count, from_us, until_us in gone[:limit]
    ]
    return len(gone), hits


def _used(component_ids: Sequence[int], *, still: bool) -> Select[int, int, int, int]:
    # Written out, so that the partial indexes are considered; neither serves both.
    when = Usage.to_us == literal_open() if still else Usage.to_us < literal_open()
    return select(Usage.stream_id, Usage.component_id, Usage.from_us, Usage.to_us).where(
        Usage.component_id == any_of(component_ids), when
    )
