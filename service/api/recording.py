"""Nothing is written and nothing is carried out in bulk without a row in the record.

The rooms record what they do, in the transaction in which they do it. This is the net beneath: a request that changes
things, or a route that is marked as an export, and that succeeded without a row of its own, gets one before its answer
leaves. A route that is forgotten is thus recorded all the same, by its path.
"""

from urllib.parse import unquote

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.audit import record
from service.access.visits import admitted, exported_in, mark_export, mark_reading, owes_record
from service.db import writing
from service.log import logger

log = logger("api")

_SUCCESS = range(200, 400)
_LONGEST_VALUE = 500


class exports:  # noqa: N801 - reads as a word: Depends(exports("sbom"))
    """Marks a route by which much leaves at once: ``dependencies=[Depends(exports("sbom"))]``. It is recorded."""

    def __init__(self, what: str) -> None:
        self.what = what

    async def __call__(self, request: Request) -> None:
        """Keep for the record what leaves."""
        mark_export(request.scope, self.what)


async def reads_only(request: Request) -> None:
    """Mark a route that changes nothing although it is no GET: ``dependencies=[Depends(reads_only)]``."""
    mark_reading(request.scope)


class Recorded:
    """ASGI middleware: writes the row that a room did not."""

    def __init__(self, app: ASGIApp, of: FastAPI) -> None:
        self._app, self._of = app, of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer once it is recorded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _SUCCESS and owes_record(scope):
                await run_in_threadpool(_record, self._of, scope)
            await send(message)

        await self._app(scope, receive, send_recorded)


def _record(app: FastAPI, scope: Scope) -> None:
    actor, exported = admitted(scope), exported_in(scope)
    if actor is None:
        return
    action = f"{exported}.export" if exported else f"{scope['method']} {getattr(scope.get('route'), 'path', 'none')}"
    asked = QueryParams(scope["query_string"]) if exported else QueryParams()
    detail = {name: _storable(value) for name, value in asked.items()}
    engine: Engine = app.state.engine
    try:
        with writing(engine) as session:
            record(session, actor, action, _storable(unquote(scope["path"])), detail, now=app.state.clock())
    except SQLAlchemyError:
        # What was done is done; that it is missing from the record must not be missing from the log.
        log.exception("not recorded", actor=actor.name, action=action, path=scope["path"])


def _storable(value: str) -> str:
    return value[:_LONGEST_VALUE].encode(errors="replace").decode().replace("\0", "")
