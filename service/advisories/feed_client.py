"""Where advisories come from: OSV's bucket, a mirror of it over HTTP, or a folder of the same layout.

::

    ecosystems.txt                one ecosystem a line
    <ecosystem>/modified_id.csv   every record it has, as ``modified,id``
    <ecosystem>/all.zip           the records, ``<id>.json`` each
    <ecosystem>/<id>.json         one record; a mirror may lack these

Never called inside a transaction. Every wait is bounded, every size limited; an answer cut short is an error, not an
answer.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import quote, unquote, urlsplit

import httpx
import stamina

from service.advisories.osv_record import MAX_RECORD_BYTES
from service.errors import UpstreamUnavailable

MAX_INDEX_BYTES = 256 * 2**20
MAX_ARCHIVE_BYTES = 4 * 2**30

_MISSING, _UNCHANGED = 404, 304
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class FeedUnavailable(UpstreamUnavailable):
    """The advisory feed did not answer as it should."""

    slug = "feed-unavailable"


class _TryAgainError(Exception):
    """A failure that may pass by itself; `after` is what the server asked for."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of a feed, and the tag to ask with next time."""

    content: bytes
    etag: str | None


class FeedClient(Protocol):
    """One source of advisories. All methods raise `FeedUnavailable`."""

    url: str

    def ecosystems(self) -> list[str]:
        """List the ecosystems that the feed has folders for."""
        ...

    def index(self, ecosystem: str, *, etag: str | None) -> Fetched | None:
        """Fetch an ecosystem's index; None if it still is the one that *etag* came with."""
        ...

    @contextmanager
    def archive(self, ecosystem: str) -> Iterator[IO[bytes]]:
        """Fetch an ecosystem's archive as a seekable file that goes away afterwards."""
        ...

    def record(self, ecosystem: str, osv_id: str) -> bytes | None:
        """Fetch one record; None if the feed has no such file."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on with a server that fails."""

    attempts: int = 4
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(seconds=60)
    connect: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=30)
    one_file: timedelta = timedelta(minutes=20)


@contextmanager
def open_feed(url: str, patience: Patience = Patience()) -> Iterator[FeedClient]:
    """Open the feed at an HTTP(S) address or a ``file://`` folder.

    Raises:
        FeedUnavailable: The address is neither, or there is no such folder.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        yield FolderFeed(url.rstrip("/"), Path(unquote(parts.path)))
    elif parts.scheme in ("http", "https"):
        timeout = httpx.Timeout(patience.silence.total_seconds(), connect=patience.connect.total_seconds())
        with httpx.Client(timeout=timeout, follow_redirects=True) as client:
            yield BucketFeed(url.rstrip("/"), client, patience)
    else:
        raise FeedUnavailable(f"{url!r} is no feed: give an http(s) address or file:///folder")


class FolderFeed:
    """A folder on this machine."""

    def __init__(self, url: str, folder: Path) -> None:
        if not folder.is_dir():
            raise FeedUnavailable(f"there is no folder {folder}")
        self.url = url
        self._folder = folder

    def ecosystems(self) -> list[str]:
        """Read ``ecosystems.txt``; a folder without one has the ecosystems it has folders for."""
        listed = self._folder / "ecosystems.txt"
        if listed.exists():
            return _lines(listed.read_bytes())
        return sorted(path.parent.name for path in self._folder.glob("*/modified_id.csv"))

    def index(self, ecosystem: str, *, etag: str | None) -> Fetched | None:  # noqa: ARG002 - reading is as cheap
        """Read the ecosystem's index."""
        return Fetched(self._path(ecosystem, "modified_id.csv").read_bytes(), None)

    @contextmanager
    def archive(self, ecosystem: str) -> Iterator[IO[bytes]]:
        """Open the ecosystem's archive."""
        with self._path(ecosystem, "all.zip").open("rb") as file:
            yield file

    def record(self, ecosystem: str, osv_id: str) -> bytes | None:
        """Read one record's file."""
        path = self._folder / _segment(ecosystem) / _segment(f"{osv_id}.json")
        return path.read_bytes() if path.is_file() else None

    def _path(self, ecosystem: str, name: str) -> Path:
        path = self._folder / _segment(ecosystem) / name
        if not path.is_file():
            raise FeedUnavailable(f"{self._folder} has no {ecosystem}/{name}")
        return path


