"""One way to talk to all ticket systems: JSON over HTTP, their limits understood, their errors named.

No redirect is followed, since credentials travel along, and no proxy is taken from the environment.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, Self
from urllib.parse import quote

import httpx

from service.advisories.retrying_client import retry_after
from service.errors import UpstreamUnavailable
from service.feedback.tickets.connecting import Clashed, Denied, Missing, Rejected, Throttled

TIMEOUT_SECONDS = 20.0
#: Where a server names no time.
USUAL_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
_LONGEST_ANSWER = 8 * 2**20


class Tracker:
    """A ticket system's API."""

    def __init__(
        self, url: str, *, headers: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None
    ) -> None:
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Accept": "application/json", "User-Agent": "muster", **(headers or {})},
            auth=auth,
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=False,
            verify=_certificates(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, *, body: object = None, **params: str | int) -> Any:  # noqa: ANN401 - JSON
        """Ask, and give the JSON of the answer; None where it is empty.

        Raises:
            Missing: 404 or 410.
            Denied: 401 or 403.
            Clashed: 409 or 412.
            Throttled: 429, or a limit in other words.
            Rejected: Any other answer that asking again will not change.
            UpstreamUnavailable: It fails, is not there, or does not speak JSON.
        """
        return self.answer(method, path, body=body, **params)[0]

    def answer(
        self, method: str, path: str, *, body: object = None, **params: str | int
    ) -> tuple[Any, Mapping[str, str]]:
        """Ask as `call` does, and give the headers too, in which some put the next page."""
        try:
            response = self._client.request(method, path, json=body, params=params or None)
        except httpx.HTTPError as error:
            raise UpstreamUnavailable(f"{type(error).__name__}: {error}") from error
        except httpx.InvalidURL as error:
            raise Rejected(f"That is no address: {error}") from error
        _check(response)
        if not response.content:
            return None, response.headers
        if len(response.content) > _LONGEST_ANSWER:
            raise UpstreamUnavailable("The answer is too long to be one.")
        try:
            return response.json(), response.headers
        except ValueError as error:
            raise UpstreamUnavailable("The answer is no JSON; is this the address of the API?") from error

    def pages(self, path: str, **params: str | int) -> Iterator[dict[str, Any]]:
        """Read a list whose next page stands in a `Link` header (GitHub, GitLab)."""
        found, headers = self.answer("GET", path, **params)
        yield from found
        while following := _next_page(headers):
            if httpx.URL(following).host not in ("", self._client.base_url.host):
                raise Rejected(f"Its next page is on another server: {following}")
            found, headers = self.answer("GET", following)
            yield from found


@cache
def _certificates() -> SSLContext:
    """Read the certificates that everybody trusts once; that takes as long as a hundred requests."""
    return httpx.create_ssl_context()


def segment(key: str) -> str:
    """Write a key as one segment of a path: people may link anything.

    Raises:
        Missing: It would lead up the path.
    """
    if not key.strip("."):
        raise Missing(f"{key!r} is no ticket.")
    return quote(key, safe="")


def _next_page(headers: Mapping[str, str]) -> str | None:
    for part in headers.get("Link", "").split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest:
            return address.strip().strip("<>")
    return None


def _check(response: httpx.Response) -> None:
    status, said = response.status_code, _said(response)
    if response.is_success:
        return
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.FORBIDDEN and _is_limited(response)):
        wait = _wait(response)
        raise Throttled(f"It asks us to wait {int(wait.total_seconds())} s: {said}", wait)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) or status == HTTPStatus.MOVED_PERMANENTLY:
        raise Missing(f"{status}: {said}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise Denied(f"{status}: {said}")
    if status in (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED):
        raise Clashed(f"{status}: {said}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UpstreamUnavailable(f"{status}: {said}")
    raise Rejected(f"{status}: {said}")


def _is_limited(response: httpx.Response) -> bool:
    # GitHub says 403 for both of its limits.
    headers = response.headers
    return (
        headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers or "rate limit" in response.text.lower()
    )


def _wait(response: httpx.Response) -> timedelta:
    named = retry_after(response.headers)
    if named is None:
        reset = response.headers.get("X-RateLimit-Reset") or response.headers.get("RateLimit-Reset") or ""
        named = _until(reset, response.headers.get("Date", ""))
    return min(named or USUAL_WAIT, LONGEST_WAIT)


def _until(reset: str, date: str) -> timedelta | None:
    """Measure a moment in Unix time against the server's own clock."""
    if not (reset.isascii() and reset.isdigit()):
        return None
    try:
        return timedelta(seconds=max(int(reset[:12]) - parsedate_to_datetime(date).timestamp(), 1))
    except (ValueError, TypeError):
        return None


def _said(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    return text[:300] or response.reason_phrase
