"""A service for the story alone: a fresh embedded database, the time of the story, and a server on loopback."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from socket import AF_INET, IPPROTO_TCP, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from time import monotonic, sleep

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine

from service import embedded
from service.access.keys import NewKey, create_key
from service.access.roles import Role
from service.cli.client import Client
from service.cli.parts import Parts
from service.clock import utc_now
from service.db import connect, migrate, writing
from service.embedded.locks import open_lock, try_lock
from service.errors import Refused, UpstreamUnavailable
from service.settings import Settings

#: A ticket opens the pages once, within this time.
TICKET_LIFE = timedelta(hours=1)
_START_SECONDS = 10.0


class StoryClock:
    """Stands where the story stands, and goes on from there at the pace of real time."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - utc_now()

    def __call__(self) -> datetime:
        """Give the time in the story."""
        return utc_now() + self._ahead

    def move_to(self, moment: datetime) -> None:
        """Turn the page."""
        self._ahead = moment - utc_now()


@dataclass(frozen=True)
class House:
    """The running service of the story."""

    settings: Settings
    engine: Engine
    app: FastAPI
    clock: StoryClock
    folder: Path

    def key(self, name: str, role: Role, *, team_id: int | None = None) -> NewKey:
        """Make a key."""
        with writing(self.engine) as session:
            return create_key(session, name, role, team_id=team_id, now=self.clock())

    def client(self, key: NewKey) -> Client:
        """Give a client that calls the service as everybody does."""
        return Client(self.settings.model_copy(update={"api_key": SecretStr(key.token)}))

    def address_with_ticket(self, key: NewKey) -> str:
        """Give an address that opens the pages once."""
        ticket = self.app.state.tickets.write(key.key.public_id, until=self.clock() + TICKET_LIFE)
        return f"{self.settings.url}/login?ticket={ticket}"


@contextmanager
def house(settings: Settings, parts: Parts, *, start: datetime) -> Iterator[House]:
    """Start everything anew, and end it afterwards.

    Raises:
        Refused: A demo is running on this folder already.
    """
    folder = settings.data / "demo"
    _clear(folder)
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    clock = StoryClock(start)
    with embedded.start(folder / "postgres", shared_buffers="128MB", durable=False) as server:
        migrate(server.url)
        engine = connect(server.url)
        own = settings.model_copy(
            update={
                "secret_key": SecretStr(token_urlsafe(32)),
                "osv_url": "none",
                "kev_url": "none",
                "epss_url": "none",
                "sync_every": timedelta(days=7),  # the feed of the story stays believed while it is looked at
                "public_url": None,
                "port": port,
                "url": f"http://{host}:{port}",
            }
        )
        app = parts.create_app(own, engine=engine, clock=clock, jobs=True)
        try:
            with _serving(app, listening):
                yield House(own, engine, app, clock, folder)
        finally:
            engine.dispose()


def _clear(folder: Path) -> None:
    users = folder / "postgres" / "users"
    if users.exists() and not try_lock(open_lock(users)):
        raise Refused(f"A demo is running on {folder} already; end it first, or set MUSTER_DATA to another folder.")
    embedded.remove(folder / "postgres")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def _listen(settings: Settings) -> socket:
    """Listen at the configured port, or at any that is free."""
    for port in (settings.port, 0):
        # Named, or asyncio leaves TCP_NODELAY alone and each answer waits 40 ms for an acknowledgement.
        listening = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
        listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError:
            listening.close()
            continue
        return listening
    raise UpstreamUnavailable("No port of this machine is free.")


@contextmanager
def _serving(app: FastAPI, listening: socket) -> Iterator[None]:
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="demo-server", daemon=True)
    thread.start()
    try:
        deadline = monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or monotonic() > deadline:
                raise UpstreamUnavailable("The server of the demo did not start.")
            sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
