from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from service.changes.reading import last_seq
from service.changes.writing import NewChange, record_changes
from service.db import WriteSession, connect, reading, writing
from service.jobs.context import JobContext, Kind
from service.jobs.models import Job
from service.jobs.queue import (
    FIRST_DELAY,
    LEASE,
    MOST_ATTEMPTS,
    enqueue,
    enqueue_tick,
    fail,
    finish,
    note_progress,
    purge_jobs,
    put_back,
    renew,
    take,
)
from service.jobs.running import running
from service.jobs.schedule import slot_of, tick, ticking
from service.jobs.worker import Worker
from service.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KINDS = {"sync", "purge"}


@pytest.fixture
def own_engine(fresh_database: str) -> Iterator[Engine]:
    engine = connect(fresh_database)
    yield engine
    engine.dispose()


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_there_is_one_job_per_kind_and_slot(session: WriteSession) -> None:
    assert enqueue(session, "sync", "1", run_at=NOON)
    assert not enqueue(session, "sync", "1", run_at=NOON)
    assert enqueue(session, "purge", "1", run_at=NOON)


def test_a_tick_waits_for_the_one_before(session: WriteSession) -> None:
    assert enqueue_tick(session, "sync", "1", run_at=NOON)
    assert not enqueue_tick(session, "sync", "2", run_at=NOON)
    job = take(session, "w", KINDS, now=NOON)
    assert job is not None
    assert enqueue_tick(session, "sync", "3", run_at=NOON)


def test_one_job_of_a_kind_runs_at_a_time(session: WriteSession) -> None:
    for slot in ("1", "2"):
        enqueue(session, "sync", slot, run_at=NOON)
    first = take(session, "w", KINDS, now=NOON)
    assert first is not None
    assert take(session, "x", KINDS, now=NOON) is None
    finish(session, first, now=NOON)
    second = take(session, "x", KINDS, now=NOON)
    assert second is not None
    assert second.slot == "2"


def test_a_worker_takes_what_is_due_and_what_it_knows(session: WriteSession) -> None:
    enqueue(session, "sync", "later", run_at=at(60))
    enqueue(session, "other", "1", run_at=NOON)
    assert take(session, "w", KINDS, now=NOON) is None
    assert take(session, "w", KINDS, now=at(60)) is not None


def test_a_dead_workers_job_is_taken_over_after_its_lease(session: WriteSession) -> None:
    enqueue(session, "sync", "1", run_at=NOON)
    dead = take(session, "dead", KINDS, now=NOON)
    assert dead is not None
    session.expunge(dead)
    just_before = NOON + LEASE - timedelta(seconds=1)
    assert take(session, "heir", KINDS, now=just_before) is None
    heir = take(session, "heir", KINDS, now=NOON + LEASE)
    assert heir is not None
    assert (heir.worker, heir.attempts) == ("heir", 2)
    # The dead one comes back to life: what it says no longer counts.
    assert not renew(session, dead, now=NOON + LEASE)
    fail(session, dead, error="late", now=NOON + LEASE)
    note_progress(session, dead, {"by": "the dead"})
    session.refresh(heir)
    assert (heir.state, heir.last_error, heir.progress) == ("running", None, None)


def test_a_renewed_lease_keeps_the_job(session: WriteSession) -> None:
    enqueue(session, "sync", "1", run_at=NOON)
    job = take(session, "w", KINDS, now=NOON)
    assert job is not None
    assert renew(session, job, now=at(30))
    assert take(session, "x", KINDS, now=NOON + LEASE) is None


def test_a_failed_job_waits_longer_each_time_and_is_given_up(session: WriteSession) -> None:
    enqueue(session, "sync", "1", run_at=NOON)
    now, waits = NOON, []
    for _ in range(MOST_ATTEMPTS):
        job = take(session, "w", KINDS, now=now)
        assert job is not None
        fail(session, job, error="no", now=now)
        session.refresh(job)
        waits.append(job.run_at - now)
        now = max(job.run_at, now)
    assert waits[:-1] == [FIRST_DELAY * 2**n for n in range(MOST_ATTEMPTS - 1)]
    assert job is not None
    assert (job.state, job.last_error) == ("failed", "no")
    assert take(session, "w", KINDS, now=now + timedelta(days=1)) is None


