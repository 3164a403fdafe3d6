"""A running server on loopback whose clock stands still until it is moved, with its mail, its tickets and its jobs.

Requests are real HTTP. What a server does beside its requests (jobs, couriers, the sequencer) is done here whenever the
clock is moved, so that every minute of a day can be looked at.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from mail_sink import Sink, text_of
from sqlalchemy import Engine
from stopped_clock import StoppedClock

from service.access.chaining import chain_audit
from service.access.keys import create_key
from service.access.roles import Role
from service.changes.sequencing import number_changes
from service.db import writing
from service.feedback.posting import send_message, take_messages
from service.jobs.couriers import follow, ways_of
from service.jobs.kinds import kinds_of
from service.jobs.schedule import tick
from service.jobs.worker import Worker
from service.settings import Settings

_PATIENCE_SECONDS = 10
#: Jobs of the room: the clock comes round at every move, tickets where somebody says so, the feed where asked for.
_JOBS = ("clock", "tickets", "sync")


class Room:
    """The room: clients, a transcript, and the time since the day began."""

    def __init__(self, engine: Engine, settings: Settings, clock: StoppedClock, url: str, sink: Sink) -> None:
        self.engine, self.clock, self.url, self.sink = engine, clock, url, sink
        self.began = clock.now
        self.transcript: list[str] = []
        self._kinds = {name: kind for name, kind in kinds_of(settings).items() if name in _JOBS}
        self._worker = Worker(engine, self._kinds, settings, clock)
        self._ways = ways_of(settings)
        self._clients: list[httpx.Client] = []

    # --- who calls ---------------------------------------------------------------------------------------------------

    def client(self, name: str, role: Role, *, team_id: int | None = None) -> "Caller":
        """Give somebody a key."""
        with writing(self.engine) as session:
            token = create_key(session, name, role, team_id=team_id, now=self.clock()).token
        client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self._clients.append(client)
        return Caller(self, name, client)

    def close(self) -> None:
        for client in self._clients:
            client.close()

    # --- time --------------------------------------------------------------------------------------------------------

    def move_to(self, since: timedelta, *further: str) -> None:
        """Let it be so long after the day began, and let the house do what is due by then; *further* jobs, too."""
        self.clock.now = self.began + since
        self.work(*further)

    def work(self, *further: str) -> None:
        """Number what happened, run the jobs of this moment, send what is to be sent; until nothing is left."""
        for name in ("clock", *further):
            every = self._kinds[name].every
            if every is not None:
                tick(self.engine, name, every, now=self.clock())
        self._number()
        while self._worker.work_once():
            self._number()
        self._number()
        self._send()

    def _number(self) -> None:
        with writing(self.engine) as session:
            number_changes(session)
        with writing(self.engine) as session:
            chain_audit(session)

    def _send(self) -> None:
        follow(self.engine, self._ways.office.channels, now=self.clock())
        while True:
            with writing(self.engine) as session:
                messages = take_messages(session, 50, now=self.clock())
            if not messages:
                return
            for message in messages:
                send_message(self.engine, self._ways.office, self._ways.desk, message, clock=self.clock)

    # --- what is told ------------------------------------------------------------------------------------------------

    def say(self, line: str) -> None:
        minutes = int((self.clock.now - self.began).total_seconds() // 60)
        days, rest = divmod(minutes, 24 * 60)
        at = f"D{days} {rest // 60:02}:{rest % 60:02}" if days else f"T+{rest // 60}:{rest % 60:02}"
        self.transcript.append(f"{at:>9}  {line}")

    def mails_to(self, address: str) -> list[str]:
        """Give the text of all mail to an address, in order."""
        return [text_of(m) for m, to in zip(self.sink.mails, self.sink.recipients, strict=True) if address in to]


class Caller:
    """Somebody with a key, whose calls stand in the transcript."""

    def __init__(self, room: Room, name: str, client: httpx.Client) -> None:
        self.room, self.name, self.http = room, name, client

    def call(
        self,
        method: str,
        path: str,
        *,
        expect: int | Sequence[int] = (200, 201, 202),
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        **json_: Any,  # noqa: ANN401 - JSON
    ) -> Any:  # noqa: ANN401 - JSON
        """Send a request and give its answer; anything but what is expected fails."""
        body = {name.rstrip("_"): value for name, value in json_.items()}
        began = time.perf_counter()
        if content is None and method != "GET":
            answer = self.http.request(method, path, json=body, headers=headers)
        else:
            answer = self.http.request(method, path, params=body, content=content, headers=headers)
        took = time.perf_counter() - began
        expected = (expect,) if isinstance(expect, int) else expect
        assert answer.status_code in expected, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        self.room.say(f"{self.name}: {method} {path} -> {answer.status_code} ({took * 1000:.0f} ms)")
        if answer.headers["content-type"].partition(";")[0].endswith("json"):
            return answer.json()
        return answer.text

    def tell(self, said: str) -> None:
        self.room.say(f"           {said}")


def links_in(text: str) -> list[str]:
    """Give the paths of the links that acknowledge."""
    return re.findall(r"/acknowledge/[\w-]+", text)


def short(value: object) -> str:
    """Write a value in a line."""
    return json.dumps(value, default=str, ensure_ascii=False)


@contextmanager
def serving_app(app: FastAPI) -> Iterator[str]:
    """Serve an application from a thread of this process; gives its address."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def instant(text: str) -> datetime:
    """Read an instant as the API writes it."""
    return datetime.fromisoformat(text)
