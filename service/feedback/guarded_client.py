"""HTTP to addresses that somebody else has chosen: no way into our own networks, and no answer that never ends.

A name is resolved once, every address it has is checked, and the connection goes to exactly one of those, with the name
still in `Host` and TLS. No redirect is followed, no proxy taken from the environment, and one deadline holds for all.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from socket import IPPROTO_TCP, gaierror, getaddrinfo
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
import httpx

from service.advisories.retrying_client import retry_after
from service.errors import Unreadable
from service.feedback.addresses import refusal_of
from service.feedback.schedule import Reply

PATIENCE: Final = timedelta(seconds=20)
#: Kept of an answer's body.
KEPT_BYTES: Final = 1024
#: Spent on a body once the status has come: it is for people only.
_FOR_THE_BODY = timedelta(seconds=2)
_HTTPS_PORTS = frozenset({443, 8443})
#: A name may have many addresses; so many are tried.
_TRIED = 3

#: Gives the addresses of a host name; raises OSError where it has none.
Resolve = Callable[[str, int], list[str]]


class BadAddress(Unreadable):
    """No message can be sent to this address."""

    slug = "bad-address"


class _Refused(httpcore.ConnectError):
    """The name leads where we do not go."""


def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    return list(dict.fromkeys(str(found[4][0]) for found in getaddrinfo(host, port, proto=IPPROTO_TCP)))


@dataclass(frozen=True)
class Guard:
    """Where may be connected to. With *allow_private*: plain HTTP, any port, and networks of the organisation's own."""

    allow_private: bool = False
    resolve: Resolve = field(default=resolve_by_system)

    def check_url(self, url: str) -> None:
        """Refuse an address by its form.

        Raises:
            BadAddress: No absolute URL, a scheme or port that is not allowed, or a password in it.
        """
        try:
            parts, port = urlsplit(url), httpx.URL(url).port or urlsplit(url).port
        except (ValueError, httpx.InvalidURL) as error:
            raise BadAddress(f"{url!r} is no address: {error}.") from error
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise BadAddress(f"{url!r} is no https address.")
        if parts.username is not None or parts.password is not None:
            raise BadAddress("Leave user and password out of the address: the signature proves that it is us.")
        if not self.allow_private and (parts.scheme != "https" or (port or 443) not in _HTTPS_PORTS):
            raise BadAddress("Give an https address on port 443 or 8443; MUSTER_WEBHOOK_ALLOW_PRIVATE allows others.")

    def addresses(self, host: str, port: int) -> list[str]:
        """Resolve a name, once; raises `_Refused` if any of its addresses may not be reached."""
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            words = error.strerror if isinstance(error, gaierror) else str(error)
            raise _Refused(f"{host} has no address: {words}") from error
        for address in found:
            if why := refusal_of(address, allow_private=self.allow_private):
                raise _Refused(f"{host} is refused: {why}")
        return found[:_TRIED]


class Deadline:
    """When all waiting ends, in monotonic seconds."""

    def __init__(self, after: timedelta) -> None:
        self.at = time.monotonic() + after.total_seconds()

    def left(self) -> float:
        """Give the seconds that are left; raises when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left

    def shorten(self, after: timedelta) -> None:
        """Let it end sooner."""
        self.at = min(self.at, time.monotonic() + after.total_seconds())


def post(guard: Guard, url: str, body: bytes, headers: Mapping[str, str], *, patience: timedelta = PATIENCE) -> Reply:
    """Send a body, once, and give what came of it; never raises for what a receiver does."""
    deadline = Deadline(patience)
    try:
        guard.check_url(url)
        with guarded_client(guard, deadline) as client:
            return _post(client, url, body, headers, deadline)
    except BadAddress as error:
        return Reply(None, error.detail)
    except httpx.TimeoutException:
        return Reply(None, f"no answer within {patience.total_seconds():g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Reply(None, str(error) or type(error).__name__)


def _post(client: httpx.Client, url: str, body: bytes, headers: Mapping[str, str], deadline: Deadline) -> Reply:
    sent = {"User-Agent": "muster", "Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    with client.stream("POST", url, content=body, headers=sent) as answer:
        deadline.shorten(_FOR_THE_BODY)
        return Reply(
            answer.status_code,
            body=_beginning(answer),
            location=answer.headers.get("Location"),
            retry_after=retry_after(answer.headers),
        )


def _beginning(answer: httpx.Response) -> str:
    """Read the beginning of a body; the status counts, whatever becomes of the rest."""
    kept = b""
    with suppress(httpx.HTTPError):
        for chunk in answer.iter_raw():
            kept += chunk
            if len(kept) >= KEPT_BYTES:
                break
    return kept[:KEPT_BYTES].decode("utf-8", "replace").replace("\0", "�")


def guarded_client(guard: Guard, deadline: Deadline) -> httpx.Client:
    """Make a client whose connections go only where *guard* lets them, and end at *deadline*."""
    return httpx.Client(transport=_Transport(guard, deadline), timeout=None, follow_redirects=False, trust_env=False)  # noqa: S113 - the deadline is the transport's


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


# --- the transport: httpx's own, over connections that are guarded ---------------------------------------------------


class _Transport(httpx.BaseTransport):
    def __init__(self, guard: Guard, deadline: Deadline) -> None:
        self._pool = httpcore.ConnectionPool(ssl_context=_trust(), network_backend=_Backend(guard, deadline))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(request.method, target, headers=request.headers.raw, content=request.stream)
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise httpx.TransportError(_words(error)) from error


def _words(error: Exception) -> str:
    """Say what went wrong with a connection, without the numbers of the operating system."""
    text = str(error.__cause__ or error)
    known = {
        "refused": "connection refused",
        "reset": "connection reset",
        "without sending a response": "the answer was cut short",
        "without sending complete message": "the answer was cut short",
    }
    if isinstance(error, _Refused):
        return str(error)
    return next((words for sign, words in known.items() if sign in text), text)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, guard: Guard, deadline: Deadline) -> None:
        self._guard, self._deadline = guard, deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = _Refused(f"{host} has no address")
        for address in self._guard.addresses(host, port):
            try:
                left = self._deadline.left()
                stream = self._plain.connect_tcp(address, port, left, local_address, socket_options)
            except httpcore.ConnectError as error:
                failed = error
            else:
                return _Stream(stream, self._deadline)
        raise failed


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline: drops that keep coming do not keep it open."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.left())

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the original
        return self._stream.get_extra_info(info)
