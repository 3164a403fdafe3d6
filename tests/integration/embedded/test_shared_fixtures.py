from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from service.db import WriteSession, connect


@pytest.mark.parametrize("_round", [1, 2])
def test_what_a_test_commits_is_gone_in_the_next(session: WriteSession, _round: int) -> None:
    assert session.scalar(text("SELECT to_regclass('left_behind')")) is None
    session.execute(text("CREATE TABLE left_behind (id int)"))
    session.commit()


def test_databases_of_a_tests_own_differ(new_database: Callable[[], str]) -> None:
    first, second = new_database(), new_database()
    assert first != second
    for url in (first, second):
        engine = connect(url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        engine.dispose()


def test_the_corpus_unpacks_what_is_asked_for(corpus: Callable[[str], Path]) -> None:
    assert any(corpus("xz-scenario").rglob("*"))
