"""Asking a server again: how long to go on with one that fails, and when it may be asked the next time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import stamina

WORTH_ANOTHER_TRY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class TryAgain(Exception):  # noqa: N818 - read as a sentence
    """A failure that may pass by itself; `after` is what the server asked for."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on with a server that fails. An attempt that brought something does not count as one."""

    attempts: int = 4
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(seconds=60)
    connect: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=30)
    one_file: timedelta = timedelta(minutes=20)


PATIENT: Final = Patience()


def attempts(patience: Patience) -> Iterable[stamina.Attempt]:
    """Give attempts to make, one after the other until one succeeds; the last one's error is raised."""
    return stamina.retry_context(
        on=partial(wait_before_next, patience),
        attempts=patience.attempts,
        timeout=None,
        wait_initial=patience.first_wait,
        wait_max=patience.longest_wait,
        wait_jitter=patience.first_wait,
    )


def wait_before_next(patience: Patience, error: Exception) -> bool | timedelta:
    """Tell whether to try again after an error, or how long to wait before that."""
    if isinstance(error, TryAgain):
        if error.after is None:
            return True
        return error.after if error.after <= patience.longest_wait else False
    # A server may lead to an address that nobody can ask: it will again.
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read ``Retry-After``: seconds, or a date that is measured against the server's own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), 86_400))
    waits = between(headers.get("Date", ""), value)
    return None if waits is None else max(waits, timedelta())


def between(earlier: str, later: str) -> timedelta | None:
    """Give the time between two dates of HTTP; None where one is none."""
    try:
        return parsedate_to_datetime(later) - parsedate_to_datetime(earlier)
    except (ValueError, TypeError):
        return None


def conditions(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """Write the headers that ask for a file only if it is another than the one with these tags."""
    if etag:
        return {"If-None-Match": etag}
    return {"If-Modified-Since": last_modified} if last_modified else {}


def without_credentials(url: str) -> str:
    """Leave out user and password, which belong in no log and no answer."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
