"""``/v1/changes``: the feed that integrations read, waiting for what is new if they like."""

import asyncio
from dataclasses import replace
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import ColumnElement, Engine
from starlette.concurrency import run_in_threadpool

from service.access.roles import Actor
from service.access.visibility import Sight, sight_of
from service.api.cursors import Cursors
from service.api.deps import After, Limit, may, seen_in
from service.api.problems import Gone, problems
from service.api.schemas import Answer
from service.changes.reading import Changes, Filter, Forgotten, changes_after, last_seq
from service.db import reading
from service.incidents.feed_sight import changes_seen
from service.inventory.products import find_product, names_of

router = APIRouter(prefix="/v1/changes", tags=["changes"])

#: How often waiting requests look, all of them together; one look costs one row.
_LOOK_EVERY_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 60
SNAPSHOT = "/v1/changes:snapshot"


class ChangeOut(Answer):
    """Something that happened; `event_id` tells repetitions apart."""

    seq: int
    event_id: UUID
    type: str
    at: datetime
    incident: str | None
    exposure: str | None
    product: str | None
    team: str | None
    data: dict[str, Any]


class ChangePage(Answer):
    """Part of the feed; `next` is always there and goes back as ``after=``."""

    items: list[ChangeOut]
    next: str
    has_more: bool


@router.get("", responses=problems(404, 410))
async def index(
    request: Request,
    actor: Annotated[Actor, Depends(may("read_changes"))],
    after: After = None,
    limit: Limit = 50,
    wait: Annotated[int, Query(ge=0, le=_LONGEST_WAIT_SECONDS, description="seconds to wait for something new")] = 0,
    types: Annotated[str | None, Query(description="comma-separated; absent: all")] = None,
    team: Annotated[str | None, Query(description="what this team has, or had until then")] = None,
    product: Annotated[str | None, Query(description="a slug; also what it was called before")] = None,
    incident: Annotated[str | None, Query(description="`INC-7`, with its exposures")] = None,
) -> ChangePage:
    """Read changes after a cursor, in order, at least once. A cursor that is too old is answered with 410."""
    cursors: Cursors = request.app.state.cursors
    seq = int(cursors.read("changes", after)[0]) if after else 0
    named = {name.strip() for name in types.split(",")} if types else None
    look = _Look(request, sight_of(actor), Filter(named, team, incident=incident), product, limit)
    found = await run_in_threadpool(look, seq)
    deadline = asyncio.get_running_loop().time() + wait
    while not found.items and not found.has_more and asyncio.get_running_loop().time() < deadline:
        newest = await _newest(request).after(found.last)  # without a connection
        if await request.is_disconnected():
            break
        if newest > found.last:
            found = await run_in_threadpool(look, found.last)
    items = [ChangeOut.model_validate(change) for change in found.items]
    return ChangePage(items=items, next=cursors.write("changes", found.last), has_more=found.has_more)


class _Look:
    """One reader's look at the feed."""

    def __init__(self, request: Request, sight: Sight, wanted: Filter, product: str | None, limit: int) -> None:
        self._engine = seen_in(request)
        self._seen: list[ColumnElement[bool]] = list(changes_seen(sight, team=wanted.team))
        self._wanted, self._product, self._limit = wanted, product, limit

    def __call__(self, seq: int) -> Changes:
        """Give what comes after a number."""
        with reading(self._engine) as session:
            wanted = self._wanted
            if self._product is not None:
                wanted = replace(wanted, products=names_of(session, find_product(session, self._product).id))
            try:
                return changes_after(session, seq, limit=self._limit, wanted=wanted, seen=self._seen)
            except Forgotten as error:
                raise Gone(error.detail, snapshot=SNAPSHOT) from error


class Newest:
    """The newest number, looked up once for all who wait in this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock = engine, Lock()
        self._seq, self._looked_at = 0, 0.0

    async def after(self, seq: int) -> int:
        """Wait for the next look, and give what it found."""
        if self._seq <= seq:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        return self._seq if self._is_fresh() else await run_in_threadpool(self._look)

    def _is_fresh(self) -> bool:
        return monotonic() - self._looked_at < _LOOK_EVERY_SECONDS / 2

    def _look(self) -> int:
        with self._lock:
            if not self._is_fresh():  # whoever came before may have looked
                with reading(self._engine) as session:
                    self._seq, self._looked_at = last_seq(session), monotonic()
            return self._seq


def _newest(request: Request) -> Newest:
    state = request.app.state
    if not hasattr(state, "newest_change"):
        state.newest_change = Newest(state.read_engine)
    newest: Newest = state.newest_change
    return newest
