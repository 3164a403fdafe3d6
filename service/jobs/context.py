"""What a job is given, and what a kind of job is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy import Engine

from service.settings import Settings


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
    """A kind of job. `every` puts it on the schedule; without it, somebody has to enqueue it.

    `spread`: it asks a public server, and runs at this installation's own moment of the period.
    """

    run: Callable[[JobContext], None]
    every: timedelta | None = None
    spread: bool = False
