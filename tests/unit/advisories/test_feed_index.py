from datetime import UTC, datetime, timedelta

import pytest

from service.advisories.feed_index import one_by_one, plan, read_index
from service.advisories.feed_source import FeedUnavailable

EARLY, LATE = datetime(2024, 4, 1, tzinfo=UTC), datetime(2027, 7, 9, tzinfo=UTC)


def test_an_index_is_read_in_any_order_and_its_broken_lines_are_counted() -> None:
    index = read_index(
        b"2024-04-01T00:00:00Z,GO-1\n2024-04-01T00:00:00Z,GO-5\n2024-04-01T00:00:00Z,GO-6\n2027-07-09T00:00:00Z,GO-2\n\n2023-01-01T00:00:00Z,GO-2\n"
        b"yesterday,GO-3\n2024-04-01T00:00:00Z,../GO-4\n2024-04-01T00:00:00Z\n\xff\xfe\n"
    )

    assert index.modified == {"GO-1": EARLY, "GO-5": EARLY, "GO-6": EARLY, "GO-2": LATE}
    assert index.malformed == 4


def test_a_record_dated_in_the_future_hides_nothing() -> None:
    index = read_index(b"2027-07-09T00:00:00Z,PYSEC-1\n2024-04-01T00:00:00Z,PYSEC-2\n")

    todo = plan(index, {"PYSEC-1": LATE})

    assert todo.wanted == {"PYSEC-2": EARLY}


def test_what_is_new_changed_and_gone_is_told_by_comparing_ids() -> None:
    index = read_index(b"2024-04-01T00:00:00Z,A\n2024-04-01T00:00:00Z,B\n2024-04-01T00:00:00Z,C\n")

    todo = plan(index, {"A": EARLY, "B": LATE, "D": EARLY})

    assert (set(todo.added), set(todo.changed), set(todo.vanished)) == ({"C"}, {"B"}, {"D"})
    assert not todo.held


def test_more_than_a_tenth_gone_at_once_is_held() -> None:
    taken = {f"A-{number}": EARLY for number in range(200)}
    left = "".join(f"2024-04-01T00:00:00Z,A-{number}\n" for number in range(180))

    assert not plan(read_index(left.encode()), taken).held
    assert plan(read_index(left.encode()[: -len("2024-04-01T00:00:00Z,A-179\n")]), taken).held
    assert plan(read_index(b""), taken).held


def test_of_a_small_folder_half_may_go_and_never_all() -> None:
    taken = {f"A-{number}": EARLY for number in range(4)}
    half, less = b"2024-04-01T00:00:00Z,A-0\n2024-04-01T00:00:00Z,A-1\n", b"2024-04-01T00:00:00Z,A-0\n"

    assert not plan(read_index(half), taken).held
    assert plan(read_index(less), taken).held
    assert plan(read_index(b""), {"A-1": EARLY}).held
    assert not plan(read_index(b""), {}).held


def test_fractions_of_seconds_sort_by_time_and_not_by_letters() -> None:
    index = read_index(b"2024-04-01T00:00:00Z,A\n2024-04-01T00:00:00.5Z,A\n2024-04-01T00:00:00.25Z,A\n")

    assert index.modified == {"A": EARLY + timedelta(seconds=0.5)}


@pytest.mark.parametrize("content", [b"<!DOCTYPE html>\n<p>Sign in\n", b"PK\x03\x04\x00\n\x01", b"id,modified\n"])
def test_what_is_mostly_no_index_is_refused(content: bytes) -> None:
    with pytest.raises(FeedUnavailable, match="this is no index"):
        read_index(content)


def test_what_waits_is_not_wanted_unless_it_has_changed_since() -> None:
    index = read_index(b"2024-04-01T00:00:00Z,A\n2024-04-01T00:00:00Z,B\n")

    assert plan(index, {}, {"A": EARLY, "B": LATE}).wanted == {"B": EARLY}


def test_the_cheaper_way_depends_on_the_size_of_the_archive() -> None:
    npm, crates = 210_000_000, 2_800_000

    assert one_by_one(2_000, npm)
    assert not one_by_one(4_000, npm)
    assert one_by_one(40, crates)
    assert not one_by_one(50, crates)
    assert not one_by_one(6_000, 4 * 2**30)
    assert one_by_one(200, None)
    assert not one_by_one(201, None)
