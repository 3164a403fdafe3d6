"""OSV's API: which advisories affect these packages, and what is one record. Asking tells it what one has.

Questions go in batches of a thousand, ten batches at a time. An answer may come in pages, each question's by itself; a
page may hold nothing but the token of the next. One malformed question fails its batch, which is halved until it is
found. Only 429, errors of the server and of the network are worth another try: four in all, as OSV's own client has.

Never called inside a transaction; nothing is followed elsewhere, since the questions would go along.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from itertools import count
from random import uniform
from typing import Final, NamedTuple
from urllib.parse import quote

import httpx
import msgspec
import stamina

from service.advisories.osv_record import MAX_RECORD_BYTES
from service.advisories.retrying_client import TryAgain, retry_after, without_credentials
from service.errors import UpstreamUnavailable

MOST_QUESTIONS: Final = 1_000
_AT_ONCE: Final = 10
_MOST_BYTES: Final = 64 * 2**20
#: Pages of one question; nothing has a million advisories.
_MOST_PAGES: Final = 1_000


class OsvApiUnavailable(UpstreamUnavailable):
    """OSV's API did not answer as it should."""

    slug = "osv-api-unavailable"


class OsvPackage(NamedTuple):
    """What is asked about: a version of a package, as OSV names it."""

    ecosystem: str
    name: str
    version: str


