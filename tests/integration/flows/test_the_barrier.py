"""A feed waits for the uploads that are on the way, and no upload waits for the feed."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest
from sqlalchemy import Engine, text

from service.db import Lock, connect, writing
from service.flows.traffic import barrier, hold_off_feeds


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    own = connect(database_url)
    yield own
    own.dispose()


class Upload:
    """One that holds its lock until told to arrive."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._out, self._arrive = engine, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._out.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.arrive()

    def arrive(self) -> None:
        self._arrive.set()
        self._thread.join(20)

    def _run(self) -> None:
        with writing(self._engine) as session:
            hold_off_feeds(session)
            self._out.set()
            self._arrive.wait(20)


def test_nobody_on_the_way_is_no_wait(engine: Engine) -> None:
    started = time.monotonic()
    barrier(engine)

    assert time.monotonic() - started < 5


def test_the_feed_waits_for_who_is_on_the_way(engine: Engine) -> None:
    with ThreadPoolExecutor(1) as pool, Upload(engine) as upload:
        passed = pool.submit(barrier, engine)
        time.sleep(0.2)
        assert not passed.done()

        upload.arrive()

        passed.result(20)


def test_the_feed_does_not_wait_for_who_sets_out_later_nor_they_for_it(engine: Engine) -> None:
    with ThreadPoolExecutor(1) as pool, Upload(engine) as early:
        passed = pool.submit(barrier, engine)
        time.sleep(0.1)
        with Upload(engine):  # gets its lock although the feed waits
            assert not passed.done()
            early.arrive()

            passed.result(20)


def test_other_locks_are_no_uploads(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": Lock.SETTLING})
        session.execute(text("SELECT pg_advisory_xact_lock_shared(1, 2)"))

        barrier(engine)
