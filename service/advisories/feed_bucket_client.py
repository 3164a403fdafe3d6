"""OSV's bucket, or anything that serves its files over HTTP.

Asks politely: with the tags of what we have, ten requests at a time, again only where that may help and no sooner than
the server wishes. An archive that broke off is continued where it broke, if the server still has the same one.
"""

import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO
from urllib.parse import quote

import httpx

from service.advisories.feed_source import (
    ARCHIVE,
    ECOSYSTEMS,
    INDEX,
    MAX_ARCHIVE_BYTES,
    MAX_INDEX_BYTES,
    UNKNOWN,
    Arriving,
    FeedBusy,
    FeedUnavailable,
    Fetched,
    Tags,
    listed,
    nobody,
    segment,
)
from service.advisories.osv_record import MAX_RECORD_BYTES
from service.advisories.retrying_client import (
    WORTH_ANOTHER_TRY,
    Patience,
    TryAgain,
    attempts,
    between,
    conditions,
    retry_after,
    wait_before_next,
    without_credentials,
)

#: As many as OSV's own client has.
_AT_ONCE = 10
_WHOLE, _PART, _UNCHANGED, _MISSING, _NO_SUCH_PART = 200, 206, 304, 404, 416


@dataclass
class _Download:
    """A file on its way. `validator` names the edition of which the file holds the beginning; None: start anew."""

    url: str
    file: IO[bytes]
    limit: int
    deadline: float
    headers: dict[str, str]
    arriving: Arriving = nobody
    validator: str | None = None
    received: int = 0

    def begin_anew(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.validator = None


class BucketFeed:
    """Fetches from a bucket; may be used by several threads at once."""

    as_of: datetime | None = None
    is_complete = True

    def __init__(self, url: str, client: httpx.Client, patience: Patience) -> None:
        self.url = without_credentials(url)
        self._address = url
        self._client = client
        self._patience = patience

    def ecosystems(self) -> list[str]:
        """Fetch ``ecosystems.txt``."""
        with tempfile.SpooledTemporaryFile(max_size=2**20) as file:
            _found(self._fetch(ECOSYSTEMS, file, MAX_INDEX_BYTES))
            return listed(_content(file))

    def index(self, ecosystem: str, *, known: Tags = UNKNOWN) -> Fetched | None:
        """Fetch the ecosystem's index, unless the server says it is unchanged."""
        with tempfile.TemporaryFile() as file:
            answer = _found(
                self._fetch(_path(ecosystem, INDEX), file, MAX_INDEX_BYTES, conditions(known.etag, known.last_modified))
            )
            return None if answer.status_code == _UNCHANGED else Fetched(_content(file), _tags(answer.headers))

    def archive_bytes(self, ecosystem: str) -> int | None:
        """Ask for the archive's size; a server that does not say is no failure."""
        try:
            answer = self._client.head(f"{self._address}/{_path(ecosystem, ARCHIVE)}", headers=_AS_IT_IS)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        length = answer.headers.get("Content-Length", "")
        return int(length) if answer.is_success and length.isascii() and length.isdigit() else None

    @contextmanager
    def archive(self, ecosystem: str, *, arriving: Arriving = nobody) -> Iterator[IO[bytes]]:
        """Fetch the ecosystem's archive into a temporary file."""
        with self._whole(_path(ecosystem, ARCHIVE), arriving) as file:
            yield file

    def record(self, ecosystem: str, osv_id: str) -> bytes | None:
        """Fetch one record's file."""
        with tempfile.SpooledTemporaryFile(max_size=2**20) as file:
            answer = self._fetch(_path(ecosystem, f"{osv_id}.json"), file, MAX_RECORD_BYTES)
            return None if answer.status_code == _MISSING else _content(file)

    def records(self, ecosystem: str, osv_ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Fetch records' files, ten at once; a failure ends it after what was asked for before."""
        asked: deque[tuple[str, Future[bytes | None]]] = deque()
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="feed")
        try:
            for osv_id in osv_ids:
                asked.append((osv_id, pool.submit(self.record, ecosystem, osv_id)))
                if len(asked) > 2 * _AT_ONCE:
                    first, answer = asked.popleft()
                    yield first, answer.result()
            while asked:
                first, answer = asked.popleft()
                yield first, answer.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes] | None]:  # noqa: ARG002 - the bucket has nothing beside advisories
        """Give nothing: signals have addresses of their own."""
        yield None

    @contextmanager
    def whole_file(self, name: str) -> Iterator[IO[bytes]]:
        """Fetch any file of the bucket's, such as a bundle."""
        with self._whole(quote(segment(name), safe=""), nobody) as file:
            yield file

    @contextmanager
    def _whole(self, path: str, arriving: Arriving) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile() as file:
            _found(self._fetch(path, file, MAX_ARCHIVE_BYTES, _AS_IT_IS, arriving))
            file.seek(0)
            yield file

    def _fetch(
        self,
        path: str,
        file: IO[bytes],
        limit: int,
        headers: dict[str, str] | None = None,
        arriving: Arriving = nobody,
    ) -> httpx.Response:
        """Fetch into *file*, trying again where that may help; the answer is whole, unchanged or missing."""
        deadline = time.monotonic() + self._patience.one_file.total_seconds()
        download = _Download(f"{self._address}/{path}", file, limit, deadline, headers or {}, arriving)
        while True:
            before = download.received
            try:
                return self._try_a_few_times(download)
            except (TryAgain, httpx.HTTPError, httpx.InvalidURL) as error:
                moves = download.validator is not None and download.received > before
                if moves and wait_before_next(self._patience, error) is not False:
                    continue
                reason = f"{self.url}/{path}: {error or type(error).__name__}"
                raise (FeedBusy if self._asks_for_peace(error) else FeedUnavailable)(reason) from error

    def _try_a_few_times(self, download: _Download) -> httpx.Response:
        for attempt in attempts(self._patience):
            with attempt:
                return self._fetch_once(download)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _asks_for_peace(self, error: Exception) -> bool:
        return isinstance(error, TryAgain) and (error.after or timedelta()) > self._patience.longest_wait

    def _fetch_once(self, download: _Download) -> httpx.Response:
        if download.validator is None:
            download.begin_anew()
        headers = dict(download.headers)
        if start := download.file.tell():
            headers |= {"Range": f"bytes={start}-", "If-Range": str(download.validator)}
        with self._client.stream("GET", download.url, headers=headers) as answer:
            if answer.status_code in (_MISSING, _UNCHANGED):
                return answer
            self._judge(answer, download, start)
            if answer.status_code == _WHOLE:
                download.begin_anew()
            self._receive(answer, download)
            return answer

    def _judge(self, answer: httpx.Response, download: _Download, start: int) -> None:
        """Pass what is the file, or its rest from *start* on."""
        name, status = without_credentials(download.url), answer.status_code
        if status in WORTH_ANOTHER_TRY:
            raise TryAgain(f"answered {status}", retry_after(answer.headers))
        if status == _NO_SUCH_PART or (
            status == _PART and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        ):
            download.begin_anew()
            raise TryAgain("gave another part than was asked for")
        if status not in (_WHOLE, _PART):
            raise FeedUnavailable(f"{name} answered {status}")
        if answer.headers.get("Content-Type", "").strip().lower().startswith("text/html"):
            raise TryAgain("answered a web page instead of the file")

    def _receive(self, answer: httpx.Response, download: _Download) -> None:
        file, start = download.file, download.file.tell()
        download.validator = _validator(answer.headers)
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isascii() and length.isdigit() else None
        name = without_credentials(download.url)
        for chunk in answer.iter_bytes():
            file.write(chunk)
            download.received += len(chunk)
            download.arriving(file.tell(), total)
            if file.tell() > download.limit:
                raise FeedUnavailable(f"{name} is larger than {download.limit} bytes")
            if time.monotonic() > download.deadline:
                raise FeedUnavailable(f"{name} was not complete after {self._patience.one_file}")


#: Parts of a compressed answer cannot be put together, and archives do not get smaller.
_AS_IT_IS = {"Accept-Encoding": "identity"}


def _found(answer: httpx.Response) -> httpx.Response:
    if answer.status_code == _MISSING:
        raise FeedUnavailable(f"{without_credentials(str(answer.url))} does not exist")
    return answer


def _tags(headers: httpx.Headers) -> Tags:
    return Tags(headers.get("ETag"), _safely_dated(headers))


def _safely_dated(headers: httpx.Headers) -> str | None:
    """Give ``Last-Modified``, unless the file may have changed again within the same second (RFC 9110, 8.8.2.2)."""
    modified = headers.get("Last-Modified", "")
    age = between(modified, headers.get("Date", ""))
    return modified if age is not None and age > timedelta(seconds=1) else None


def _validator(headers: httpx.Headers) -> str | None:
    """Name this edition for ``If-Range``: a strong tag or a safe date; None if parts could not be put together."""
    if headers.get("Content-Encoding"):
        return None
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else _safely_dated(headers)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _path(ecosystem: str, name: str) -> str:
    return f"{quote(segment(ecosystem), safe='')}/{quote(segment(name), safe='')}"