class Answer(NamedTuple):
    """What a question was answered: ids with their time of change as written; or why it was `refused`."""

    advisories: dict[str, str]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on. Before the next attempt it waits ``i² + random(0, 2i)`` times the unit."""

    attempts: int = 4
    unit: timedelta = timedelta(seconds=1)
    answer: timedelta = timedelta(seconds=35)
    longest_wait: timedelta = timedelta(seconds=60)


PATIENT: Final = Patience()


class _Vuln(msgspec.Struct):
    id: str
    modified: str = ""


class _Result(msgspec.Struct):
    vulns: list[_Vuln] = []
    next_page_token: str = ""


class _Results(msgspec.Struct):
    results: list[_Result | None] = []


class _Status(msgspec.Struct):
    message: str = ""


class _Refused(NamedTuple):
    """The batch was called malformed."""

    message: str


class _Asking(NamedTuple):
    """A question, where its answer goes, and the page that is wanted."""

    place: int
    package: OsvPackage
    token: str


@contextmanager
def open_osv_api(url: str, patience: Patience = PATIENT) -> Iterator["OsvApi"]:
    """Open the API at an address, without the ``/v1``."""
    timeout = httpx.Timeout(patience.answer.total_seconds())
    with httpx.Client(timeout=timeout, follow_redirects=False) as client:
        yield OsvApi(url.rstrip("/"), client, patience)


class OsvApi:
    """Asks; all methods raise `OsvApiUnavailable`."""

    def __init__(self, url: str, client: httpx.Client, patience: Patience) -> None:
        self._url, self._client, self._patience = url, client, patience

    def affecting(self, packages: Sequence[OsvPackage]) -> list[Answer]:
        """Ask which advisories affect each package; answers in the order of the questions."""
        answers = [Answer({}) for _ in packages]
        open_ = [_Asking(place, package, "") for place, package in enumerate(packages)]
        for page in count(1):
            if not open_:
                return answers
            if page > _MOST_PAGES:
                raise OsvApiUnavailable(f"{self._shown} has no end of pages.")
            open_ = self._page(open_, answers)
        raise AssertionError("unreachable: pages are counted")

    def record(self, osv_id: str) -> bytes | None:
        """Fetch one record as it is, withdrawn ones too; None if there is no such id."""
        status, body = self._send("GET", f"/v1/vulns/{quote(osv_id, safe='')}", b"", MAX_RECORD_BYTES)
        return None if status == HTTPStatus.NOT_FOUND else self._good(status, body)

    @property
    def _shown(self) -> str:
        return without_credentials(self._url)

    def _page(self, asking: Sequence[_Asking], answers: list[Answer]) -> list[_Asking]:
        """Take one page of every question, and give those that have another."""
        further: list[_Asking] = []
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
            for told in threads.map(self._batch, _batches(asking)):
                for one, result in told:
                    if isinstance(result, _Refused):
                        answers[one.place] = answers[one.place]._replace(refused=result.message)
                        continue
                    answers[one.place].advisories.update({vuln.id: vuln.modified for vuln in result.vulns})
                    if result.next_page_token == one.token != "":
                        raise OsvApiUnavailable(f"{self._shown} answers with the same page again.")
                    if result.next_page_token:
                        further.append(one._replace(token=result.next_page_token))
        return further

    def _batch(self, asking: Sequence[_Asking]) -> list[tuple[_Asking, _Result | _Refused]]:
        """Ask one batch; where it is malformed, halve it until the question is found that makes it so."""
        body = msgspec.json.encode({"queries": [_written(one) for one in asking]})
        status, answer = self._send("POST", "/v1/querybatch", body, _MOST_BYTES)
        if status != HTTPStatus.BAD_REQUEST:
            results = self._results(self._good(status, answer), len(asking))
            return list(zip(asking, results, strict=True))
        if len(asking) == 1:
            return [(asking[0], _Refused(_message(answer)))]
        middle = len(asking) // 2
        return self._batch(asking[:middle]) + self._batch(asking[middle:])

    def _results(self, body: bytes, wanted: int) -> list[_Result]:
        try:
            found = msgspec.json.decode(body, type=_Results).results
        except msgspec.DecodeError as error:
            raise OsvApiUnavailable(f"{self._shown} answers what cannot be read: {error}.") from error
        if len(found) != wanted:
            raise OsvApiUnavailable(f"{self._shown} answered {len(found)} of {wanted} questions.")
        return [result or _Result() for result in found]

    def _good(self, status: int, body: bytes) -> bytes:
        if status != HTTPStatus.OK:
            raise OsvApiUnavailable(f"{self._shown} answered {status}: {_message(body)[:200]}")
        return body

    def _send(self, method: str, path: str, body: bytes, most: int) -> tuple[int, bytes]:
        """Send until there is an answer that another try would not change."""
        numbers = count(1)
        try:
            for attempt in stamina.retry_context(
                on=lambda error: self._wait_before_next(error, next(numbers)),
                attempts=self._patience.attempts,
                timeout=None,
            ):
                with attempt:
                    return self._send_once(method, path, body, most)
        except (TryAgain, httpx.HTTPError, httpx.InvalidURL) as error:
            raise OsvApiUnavailable(f"{self._shown}{path}: {error or type(error).__name__}") from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait_before_next(self, error: Exception, number: int) -> bool | timedelta:
        passing = isinstance(error, (TryAgain, httpx.TransportError))
        if not passing or isinstance(error, httpx.UnsupportedProtocol):
            return False
        # Not for secrets: it keeps those who failed together from coming back together.
        wait = self._patience.unit * (number**2 + uniform(0, 2 * number))  # noqa: S311
        asked = (isinstance(error, TryAgain) and error.after) or timedelta()
        return max(wait, asked) if asked <= self._patience.longest_wait else False

    def _send_once(self, method: str, path: str, body: bytes, most: int) -> tuple[int, bytes]:
        deadline = time.monotonic() + 2 * self._patience.answer.total_seconds()
        headers = {"Content-Type": "application/json"} if body else {}
        with self._client.stream(method, self._url + path, content=body or None, headers=headers) as answer:
            status = answer.status_code
            if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise TryAgain(f"answered {status}", retry_after(answer.headers))
            received = bytearray()
            for chunk in answer.iter_bytes():
                received += chunk
                if len(received) > most:
                    raise OsvApiUnavailable(f"{self._shown}{path} answers with more than {most} bytes.")
                if time.monotonic() > deadline:
                    raise TryAgain("was not complete in time")
            return status, bytes(received)


def _batches(asking: Sequence[_Asking]) -> Iterable[Sequence[_Asking]]:
    return [asking[start : start + MOST_QUESTIONS] for start in range(0, len(asking), MOST_QUESTIONS)]


def _written(one: _Asking) -> dict[str, object]:
    package = {"name": one.package.name, "ecosystem": one.package.ecosystem}
    asked: dict[str, object] = {"package": package, "version": one.package.version}
    return {**asked, "page_token": one.token} if one.token else asked


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Status).message
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
