"""What the routes of this room ask for: the time, the database, who acts.

All from the primary database: tools ask about what they sent a moment ago, which a replica may not have yet.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine

from service.access.keys import authenticate
from service.access.roles import Actor, Permission
from service.access.visits import admit, mark_reading, sight_in
from service.db import ReadSession, reading, writing
from service.errors import Unauthenticated
from service.incidents.seeing import seen_by
from service.inventory.bindings import with_bindings
from service.sbom.signatures import TrustedKey
from service.settings import Settings

_bearer = HTTPBearer(auto_error=False, description="an API key: mst_…")
_header = APIKeyHeader(name="X-Api-Key", auto_error=False, description="the same key, as other tools send it")


async def _now(request: Request) -> datetime:
    now: datetime = request.app.state.clock()
    return now


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def _trusted(request: Request) -> tuple[TrustedKey, ...]:
    trusted: tuple[TrustedKey, ...] = request.app.state.trusted
    return trusted


async def _seen(request: Request) -> Engine:
    return seen_by(request.app.state.engine, lambda: sight_in(request.scope))


async def _asks(request: Request) -> None:
    mark_reading(request.scope)


def _read(request: Request) -> Iterator[ReadSession]:
    with reading(seen_by(request.app.state.engine, lambda: sight_in(request.scope))) as session:
        yield session


Now = Annotated[datetime, Depends(_now)]
Configured = Annotated[Settings, Depends(_settings)]
Primary = Annotated[Engine, Depends(_engine)]
#: For what reads and then works on for long.
Source = Annotated[Engine, Depends(_seen)]
#: A route that changes nothing, although it is no GET.
asks_only = Depends(_asks)
#: Keys whose signatures on SBOMs are believed.
Trusted = Annotated[tuple[TrustedKey, ...], Depends(_trusted)]
Read = Annotated[ReadSession, Depends(_read, scope="function")]


def _actor(
    request: Request,
    engine: Primary,
    now: Now,
    header: Annotated[str | None, Security(_header)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Actor:
    token = header or (bearer.credentials if bearer else "")
    if not token:
        raise Unauthenticated("Send an API key as `X-Api-Key: mst_…` or `Authorization: Bearer mst_…`.")
    with writing(engine) as session:
        return admit(request.scope, with_bindings(session, authenticate(session, token.strip(), now=now)))


class needs:  # noqa: N801 - reads as a word: Depends(needs("upload"))
    """A route's permission, for the walk through all routes as for the request itself."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, actor: Annotated[Actor, Depends(_actor)]) -> Actor:
        """Let the actor pass, or answer 403."""
        actor.require(self.permission)
        return actor


Uploader = Annotated[Actor, Depends(needs("upload"))]
Asker = Annotated[Actor, Depends(needs("read_answer"))]
Manager = Annotated[Actor, Depends(needs("manage_products"))]