def test_an_interrupted_job_is_left_to_others_and_costs_no_attempt(session: WriteSession) -> None:
    enqueue(session, "sync", "1", run_at=NOON)
    job = take(session, "w", KINDS, now=NOON)
    assert job is not None
    put_back(session, job, now=NOON)
    again = take(session, "x", KINDS, now=NOON)
    assert again is not None
    assert again.attempts == 1


def test_what_ended_long_ago_is_forgotten(session: WriteSession) -> None:
    for slot in ("1", "2"):
        enqueue(session, "sync", slot, run_at=NOON)
    job = take(session, "w", KINDS, now=NOON)
    assert job is not None
    finish(session, job, now=NOON)
    assert purge_jobs(session, now=NOON + timedelta(days=13)) == 0
    assert purge_jobs(session, now=NOON + timedelta(days=15)) == 1


def test_many_takers_never_share_a_job(own_engine: Engine) -> None:
    kinds = {f"k{number}" for number in range(30)}
    with writing(own_engine) as session:
        for kind in kinds:
            enqueue(session, kind, "1", run_at=NOON)

    def work(worker: int) -> list[str]:
        taken: list[str] = []
        while True:
            with writing(own_engine) as session:
                job = take(session, str(worker), kinds, now=NOON)
            if job is None:
                return taken
            taken.append(job.kind)

    with ThreadPoolExecutor(4) as pool:
        taken = [kind for kinds_taken in pool.map(work, range(4)) for kind in kinds_taken]
    assert sorted(taken) == sorted(kinds)


# --- schedule --------------------------------------------------------------------------------------------------------


def test_a_slot_is_named_by_its_beginning() -> None:
    assert slot_of(NOON + timedelta(minutes=14), timedelta(minutes=15)) == NOON.isoformat()
    assert slot_of(NOON + timedelta(minutes=15), timedelta(minutes=15)) == (NOON + timedelta(minutes=15)).isoformat()


def test_three_processes_that_tick_put_in_one_job_a_slot(own_engine: Engine) -> None:
    every = timedelta(minutes=15)
    for slot in range(3):
        now = NOON + slot * every
        with ThreadPoolExecutor(3) as pool:
            assert sum(pool.map(lambda _: tick(own_engine, "sync", every, now=now), range(3))) == 1  # noqa: B023
        with writing(own_engine) as session:
            job = take(session, "w", KINDS, now=now)
            assert job is not None
            finish(session, job, now=now)
        assert not tick(own_engine, "sync", every, now=now), "a late process must not bring the slot back"


def test_what_asks_a_public_server_is_due_at_a_moment_of_this_installation(own_engine: Engine) -> None:
    every, moments = timedelta(minutes=15), []
    for slot in range(4):
        start = NOON + slot * every
        for late in (timedelta(seconds=1), timedelta(minutes=9)):
            tick(own_engine, "sync", every, now=start + late, spread=True)
        with writing(own_engine) as session:
            (job,) = session.scalars(select(Job).where(Job.state == "queued"))
            moments.append(job.run_at - start)
            job.state = "done"

    assert moments[0] == timedelta(seconds=1), "the first is awaited"
    assert len(set(moments[1:])) == 1, "the same moment in every slot, whichever process ticks and when"
    assert timedelta() <= moments[1] < every


def test_whoever_asks_for_a_sync_does_not_wait_for_that_moment(session: WriteSession) -> None:
    enqueue_tick(session, "sync", "scheduled", run_at=at(600))

    assert enqueue_tick(session, "sync", "asked", run_at=NOON)
    assert not enqueue_tick(session, "sync", "asked again", run_at=NOON)


def test_the_schedule_ticks_at_once_and_stops(own_engine: Engine) -> None:
    kinds = {"sync": Kind(lambda _: None, every=timedelta(hours=1)), "by-hand": Kind(lambda _: None)}
    with ticking(own_engine, kinds, lambda: NOON):
        wait_for(lambda: _states(own_engine) == {"sync": "queued"})


# --- worker ----------------------------------------------------------------------------------------------------------


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    pause, waited = Event(), 0.0
    while not condition():
        assert waited < seconds, "it did not happen in time"
        pause.wait(0.05)
        waited += 0.05


def _states(engine: Engine) -> dict[str, str]:
    with reading(engine) as session:
        return {job.kind: job.state for job in session.scalars(select(Job))}


