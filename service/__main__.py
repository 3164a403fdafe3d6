"""The command `muster`, with every part in hand."""

from contextlib import AbstractContextManager
from typing import Any

from fastapi import FastAPI

from service.cli.app import run
from service.cli.parts import Parts


# Client commands must not wait for the whole service to be imported.
def _create_app(*arguments: Any, **named: Any) -> FastAPI:  # noqa: ANN401 - as `service.main.create_app`
    from service.main import create_app  # noqa: PLC0415

    return create_app(*arguments, **named)


def _run_jobs(*arguments: Any, **named: Any) -> AbstractContextManager[None]:  # noqa: ANN401 - as `running`
    from service.jobs.running import running  # noqa: PLC0415

    return running(*arguments, **named)


PARTS = Parts(create_app=_create_app, run_jobs=_run_jobs)


def main() -> None:
    """Run the command line."""
    run(PARTS)


if __name__ == "__main__":
    main()
