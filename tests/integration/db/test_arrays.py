"""Whole columns sent as arrays arrive as they were, whatever is in them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, LargeBinary, Text, Uuid, select
from sqlalchemy.exc import DataError
from sqlalchemy.types import TypeEngine

from service.db import ReadSession, among, any_of, arrays

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.sampled_from('"\\{},\n '))
COLUMNS = st.one_of(
    st.tuples(st.just(Text()), st.lists(TEXTS | st.none())),
    st.tuples(st.just(LargeBinary()), st.lists(st.binary() | st.none())),
    st.tuples(st.just(BigInteger()), st.lists(st.integers(-(2**63), 2**63 - 1) | st.none())),
    st.tuples(st.just(Boolean()), st.lists(st.booleans() | st.none())),
    st.tuples(st.just(Uuid()), st.lists(st.uuids())),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=COLUMNS)
def test_a_column_arrives_as_it_was_sent(session: ReadSession, column: tuple[TypeEngine[Any], Sequence[Any]]) -> None:
    sent = arrays(value=column)
    assert session.scalars(select(sent.c.value)).all() == list(column[1])


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
