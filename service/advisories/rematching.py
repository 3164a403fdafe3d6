"""Every match decided anew, set-based, in one statement for a stretch of components; only differences are written.

Matching what changed (`matching`) fetches its rows; to match a million components against two million ranges so would
take them all through here. The statements are the same, so both always agree (a test holds that); the pairs that keys
cannot decide are decided by the comparator first and joined in.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, Select, and_, delete, func, literal, select, text, tuple_, union_all, update
from sqlalchemy.dialects import postgresql as pg

from service.advisories.declared import declarations, declared_rows
from service.advisories.matching import MATCH_COLUMNS, Row, decided_by_comparator, decided_by_keys, with_rows
from service.advisories.models import Advisory, Match
from service.db import WriteSession
from service.inventory.catalogue_models import Component, ComponentCoord

_NAMES = tuple(MATCH_COLUMNS)


class Rematched(NamedTuple):
    """How many matches there were to write and to take back; their advisories are unsettled now."""

    written: int
    taken_back: int


def rematch_stretch(session: WriteSession, first: int, last: int) -> Rematched:
    """Decide all matches of the components with these ids, both ends included."""
    # A plan for thousands of pairs is a disaster for millions: let the joins be merged or hashed in memory.
    session.execute(text("SET LOCAL work_mem = '256MB'"))
    session.execute(text("SET LOCAL jit = off"))
    stretch = ComponentCoord.component_id.between(first, last)
    declared = declared_rows(session, declarations(session), Component.id.between(first, last))
    wanted = _wanted(stretch, [*decided_by_comparator(session, stretch), *declared])
    standing = Match.component_id.between(first, last)
    gone = _gone(wanted, standing)
    written = _written(wanted, standing)
    changed = union_all(select(gone.c.advisory_id), select(written.c.advisory_id)).subquery()
    unsettled = update(Advisory).where(Advisory.id.in_(select(changed.c.advisory_id))).values(settled=False)
    counts = select(
        select(func.count()).select_from(written).scalar_subquery(),
        select(func.count()).select_from(gone).scalar_subquery(),
    ).add_cte(unsettled.cte("unsettled"))
    return Rematched(*session.execute(counts).one())


def _wanted(stretch: ColumnElement[bool], compared: Sequence[Row]) -> CTE:
    """Write the matches there should be; of several for one component and advisory the one that `matching` keeps."""
    rows = with_rows(decided_by_keys(stretch), compared).subquery()
    pair = (rows.c.component_id, rows.c.advisory_id)
    best = [rows.c[name] if name.endswith("_id") else rows.c[name].collate("C") for name in _NAMES[2:]]
    return (
        select(*(rows.c[name] for name in _NAMES))
        .ext(pg.distinct_on(*pair))
        .order_by(*pair, *best)
        .cte("wanted")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def _gone(wanted: CTE, standing: ColumnElement[bool]) -> CTE:
    kept = select(literal(1)).where(
        wanted.c.component_id == Match.component_id, wanted.c.advisory_id == Match.advisory_id
    )
    return (
        delete(Match)
        .where(standing, ~kept.exists())
        .returning(Match.advisory_id)
        .execution_options(synchronize_session=False)
        .cte("gone")
    )


def _written(wanted: CTE, standing: ColumnElement[bool]) -> CTE:
    same = and_(
        Match.component_id == wanted.c.component_id,
        Match.advisory_id == wanted.c.advisory_id,
        tuple_(*(getattr(Match, name) for name in _NAMES[2:])) == tuple_(*(wanted.c[name] for name in _NAMES[2:])),
    )
    missing: Select[Any] = select(*(wanted.c[name] for name in _NAMES)).where(
        ~select(literal(1)).where(standing, same).exists()
    )
    insert = pg.insert(Match).from_select(list(_NAMES), missing)
    return (
        insert.on_conflict_do_update(
            index_elements=["component_id", "advisory_id"],
            set_={name: insert.excluded[name] for name in _NAMES[2:]},
        )
        .returning(Match.advisory_id)
        .cte("written")
    )
