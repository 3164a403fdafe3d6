"""Repainting intervals of a stream."""

from hypothesis import given
from hypothesis import strategies as st

from service.clock import OPEN
from service.inventory.usage import Span, repaint

TIMES = (10, 20, 30, 40)
Contents = dict[int, int]


def apply(rows: set[Span], start: int, end: int, wanted: Contents) -> set[Span]:
    touching = [row for row in rows if row.to_us >= start and row.from_us <= end]
    change = repaint(touching, start, end, wanted)
    assert set(change.removed) <= rows
    return (rows - set(change.removed)) | set(change.added)


def at(rows: set[Span], instant: int) -> Contents:
    return {row.component_id: row.scope for row in rows if row.from_us <= instant < row.to_us}


def test_the_newest_upload_ends_what_left_and_begins_what_came() -> None:
    rows = {Span(1, 10, OPEN, 0), Span(2, 10, OPEN, 0)}

    assert apply(rows, 20, OPEN, {2: 0, 3: 0}) == {Span(1, 10, 20, 0), Span(2, 10, OPEN, 0), Span(3, 20, OPEN, 0)}


def test_an_unchanged_upload_writes_nothing() -> None:
    change = repaint([Span(1, 10, OPEN, 0)], 20, OPEN, {1: 0})

    assert change == ([], [])


def test_a_changed_scope_is_a_new_span() -> None:
    assert apply({Span(1, 10, OPEN, 0)}, 20, OPEN, {1: 3}) == {Span(1, 10, 20, 0), Span(1, 20, OPEN, 3)}


def test_a_late_upload_cuts_only_its_own_interval() -> None:
    rows = {Span(1, 10, OPEN, 0)}

    assert apply(rows, 20, 30, {2: 0}) == {Span(1, 10, 20, 0), Span(2, 20, 30, 0), Span(1, 30, OPEN, 0)}


def test_a_late_upload_that_fills_a_gap_joins_both_sides() -> None:
    rows = {Span(1, 10, 20, 0), Span(1, 30, OPEN, 0)}

    assert apply(rows, 20, 30, {1: 0}) == {Span(1, 10, OPEN, 0)}


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, Contents]]:
    contents = st.dictionaries(st.integers(1, 4), st.integers(0, 1), max_size=4)
    return draw(st.lists(st.tuples(st.sampled_from(TIMES), contents), min_size=1, max_size=8))


@given(histories())
def test_uploads_in_any_order_give_what_a_replay_in_time_order_gives(history: list[tuple[int, Contents]]) -> None:
    rows: set[Span] = set()
    uploads: dict[int, Contents] = {}
    for instant, contents in history:
        following = min((t for t in uploads if t > instant), default=OPEN)
        rows = apply(rows, instant, following, contents)
        uploads[instant] = contents

    in_order: set[Span] = set()
    for instant in sorted(uploads):
        in_order = apply(in_order, instant, OPEN, uploads[instant])
    assert rows == in_order
    for instant in TIMES:
        expected = uploads[max((t for t in uploads if t <= instant), default=0)] if min(uploads) <= instant else {}
        assert at(rows, instant) == expected
