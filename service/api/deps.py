"""What routes ask for: sessions, the time, who acts, the place in a list.

A session's exit runs before the answer leaves (``scope="function"``): a commit that fails must not hide behind a 201.
Nothing is retried here; a transaction that lost a race answers 503 and the client sends it again.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Header, Path, Query, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from service.access.keys import authenticate
from service.access.roles import Actor, Permission
from service.access.visibility import Sight
from service.access.visits import SAFE, admit, sight_in
from service.api.cursors import Cursors
from service.api.problems import BadRequest, Stale, VersionNeeded
from service.db import ReadSession, WriteSession, reading, writing
from service.errors import Unauthenticated
from service.incidents.seeing import LIMITED, require_seen, seen_by
from service.inventory.bindings import with_bindings
from service.settings import Settings

Row = TypeVar("Row")

# What neither waits nor works is async: that spares it the trip through a thread.

# --- time, settings, sessions ----------------------------------------------------------------------------------------


async def _now(request: Request) -> datetime:
    now: datetime = request.app.state.clock()
    return now


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def seen_in(request: Request) -> Engine:
    """Give the engine for reading as whoever sends this request sees it; before that is known, little is."""
    return seen_by(request.app.state.read_engine, lambda: sight_in(request.scope))


async def _read_engine(request: Request) -> Engine:
    return seen_in(request)


def _read_session(request: Request) -> Iterator[ReadSession]:
    with reading(seen_in(request)) as session:
        yield session


def _write_session(request: Request) -> Iterator[WriteSession]:
    with writing(request.app.state.engine) as session:
        yield session


Now = Annotated[datetime, Depends(_now)]
#: For the flows, which open their own transactions. A `Write` beside it takes no connection before it is used.
Primary = Annotated[Engine, Depends(_engine)]
#: For what reads, and then works on for long: it must give the connection back before.
Source = Annotated[Engine, Depends(_read_engine)]
Configured = Annotated[Settings, Depends(_settings)]
Read = Annotated[ReadSession, Depends(_read_session, scope="function")]
Write = Annotated[WriteSession, Depends(_write_session, scope="function")]

# --- who acts --------------------------------------------------------------------------------------------------------

_bearer = HTTPBearer(auto_error=False, description="an API key: mst_…")
_header = APIKeyHeader(name="X-Api-Key", auto_error=False, description="the same key, as other tools send it")


def _actor(
    request: Request,
    now: Now,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
) -> Actor:
    token = bearer.credentials if bearer else header
    if not token:
        raise Unauthenticated("Send an API key as `Authorization: Bearer mst_…`.")
    # A transaction of its own, over before the route's begins: no request holds two connections.
    with writing(request.app.state.engine) as session:
        return admit(request.scope, with_bindings(session, authenticate(session, token, now=now)))


CurrentActor = Annotated[Actor, Depends(_actor)]


class may:  # noqa: N801 - reads as a word: Depends(may("read"))
    """A route's permission: ``dependencies=[Depends(may("read"))]``. A test refuses routes without one."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request, actor: CurrentActor) -> Actor:
        """Let the actor pass, or answer 403; what it may not see is not there for it."""
        actor.require(self.permission)
        sight = sight_in(request.scope)
        if request.method not in SAFE and not sight.unlimited and not LIMITED.isdisjoint(request.path_params):
            # What is only read is limited by itself.
            await run_in_threadpool(_require_seen, request, sight)
        return actor


def _require_seen(request: Request, sight: Sight) -> None:
    with reading(request.app.state.engine) as session:
        require_seen(session, sight, request.path_params)


def permissions_of(app: FastAPI) -> Iterator[tuple[str, str, set[str]]]:
    """Walk all routes: (methods, path, permissions that one of its dependencies asks for)."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        methods = ",".join(sorted(getattr(route, "methods", None) or ()))
        found = _asked_for(route.dependant) if isinstance(route, APIRoute) else set()
        yield methods, str(context.path), found


def _asked_for(dependant: Dependant) -> set[str]:
    # By its name, not its class: other doors have a `may` of their own.
    permission: str | None = getattr(dependant.call, "permission", None)
    own = {permission} if permission else set[str]()
    return own.union(*(_asked_for(child) for child in dependant.dependencies))


# --- lists -----------------------------------------------------------------------------------------------------------

Limit = Annotated[int, Query(ge=1, le=500, description="rows in one answer")]
After = Annotated[str | None, Query(max_length=2000, description="`next` of the answer before")]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Listing:
    """The place in one list: ``Annotated[Listing, Depends(listing("products"))]``."""

    def __init__(self, name: str, cursors: Cursors, after: str | None, limit: int) -> None:
        self.limit = limit
        self._name, self._cursors = name, cursors
        self.position: list[Any] = cursors.read(name, after) if after else []

    def after(self, start: Row) -> Row:
        """Give the single value to go on after, or *start* at the beginning."""
        value: Row = self.position[0] if self.position else start
        return value

    def write(self, *position: str | int | None) -> str:
        """Write `next` for the row at a position of several values."""
        return self._cursors.write(self._name, *position)

    def cut(self, rows: Sequence[Row], position: Callable[[Row], str | int]) -> tuple[Sequence[Row], str | None]:
        """Divide rows, of which one more than `limit` was asked for, into the page and `next`."""
        if len(rows) <= self.limit:
            return rows, None
        page = rows[: self.limit]
        return page, self._cursors.write(self._name, position(page[-1]))


def listing(name: str) -> Callable[..., Awaitable[Listing]]:
    """Make the dependency that reads ``after`` and ``limit`` of the list *name*."""

    async def read(request: Request, after: After = None, limit: Limit = 50) -> Listing:
        return Listing(name, request.app.state.cursors, after, limit)

    return read


# --- versions --------------------------------------------------------------------------------------------------------

IfMatch = Annotated[str | None, Header(alias="If-Match", description="the ETag of the version being changed")]


def etag(version: int) -> str:
    """Write a version as a strong ETag."""
    return f'"{version}"'


def check_version(if_match: str | None, version: int) -> None:
    """Compare If-Match with the version at hand (RFC 9110, RFC 6585).

    Raises:
        VersionNeeded: The header is missing.
        Stale: It names another version.
        BadRequest: It is not an ETag.
    """
    if if_match is None:
        raise VersionNeeded("Send the ETag you read as If-Match, so that nobody's change is lost.")
    tags = [tag.strip() for tag in if_match.split(",")]
    if not all(tag == "*" or (len(tag) > 1 and tag[0] == tag[-1] == '"') for tag in tags):
        raise BadRequest("If-Match takes ETags as they came, in double quotes.")
    if "*" not in tags and etag(version) not in tags:
        raise Stale("Read it again and apply your change to what is there now.", version=version)
