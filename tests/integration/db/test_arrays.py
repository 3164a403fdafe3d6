"""Whole columns sent as arrays arrive as they were, whatever is in them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    Uuid,
    column,
    select,
    text,
)
from sqlalchemy.exc import DataError
from sqlalchemy.types import TypeEngine

from service.changes.models import Change
from service.db import ReadSession, WriteSession, among, any_of, arrays, insert_rows

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.sampled_from('"\\{},\n '))
COLUMNS = st.one_of(
    st.tuples(st.just(Text()), st.lists(TEXTS | st.none())),
    st.tuples(st.just(LargeBinary()), st.lists(st.binary() | st.none())),
    st.tuples(st.just(BigInteger()), st.lists(st.integers(-(2**63), 2**63 - 1) | st.none())),
    st.tuples(st.just(Boolean()), st.lists(st.booleans() | st.none())),
    st.tuples(st.just(Uuid()), st.lists(st.uuids())),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=COLUMNS)
def test_a_column_arrives_as_it_was_sent(session: ReadSession, sent: tuple[TypeEngine[Any], Sequence[Any]]) -> None:
    table = arrays(value=sent)
    assert session.scalars(select(table.c.value)).all() == list(sent[1])


def test_columns_stay_side_by_side(session: ReadSession) -> None:
    sent = arrays(name=(Text(), ["a", "NULL", ""]), id=(Uuid(), [UUID(int=1), UUID(int=2), UUID(int=3)]))
    assert [tuple(row) for row in session.execute(select(sent.c.name, sent.c.id))] == [
        ("a", UUID(int=1)),
        ("NULL", UUID(int=2)),
        ("", UUID(int=3)),
    ]


def test_nothing_is_like_no_element(session: ReadSession) -> None:
    sent = arrays(id=(BigInteger(), [1, 2, 3]))
    assert session.scalars(select(sent.c.id).where(sent.c.id == any_of([]))).all() == []
    assert session.scalars(select(sent.c.id).where(sent.c.id == any_of({3, 1}))).all() == [1, 3]
    assert session.scalars(among([])).all() == []


def test_nul_is_refused_and_never_divides_an_element(session: ReadSession) -> None:
    with pytest.raises(DataError):
        session.scalars(among(["a\0b", "c"])).all()


class Word(StrEnum):
    QUOTED = 'a "word", {so} to say'


class Number(IntEnum):
    SEVEN = 7


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (DateTime(timezone=True), [datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC), None, datetime(1, 1, 1, tzinfo=UTC)]),
        (Date(), [date(2026, 3, 1), None]),
        (Double(), [None, 0.1, 1e-07, -1.5e300, float("inf")]),
        (Numeric(), [Decimal("0.10"), Decimal("1E+3"), None]),
        (SmallInteger(), [None, -1, Number.SEVEN]),
        (Text(), [Word.QUOTED, None, "null", "NULL", "", "\\N"]),
        (Boolean(), [None, True, False]),
        (LargeBinary(), [None, b"", b"\\x00\0"]),
        (BigInteger(), [None, None]),
    ],
)
def test_every_kind_arrives_as_it_was_sent(session: ReadSession, kind: TypeEngine[Any], values: list[object]) -> None:
    sent = arrays(value=(kind, values))
    assert session.scalars(select(sent.c.value)).all() == values


def test_an_array_is_taken_apart_once_and_not_for_each_row(session: ReadSession) -> None:
    session.execute(text("CREATE TEMPORARY TABLE numbered AS SELECT n::bigint FROM generate_series(1, 100) AS n"))
    wanted = select(text("n")).select_from(text("numbered")).where(column("n") == any_of([1, 2]))
    compiled = wanted.compile(dialect=session.get_bind().dialect)
    plan = session.connection().exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).scalars().all()
    assert any("ANY ('{1,2}'::bigint[])" in line for line in plan), plan


def test_rows_arrive_whole_and_in_their_order(session: WriteSession) -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    said: dict[str, Any] = {
        "words": 'a "word", {so} to say \\ é\u202e',
        "none": None,
        "list": [2**80, 0.1, True],
        "deep": {"": {}},
    }
    rows = [{"type": f"t{n}", "at": at, "incident": None if n % 2 else "INC-1", "data": said} for n in range(300)]
    ids = session.execute(insert_rows(Change, rows).returning(Change.id)).scalars().all()
    assert list(ids) == sorted(ids)
    stored = session.scalars(select(Change).where(Change.id == any_of(ids)).order_by(Change.id)).all()
    assert [{"type": c.type, "at": c.at, "incident": c.incident, "data": c.data} for c in stored] == rows
    assert not any(change.restricted for change in stored), "what is not said is what the table says"


def test_a_number_that_is_none_is_refused_and_not_taken_for_nothing(session: WriteSession) -> None:
    row = {"type": "t", "at": datetime(2026, 3, 1, tzinfo=UTC), "data": {"score": float("nan")}}
    with pytest.raises(DataError):
        session.execute(insert_rows(Change, [row]))
