"""Two acts at once, one of them stopped before its k-th statement until the other has finished, or waits for it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, text

#: Given an engine of its own and the time.
Act = Callable[[Engine, datetime], object]

#: Until then the act that is not stopped has either finished or waits for a lock that the stopped one holds.
PATIENCE_S = 10
#: A feed that waits for uploads sleeps in the server between two looks (`service.flows.traffic.barrier`).
_WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND (wait_event_type = 'Lock' OR wait_event = 'PgSleep')
""")


class _Stop:
    """Stops whoever uses an engine before its k-th statement, or before the first one that contains some text."""

    def __init__(self, engine: Engine, before: int | str) -> None:
        self.count = 0
        self._engine, self._before = engine, before
        self._reached, self._go_on = threading.Event(), threading.Event()
        event.listen(engine, "before_cursor_execute", self._statement)

    def _statement(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:  # noqa: ANN401
        self.count += 1
        here = self.count == self._before if isinstance(self._before, int) else self._before in statement
        if here and not self._reached.is_set():
            self._reached.set()
            self._go_on.wait(30)

    def wait(self, act: Future[object]) -> bool:
        """Wait until the act stands still; False when it finished before."""
        while not self._reached.wait(0.01):
            if act.done():
                return False
        return True

    def go_on(self) -> None:
        self._go_on.set()

    def remove(self) -> None:
        event.remove(self._engine, "before_cursor_execute", self._statement)


def interleave(first: Act, second: Act, engines: tuple[Engine, Engine], *, before: int, now: datetime) -> bool:
    """Run *second* while *first* stands still before its statement number *before*.

    Returns:
        False when *first* has fewer statements than that.

    Raises:
        Whatever either of them raises.
    """
    stop = _Stop(engines[0], before)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first, engines[0], now)
        stopped = stop.wait(one)
        other = pool.submit(second, engines[1], now + timedelta(seconds=1))
        _wait_for(other, engines[1])
        stop.go_on()
        one.result(60)
        other.result(60)
    stop.remove()
    return stopped


def interleave_twice(
    first: Act, second: Act, engines: tuple[Engine, Engine, Engine], *, before: str, then: int | str, now: datetime
) -> bool:
    """Stop *first*, let *second* go as far as its own stop, let *first* finish or wait, and then *second*.

    Args:
        first: Stopped before the first statement that contains *before*.
        second: Begins when *first* stands still, and is stopped before *then*.
        engines: One for each, and one to watch them.
        before: Text of a statement.
        then: Number of a statement, or text.
        now: For *first*; *second* acts a second later.

    Returns:
        False when *second* has fewer statements than that.
    """
    one_stop, other_stop = _Stop(engines[0], before), _Stop(engines[1], then)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first, engines[0], now)
        assert one_stop.wait(one), f"nothing like {before}"
        other = pool.submit(second, engines[1], now + timedelta(seconds=1))
        stopped = other_stop.wait(other)
        one_stop.go_on()
        _wait_for(one, engines[2])
        other_stop.go_on()
        one.result(60)
        other.result(60)
    one_stop.remove()
    other_stop.remove()
    return stopped


def _wait_for(act: Future[object], engine: Engine) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with engine.connect() as connection:
        while not act.done() and time.monotonic() < deadline:
            if connection.scalar(_WAITING):
                return
            time.sleep(0.005)
