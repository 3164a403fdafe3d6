"""Which component is affected by which advisory, in SQL, both ways round: new components, new ranges.

"Affected" is ``lo <= key AND key < hi`` on one index, since keys compare byte by byte in the ecosystem's own order.
Where a key is flagged, package equality gives the candidates and the exact comparator decides.

How certain a match is:

- the component's package is the advisory's: ``certain``;
- the component is a distribution's, and nobody names the release: ``possible`` for every release's advisories;
- the advisory names a bare distribution, without a release: ``possible``;
- the two may speak of different builds of a distribution's package: ``possible`` (`builds`);
- the name is the organisation's own, or another registry's, or the record condemns every version of it: malware is
  ``possible``, since private packages share names; other public advisories do not meet private names (`origins`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    and_,
    case,
    delete,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.types import TypeEngine

from service.advisories.builds import CONCERNS, SURELY
from service.advisories.declared import declarations, declared_rows
from service.advisories.models import Advisory, Affected, Match
from service.advisories.origins import HEARD, NOTE, SURELY_MEANT
from service.advisories.ranges import END
from service.db import ReadSession, WriteSession, any_of, arrays
from service.inventory.catalogue_models import Component, ComponentCoord, OsvPackage
from service.versions import UnparsableVersion, compare, compare_to_bound

MATCH_COLUMNS: dict[str, TypeEngine[Any]] = {
    "component_id": BigInteger(),
    "advisory_id": BigInteger(),
    "certainty": Text(),
    "rule": Text(),
    "osv_package_id": BigInteger(),
    "lo_version": Text(),
    "hi_version": Text(),
    "fixed": Text(),
    "note": Text(),
}

#: One row of `match`, in the order of `MATCH_COLUMNS`.
Row = tuple[Any, ...]
Key = tuple[int, int]


def match_components(session: WriteSession, component_ids: Sequence[int]) -> None:
    """Match components that are new in the catalogue against every known range."""
    if not component_ids:
        return
    among = ComponentCoord.component_id == any_of(component_ids)
    if len(component_ids) <= _LOOKED_UP:
        with _by_index(session):
            wanted = _wanted(session, among)
    else:
        wanted = _wanted(session, among)
    _keep(wanted, declared_rows(session, declarations(session), Component.id == any_of(component_ids)))
    _insert(session, wanted)


def match_advisories(session: WriteSession, advisory_ids: Sequence[int]) -> None:
    """Match advisories whose ranges changed against every known component, and take back what no longer holds."""
    if not advisory_ids:
        return
    before = _standing(session, advisory_ids)
    with _by_index(session):
        wanted = _wanted(session, Affected.advisory_id == any_of(advisory_ids))
    _keep(wanted, declared_rows(session, declarations(session, advisory_ids)))
    changed = [row for key, row in wanted.items() if before.get(key) != row]
    stale = [key for key, row in before.items() if wanted.get(key) != row]
    _delete(session, stale)
    _insert(session, {(row[0], row[1]): row for row in changed})


#: More components than these come with an import, whose tables have no statistics yet: there the planner's reading
#: through is slow, and an index chosen blindly is much slower.
_LOOKED_UP = 1_000


@contextmanager
def _by_index(session: WriteSession) -> Iterator[None]:
    """Have thousands of rows looked up among millions: reading those through takes ten times as long, and is chosen."""
    session.execute(_scans("off"))
    yield
    session.execute(_scans("on"))


def _scans(state: str) -> Select[str, str]:
    return select(func.set_config("enable_hashjoin", state, True), func.set_config("enable_mergejoin", state, True))


def match_asked(session: ReadSession, stand_ins: Sequence[CTE]) -> Iterable[Row]:
    """Match coordinates that no SBOM need list, by the very statements that match components.

    The stand-ins are common table expressions with the names and columns of `component_coord` and `osv_package`: inside
    a statement such a name hides the table, so that its rows are matched instead.
    """
    return _wanted(session, true(), stand_ins).values()


def _standing(session: WriteSession, advisory_ids: Sequence[int]) -> dict[Key, Row]:
    columns = [getattr(Match, name) for name in MATCH_COLUMNS]
    rows = session.execute(select(*columns).where(Match.advisory_id == any_of(advisory_ids)))
    return {(row[0], row[1]): tuple(row) for row in rows}


def _wanted(session: ReadSession, where: ColumnElement[bool], stand_ins: Sequence[CTE] = ()) -> dict[Key, Row]:
    best: dict[Key, Row] = {}
    by_keys = (tuple(row) for row in session.execute(decided_by_keys(where).add_cte(*stand_ins)))
    _keep(best, chain(by_keys, decided_by_comparator(session, where, stand_ins)))
    return best


def _keep(best: dict[Key, Row], rows: Iterable[Row]) -> None:
    for row in rows:
        key, kept = (row[0], row[1]), best.get((row[0], row[1]))
        # Certain before possible; among equals the lowest text, so that every run keeps the same explanation.
        if kept is None or row[2:] < kept[2:]:
            best[key] = row


#: How a component's package meets an advisory's; see the module's docstring.
_SAME_PACKAGE = Affected.osv_package_id == ComponentCoord.osv_package_id
_ANY_RELEASE = and_(Affected.base_package_id == ComponentCoord.osv_package_id, ~ComponentCoord.release_known)
# That few packages have a base is plain to see; the planner would else read all ranges to look for the others'.
_BARE_DISTRIBUTION = and_(Affected.osv_package_id == OsvPackage.base_id, OsvPackage.base_id.is_not(None))
_JOINS = (_SAME_PACKAGE, _ANY_RELEASE, _BARE_DISTRIBUTION)


def decided_by_keys(where: ColumnElement[bool]) -> CompoundSelect[*tuple[Any, ...]]:
    """Select the matches that keys and listed versions decide; a pair may be among them more than once."""
    in_range = and_(
        Affected.lo <= ComponentCoord.sort_key,
        ComponentCoord.sort_key < Affected.hi,
        ~Affected.flagged,
        ~ComponentCoord.flagged,
    )
    listed = and_(
        Affected.lo.is_(None),
        ComponentCoord.sort_key.is_(None),
        Affected.exact_version == ComponentCoord.version,
    )
    return union_all(*(_pairs(join, where, inside) for join in _JOINS for inside in (in_range, listed)))


def decided_by_comparator(
    session: ReadSession, where: ColumnElement[bool], stand_ins: Sequence[CTE] = ()
) -> Iterator[Row]:
    """Decide the pairs in which a key is flagged, one by one.

    Only Maven flags, and no Maven package has releases or a base: the same package is the only join to try.
    """
    ordered = and_(Affected.lo.is_not(None), ComponentCoord.sort_key.is_not(None))
    pairs = union_all(
        *(
            _pairs(_SAME_PACKAGE, where, and_(ordered, flagged))
            .join(OsvPackage, OsvPackage.id == ComponentCoord.osv_package_id)
            .add_columns(Affected.hi_included, Affected.hi, OsvPackage.ecosystem, ComponentCoord.version)
            for flagged in (ComponentCoord.flagged, and_(Affected.flagged, ~ComponentCoord.flagged))
        )
    )
    for *kept, hi_included, hi, ecosystem, version in session.execute(pairs.add_cte(*stand_ins)):
        bounds = Bounds(kept[5], kept[6], hi_included=hi_included, is_open=hi == END)
        if bounds.contain(ecosystem, version):
            yield tuple(kept)


def with_rows(found: CompoundSelect[*tuple[Any, ...]], rows: Sequence[Row]) -> CompoundSelect[*tuple[Any, ...]]:
    """Join what the comparator has decided to the selection of what keys decide."""
    if not rows:
        return found
    columns = zip(MATCH_COLUMNS.items(), zip(*rows, strict=True), strict=True)
    listed = arrays(**{name: (kind, values) for (name, kind), values in columns})
    return union_all(*found.selects, select(*(listed.c[name] for name in MATCH_COLUMNS)))


class Bounds(NamedTuple):
    """An interval as its advisory wrote it. An empty lower version precedes everything."""

    lo_version: str
    hi_version: str
    hi_included: bool
    is_open: bool

    def contain(self, ecosystem: str, version: str) -> bool:
        """Tell by the exact comparator whether *version* lies inside."""
        is_listed = self.hi_included and self.lo_version == self.hi_version
        order_of = compare if is_listed else compare_to_bound
        try:
            if self.lo_version and order_of(ecosystem, version, self.lo_version) < 0:
                return False
            if self.is_open:
                return True
            order = order_of(ecosystem, version, self.hi_version)
        except UnparsableVersion:
            return False
        return order < 0 or (self.hi_included and order == 0)


def _pairs(
    join: ColumnElement[bool], where: ColumnElement[bool], inside: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    certain = and_(literal(join is _SAME_PACKAGE), ComponentCoord.release_known, SURELY, SURELY_MEANT)
    pairs = (
        select(
            ComponentCoord.component_id,
            Affected.advisory_id,
            case((certain, "certain"), else_="possible").label("certainty"),
            func.concat(ComponentCoord.relation, ":", Affected.rule).label("rule"),
            Affected.osv_package_id,
            Affected.lo_version,
            Affected.hi_version,
            Affected.fixed,
            NOTE.label("note"),
        )
        .select_from(ComponentCoord)
        .where(where, inside, CONCERNS, HEARD, Advisory.withdrawn_at.is_(None))
    )
    if join is _BARE_DISTRIBUTION:  # the others ask nothing of the component's package
        pairs = pairs.join(OsvPackage, OsvPackage.id == ComponentCoord.osv_package_id)
    return pairs.join(Affected, join).join(Advisory, Advisory.id == Affected.advisory_id)


def _insert(session: WriteSession, rows: dict[Key, Row]) -> None:
    if not rows:
        return
    ordered = [rows[key] for key in sorted(rows)]
    source = arrays(
        **{name: (kind, [row[i] for row in ordered]) for i, (name, kind) in enumerate(MATCH_COLUMNS.items())}
    )
    session.execute(
        pg.insert(Match)
        .from_select(list(MATCH_COLUMNS), select(*(source.c[name] for name in MATCH_COLUMNS)))
        .on_conflict_do_nothing()
    )


def _delete(session: WriteSession, keys: list[Key]) -> None:
    if not keys:
        return
    component_ids, advisory_ids = zip(*sorted(keys), strict=True)
    source = arrays(component_id=(BigInteger(), component_ids), advisory_id=(BigInteger(), advisory_ids))
    session.execute(
        delete(Match).where(Match.component_id == source.c.component_id, Match.advisory_id == source.c.advisory_id),
        execution_options={"synchronize_session": False},
    )
