"""Which entries of an advisory speak of a package, and what each says of its version. Reads only.

The entries are found by the joins of `matching`, over the same stand-ins as `asking`, whatever the version. What each
says is told by the exact comparator, in words, so that the keys which decide are checked by something else.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select, Text, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from service.advisories.asking import Question, stand_ins_for
from service.advisories.builds import CONCERNS, SURELY
from service.advisories.models import Advisory, Affected
from service.advisories.origins import HEARD, NOTE, SURELY_MEANT
from service.advisories.wording import Doubt, Versions
from service.db import ReadSession, any_of
from service.inventory.catalogue_models import ComponentCoord, OsvPackage
from service.purls.codeless import DOCUMENTATION
from service.versions import UnparsableVersion, compare, compare_to_bound

Outcome = Literal["inside", "outside", "cannot-compare"]

#: Entries that are looked at; some records list every version of a package one by one.
MOST = 2_000


class Entry(NamedTuple):
    """One interval of an advisory that speaks of a package, and what it says of the version asked about.

    Attributes:
        advisory_id: Whose.
        ecosystem: As the advisory writes it.
        name: The same.
        relation: How the package is reached: ``package``, ``source``…
        component_version: What was compared.
        versions: What it lists.
        fixed: The version that ends it; ''.
        outcome: Whether the version lies inside.
        comparison: How that was seen: ``5.6.1-1 ≥ 5.6.0, < 5.6.2``.
        concerns: It speaks of this build of the package; see `builds`.
        heard: It may speak of what came from there; see `origins`.
        certain: If it matches, it matches for certain.
        doubt: Why not.
    """

    advisory_id: int
    ecosystem: str
    name: str
    relation: str
    component_version: str
    versions: Versions
    fixed: str
    outcome: Outcome
    comparison: str
    concerns: bool
    heard: bool
    certain: bool
    doubt: Doubt

    @property
    def matches(self) -> bool:
        """Tell whether it makes a match."""
        return self.concerns and self.heard and self.outcome == "inside"


def entries_about(
    session: ReadSession, question: Question, advisory_ids: Iterable[int], *, unevaluated: str = "", origin: str = ""
) -> list[Entry]:
    """Give the entries of some advisories that speak of a package; those that match first. At most `MOST`."""
    stand_ins = stand_ins_for(session, [question], origin=origin)
    if not stand_ins:
        return []
    rows = session.execute(_spoken(list(advisory_ids)).add_cte(*stand_ins)).all()
    listed = _listed(session, {row.listed_id for row in rows})
    entries = [_entry(row, listed[row.listed_id], unevaluated) for row in rows]
    return sorted(entries, key=lambda one: (not one.matches, not one.certain, one.outcome != "inside", one[:6]))


def _spoken(advisory_ids: Sequence[int]) -> Select[*tuple[Any, ...]]:
    joins = (
        ("same", Affected.osv_package_id == ComponentCoord.osv_package_id),
        ("any-release", and_(Affected.base_package_id == ComponentCoord.osv_package_id, ~ComponentCoord.release_known)),
        ("bare", Affected.osv_package_id == OsvPackage.base_id),
    )
    parts = union_all(*(_joined(name, join, advisory_ids) for name, join in joins)).subquery()
    return select(parts).order_by(parts.c.id).limit(MOST)


def _joined(name: str, join: Any, advisory_ids: Sequence[int]) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 - a condition
    return (
        select(
            Affected.id,
            Affected.advisory_id,
            Affected.osv_package_id.label("listed_id"),
            Affected.lo_version,
            Affected.hi_version,
            Affected.hi_included,
            Affected.exact_version,
            Affected.rule,
            Affected.fixed,
            Advisory.kind,
            OsvPackage.ecosystem,
            ComponentCoord.relation,
            ComponentCoord.version,
            ComponentCoord.release_known,
            literal(name, Text()).label("joined"),
            CONCERNS.label("concerns"),
            HEARD.label("heard"),
            SURELY.label("surely"),
            SURELY_MEANT.label("surely_meant"),
            (NOTE != "").label("confusion"),
        )
        .select_from(ComponentCoord)
        .join(OsvPackage, OsvPackage.id == ComponentCoord.osv_package_id)
        .join(Affected, join)
        .join(Advisory, Advisory.id == Affected.advisory_id)
        .where(Affected.advisory_id == any_of(advisory_ids), Advisory.withdrawn_at.is_(None))
    )


def _listed(session: ReadSession, package_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    rows = session.execute(
        select(OsvPackage.id, OsvPackage.ecosystem, OsvPackage.name).where(OsvPackage.id == any_of(package_ids))
    )
    return {id_: (ecosystem, name) for id_, ecosystem, name in rows}


def _entry(row: Any, listed: tuple[str, str], unevaluated: str) -> Entry:  # noqa: ANN401 - a row
    versions = Versions(
        row.lo_version if row.exact_version is None else row.exact_version, row.hi_version, row.hi_included, row.rule
    )
    outcome, comparison = _compared(row.ecosystem, row.version, versions, is_text=row.exact_version is not None)
    same = row.joined == "same" and row.release_known
    return Entry(
        advisory_id=row.advisory_id,
        ecosystem=listed[0],
        name=listed[1],
        relation=row.relation,
        component_version=row.version,
        versions=versions,
        fixed=row.fixed,
        outcome=outcome,
        comparison=comparison,
        concerns=row.concerns,
        heard=row.heard,
        certain=same and row.surely and row.surely_meant,
        doubt=Doubt(
            condemned=not row.surely_meant and versions.as_range() == "all versions",
            bare=row.joined == "bare",
            release_unknown=not row.release_known,
            unevaluated=unevaluated,
            build=not row.surely,
            documentation=row.relation == DOCUMENTATION,
            confusion=row.confusion,
        ),
    )


def _compared(ecosystem: str, version: str, versions: Versions, *, is_text: bool) -> tuple[Outcome, str]:
    if is_text:
        return _as_text(ecosystem, version, versions.lo)
    said = []
    try:
        for bound in versions.bounds():
            order = (compare if bound.sign == "=" else compare_to_bound)(ecosystem, version, bound.version)
            if not bound.holds(order):
                return "outside", f"{version} {bound.opposite(order)} {bound.version}"
            said.append(f"{version} {bound.sign} {bound.version}")
        if not said:
            compare(ecosystem, version, version)
    except UnparsableVersion as error:
        return "cannot-compare", error.detail
    return "inside", " and ".join(said) or f"{version} is a version, and all are listed"


def _as_text(ecosystem: str, version: str, listed: str) -> tuple[Outcome, str]:
    """Compare as text, as is done where neither can be ordered; what can be ordered is no text."""
    try:
        compare(ecosystem, version, version)
    except UnparsableVersion:
        same = version == listed
        return ("inside" if same else "outside"), f"{version} is {'' if same else 'not '}{listed}, letter by letter"
    return "outside", f"{version} can be ordered, {listed} cannot"


class Named(NamedTuple):
    """What else an advisory names: for whoever asked about something it does not."""

    ecosystem: str
    name: str
    is_namesake: bool


def named_by(session: ReadSession, advisory_id: int, names: Iterable[str], *, limit: int = 5) -> list[Named]:
    """Give packages that an advisory names: namesakes in other ecosystems first."""
    wanted = sorted({name.lower() for name in names})
    package = aliased(OsvPackage)
    is_namesake = or_(
        func.lower(package.name).in_(wanted), func.lower(func.split_part(package.name, ":", 2)).in_(wanted)
    )
    rows = session.execute(
        select(package.ecosystem, package.name, is_namesake.label("is_namesake"))
        .where(package.id.in_(select(Affected.osv_package_id).where(Affected.advisory_id == advisory_id)))
        .order_by(is_namesake.desc(), package.ecosystem, package.name)
        .limit(limit)
    )
    return [Named(*row) for row in rows]
