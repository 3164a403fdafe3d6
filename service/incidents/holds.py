"""What keeps us from calling a product clean, although nothing in its field matches any more.

Unknown is neither affected nor clean. An exposure is held while, in the product's field,

- a match is only possible (nobody names the distribution's release);
- something of the affected package, its source or its family cannot be evaluated at all;
- a newest upload is doubtful: another tool wrote it, it is about another phase, or more than half of the components
  are gone;
- a stream has been silent for too long, or has no SBOM at all: it may carry anything by now. This only keeps a fix from
  being proved; what an SBOM that was taken back had opened is withdrawn whatever others say.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from service.advisories.findings import possible_components
from service.db import ReadSession, among, any_of
from service.incidents.narrowing import cleared
from service.incidents.presence import Absence
from service.inventory.catalogue_models import Component, FamilyMember, Package, PackageSource
from service.inventory.field import FieldUse, heads, is_live, literal_open, uses_of_products
from service.inventory.models import Stream, Usage

#: Component and scope.
Pair = tuple[int, int]


@dataclass(frozen=True)
class Absent:
    """An exposure that nothing in the field matches: what made it affected before, and in which scopes that counts.

    `to_be_proved`: it will say that it is fixed, and not just that it is not in the field any more.
    """

    exposure_id: int
    product_id: int
    vulnerability_id: int
    component_ids: frozenset[int]
    scopes: frozenset[int]
    to_be_proved: bool = True


def absences(session: ReadSession, absent: Iterable[Absent], uses: Iterable[FieldUse]) -> dict[int, Absence]:
    """Say for each exposure why nothing matches: the components left, are out of support, match no more, or never were.

    Args:
        session: Reads what streams contain and contained.
        absent: The exposures.
        uses: What of their components is in the field.
    """
    candidates = list(absent)
    in_field = _by_product(uses)
    ever, retired = _in_streams(session, candidates)
    reasons: dict[int, Absence] = {}
    for item in candidates:
        if item.component_ids & _counting(in_field, item):
            reasons[item.exposure_id] = Absence.UNMATCHED
        elif item.component_ids & retired[item.product_id]:
            reasons[item.exposure_id] = Absence.RETIRED
        elif item.component_ids & ever[item.product_id]:
            reasons[item.exposure_id] = Absence.LEFT
        else:
            reasons[item.exposure_id] = Absence.TAKEN_BACK
    return reasons


def holds(session: ReadSession, absent: Iterable[Absent]) -> dict[int, str]:
    """Give the reason for each exposure that must not be resolved yet; the others are clean."""
    candidates = list(absent)
    if not candidates:
        return {}
    reasons = _silent_streams(session, [item for item in candidates if item.to_be_proved])
    reasons |= _doubtful_uploads(session, candidates)
    reasons |= _unevaluated(session, candidates)
    reasons |= _possible(session, candidates)
    return reasons


def _by_product(uses: Iterable[FieldUse]) -> Mapping[int, set[Pair]]:
    grouped: defaultdict[int, set[Pair]] = defaultdict(set)
    for use in uses:
        grouped[use.product_id].add((use.component_id, use.scope))
    return grouped


def _counting(in_field: Mapping[int, set[Pair]], item: Absent) -> set[int]:
    """Give what an exposure's product has in the field, in the scopes that count for it."""
    return {component_id for component_id, scope in in_field[item.product_id] if scope in item.scopes}


def _everything(absent: list[Absent]) -> tuple[set[int], set[int]]:
    return {item.product_id for item in absent}, set().union(*(item.component_ids for item in absent))


def _in_streams(session: ReadSession, absent: list[Absent]) -> tuple[Mapping[int, set[int]], Mapping[int, set[int]]]:
    """Give, by product, what tracked streams ever contained, and what retired ones contain."""
    product_ids, component_ids = _everything(absent)
    is_left_behind = and_(Stream.retired_at.is_not(None), Usage.to_us == literal_open())
    rows = session.execute(
        select(Stream.product_id, Usage.component_id, func.bool_or(is_left_behind))
        .join(Usage, Usage.stream_id == Stream.id)
        .where(
            Stream.product_id == any_of(product_ids),
            Stream.kind == "tracked",
            Usage.component_id == any_of(component_ids),
        )
        .group_by(Stream.product_id, Usage.component_id)
    )
    ever: defaultdict[int, set[int]] = defaultdict(set)
    retired: defaultdict[int, set[int]] = defaultdict(set)
    for product_id, component_id, left_behind in rows:
        ever[product_id].add(component_id)
        if left_behind:
            retired[product_id].add(component_id)
    return ever, retired


def _possible(session: ReadSession, absent: list[Absent]) -> dict[int, str]:
    possible = possible_components(session, {item.vulnerability_id for item in absent})
    product_ids = {item.product_id for item in absent}
    in_field = _by_product(uses_of_products(session, product_ids, set().union(*possible.values(), set())))
    return {
        item.exposure_id: "a component of unknown release may be affected"
        for item in absent
        if _counting(in_field, item) & possible.get(item.vulnerability_id, set())
    }