class BucketFeed:
    """OSV's bucket, or anything that serves its files over HTTP."""

    def __init__(self, url: str, client: httpx.Client, patience: Patience) -> None:
        self.url = url
        self._client = client
        self._patience = patience

    def ecosystems(self) -> list[str]:
        """Fetch ``ecosystems.txt``."""
        return _lines(self._present("ecosystems.txt", MAX_INDEX_BYTES))

    def index(self, ecosystem: str, *, etag: str | None) -> Fetched | None:
        """Fetch the ecosystem's index, unless the server says it is unchanged."""
        headers = {"If-None-Match": etag} if etag else {}
        with tempfile.TemporaryFile() as file:
            answer = self._fetch(_path(ecosystem, "modified_id.csv"), file, MAX_INDEX_BYTES, headers)
            if self._found(answer).status_code == _UNCHANGED:
                return None
            return Fetched(_content(file), answer.headers.get("ETag"))

    @contextmanager
    def archive(self, ecosystem: str) -> Iterator[IO[bytes]]:
        """Fetch the ecosystem's archive into a temporary file."""
        with tempfile.TemporaryFile() as file:
            self._found(self._fetch(_path(ecosystem, "all.zip"), file, MAX_ARCHIVE_BYTES))
            file.seek(0)
            yield file

    def record(self, ecosystem: str, osv_id: str) -> bytes | None:
        """Fetch one record's file."""
        with tempfile.SpooledTemporaryFile(max_size=2**20) as file:
            answer = self._fetch(_path(ecosystem, f"{osv_id}.json"), file, MAX_RECORD_BYTES)
            return None if answer.status_code == _MISSING else _content(file)

    def _present(self, path: str, limit: int) -> bytes:
        with tempfile.SpooledTemporaryFile(max_size=2**20) as file:
            self._found(self._fetch(path, file, limit))
            return _content(file)

    def _found(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == _MISSING:
            raise FeedUnavailable(f"{answer.url} does not exist")
        return answer

    def _fetch(self, path: str, file: IO[bytes], limit: int, headers: dict[str, str] | None = None) -> httpx.Response:
        """Fetch into *file*, trying again where that may help; the answer is 200, 304 or 404."""
        patience = self._patience
        try:
            for attempt in stamina.retry_context(
                on=self._wait_before_next,
                attempts=patience.attempts,
                timeout=None,
                wait_initial=patience.first_wait,
                wait_max=patience.longest_wait,
                wait_jitter=patience.first_wait,
            ):
                with attempt:
                    file.seek(0)
                    file.truncate()
                    return self._fetch_once(f"{self.url}/{path}", file, limit, headers or {})
        except (_TryAgainError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise FeedUnavailable(f"{self.url}/{path}: {error or type(error).__name__}") from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait_before_next(self, error: Exception) -> bool | timedelta:
        if isinstance(error, _TryAgainError):
            if error.after is None:
                return True
            return error.after if error.after <= self._patience.longest_wait else False
        return isinstance(error, httpx.TransportError)

    def _fetch_once(self, url: str, file: IO[bytes], limit: int, headers: dict[str, str]) -> httpx.Response:
        deadline = time.monotonic() + self._patience.one_file.total_seconds()
        with self._client.stream("GET", url, headers=headers) as answer:
            if answer.status_code in (_MISSING, _UNCHANGED):
                return answer
            if answer.status_code in _WORTH_ANOTHER_TRY:
                raise _TryAgainError(f"answered {answer.status_code}", _retry_after(answer.headers))
            if not answer.is_success:
                raise FeedUnavailable(f"{url} answered {answer.status_code}")
            for chunk in answer.iter_bytes():
                file.write(chunk)
                if file.tell() > limit:
                    raise FeedUnavailable(f"{url} is larger than {limit} bytes")
                if time.monotonic() > deadline:
                    raise FeedUnavailable(f"{url} was not complete after {self._patience.one_file}")
            return answer


def _retry_after(headers: httpx.Headers) -> timedelta | None:
    """Read ``Retry-After``: seconds, or a date that is measured against the server's own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 86_400))
    try:
        return max(parsedate_to_datetime(value) - parsedate_to_datetime(headers["Date"]), timedelta())
    except (ValueError, TypeError, KeyError):
        return None


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _path(ecosystem: str, name: str) -> str:
    return f"{quote(_segment(ecosystem), safe='')}/{quote(_segment(name), safe='')}"


def _segment(name: str) -> str:
    """Refuse what would lead out of its folder."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise FeedUnavailable(f"{name[:80]!r} cannot be the name of a file of a feed")
    return name


def _lines(content: bytes) -> list[str]:
    return [line for each in content.decode("utf-8", errors="replace").splitlines() if (line := each.strip())]
