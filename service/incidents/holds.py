"""What keeps us from calling a product clean, although nothing in its field matches any more.

Unknown is neither affected nor clean. An exposure is held while, in the product's field,

- a match is only possible (nobody names the distribution's release);
- something of the affected package, its source or its family cannot be evaluated at all;
- a newest upload is doubtful: another tool wrote it, or more than half of the components are gone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from service.advisories.findings import matched_components
from service.db import ReadSession, any_of
from service.incidents.presence import Absence
from service.inventory.catalogue_models import Component, FamilyMember, Package, PackageSource
from service.inventory.field import FieldUse, heads, is_live, literal_open, uses_of_products
from service.inventory.models import Stream, Usage


@dataclass(frozen=True)
class Absent:
    """An exposure that nothing in the field matches: what made it affected before."""

    exposure_id: int
    product_id: int
    vulnerability_id: int
    component_ids: frozenset[int]


def absences(session: ReadSession, absent: Iterable[Absent], uses: Iterable[FieldUse]) -> dict[int, Absence]:
    """Say for each exposure why nothing matches: the components left, or are out of support, or match no more.

    Args:
        session: Reads usage of retired streams.
        absent: The exposures.
        uses: What of their components is in the field, with a scope that counts.
    """
    candidates = list(absent)
    in_field = _by_product(uses)
    retired = _in_retired_streams(session, candidates)
    reasons: dict[int, Absence] = {}
    for item in candidates:
        if item.component_ids & in_field[item.product_id]:
            reasons[item.exposure_id] = Absence.UNMATCHED
        elif item.component_ids & retired[item.product_id]:
            reasons[item.exposure_id] = Absence.RETIRED
        else:
            reasons[item.exposure_id] = Absence.LEFT
    return reasons


def holds(session: ReadSession, absent: Iterable[Absent]) -> dict[int, str]:
    """Give the reason for each exposure that must not be resolved yet; the others are clean."""
    candidates = list(absent)
    if not candidates:
        return {}
    reasons = _doubtful_uploads(session, candidates)
    reasons |= _unevaluated(session, candidates)
    reasons |= _possible(session, candidates)
    return reasons


def _by_product(uses: Iterable[FieldUse]) -> Mapping[int, set[int]]:
    grouped: defaultdict[int, set[int]] = defaultdict(set)
    for use in uses:
        grouped[use.product_id].add(use.component_id)
    return grouped


def _everything(absent: list[Absent]) -> tuple[set[int], set[int]]:
    return {item.product_id for item in absent}, set().union(*(item.component_ids for item in absent))


def _in_retired_streams(session: ReadSession, absent: list[Absent]) -> Mapping[int, set[int]]:
    product_ids, component_ids = _everything(absent)
    rows = session.execute(
        select(Stream.product_id, Usage.component_id)
        .join(Usage, Usage.stream_id == Stream.id)
        .where(
            Stream.product_id == any_of(product_ids),
            Stream.kind == "tracked",
            Stream.retired_at.is_not(None),
            Usage.to_us == literal_open(),
            Usage.component_id == any_of(component_ids),
        )
    )
    grouped: defaultdict[int, set[int]] = defaultdict(set)
    for product_id, component_id in rows:
        grouped[product_id].add(component_id)
    return grouped


def _possible(session: ReadSession, absent: list[Absent]) -> dict[int, str]:
    matched = matched_components(session, {item.vulnerability_id for item in absent})
    product_ids = {item.product_id for item in absent}
    in_field = _by_product(uses_of_products(session, product_ids, set().union(*matched.values(), set())))
    # Nothing certain is in the field, or the exposure would not be here: what matches is possible.
    return {
        item.exposure_id: "a component of unknown release may be affected"
        for item in absent
        if in_field[item.product_id] & matched.get(item.vulnerability_id, set())
    }


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
    doubts = {head.stream_id: head.doubt for head in heads(session, product_ids) if head.doubt}
    reasons: dict[int, str] = {}
    for item in absent:
        streams = set().union(*(used[item.product_id, component_id] for component_id in item.component_ids), set())
        doubtful = sorted(streams & doubts.keys())
        if doubtful:
            reasons[item.exposure_id] = f"the newest SBOM was {doubts[doubtful[0]]}; the next one decides"
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
    reasons: dict[int, str] = {}
    for item in absent:
        kin = frozenset().union(*(keys_of.get(c, frozenset()) for c in item.component_ids), frozenset())
        for component_id in sorted(in_field[item.product_id] & relatives.keys()):
            relative = relatives[component_id]
            if relative.keys & kin:
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
        Package.lower_name.in_(names),
        Package.id.in_(select(PackageSource.package_id).where(func.lower(PackageSource.source_name).in_(names))),
        Package.id.in_(
            select(FamilyMember.package_id).where(FamilyMember.family.in_(families), ~FamilyMember.own_versions)
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
