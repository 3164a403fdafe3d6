"""The kinds of jobs: what each does and how often it comes round."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy import Engine

from service.changes.reading import purge_changes
from service.db import writing
from service.inventory.products import retire_previews
from service.jobs.queue import purge_jobs
from service.settings import Settings

#: How long the feed of changes reaches back.
CHANGES_KEPT = timedelta(days=90)


class Interrupted(Exception):  # noqa: N818 - no error: the job goes on elsewhere
    """The process is about to stop; the job begins again in another."""


@dataclass(frozen=True)
class JobContext:
    """What a job gets. It opens its own transactions and may run again, after a failure or beside its own ghost.

    `slot` names the occasion, `payload` what to do; `progress` takes JSON values for people who watch.
    """

    engine: Engine
    settings: Settings
    clock: Callable[[], datetime]
    kind: str
    slot: str
    payload: Mapping[str, object]
    stopping: Event
    progress: Callable[[Mapping[str, object]], None]

    def go_on(self) -> None:
        """Raise `Interrupted` when the job should end; long ones ask between their steps."""
        if self.stopping.is_set():
            raise Interrupted


@dataclass(frozen=True)
class Kind:
    """A kind of job. `every` puts it on the schedule; without it, somebody has to enqueue it."""

    run: Callable[[JobContext], None]
    every: timedelta | None = None


def _retire_previews(job: JobContext) -> None:
    with writing(job.engine) as session:
        job.progress({"retired": retire_previews(session, now=job.clock())})


def _purge(job: JobContext) -> None:
    now = job.clock()
    with writing(job.engine) as session:
        purge_jobs(session, now=now)
    with writing(job.engine) as session:
        purge_changes(session, before=now - CHANGES_KEPT)


def kinds_of(_settings: Settings) -> dict[str, Kind]:
    """Name every kind. Settings decide how often some come round."""
    return {
        "retire-previews": Kind(_retire_previews, every=timedelta(hours=1)),
        "purge": Kind(_purge, every=timedelta(hours=6)),
    }