def _silent_streams(session: ReadSession, absent: list[Absent]) -> dict[int, str]:
    """Find live streams that say nothing of today: those that never said anything, and those that fell silent."""
    if not absent:
        return {}
    is_silent = or_(Stream.stale_since.is_not(None), Stream.last_upload_at.is_(None))
    rows = session.execute(
        select(Stream.product_id, Stream.name, Stream.last_upload_at)
        .where(Stream.product_id == any_of({item.product_id for item in absent}), is_live(), is_silent)
        .order_by(Stream.id.desc())  # the first of a product is named
    )
    silent = {product_id: _silence(name, last_at) for product_id, name, last_at in rows}
    return {item.exposure_id: silent[item.product_id] for item in absent if item.product_id in silent}


def _silence(stream: str, last_at: datetime | None) -> str:
    since = "has no SBOM" if last_at is None else f"was last heard of on {last_at:%Y-%m-%d}"
    return f"the stream {stream} {since}; its next SBOM decides, or that it is retired"


def _doubtful_uploads(session: ReadSession, absent: list[Absent]) -> dict[int, str]:
    product_ids, component_ids = _everything(absent)
    rows = session.execute(
        select(Stream.product_id, Stream.id, Usage.component_id)
        .join(Usage, Usage.stream_id == Stream.id)
        .where(Stream.product_id == any_of(product_ids), is_live(), Usage.component_id == any_of(component_ids))
    )
    used: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for product_id, stream_id, component_id in rows:
        used[product_id, component_id].add(stream_id)
    doubts: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for head in heads(session, product_ids):
        if head.doubt:
            doubts[head.product_id][head.stream_id] = head.doubt
    reasons: dict[int, str] = {}
    for item in absent:
        doubtful = doubts[item.product_id]
        streams = set().union(*(used[item.product_id, component_id] for component_id in item.component_ids), set())
        # A correction leaves no trace of where the component was: then it may have been anywhere.
        first = min(streams & doubtful.keys() if streams else doubtful, default=None)
        if first is not None:
            reasons[item.exposure_id] = f"the newest SBOM was {doubtful[first]}; the next one decides"
    return reasons


@dataclass(frozen=True)
class _Relative:
    """A component that cannot be evaluated, and by which names and families it may be the affected one."""

    component_id: int
    label: str
    reason: str
    keys: frozenset[str]


def _unevaluated(session: ReadSession, absent: list[Absent]) -> dict[int, str]:
    product_ids, component_ids = _everything(absent)
    keys_of = _kinship(session, component_ids)
    relatives = _relatives(session, frozenset().union(*keys_of.values(), frozenset()))
    in_field = _by_product(uses_of_products(session, product_ids, relatives.keys()))
    clean = cleared(session, {item.vulnerability_id for item in absent}, relatives)
    reasons: dict[int, str] = {}
    for item in absent:
        kin = frozenset().union(*(keys_of.get(c, frozenset()) for c in item.component_ids), frozenset())
        for component_id in sorted(_counting(in_field, item)):
            relative = relatives[component_id]
            if relative.keys & kin and (item.vulnerability_id, component_id) not in clean:
                reasons[item.exposure_id] = f"{relative.label} cannot be evaluated ({relative.reason})"
                break
    return reasons


def _kinship(session: ReadSession, component_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """Give the names under which each component's code goes: package, source package, families."""
    of_package = select(FamilyMember.family).where(FamilyMember.package_id == Package.id).scalar_subquery()
    rows = session.execute(
        select(
            Component.id,
            Package.lower_name,
            func.lower(Component.source_name),
            func.array(of_package),
        )
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids))
    )
    return {
        component_id: frozenset(filter(None, (name, source, *(f"family:{family}" for family in families))))
        for component_id, name, source, families in rows
    }


def _relatives(session: ReadSession, keys: frozenset[str]) -> dict[int, _Relative]:
    names = sorted(key for key in keys if not key.startswith("family:"))
    families = sorted(key.removeprefix("family:") for key in keys if key.startswith("family:"))
    related = or_(
        Package.lower_name.in_(among(names)),
        Package.id.in_(select(PackageSource.package_id).where(func.lower(PackageSource.source_name).in_(among(names)))),
        Package.id.in_(
            select(FamilyMember.package_id).where(FamilyMember.family.in_(among(families)), ~FamilyMember.own_versions)
        ),
    )
    rows = session.execute(
        select(Component.id, Component.version, Component.unevaluated, Package.name)
        .join(Package, Package.id == Component.package_id)
        .where(Component.unevaluated != "", related)
    ).all()
    kinship = _kinship(session, (row.id for row in rows))
    return {
        row.id: _Relative(row.id, f"{row.name} {row.version}".strip(), row.unevaluated, kinship[row.id]) for row in rows
    }
