"""The table of jobs as a queue: put in once per slot, taken under a lease, tried again after a failure.

One job of a kind runs at a time, whatever the number of workers. A worker that dies lets its lease run out; the job is
then somebody else's. Leases are minutes and clocks of machines agree to seconds, so each worker trusts its own.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import aliased

from service.db import Lock, ReadSession, WriteSession
from service.jobs.models import Job

LEASE = timedelta(minutes=1)
MOST_ATTEMPTS = 5
#: Waited after the first failure; doubled after each further one.
FIRST_DELAY = timedelta(seconds=30)
#: Kept this long after their end, so that a replica that is late does not run a slot again.
KEPT = timedelta(days=14)


def enqueue(
    session: WriteSession, kind: str, slot: str, *, run_at: datetime, payload: Mapping[str, object] | None = None
) -> bool:
    """Put in a job; tells whether it is new. There is one per kind and slot, ever."""
    new = pg.insert(Job).values(kind=kind, slot=slot, run_at=run_at, payload=dict(payload or {}))
    inserted = new.on_conflict_do_nothing(index_elements=["kind", "slot"]).returning(Job.id)
    return session.scalar(inserted) is not None


def enqueue_tick(session: WriteSession, kind: str, slot: str, *, run_at: datetime) -> bool:
    """Put in a job of the schedule, unless one of its kind is still waiting: ticks do not pile up.

    One that is due later, at this installation's moment, keeps nobody from asking for one now.
    """
    no_later = or_(Job.run_at <= run_at, Job.attempts > 0)
    if session.scalar(select(exists().where(Job.kind == kind, Job.state == "queued", no_later))):
        return False
    return enqueue(session, kind, slot, run_at=run_at)


def take(session: WriteSession, worker: str, kinds: Collection[str], *, now: datetime) -> Job | None:
    """Take the next job that is due, new or abandoned, and hold it for `LEASE`."""
    # Takers go one by one, so that "none of its kind is running" still holds when the row is taken.
    session.execute(select(func.pg_advisory_xact_lock(Lock.TAKING_JOBS)))
    other = aliased(Job)
    running = exists().where(other.kind == Job.kind, other.state == "running", other.locked_until > now)
    queued = and_(Job.state == "queued", Job.run_at <= now)
    abandoned = and_(Job.state == "running", Job.locked_until <= now)
    due = (
        select(Job.id)
        .where(Job.kind.in_(kinds), or_(queued, abandoned), ~running)
        .order_by(Job.run_at, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    held = update(Job).where(Job.id == due.scalar_subquery())
    return session.scalar(
        held.values(
            state="running", worker=worker, attempts=Job.attempts + 1, started_at=now, locked_until=now + LEASE
        ).returning(Job),
        execution_options={"populate_existing": True},
    )


def is_running(session: ReadSession, kind: str, *, now: datetime) -> bool:
    """Tell whether some worker is at a job of this kind."""
    running = exists().where(Job.kind == kind, Job.state == "running", Job.locked_until > now)
    return bool(session.scalar(select(running)))


def renew(session: WriteSession, job: Job, *, now: datetime) -> bool:
    """Hold a job for another `LEASE`; False if it is somebody else's by now."""
    renewed = update(Job).where(_held(job)).values(locked_until=now + LEASE).returning(Job.id)
    return session.scalar(renewed) is not None


def note_progress(session: WriteSession, job: Job, progress: Mapping[str, object]) -> None:
    """Write down how far a job is."""
    session.execute(update(Job).where(_held(job)).values(progress=dict(progress)))


def finish(session: WriteSession, job: Job, *, now: datetime) -> None:
    """Write down that a job is done."""
    done = update(Job).where(_held(job))
    session.execute(done.values(state="done", finished_at=now, locked_until=None, last_error=None))


def fail(session: WriteSession, job: Job, *, error: str, now: datetime) -> None:
    """Write down why a job failed, and try it again later unless it has had its attempts."""
    failed = update(Job).where(_held(job))
    if job.attempts >= MOST_ATTEMPTS:
        session.execute(failed.values(state="failed", finished_at=now, locked_until=None, last_error=error))
        return
    again = now + FIRST_DELAY * 2 ** (job.attempts - 1)
    session.execute(failed.values(state="queued", run_at=again, locked_until=None, last_error=error))


def put_back(session: WriteSession, job: Job, *, now: datetime) -> None:
    """Leave a job that was interrupted to the next worker; it costs no attempt."""
    returned = update(Job).where(_held(job))
    session.execute(returned.values(state="queued", run_at=now, attempts=Job.attempts - 1, locked_until=None))


def purge_jobs(session: WriteSession, *, now: datetime) -> int:
    """Forget jobs that ended long ago; tells how many."""
    old = delete(Job).where(Job.state.in_(("done", "failed")), Job.finished_at < now - KEPT)
    return len(session.scalars(old.returning(Job.id)).all())


def _held(job: Job) -> ColumnElement[bool]:
    """Tell this attempt from a later one, by another worker or the same."""
    return and_(Job.id == job.id, Job.state == "running", Job.worker == job.worker, Job.attempts == job.attempts)
