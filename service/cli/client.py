"""The client side: calls to a running service at ``MUSTER_URL`` with ``MUSTER_API_KEY``."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from weakref import finalize

import httpx

from service.errors import NotFound, Refused, ServiceError, UpstreamUnavailable
from service.settings import Settings

_PATIENCE_SECONDS, _CONNECT_SECONDS = 120.0, 10.0


class Client:
    """One connection to the service. Problems come back as errors of ours, with the service's own words."""

    def __init__(self, settings: Settings) -> None:
        key = _key(settings)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=settings.url, headers=headers)
        self._url = settings.url
        # A command makes one of these and ends; the connection closes with the last reference.
        finalize(self, self._http.close)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> httpx.Response:
        """Send a request; parameters that are None are left out.

        Raises:
            UpstreamUnavailable: The service cannot be reached, cannot answer now, or has not in *patience_seconds*.
            NotFound: It answered 404.
            Refused: It answered any other problem; `members["problem"]` is the problem as it came.
        """
        given = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            answer = self._http.request(
                method,
                path,
                params=given,
                json=json,
                content=content,
                headers=headers,
                timeout=httpx.Timeout(patience_seconds, connect=_CONNECT_SECONDS),
            )
        except httpx.ReadTimeout as error:
            raise UpstreamUnavailable(f"{self._url} has not answered in {patience_seconds:,.0f} s.") from error
        except httpx.TransportError as error:
            raise UpstreamUnavailable(f"{self._url} cannot be reached: {error}.") from error
        if answer.is_success:
            return answer
        raise _problem(answer)

    def get(self, path: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Get something as JSON."""
        return self.call("GET", path, params=params).json()

    def items(self, path: str, **params: object) -> Iterator[dict[str, Any]]:
        """Walk a list to its end."""
        after: str | None = None
        while True:
            page = self.get(path, **params, after=after)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return


def _problem(answer: httpx.Response) -> ServiceError:
    problem = _body(answer)
    phrase = HTTPStatus(answer.status_code).phrase
    message = problem.get("detail") or problem.get("title") or f"{answer.status_code} {phrase} from {answer.url}"
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return UpstreamUnavailable(message, problem=problem)
    kind = NotFound if answer.status_code == HTTPStatus.NOT_FOUND else Refused
    return kind(message, problem=problem)


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _key(settings: Settings) -> str | None:
    """Give the key to send: the configured one, or on this machine the first administrator's, if we may read it."""
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    if urlsplit(settings.url).hostname not in {"127.0.0.1", "localhost", "::1"}:
        return None
    try:
        return (settings.data / "admin.key").read_text(encoding="ascii").strip()
    except OSError:
        return None
