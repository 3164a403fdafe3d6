"""Small honest ticket systems on loopback: their shapes, limits, and searches that lag behind. See `trackers`."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Answer = tuple[int, Any]
Params = Mapping[str, str]


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong; `after` serves it first, so that the caller never hears that it worked."""

    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    after: bool = False
    only: str = ""  # a method, or any
    says: str = ""  # words in the body, or any


@dataclass
class Issue:
    """A ticket over there."""

    key: str
    title: str
    body: str
    labels: list[str]
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    priority: str = ""
    comments: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


class Tracker(ABC):
    """What all of them have: issues, a clock, faults that are used up one a request, and a log of requests."""

    #: How long a search does not see what is new.
    lag = timedelta(0)

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.issues: dict[str, Issue] = {}
        self.deleted: set[str] = set()
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, Any]] = []
        self.url = ""

    @abstractmethod
    def answer(self, method: str, path: str, params: Params, body: Any) -> Answer:  # noqa: ANN401 - JSON
        """Answer a request: (status, JSON)."""

    def headers(self, params: Params, path: str) -> dict[str, str]:  # noqa: ARG002 - for those that page
        return {}

    @abstractmethod
    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request has the right credentials."""

    # -- for tests

    def close(self, key: str) -> None:
        """Let somebody over there close a ticket."""
        self._touch(self.issues[key]).state = "closed"

    def delete(self, key: str) -> None:
        """Let somebody over there delete a ticket."""
        del self.issues[key]
        self.deleted.add(key)

    def copy(self, key: str, new: str) -> None:
        """Let somebody over there clone a ticket."""
        old = self.issues[key]
        self.issues[new] = Issue(
            new, old.title, old.body, list(old.labels), self.clock(), self.clock(), more=dict(old.more)
        )

    def visible(self, issue: Issue) -> bool:
        """Tell whether a search has seen an issue."""
        return self.clock() - issue.created_at >= self.lag

    def _touch(self, issue: Issue) -> Issue:
        issue.updated_at = self.clock()
        return issue


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def serving_tracker(tracker: Tracker) -> Iterator[str]:  # noqa: C901 - a handler of many methods
    """Serve a tracker; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            params, path = dict(parse_qsl(parts.query)), unquote(parts.path)
            body = json.loads(raw) if raw else None
            tracker.requests.append((self.command, path, body))
            fault = self._fault(raw.decode())
            extra: dict[str, str] = {}
            if fault is not None and not fault.after:
                status, said, extra = fault.status, fault.body, dict(fault.headers)
            elif not tracker.is_allowed(dict(self.headers.items())):
                status, said = 401, {"message": "Bad credentials"}
            else:
                status, said = tracker.answer(self.command, path, params, body)
                extra = tracker.headers(params, path)
                if fault is not None:
                    status, said = fault.status, fault.body
            self._write(status, said, extra)

        def _fault(self, raw: str) -> Fault | None:
            for number, fault in enumerate(tracker.faults):
                if fault.only in ("", self.command) and fault.says in raw:
                    return tracker.faults.pop(number)
            return None

        def _write(self, status: int, said: Any, extra: Mapping[str, str]) -> None:  # noqa: ANN401 - JSON
            content = b"" if said is None else json.dumps(said).encode()
            self.send_response_only(status)
            self.send_header("Date", format_datetime(tracker.clock(), usegmt=True))
            self.send_header("Content-Length", str(len(content)))
            for name, value in extra.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - as the library wants them

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    tracker.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield tracker.url
    server.shutdown()
    thread.join()
    server.server_close()
