"""A thousand questions cost as many statements as one."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from osv_bucket import make_record, to_bytes
from sqlalchemy import event

from service.access.seals import Seals
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.compat.osv.answers import Answering, Pages, answer_batch, answer_query
from service.compat.osv.queries import Package, Query
from service.db import WriteSession

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def answering(session: WriteSession) -> Answering:
    record = make_record("GHSA-lodash", "npm/lodash", "introduced 0", "fixed 4.17.21")
    store(session, [read_record(to_bytes(record))])
    return Answering(session, Pages(Seals("a secret of the tests"), NOON), possible=False)


def lodash(count: int) -> list[Query]:
    return [Query(Package(purl=f"pkg:npm/lodash@4.{minor}.0")) for minor in range(count)]


def statements_of(answering: Answering, queries: Sequence[Query]) -> int:
    sent: list[str] = []

    def note(*said: object) -> None:
        sent.append(str(said[2]))

    connection = answering.session.connection()
    event.listen(connection, "before_cursor_execute", note)
    if len(queries) == 1:
        answer_query(answering, queries[0])
    else:
        answer_batch(answering, queries)
    event.remove(connection, "before_cursor_execute", note)
    return len(sent)


def test_a_batch_costs_four_statements_however_long_it_is(answering: Answering) -> None:
    # Patterns of internal names, packages, matches by the comparator, and all with their advisories.
    assert statements_of(answering, lodash(2)) == 4
    assert statements_of(answering, lodash(1_000)) == 4


def test_a_question_costs_one_more_for_its_records(answering: Answering) -> None:
    assert statements_of(answering, lodash(1)) == 5


def test_of_unknown_packages_two_statements_tell(answering: Answering) -> None:
    unknown = [Query(Package(name=f"nobody-{number}", ecosystem="npm"), "1.0.0") for number in range(1_000)]

    assert statements_of(answering, unknown) == 2
