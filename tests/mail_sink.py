"""A mail server on loopback that takes mail, and refuses it when it is told to."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import ClassVar


@dataclass
class Sink:
    """A running server.

    Attributes:
        refusals: Answers to the next recipients, one each, as in ``"450 4.2.1 try later"``; then all are taken.
        cut: How many of the next connections are cut off after the greeting.
        passwords: What clients logged in with, as ``user:password``.
        encrypted: Of each mail, whether it came over TLS.
    """

    port: int
    refusals: list[str] = field(default_factory=list)
    cut: int = 0
    login_refused: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


class _Handler(socketserver.StreamRequestHandler):
    sink: ClassVar[Sink]
    context: ClassVar[ssl.SSLContext | None]
    lock: ClassVar = threading.Lock()

    def handle(self) -> None:
        self._encrypted, self._to = False, list[str]()
        self._say("220 sink ready")
        if self.sink.cut:
            self.sink.cut -= 1
            return
        with suppress(OSError):
            while line := self.rfile.readline():
                if not self._answer(line.decode("utf-8", "replace").rstrip("\r\n")):
                    return

    def _answer(self, line: str) -> bool:
        verb = line.split(" ", 1)[0].upper()
        if verb in ("EHLO", "HELO"):
            offered = ["SMTPUTF8", "8BITMIME", "AUTH PLAIN"]
            offered += ["STARTTLS"] if self.context and not self._encrypted else []
            self._say("\r\n".join([*(f"250-{one}" for one in offered), "250 HELP"]))
        elif verb == "STARTTLS" and self.context:
            self._say("220 go ahead")
            self._encrypt(self.context)
        elif verb == "AUTH":
            said = base64.b64decode(line.rsplit(" ", 1)[1]).decode().split("\0")
            self.sink.passwords.append(f"{said[1]}:{said[2]}")
            self._say("535 5.7.8 wrong" if self.sink.login_refused else "235 welcome")
        elif verb == "RCPT":
            with self.lock:
                refusal = self.sink.refusals.pop(0) if self.sink.refusals else ""
            self._to += [] if refusal else [line.partition("<")[2].partition(">")[0]]
            self._say(refusal or "250 fine")
        elif verb == "DATA":
            self._say("354 go on")
            self._take()
        elif verb == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 fine")
        return True

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        with self.lock:
            self.sink.mails.append(mail)
            self.sink.recipients.append(self._to)
            self.sink.encrypted.append(self._encrypted)
        self._say("250 taken")

    def _encrypt(self, context: ssl.SSLContext) -> None:
        self.request = self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self._encrypted = True

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_args: object) -> None:
        """Say nothing of clients that gave up."""


@contextmanager
def mail_sink(context: ssl.SSLContext | None = None) -> Iterator[Sink]:
    """Take mail on loopback until the end of the block; with a context, STARTTLS is offered."""
    sink = Sink(0)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"sink": sink, "context": context}))
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def text_of(mail: EmailMessage) -> str:
    """Give the plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    content: str = part.get_content()
    return content.replace("\r\n", "\n")
