"""What the command line needs from above its floor; `service.__main__` hands it in as the context's object."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

import typer
from fastapi import FastAPI
from sqlalchemy import Engine

from service.clock import utc_now
from service.settings import Settings


class CreateApp(Protocol):
    """`service.main.create_app`."""

    def __call__(
        self,
        settings: Settings,
        *,
        engine: Engine,
        read_engine: Engine | None = None,
        clock: Callable[[], datetime] = utc_now,
        jobs: bool = False,
    ) -> FastAPI:
        """Put the application together."""


class RunJobs(Protocol):
    """`service.jobs.running.running`."""

    def __call__(
        self, engine: Engine, settings: Settings, *, clock: Callable[[], datetime]
    ) -> AbstractContextManager[None]:
        """Run jobs until the end of the block."""


@dataclass(frozen=True)
class Parts:
    """The parts of the service that commands start."""

    create_app: CreateApp
    run_jobs: RunJobs


def parts(context: typer.Context) -> Parts:
    """Give the parts that this command line was started with."""
    return cast("Parts", context.obj)
