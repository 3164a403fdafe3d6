"""Errors as RFC 9457 problems. The only place that knows which kind of error has which HTTP status."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ExceptionHandler

from service import errors
from service.errors import ServiceError
from service.log import logger

log = logger("api")

MEDIA_TYPE = "application/problem+json"


class BadRequest(ServiceError):  # noqa: N818 - the field's words, read as sentences
    """The request is malformed."""

    slug = "bad-request"


class Gone(errors.NotFound):
    """It was here once."""

    slug = "gone"


class Stale(errors.Conflict):
    """It has changed since you read it."""

    slug = "stale"


class VersionNeeded(ServiceError):  # noqa: N818
    """Say which version you are changing."""

    slug = "version-needed"


class TooManyRequests(ServiceError):  # noqa: N818
    """Slow down."""

    slug = "too-many-requests"


#: Looked up along an error's bases, so that a leaf has its kind's status unless it has its own.
STATUSES: dict[type[ServiceError], int] = {
    BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Refused: 409,
    Gone: 410,
    Stale: 412,
    errors.TooLarge: 413,
    errors.Unsupported: 415,
    errors.Unreadable: 422,
    VersionNeeded: 428,
    TooManyRequests: 429,
    errors.Busy: 503,
    errors.UpstreamUnavailable: 503,
    ServiceError: 500,
}
HEADERS = {
    401: {"WWW-Authenticate": 'Bearer realm="muster"'},
    429: {"Retry-After": "5"},
    503: {"Retry-After": "5"},
}
_UNIQUE_VIOLATION = "23505"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Problem(BaseModel):
    """What went wrong (RFC 9457); problems of some types have more fields."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="stable; ends in the problem's short name")
    title: str
    status: int
    detail: str = Field(description="what happened and what to do next")
    instance: str = Field(description="path of the request")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare a route's problems: ``responses=problems(404, 409)``."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def status_of(error: ServiceError) -> int:
    """Give the HTTP status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(request: Request, error: ServiceError) -> JSONResponse:
    """Answer with an error that has a name."""
    status = status_of(error)
    retry = error.members.get("retry_after")
    headers = {"Retry-After": str(retry)} if retry is not None else None
    return answer(request, status, error.slug, error.title(), error.detail, members=error.members, headers=headers)


def answer(
    request: Request,
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Write a problem. Its type starts with the public address where that is configured."""
    public_url = request.app.state.settings.public_url or ""
    body = {
        **(members or {}),
        "type": f"{public_url.rstrip('/')}/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
    }
    all_headers = {**HEADERS.get(status, {}), **(headers or {})}
    return _ProblemResponse(body, status, headers=all_headers)


class _ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - as the original
        # Problems quote what was sent, be it characters that no encoding has.
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def install(app: FastAPI) -> None:
    """Let *app* answer every error as a problem."""
    handlers: dict[type[Exception], object] = {
        ServiceError: problem_of,
        RequestValidationError: _invalid,
        HTTPException: _from_framework,
        exc.OperationalError: _database_away,
        exc.InterfaceError: _database_away,
        exc.TimeoutError: _database_away,
        exc.DataError: _unstorable,
        UnicodeEncodeError: _unwritable,
        exc.IntegrityError: _not_alone,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, cast("ExceptionHandler", handler))


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem_of(request, BadRequest("The body is not JSON."))
    listed = [_pointed(one["loc"], one["msg"]) for one in found]
    detail = "; ".join(f"{one['pointer'] or one['in']}: {one['detail']}" for one in listed[:3])
    return answer(request, 422, "invalid", "The request does not fit", detail, members={"errors": listed})


def _pointed(location: Sequence[str | int], message: str) -> dict[str, str]:
    """Say where the fault is: the part of the request, and a JSON pointer into it (RFC 6901)."""
    part, *path = (str(step) for step in location)
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
    return {"in": part, "pointer": pointer, "detail": message}


def _from_framework(request: Request, error: HTTPException) -> JSONResponse:
    """Answer for what the framework itself refuses: no such route, no such method, a body that is too large."""
    phrase = HTTPStatus(error.status_code).phrase
    slug = phrase.lower().replace(" ", "-")
    if error.status_code == status_of(errors.TooLarge("")):  # the phrase has changed with the years
        slug, phrase = errors.TooLarge.slug, errors.TooLarge.title()
    detail = error.detail if error.detail != phrase else f"{request.method} {request.url.path}: {phrase.lower()}."
    allowed = {"Allow": ", ".join(_methods_at(request))} if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else None
    return answer(request, error.status_code, slug, phrase, detail, headers=allowed or error.headers)


def _methods_at(request: Request) -> list[str]:
    """List what may be done here; the framework names only the methods of the first route that has this path."""
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    routes = request.app.routes
    found = [name for name, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]
    return found + ["HEAD"] * ("GET" in found)


def _database_away(request: Request, error: exc.SQLAlchemyError) -> JSONResponse:
    # Deadlocks, serialization failures, lock and statement timeouts arrive here as well: all pass with time.
    log.warning("database", error=type(error).__name__, cause=str(getattr(error, "orig", error)).strip())
    return problem_of(request, errors.Busy("The database does not answer right now; try again shortly."))


def _unstorable(request: Request, error: exc.DataError) -> JSONResponse:
    """Answer for text and numbers that PostgreSQL cannot hold, such as NUL characters."""
    log.info("unstorable", cause=str(error.orig).strip())
    return problem_of(request, errors.Unreadable("A value is out of range or has characters that cannot be stored."))


def _unwritable(request: Request, error: UnicodeEncodeError) -> JSONResponse:
    """Answer for halves of surrogate pairs, which JSON can escape and no encoding can write."""
    if not "\ud800" <= error.object[error.start] <= "\udfff":
        return _unexpected(request, error)
    return problem_of(request, errors.Unreadable("A text has half of a surrogate pair in it, which is no character."))


def _not_alone(request: Request, error: exc.IntegrityError) -> JSONResponse:
    """Answer for a race that a unique constraint decided; any other broken constraint is a fault of ours."""
    if getattr(error.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
        return _unexpected(request, error)
    return problem_of(request, errors.Conflict("Somebody else did the same at this moment; look again."))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    request_id = request.scope.get("request_id", "")
    log.error("unexpected", request_id=request_id, exc_info=error)
    detail = "Something unexpected happened; the log has it under the request id."
    # This answer is written outside of the middleware that gives every other its id.
    headers = {"X-Request-Id": request_id}
    members = {"request_id": request_id}
    return answer(request, 500, "internal", "Unexpected error", detail, members=members, headers=headers)
