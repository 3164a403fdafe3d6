"""Signals over HTTP, or from a file: one address, one file, fetched whole or not at all.

Asks only for what is new, as far as the server can tell. Never called inside a transaction. Every wait is bounded, the
size is limited, and an answer cut short is an error, not an answer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from service.advisories.feed_source import FeedUnavailable
from service.advisories.retrying_client import (
    PATIENT,
    WORTH_ANOTHER_TRY,
    Patience,
    TryAgain,
    attempts,
    conditions,
    retry_after,
    without_credentials,
)

_UNCHANGED = 304


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
    try:
        for attempt in attempts(patience):
            with attempt:
                return fetch()
    except (TryAgain, httpx.HTTPError, httpx.InvalidURL) as error:
        raise FeedUnavailable(f"{without_credentials(url)}: {error or type(error).__name__}") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _fetch_once(client: httpx.Client, url: str, known: Validators, limit: int, patience: Patience) -> Download | None:
    deadline = time.monotonic() + patience.one_file.total_seconds()
    with client.stream("GET", url, headers=conditions(known.etag, known.last_modified)) as answer:
        if answer.status_code == _UNCHANGED:
            return None
        if answer.status_code in WORTH_ANOTHER_TRY:
            raise TryAgain(f"answered {answer.status_code}", retry_after(answer.headers))
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
