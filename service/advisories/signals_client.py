"""Signals over HTTP, or from a file: one address, one file, fetched whole or not at all.

Asks only for what is new, as far as the server can tell. Never called inside a transaction. Every wait is bounded, the
size is limited, and an answer cut short is an error, not an answer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import stamina

from service.advisories.feed_bucket_client import without_credentials
from service.advisories.feed_client import PATIENT, FeedUnavailable, Patience

_UNCHANGED = 304
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class _TryAgainError(Exception):
    """A failure that may pass by itself; `after` is what the server asked for."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Validators:
    """What the server said to ask with next time."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it came, still packed if it was."""

    content: bytes
    validators: Validators


def download(url: str, known: Validators, *, limit: int, patience: Patience = PATIENT) -> Download | None:
    """Fetch the file at an HTTP(S) or ``file://`` address; None if it still is the one that *known* came with.

    Raises:
        FeedUnavailable: It is not there, too large, or did not come whole.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Download(_read(Path(unquote(parts.path)), limit), Validators())
    if parts.scheme not in ("http", "https"):
        raise FeedUnavailable(f"{url!r} is no address of signals: give http(s), file:///file or none")
    timeout = httpx.Timeout(patience.silence.total_seconds(), connect=patience.connect.total_seconds())
    with httpx.Client(timeout=timeout, follow_redirects=True) as client:
        return _patiently(lambda: _fetch_once(client, url, known, limit, patience), url, patience)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise FeedUnavailable(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > limit:
        raise FeedUnavailable(f"{path} is larger than {limit} bytes")
    return content


def _patiently(fetch: Callable[[], Download | None], url: str, patience: Patience) -> Download | None:
    def wait_before_next(error: Exception) -> bool | timedelta:
        if isinstance(error, _TryAgainError):
            if error.after is None:
                return True
            return error.after if error.after <= patience.longest_wait else False
        return isinstance(error, httpx.TransportError)

    retrying = stamina.retry_context(
        on=wait_before_next,
        attempts=patience.attempts,
        timeout=None,
        wait_initial=patience.first_wait,
        wait_max=patience.longest_wait,
        wait_jitter=patience.first_wait,
    )
    try:
        for attempt in retrying:
            with attempt:
                return fetch()
    except (_TryAgainError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise FeedUnavailable(f"{without_credentials(url)}: {error or type(error).__name__}") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _fetch_once(client: httpx.Client, url: str, known: Validators, limit: int, patience: Patience) -> Download | None:
    deadline = time.monotonic() + patience.one_file.total_seconds()
    with client.stream("GET", url, headers=_conditions(known)) as answer:
        if answer.status_code == _UNCHANGED:
            return None
        if answer.status_code in _WORTH_ANOTHER_TRY:
            raise _TryAgainError(f"answered {answer.status_code}", _retry_after(answer.headers))
        if not answer.is_success:
            raise FeedUnavailable(f"{without_credentials(url)} answered {answer.status_code}")
        content = bytearray()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > limit:
                raise FeedUnavailable(f"{without_credentials(url)} is larger than {limit} bytes")
            if time.monotonic() > deadline:
                raise FeedUnavailable(f"{without_credentials(url)} was not complete after {patience.one_file}")
        validators = Validators(answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
        return Download(bytes(content), validators)


def _conditions(known: Validators) -> dict[str, str]:
    if known.etag:
        return {"If-None-Match": known.etag}
    return {"If-Modified-Since": known.last_modified} if known.last_modified else {}


def _retry_after(headers: httpx.Headers) -> timedelta | None:
    """Read ``Retry-After``: seconds, or a date that is measured against the server's own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 86_400))
    try:
        return max(parsedate_to_datetime(value) - parsedate_to_datetime(headers["Date"]), timedelta())
    except (ValueError, TypeError, KeyError):
        return None
