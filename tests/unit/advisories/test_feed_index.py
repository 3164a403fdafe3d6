from datetime import UTC, datetime

from service.advisories.feed_index import plan, read_index

EARLY, LATE = datetime(2024, 4, 1, tzinfo=UTC), datetime(2027, 7, 9, tzinfo=UTC)


def test_an_index_is_read_in_any_order_and_its_broken_lines_are_counted() -> None:
    index = read_index(
        b"2024-04-01T00:00:00Z,GO-1\n2027-07-09T00:00:00Z,GO-2\n\n2023-01-01T00:00:00Z,GO-2\n"
        b"yesterday,GO-3\n2024-04-01T00:00:00Z,../GO-4\n2024-04-01T00:00:00Z\n\xff\xfe\n"
    )

    assert index.modified == {"GO-1": EARLY, "GO-2": LATE}
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


def test_a_handful_gone_from_a_small_folder_is_not_held() -> None:
    assert not plan(read_index(b""), {"A-1": EARLY, "A-2": EARLY}).held
