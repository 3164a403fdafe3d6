"""Which stream contained which component, from when till when.

One idea carries all cases: an upload says what a stream contained on ``[its at, the next upload's at)``, so accepting,
correcting and voiding an upload each *repaint* one interval of the stream with one set. `repaint` is pure and says
which rows change; `paint` applies it. The caller holds the stream's row lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SmallInteger,
    TableValuedAlias,
    and_,
    delete,
    insert,
    literal,
    select,
    update,
)

from service.db import ReadSession, WriteSession, arrays
from service.inventory.models import Usage


class Span(NamedTuple):
    """One row of usage, without its stream: half open, in microseconds."""

    component_id: int
    from_us: int
    to_us: int
    scope: int


class Repaint(NamedTuple):
    """The rows to take away and those to put in their place."""

    removed: list[Span]
    added: list[Span]


def repaint(rows: Iterable[Span], start: int, end: int, wanted: Mapping[int, int]) -> Repaint:
    """Make a stream contain exactly *wanted* on ``[start, end)`` and what it contained elsewhere.

    Args:
        rows: Every row of the stream that overlaps or touches ``[start, end)``.
        start: First instant of the interval, microseconds.
        end: First instant after it; `OPEN` for the newest upload.
        wanted: Component id to scope.

    Returns:
        The difference; adjoining rows of equal scope become one.
    """
    held: defaultdict[int, list[Span]] = defaultdict(list)
    for row in rows:
        held[row.component_id].append(row)
    removed: list[Span] = []
    added: list[Span] = []
    for component_id in held.keys() | wanted.keys():
        before = held.get(component_id, [])
        scope = wanted.get(component_id)
        if scope is not None and any(r.from_us <= start and end <= r.to_us and r.scope == scope for r in before):
            continue
        after = _joined(_pieces(component_id, before, start, end, scope))
        removed += [row for row in before if row not in after]
        added += [row for row in after if row not in before]
    return Repaint(sorted(removed), sorted(added))


def _pieces(component_id: int, before: list[Span], start: int, end: int, scope: int | None) -> list[Span]:
    pieces = [Span(component_id, r.from_us, min(r.to_us, start), r.scope) for r in before if r.from_us < start]
    if scope is not None:
        pieces.append(Span(component_id, start, end, scope))
    pieces += [Span(component_id, max(r.from_us, end), r.to_us, r.scope) for r in before if r.to_us > end]
    return sorted(pieces)


def _joined(pieces: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and last.to_us == piece.from_us and last.scope == piece.scope:
            joined[-1] = last._replace(to_us=piece.to_us)
        else:
            joined.append(piece)
    return joined


def contents(session: ReadSession, stream_id: int, at_us: int) -> dict[int, int]:
    """Give what a stream contained at one instant: component id to scope."""
    rows = session.execute(
        select(Usage.component_id, Usage.scope).where(
            Usage.stream_id == stream_id, Usage.from_us <= at_us, Usage.to_us > at_us
        )
    )
    return {row.component_id: row.scope for row in rows}


def spans_touching(session: ReadSession, stream_id: int, start: int, end: int) -> list[Span]:
    """Give the rows of a stream that overlap or touch ``[start, end)``."""
    rows = session.execute(
        select(Usage.component_id, Usage.from_us, Usage.to_us, Usage.scope).where(
            Usage.stream_id == stream_id, Usage.to_us >= start, Usage.from_us <= end
        )
    )
    return [Span(*row) for row in rows]


def paint(session: WriteSession, stream_id: int, start: int, end: int, wanted: Mapping[int, int]) -> dict[int, int]:
    """Make a stream contain exactly *wanted* on ``[start, end)``, writing only what differs.

    Returns:
        What it contained at *start* before: component id to scope.
    """
    rows = spans_touching(session, stream_id, start, end)
    _apply(session, stream_id, repaint(rows, start, end, wanted))
    return {row.component_id: row.scope for row in rows if row.from_us <= start < row.to_us}


def _apply(session: WriteSession, stream_id: int, change: Repaint) -> None:
    coming = {(span.component_id, span.from_us): span for span in change.added}
    # A row that keeps its beginning is updated in place: the usual end of a usage costs one write, not two.
    kept = [coming.pop(key) for row in change.removed if (key := (row.component_id, row.from_us)) in coming]
    kept_keys = {(span.component_id, span.from_us) for span in kept}
    gone = [row for row in change.removed if (row.component_id, row.from_us) not in kept_keys]
    if gone:
        keys = _table(gone)
        session.execute(delete(Usage).where(Usage.stream_id == stream_id, _same_row(keys)), execution_options=_BULK)
    if kept:
        keys = _table(kept)
        session.execute(
            update(Usage)
            .where(Usage.stream_id == stream_id, _same_row(keys))
            .values(to_us=keys.c.to_us, scope=keys.c.scope),
            execution_options=_BULK,
        )
    if coming:
        rows = _table(sorted(coming.values()))
        columns = [literal(stream_id, BigInteger()), rows.c.component_id, rows.c.from_us, rows.c.to_us, rows.c.scope]
        names = ["stream_id", "component_id", "from_us", "to_us", "scope"]
        session.execute(insert(Usage).from_select(names, select(*columns)))


_BULK = {"synchronize_session": False}


def _table(spans: list[Span]) -> TableValuedAlias:
    component_ids, starts, ends, scopes = zip(*spans, strict=True)
    return arrays(
        component_id=(BigInteger(), component_ids),
        from_us=(BigInteger(), starts),
        to_us=(BigInteger(), ends),
        scope=(SmallInteger(), scopes),
    )


def _same_row(keys: TableValuedAlias) -> ColumnElement[bool]:
    return and_(Usage.component_id == keys.c.component_id, Usage.from_us == keys.c.from_us)
