"""A receiver of webhooks on loopback that can misbehave in every way that one on the network does."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass(frozen=True)
class Manner:
    """How one request is answered.

    `silence_seconds` before anything is said; `head_share` of the head and `body_share` of the body before the
    connection is cut; `drip_seconds` between the bytes of the head, or between those of the body.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    silence_seconds: float = 0
    head_share: float = 1
    body_share: float = 1
    drip_head_seconds: float = 0
    drip_body_seconds: float = 0


WELL = Manner()
#: What never comes to an end by itself; the receiver's own end cuts it off.
FOREVER = 60.0


@dataclass(frozen=True)
class Heard:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A running server. `manners` are used up, one a request; then it answers `usual`.

    `release` lets what is silent, or drips, go on.
    """

    port: int
    url: str
    manners: list[Manner] = field(default_factory=list)
    usual: Manner = WELL
    heard: list[Heard] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.heard]


class _Handler(BaseHTTPRequestHandler):
    receiver: ClassVar[Receiver]
    lock: ClassVar = threading.Lock()
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            self.receiver.heard.append(Heard(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            manner = self.receiver.manners.pop(0) if self.receiver.manners else self.receiver.usual
        self.close_connection = True
        self.receiver.release.wait(manner.silence_seconds)
        with suppress(OSError):
            self._answer(manner)

    def _answer(self, manner: Manner) -> None:
        lines = [f"HTTP/1.1 {manner.status} Whatever", *(f"{k}: {v}" for k, v in manner.headers.items())]
        if manner.status != 204:
            lines.append(f"Content-Length: {len(manner.body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._say(head[: int(len(head) * manner.head_share)], manner.drip_head_seconds)
        if manner.head_share == 1:
            self._say(manner.body[: int(len(manner.body) * manner.body_share)], manner.drip_body_seconds)

    def _say(self, data: bytes, every_seconds: float) -> None:
        if not every_seconds:
            self.wfile.write(data)
            return
        for byte in data:
            self.wfile.write(bytes([byte]))
            if self.receiver.release.wait(every_seconds):
                return

    def log_message(self, *_args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """Say nothing of clients that gave up."""


@contextmanager
def receiving(port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Receive webhooks on loopback until the end of the block."""
    receiver = Receiver(0, "")
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"receiver": receiver}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = server.server_address[1]
    receiver.url = f"{'https' if context else 'http'}://127.0.0.1:{receiver.port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """Give a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
