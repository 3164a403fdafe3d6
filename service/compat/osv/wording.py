"""How this door says no: ``{"code": 3, "message": "..."}``, google.rpc.Status as OSV's own API writes it."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from typing_extensions import TypedDict

from service.errors import Forbidden, NotFound, ServiceError, TooLarge, Unauthenticated


class Malformed(ServiceError):  # noqa: N818 - the field's words, read as sentences
    """Invalid query."""

    slug = "bad-request"


class Status(TypedDict):
    """What went wrong, as google.rpc.Status; `code` is one of its numbers, not HTTP's."""

    code: int
    message: str


class _Code(NamedTuple):
    code: int
    http: int


#: Looked up along an error's bases; google.rpc.Code beside the HTTP status.
_CODES: dict[type[ServiceError], _Code] = {
    Malformed: _Code(3, 400),
    NotFound: _Code(5, 404),
    Forbidden: _Code(7, 403),
    TooLarge: _Code(8, 413),
    Unauthenticated: _Code(16, 401),
}
#: What clients send without being asked: the key as a password in the address.
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="muster", Bearer realm="muster"'}


def refusals(**said: str) -> dict[int | str, dict[str, Any]]:
    """Declare a route's refusals: ``responses=refusals(_404="There is no such record")``."""
    own = {"_401": "A valid API key is needed", "_403": "The key may not read"}
    return {int(status[1:]): {"model": Status, "description": text} for status, text in {**own, **said}.items()}


class OsvRoute(APIRoute):
    """A route whose errors have this door's shape, those of its dependencies included."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap what the framework makes of the route."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except (ServiceError, HTTPException, RequestValidationError) as error:
                return _refusal(_named(error))

        return answer


def _named(error: ServiceError | HTTPException | RequestValidationError) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, RequestValidationError):
        return Malformed(f"Invalid query: {error.errors()[0]['msg']}.")
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        return Unauthenticated("This is no key as `Authorization: Basic` writes one.")
    raise error


def _refusal(error: ServiceError) -> Response:
    found = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
    if found is None:
        raise error
    headers = _CHALLENGE if isinstance(error, Unauthenticated) else None
    return JSONResponse(Status(code=found.code, message=error.detail), found.http, headers=headers)
