"""Every match explained: the rows that matching wrote, joined again with what they were made of.

Nothing is evaluated here. A match keeps the rule that fired and the bounds it fired on; what is added are names, the
version that was compared, and whether the upper bound counts.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Row, Text, and_, func, or_, select
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import aliased

from service.advisories.declared import RULE
from service.advisories.models import Advisory, Affected, Match
from service.advisories.wording import (
    Doubt,
    Versions,
    Why,
    declared_doubt,
    declared_sentence,
    doubt_in_words,
    sentence,
    split_ecosystem,
)
from service.db import ReadSession, any_of, arrays
from service.inventory.catalogue_models import Component, ComponentCoord, OsvPackage, Package
from service.purls.codeless import DOCUMENTATION

#: Component and advisory.
Pair = tuple[int, int]


def why_matched(
    session: ReadSession, component_ids: Iterable[int], advisory_ids: Iterable[int] | None = None
) -> dict[Pair, Why]:
    """Explain the matches of some components, perhaps only with some advisories: (component, advisory) to why.

    Two statements, whatever the number.
    """
    rows = session.execute(_matches(component_ids, advisory_ids)).all()
    included = _included(session, rows)
    return {(row.component_id, row.advisory_id): _why(row, included) for row in rows}


class _Bound(NamedTuple):
    """An interval of an advisory by its texts."""

    advisory_id: int
    osv_package_id: int
    lo_version: str
    hi_version: str


_LISTED, _OWN = aliased(OsvPackage), aliased(OsvPackage)


def _matches(component_ids: Iterable[int], advisory_ids: Iterable[int] | None) -> Any:  # noqa: ANN401 - a wide Select
    relation = func.split_part(Match.rule, ":", 1)
    rows = (
        select(
            Match.component_id,
            Match.advisory_id,
            Match.certainty,
            Match.rule,
            Match.osv_package_id,
            Match.lo_version,
            Match.hi_version,
            Match.fixed,
            Match.note,
            Advisory.osv_id,
            Advisory.kind,
            _LISTED.ecosystem,
            _LISTED.name.label("listed_name"),
            ComponentCoord.version.label("compared"),
            ComponentCoord.release_known,
            (ComponentCoord.osv_package_id == Match.osv_package_id).label("same_package"),
            Package.name.label("own_name"),
            Component.version.label("own_version"),
            Component.unevaluated,
        )
        .join(Advisory, Advisory.id == Match.advisory_id)
        .join(_LISTED, _LISTED.id == Match.osv_package_id)
        .join(
            ComponentCoord, and_(ComponentCoord.component_id == Match.component_id, ComponentCoord.relation == relation)
        )
        .join(_OWN, _OWN.id == ComponentCoord.osv_package_id)
        .join(Component, Component.id == Match.component_id)
        .join(Package, Package.id == Component.package_id)
        .where(
            Match.component_id == any_of(component_ids),
            # The same package, a package whose release nobody names, or an advisory that names none; as in `matching`.
            or_(_OWN.id == _LISTED.id, _OWN.id == _LISTED.base_id, _OWN.base_id == _LISTED.id),
        )
        .ext(pg.distinct_on(Match.component_id, Match.advisory_id))
        .order_by(Match.component_id, Match.advisory_id, _OWN.id != _LISTED.id, _OWN.id)
    )
    return rows if advisory_ids is None else rows.where(Match.advisory_id == any_of(advisory_ids))


def _included(session: ReadSession, rows: Sequence[Row[Any]]) -> set[_Bound]:
    """Find the intervals whose upper version is affected itself. A fixed one never is: only others are asked for."""
    open_ = sorted({_bound(row) for row in rows if row.hi_version and not row.fixed})
    if not open_:
        return set()
    columns = list(zip(*open_, strict=True))
    asked = arrays(
        advisory_id=(BigInteger(), columns[0]),
        osv_package_id=(BigInteger(), columns[1]),
        lo_version=(Text(), columns[2]),
        hi_version=(Text(), columns[3]),
    )
    same = and_(*(getattr(Affected, name) == asked.c[name] for name in _Bound._fields))
    found = session.execute(select(*(asked.c[name] for name in _Bound._fields)).where(same, Affected.hi_included))
    return {_Bound(*row) for row in found}


def _bound(row: Row[Any]) -> _Bound:
    return _Bound(row.advisory_id, row.osv_package_id, row.lo_version, row.hi_version)


def _why(row: Row[Any], included: set[_Bound]) -> Why:
    relation, _, rule = row.rule.partition(":")
    if rule.startswith(RULE):
        return _why_declared(row, relation, rule)
    versions = Versions(
        row.lo_version or (row.compared if rule == "version" else ""), row.hi_version, _bound(row) in included, rule
    )
    told = sentence(
        (row.own_name, row.own_version), relation, (row.ecosystem, row.listed_name), row.compared, row.osv_id, versions
    )
    if row.certainty != "certain":
        doubt = Doubt(
            condemned=row.kind == "malware"
            and versions.as_range() == "all versions"
            and row.same_package
            and row.release_known,
            bare=not row.same_package and row.release_known,
            release_unknown=not row.release_known,
            unevaluated=row.unevaluated,
            build=row.same_package and row.release_known,
            documentation=relation == DOCUMENTATION,
            confusion=row.note != "",
        )
        told += " " + doubt_in_words(row.ecosystem, row.compared, doubt)
    ecosystem, release = split_ecosystem(row.ecosystem)
    return Why(
        row.osv_id, row.certainty, rule, relation, ecosystem, release, row.listed_name, row.compared,
        versions.as_range(), row.fixed, told,
    )  # fmt: skip


def _why_declared(row: Row[Any], relation: str, rule: str) -> Why:
    """Explain what an advisory of ours declares: its bounds are the ranges as declared, and the word that reached."""
    ecosystem, release = split_ecosystem(row.ecosystem)
    word, ranges = rule.removeprefix(RULE), row.lo_version
    told = declared_sentence((row.own_name, row.own_version), word, row.hi_version, row.osv_id, ranges)
    if row.certainty != "certain":
        told += " " + declared_doubt(row.own_version)
    return Why(
        row.osv_id, row.certainty, rule, relation, ecosystem, release, row.listed_name, row.compared,
        ranges or "all versions", "", told,
    )  # fmt: skip


def of_component(why: dict[Pair, Why], component_id: int, advisory_ids: Iterable[int]) -> tuple[Why, ...]:
    """Pick what some advisories say of one component, by their ids as people read them."""
    found = (why.get((component_id, advisory_id)) for advisory_id in dict.fromkeys(advisory_ids))
    return tuple(sorted(one for one in found if one is not None))
