"""What leaves the house, beside the jobs: changes become deliveries and messages, and these are sent.

A thread looks twice a second, and others send. A job in the table for every look would be a hundred thousand rows a
day; nothing is lost without, since each change, delivery and message is a row with a state of its own. Any number of
processes do this at once.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.db import reading, writing
from service.feedback.composing import Desk
from service.feedback.cursors import is_behind
from service.feedback.delivering import Outlet, deliver, take
from service.feedback.fan_out import fan_out
from service.feedback.gathering import gather
from service.feedback.offices import desk_of, office_of
from service.feedback.outlet import outlet_of
from service.feedback.posting import Office, send_message, take_messages
from service.log import logger
from service.settings import Settings

log = logger("feedback")
_LOOK_EVERY_SECONDS: Final = 0.5
#: Sent at once by one process. They wait for others most of the time, and hold no connection to the database then.
SENDERS: Final = 16


@dataclass(frozen=True)
class Ways:
    """The ways out."""

    outlet: Outlet
    office: Office
    desk: Desk


def ways_of(settings: Settings) -> Ways:
    """Give the ways out as they are configured; refuses settings that lead nowhere."""
    return Ways(outlet_of(settings), office_of(settings), desk_of(settings))


class Courier:
    """Looks, and has sent what is due; no more at once than there are senders."""

    def __init__(self, engine: Engine, ways: Ways, clock: Callable[[], datetime]) -> None:
        self._engine, self._ways, self._clock = engine, ways, clock
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="courier")
        self._free, self._lock = SENDERS, Lock()

    def look(self) -> int:
        """Follow the changes that are new, and begin to send what is due; gives how much that was."""
        follow(self._engine, self._ways.office.channels, now=self._clock())
        return self._begin_deliveries() + self._begin_messages()

    def close(self) -> None:
        """Wait for what is under way; what was not begun is for the next process."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin_deliveries(self) -> int:
        if not self._free:
            return 0
        with writing(self._engine) as session:
            parcels = take(session, self._free, now=self._clock())
        for parcel in parcels:
            self._submit(deliver, self._engine, self._ways.outlet, parcel)
        return len(parcels)

    def _begin_messages(self) -> int:
        if not self._free:
            return 0
        with writing(self._engine) as session:
            messages = take_messages(session, self._free, now=self._clock())
        for message in messages:
            self._submit(send_message, self._engine, self._ways.office, self._ways.desk, message)
        return len(messages)

    def _submit(self, send: Callable[..., None], *what: object) -> None:
        with self._lock:
            self._free -= 1
        self._pool.submit(send, *what, clock=self._clock).add_done_callback(self._done)

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            self._free += 1
        if not future.cancelled() and (error := future.exception()) is not None:
            # Its lease runs out, and it is sent again.
            log.error("not sent", error=f"{type(error).__name__}: {error}")


def follow(engine: Engine, channels: frozenset[str], *, now: datetime) -> None:
    """Let changes that are new become deliveries and messages; costs a read where there are none."""
    with reading(engine) as session:
        behind = [name for name in ("webhooks", "messages") if is_behind(session, name)]
    if "webhooks" in behind:
        with writing(engine) as session:
            fan_out(session, now=now)
    if "messages" in behind:
        with writing(engine) as session:
            gather(session, channels=channels, now=now)


@contextmanager
def sending(engine: Engine, settings: Settings, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Send until the end of the block; without a secret key nothing can be signed, and nothing is sent."""
    if settings.secret_key is None:
        log.warning("MUSTER_SECRET_KEY is not set: webhooks and messages are left to other processes")
        yield
        return
    courier, stopping = Courier(engine, ways_of(settings), clock), Event()
    thread = Thread(target=_go_round, args=(courier, stopping), name="courier", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        courier.close()


def _go_round(courier: Courier, stopping: Event) -> None:
    while not stopping.is_set():
        try:
            busy = courier.look()
        except SQLAlchemyError as error:
            log.warning("nothing is sent", error=str(error))
            busy = 0
        stopping.wait(_LOOK_EVERY_SECONDS if not busy else 0.05)
