import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import Engine, select, text

from service.changes.models import Change
from service.changes.reading import STRETCH, Filter, Forgotten, changes_after, last_seq, purge_changes
from service.changes.sequencing import number_changes
from service.changes.writing import NewChange, record_changes
from service.db import WriteSession, connect, reading, writing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def change(name: str, type_: str = "exposure.opened", at: datetime = NOON) -> NewChange:
    return NewChange(type_, at, {"name": name}, incident="INC-1", product="shop")


def names(changes: list[Change]) -> list[object]:
    return [change.data["name"] for change in changes]


@pytest.fixture
def own_engine(fresh_database: str) -> Iterator[Engine]:
    engine = connect(fresh_database)
    yield engine
    engine.dispose()


def test_changes_show_once_they_are_numbered_in_the_order_they_were_written(session: WriteSession) -> None:
    record_changes(session, *(change(str(number)) for number in range(5)))
    assert changes_after(session, 0).items == []
    assert number_changes(session) == 5
    assert number_changes(session) == 0
    found = changes_after(session, 0)
    assert names(found.items) == ["0", "1", "2", "3", "4"]
    assert [item.seq for item in found.items] == [1, 2, 3, 4, 5]
    assert (found.last, found.has_more) == (5, False)


def test_nothing_to_record_is_no_statement(session: WriteSession) -> None:
    record_changes(session)
    assert number_changes(session) == 0


def test_reading_goes_on_where_it_stopped_and_jumps_over_other_types(session: WriteSession) -> None:
    record_changes(session, change("a"), change("b", "incident.opened"), change("c"), change("d", "incident.opened"))
    number_changes(session)
    first = changes_after(session, 0, limit=1, wanted=Filter(types={"exposure.opened"}))
    assert (names(first.items), first.last, first.has_more) == (["a"], 1, True)
    second = changes_after(session, first.last, limit=1, wanted=Filter(types={"exposure.opened"}))
    assert (names(second.items), second.last, second.has_more) == (["c"], 4, False)
    assert changes_after(session, 4).last == 4


def test_a_reader_is_given_the_changes_of_a_team_a_product_or_an_incident(session: WriteSession) -> None:
    record_changes(
        session,
        NewChange("a", NOON, {"name": "a"}, incident="INC-1", product="shop", team="payments"),
        NewChange("b", NOON, {"name": "b"}, incident="INC-2", product="store", team="press"),
        NewChange("c", NOON, {"name": "c"}, incident="INC-1"),
    )
    number_changes(session)
    for wanted, expected in (
        (Filter(team="payments"), ["a"]),
        (Filter(products={"shop", "store"}), ["a", "b"]),
        (Filter(incident="INC-1"), ["a", "c"]),
        (Filter(incident="INC-1", team="press"), []),
    ):
        assert names(changes_after(session, 0, wanted=wanted).items) == expected


def test_a_reader_who_wants_little_gets_there_in_stretches(session: WriteSession) -> None:
    session.execute(
        text("""
            INSERT INTO change (seq, type, at, data)
            SELECT n, CASE n WHEN :many THEN 'rare' ELSE 'usual' END, :at, '{"name": "x"}'
            FROM generate_series(1, :many) n
        """),
        {"many": STRETCH + 5, "at": NOON},
    )
    session.execute(text("UPDATE change_counter SET last_seq = :many"), {"many": STRETCH + 5})
    first = changes_after(session, 0, wanted=Filter(types={"rare"}))
    assert (first.items, first.last, first.has_more) == ([], STRETCH, True)
    second = changes_after(session, first.last, wanted=Filter(types={"rare"}))
    assert ([item.seq for item in second.items], second.has_more) == ([STRETCH + 5], False)


def test_nothing_younger_is_forgotten_and_no_gap_is_made(session: WriteSession) -> None:
    record_changes(session, change("old"), change("new", at=NOON + timedelta(days=100)), change("old too"))
    number_changes(session)
    assert purge_changes(session, before=NOON + timedelta(days=1)) == 1
    assert names(changes_after(session, 1).items) == ["new", "old too"]


def test_a_cursor_older_than_what_is_kept_is_told_so(session: WriteSession) -> None:
    record_changes(session, change("old"), change("old too"), change("new", at=NOON + timedelta(days=100)))
    number_changes(session)
    assert purge_changes(session, before=NOON + timedelta(days=1)) == 2
    with pytest.raises(Forgotten):
        changes_after(session, 1)
    assert names(changes_after(session, 2).items) == ["new"]
    assert names(changes_after(session, 0).items) == ["new"]
    assert purge_changes(session, before=NOON + timedelta(days=200)) == 1
    with pytest.raises(Forgotten):
        changes_after(session, 2)
    assert changes_after(session, 3).items == []


def test_a_change_that_commits_late_is_not_lost(own_engine: Engine) -> None:
    with writing(own_engine) as slow:
        record_changes(slow, change("slow"))
        with writing(own_engine) as fast:
            record_changes(fast, change("fast"))
        with writing(own_engine) as sequencer:
            number_changes(sequencer)
        with reading(own_engine) as reader:
            first = changes_after(reader, 0)
        assert names(first.items) == ["fast"]
    with writing(own_engine) as sequencer:
        number_changes(sequencer)
    with reading(own_engine) as reader:
        assert names(changes_after(reader, first.last).items) == ["slow"]


def test_a_second_sequencer_steps_aside(own_engine: Engine) -> None:
    with writing(own_engine) as session:
        record_changes(session, change("a"))
    with writing(own_engine) as first:
        assert number_changes(first) == 1
        with writing(own_engine) as second:
            assert number_changes(second) == 0
    with reading(own_engine) as reader:
        assert last_seq(reader) == 1


def test_writers_and_competing_sequencers_lose_repeat_and_skip_nothing(own_engine: Engine) -> None:
    stop, each = Event(), 40
    seen: list[Change] = []

    def write(writer: int) -> None:
        chance = random.Random(writer)  # noqa: S311 - only for timing
        for number in range(each):
            with writing(own_engine) as session:
                # The lock an incident's row would be.
                session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": writer % 2})
                record_changes(session, change(f"{writer}/{number}"))
                session.execute(text("SELECT pg_sleep(:s)"), {"s": chance.random() / 500})

    def number() -> None:
        while not stop.is_set():
            with writing(own_engine) as session:
                number_changes(session)

    def read() -> None:
        last = 0
        while len(seen) < 4 * each:
            with reading(own_engine) as session:
                found = changes_after(session, last)
            seen.extend(found.items)
            last = found.last

    with ThreadPoolExecutor(7) as pool:
        writers = [pool.submit(write, writer) for writer in range(4)]
        others = [pool.submit(number), pool.submit(number)]
        reader = pool.submit(read)
        for writer in writers:
            writer.result(60)
        reader.result(60)
        stop.set()
        for other in others:
            other.result(60)
    assert [item.seq for item in seen] == list(range(1, 4 * each + 1))
    for lane in (0, 1):
        ids = [item.id for item in seen if int(str(item.data["name"]).split("/")[0]) % 2 == lane]
        assert ids == sorted(ids)
    with reading(own_engine) as session:
        assert len(set(session.scalars(select(Change.event_id)))) == 4 * each
