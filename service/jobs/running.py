"""All that runs beside the doors of a process: the schedule, workers, the sequencer of changes, the couriers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from time import monotonic
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.access.chaining import chain_audit
from service.changes.sequencing import number_changes
from service.db import writing
from service.jobs.couriers import sending
from service.jobs.kinds import kinds_of
from service.jobs.schedule import ticking
from service.jobs.worker import Worker
from service.log import logger
from service.settings import Settings

log = logger("jobs")
#: How long a change waits for its number at most, when the database keeps up.
_NUMBER_EVERY_SECONDS = 0.25
#: For all workers together: whatever is running then is taken over by another process after its lease.
STOPPED_WITHIN_SECONDS: Final = 10.0
#: Two, so that a long job, such as the first sync, does not keep the short ones waiting.
_WORKERS = 2


@contextmanager
def running(engine: Engine, settings: Settings, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Run jobs until the end of the block. Any number of processes do so at once and share the work."""
    kinds = kinds_of(settings)
    workers = [Worker(engine, kinds, settings, clock) for _ in range(_WORKERS)]
    with numbering(engine), sending(engine, settings, clock=clock), ticking(engine, kinds, clock):
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            for worker in workers:
                worker.ask_to_end()
            until = monotonic() + STOPPED_WITHIN_SECONDS
            for worker in workers:
                worker.stop(max(until - monotonic(), 0.0))


@contextmanager
def numbering(engine: Engine) -> Iterator[None]:
    """Number changes and chain the record until the end of the block, a fraction of a second after their commit."""
    stopping = Event()

    def number() -> None:
        while not stopping.is_set():
            if not _number_once(engine) + _chain_once(engine):
                stopping.wait(_NUMBER_EVERY_SECONDS)

    thread = Thread(target=number, name="sequencer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _number_once(engine: Engine) -> int:
    try:
        with writing(engine) as session:
            return number_changes(session)
    except SQLAlchemyError as error:
        log.warning("changes not numbered", error=str(error))
        return 0


def _chain_once(engine: Engine) -> int:
    try:
        with writing(engine) as session:
            return chain_audit(session)
    except SQLAlchemyError as error:
        log.warning("the record was not chained", error=str(error))
        return 0