def _worker(engine: Engine, kinds: Mapping[str, Kind]) -> Worker:
    return Worker(engine, kinds, Settings(), lambda: NOON)


def test_a_worker_runs_a_job_with_its_payload_and_notes_progress(own_engine: Engine) -> None:
    seen: list[object] = []

    def run(job: JobContext) -> None:
        seen.append((job.slot, dict(job.payload)))
        job.progress({"done": 1})

    with writing(own_engine) as session:
        enqueue(session, "sync", "1", run_at=NOON, payload={"from": "there"})
    worker = _worker(own_engine, {"sync": Kind(run)})
    assert worker.work_once()
    assert not worker.work_once()
    assert seen == [("1", {"from": "there"})]
    with reading(own_engine) as later:
        job = later.scalars(select(Job)).one()
        assert (job.state, job.progress, job.finished_at) == ("done", {"done": 1}, NOON)


def test_whatever_a_job_raises_is_written_down_and_the_worker_lives(own_engine: Engine) -> None:
    def broken(_job: JobContext) -> None:
        raise ValueError("the feed is odd")

    with writing(own_engine) as session:
        enqueue(session, "sync", "1", run_at=NOON)
    assert _worker(own_engine, {"sync": Kind(broken)}).work_once()
    with reading(own_engine) as later:
        job = later.scalars(select(Job)).one()
        assert (job.state, job.last_error, job.run_at) == ("queued", "ValueError: the feed is odd", NOON + FIRST_DELAY)


def test_a_worker_that_is_stopped_gives_its_job_back(own_engine: Engine) -> None:
    started = Event()

    def long(job: JobContext) -> None:
        started.set()
        while True:
            job.go_on()
            job.stopping.wait(5)

    with writing(own_engine) as session:
        enqueue(session, "sync", "1", run_at=NOON)
    worker = _worker(own_engine, {"sync": Kind(long)})
    worker.start()
    assert started.wait(20)
    worker.stop()
    assert _states(own_engine) == {"sync": "queued"}


def test_a_job_that_kills_its_workers_is_given_up(own_engine: Engine) -> None:
    with writing(own_engine) as session:
        enqueue(session, "sync", "1", run_at=NOON - MOST_ATTEMPTS * LEASE)
        for attempt in range(MOST_ATTEMPTS, 0, -1):
            assert take(session, "victim", KINDS, now=NOON - attempt * LEASE) is not None
    ran: list[JobContext] = []
    assert _worker(own_engine, {"sync": Kind(ran.append)}).work_once()
    assert ran == []
    assert _states(own_engine) == {"sync": "failed"}


def test_a_worker_outlives_a_database_that_is_away() -> None:
    nowhere = connect("postgresql://muster@127.0.0.1:1/muster")
    worker = _worker(nowhere, {})
    with pytest.raises(OperationalError):
        worker.work_once()
    worker.start()
    worker.stop()
    nowhere.dispose()


def test_a_process_numbers_changes_and_runs_its_schedule(own_engine: Engine) -> None:
    with writing(own_engine) as session:
        record_changes(session, NewChange("incident.opened", NOON, {}))
    with running(own_engine, Settings(osv_url="none", kev_url="none", epss_url="none"), clock=lambda: NOON):
        wait_for(lambda: _states(own_engine).get("purge") == "done")
        wait_for(lambda: _last_seq(own_engine) == 1)
    assert "sync" not in _states(own_engine)
    assert "failed" not in _states(own_engine).values()


def _last_seq(engine: Engine) -> int:
    with reading(engine) as session:
        return last_seq(session)


def test_a_long_job_does_not_keep_the_others_waiting(own_engine: Engine) -> None:
    release = Event()

    def long(_job: JobContext) -> None:
        assert release.wait(30)

    kinds = {"sync": Kind(long), "purge": Kind(lambda _: None)}
    with writing(own_engine) as session:
        enqueue(session, "sync", "1", run_at=NOON)
        enqueue(session, "purge", "1", run_at=NOON)
    workers = [_worker(own_engine, kinds) for _ in range(2)]
    for worker in workers:
        worker.start()
    wait_for(lambda: _states(own_engine) == {"sync": "running", "purge": "done"})
    release.set()
    for worker in workers:
        worker.stop()
    assert _states(own_engine) == {"sync": "done", "purge": "done"}
