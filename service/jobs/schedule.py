"""The schedule: every process keeps it in memory, and all it does is put in the job of the slot.

The slot is the time divided by the period, so that any number of processes that tick put in one job; if one of them
dies, the others tick on.

What asks a public server is spread: every installation has a moment of its own within the period, always the same one,
so that they do not all ask at the full hour. The slot stays what it is; only the moment at which its job is due moves.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Engine, exists, select
from sqlalchemy.exc import SQLAlchemyError

from service.db import ReadSession, writing
from service.jobs.context import Kind
from service.jobs.models import Installation, Job
from service.jobs.queue import enqueue_tick
from service.log import logger

log = logger("jobs")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slot_of(now: datetime, every: timedelta) -> str:
    """Name the slot that *now* lies in by its beginning."""
    return (_EPOCH + every * ((now - _EPOCH) // every)).isoformat()


def tick(engine: Engine, kind: str, every: timedelta, *, now: datetime, spread: bool = False) -> bool:
    """Put in the job of this slot; tells whether this process was the one that did."""
    slot = slot_of(now, every)
    with writing(engine) as session:
        due = _moment(session, kind, datetime.fromisoformat(slot), every, now) if spread else now
        return enqueue_tick(session, kind, slot, run_at=due)


def _moment(session: ReadSession, kind: str, slot: datetime, every: timedelta, now: datetime) -> datetime:
    """Give this installation's moment in a slot; the first job of a kind is due at once: somebody waits for it."""
    if not session.scalar(select(exists().where(Job.kind == kind))):
        return now
    identity = session.scalars(select(Installation.identity)).one()
    return slot + timedelta(microseconds=identity.int % (every // timedelta(microseconds=1)))


@contextmanager
def ticking(engine: Engine, kinds: Mapping[str, Kind], clock: Callable[[], datetime]) -> Iterator[None]:
    """Tick until the end of the block: at once, then whenever a slot begins."""
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    )
    for name, kind in kinds.items():
        if kind.every is not None:
            # Aligned with the slots; a phase of its own would let jitter skip one.
            trigger = IntervalTrigger(seconds=kind.every.total_seconds(), start_date=_EPOCH, timezone=UTC)
            arguments = (engine, name, kind, clock)
            scheduler.add_job(_tick_or_log, trigger, arguments, id=name, next_run_time=datetime.now(UTC))
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=True)


def _tick_or_log(engine: Engine, name: str, kind: Kind, clock: Callable[[], datetime]) -> None:
    try:
        tick(engine, name, kind.every or timedelta.max, now=clock(), spread=kind.spread)
    except SQLAlchemyError as error:
        log.warning("tick failed", kind=name, error=str(error))
