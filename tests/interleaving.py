"""Two acts at once, one of them stopped before its k-th statement until the other has finished, or waits for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event

#: Given an engine of its own and the time.
Act = Callable[[Engine, datetime], object]

#: An act that has not finished by then waits for a lock that the stopped one holds.
PATIENCE_S = 0.3


class _Stop:
    """Stops whoever uses an engine before its k-th statement."""

    def __init__(self, engine: Engine, before: int) -> None:
        self.count = 0
        self._before = before
        self._reached, self._go_on = threading.Event(), threading.Event()
        event.listen(engine, "before_cursor_execute", self._statement)

    def _statement(self, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        self.count += 1
        if self.count == self._before:
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
        wait([other], timeout=PATIENCE_S)
        stop.go_on()
        one.result(60)
        other.result(60)
    return stopped
