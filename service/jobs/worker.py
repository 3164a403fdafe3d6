"""A worker: takes jobs one after the other and holds each by renewing its lease."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from secrets import token_hex
from threading import Event, Thread

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.db import writing
from service.jobs.context import Interrupted, JobContext, Kind
from service.jobs.models import Job
from service.jobs.queue import LEASE, MOST_ATTEMPTS, fail, finish, note_progress, put_back, renew, take
from service.log import logger
from service.settings import Settings

log = logger("jobs")
_LOOK_EVERY_SECONDS = 1.0


class Worker:
    """Works in a thread of its own until told to stop."""

    def __init__(
        self, engine: Engine, kinds: Mapping[str, Kind], settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"
        self._engine, self._kinds, self._settings, self._clock = engine, kinds, settings, clock
        self._stopping, self._stop_job = Event(), Event()
        self._thread = Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def ask_to_end(self) -> None:
        """Take no further job, and ask the running one to end."""
        self._stopping.set()
        self._stop_job.set()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Ask to end and wait for it a while; a job that does not end is taken over after its lease."""
        self.ask_to_end()
        self._thread.join(timeout_seconds)

    def work_once(self) -> bool:
        """Do one job if one is due."""
        with writing(self._engine) as session:
            job = take(session, self.name, self._kinds.keys(), now=self._clock())
        if job is None:
            return False
        self._do(job)
        return True

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.work_once()
            except SQLAlchemyError as error:
                log.warning("the database does not answer", error=str(error))
                busy = False
            if not busy:
                self._stopping.wait(_LOOK_EVERY_SECONDS)

    def _do(self, job: Job) -> None:
        if job.attempts > MOST_ATTEMPTS:
            # It was taken over time and again: it kills whoever runs it.
            with writing(self._engine) as session:
                fail(session, job, error="given up: its workers died", now=self._clock())
            return
        with self._holding(job) as stopping:
            ending = self._run(job, stopping)
        with writing(self._engine) as session:
            ending(session, job, now=self._clock())

    def _run(self, job: Job, stopping: Event) -> Callable[..., None]:
        """Run a job; gives how it is to be written down."""
        context = JobContext(
            engine=self._engine,
            settings=self._settings,
            clock=self._clock,
            kind=job.kind,
            slot=job.slot,
            payload=job.payload,
            stopping=stopping,
            progress=lambda progress: self._note(job, progress),
        )
        try:
            self._kinds[job.kind].run(context)
        except Interrupted:
            return put_back
        except Exception as error:  # whatever a job raises is written down, and the worker goes on
            log.exception("job failed", kind=job.kind, slot=job.slot, attempt=job.attempts)
            return partial(fail, error=f"{type(error).__name__}: {error}")
        return finish

    def _note(self, job: Job, progress: Mapping[str, object]) -> None:
        with writing(self._engine) as session:
            note_progress(session, job, progress)

    @contextmanager
    def _holding(self, job: Job) -> Iterator[Event]:
        """Renew the lease in the background; gives the event that tells the job to end."""
        self._stop_job, done = Event(), Event()
        if self._stopping.is_set():
            self._stop_job.set()
        keeper = Thread(target=self._hold, args=(job, self._stop_job, done), name="lease", daemon=True)
        keeper.start()
        try:
            yield self._stop_job
        finally:
            done.set()
            keeper.join()

    def _hold(self, job: Job, stop_job: Event, done: Event) -> None:
        while not done.wait(LEASE.total_seconds() / 3):
            try:
                with writing(self._engine) as session:
                    is_ours = renew(session, job, now=self._clock())
            except SQLAlchemyError as error:
                log.warning("lease not renewed", kind=job.kind, error=str(error))
                continue
            if not is_ours:
                log.warning("lease lost", kind=job.kind, slot=job.slot)
                stop_job.set()
                return
