"""``serve``, ``worker``, ``migrate``, ``openapi``: the service's own processes."""

import os
import signal
import socket
import sys
from contextlib import suppress
from threading import Event
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine
from uvicorn.supervisors import Multiprocess

from service.access.keys import create_first_key
from service.cli.beside import at_database, with_secret_key, write_secret
from service.cli.parts import parts
from service.cli.showing import say, show_json
from service.clock import utc_now
from service.db import connect, migrate, writing
from service.embedded import database
from service.flows.rekeying import rekey, rematch
from service.log import configure
from service.settings import Settings

commands = typer.Typer()

#: Long polls are cut off after this when the server stops.
_GRACE_SECONDS = 5


@commands.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="address to listen on (MUSTER_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on (MUSTER_PORT)")] = None,
) -> None:
    """Serve the API, the pages and the scheduler."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = with_secret_key(Settings().model_copy(update=given))
    configure(json=settings.log_json)
    end_on_sigterm()
    with at_database(settings) as (engine, url):
        _make_first_key(settings, engine)
        if settings.workers > 1:
            _serve_by_many(settings, url)
            return
        replica = settings.read_database_url
        read_engine = connect(replica.get_secret_value()) if replica else None
        serve_app(parts(context).create_app(settings, engine=engine, read_engine=read_engine, jobs=True), settings)


def serve_app(app: FastAPI, settings: Settings) -> None:
    """Serve until a signal comes; says where once it listens."""
    server = _Announcing(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise typer.Exit(3)


class _Announcing(uvicorn.Server):
    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        for listening in self.servers:
            host, port, *_ = listening.sockets[0].getsockname()
            say(f"muster serves http://{f'[{host}]' if ':' in host else host}:{port}")


def _serve_by_many(settings: Settings, url: str) -> None:
    """Start several processes, which read everything they need from the environment."""
    secret = settings.secret_key.get_secret_value() if settings.secret_key else ""
    os.environ.update(MUSTER_DATABASE_URL=url, MUSTER_SECRET_KEY=secret)
    say(f"muster serves http://{settings.host}:{settings.port} with {settings.workers} processes")
    config = uvicorn.Config(
        "service.main:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    listening = config.bind_socket()
    # asyncio sets this on sockets it made itself; without it each answer waits 40 ms for a delayed ACK (measured).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(KeyboardInterrupt):
        Multiprocess(config, sockets=[listening]).run()


def _make_first_key(settings: Settings, engine: Engine) -> None:
    with writing(engine) as session:
        first = create_first_key(session, now=utc_now())
        if first is None:
            return
        if settings.database_url is None:
            path = settings.data / "admin.key"
            path.unlink(missing_ok=True)  # of a database that is no more
            write_secret(settings, path.name, first.token)
            say(f"The first administrator's key was written to {path}")
    say(f"The first administrator's key, shown this once: {first.token}")


@commands.command()
def worker(context: typer.Context) -> None:
    """Run the scheduler and jobs alone; any number of these share the work."""
    settings = with_secret_key(Settings())
    configure(json=settings.log_json)
    end_on_sigterm()
    with at_database(settings) as (engine, _), parts(context).run_jobs(engine, settings, clock=utc_now):
        say("muster works")
        with suppress(KeyboardInterrupt):
            Event().wait()


@commands.command("migrate")
def migrate_command() -> None:
    """Bring the schema to head."""
    with database(Settings()) as url:
        migrate(url)
    say("The schema is at head.")


@commands.command("rekey")
def rekey_command(
    *, rematch_all: Annotated[bool, typer.Option("--rematch", help="then decide every match anew")] = False
) -> None:
    """Read again what an older version read, now: after an upgrade, jobs do it by themselves."""
    settings = Settings()
    configure(json=settings.log_json)

    def note(components: int, advisories: int) -> None:
        say(f"{components:,} components and {advisories:,} advisories are read")

    with at_database(settings) as (engine, _):
        rekey(engine, now=utc_now(), progress=note)
        say("Everything stored is as this version reads it.")
        if rematch_all:
            found = rematch(engine, now=utc_now(), progress=lambda done: say(f"{done:,} components are matched"))
            say(f"{found.written:,} matches were missing or wrong, {found.taken_back:,} were too many.")


@commands.command()
def openapi(context: typer.Context) -> None:
    """Print the description of the API. Needs no database."""
    settings = Settings(secret_key=SecretStr("signs nothing"), public_url=None)
    nowhere = connect("postgresql://nobody@127.0.0.1:1/nothing")
    show_json(parts(context).create_app(settings, engine=nowhere).openapi())
    nowhere.dispose()


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that the embedded server stops with us."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
