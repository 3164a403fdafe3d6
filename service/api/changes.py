"""``/v1/changes``: the feed that integrations read, waiting for what is new if they like."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from service.api.cursors import Cursors
from service.api.deps import After, Limit, may
from service.api.problems import Gone, problems
from service.api.schemas import Answer
from service.changes.reading import Changes, Forgotten, changes_after, last_seq
from service.db import reading

router = APIRouter(prefix="/v1/changes", tags=["changes"])

#: How often a waiting request looks, and for how long at most. Looking costs one row.
_LOOK_EVERY_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 60


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


@router.get("", dependencies=[Depends(may("read_changes"))], responses=problems(410))
async def index(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    wait: Annotated[int, Query(ge=0, le=_LONGEST_WAIT_SECONDS, description="seconds to wait for something new")] = 0,
    types: Annotated[str | None, Query(description="comma-separated; absent: all")] = None,
) -> ChangePage:
    """Read changes after a cursor, in order, at least once."""
    cursors: Cursors = request.app.state.cursors
    seq = int(cursors.read("changes", after)[0]) if after else 0
    wanted = {name.strip() for name in types.split(",")} if types else None
    found = await run_in_threadpool(_look, request, seq, limit, wanted)
    deadline = asyncio.get_running_loop().time() + wait
    while not found.items and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)  # without a connection
        if await request.is_disconnected():
            break
        if await run_in_threadpool(_newest, request) > found.last:
            found = await run_in_threadpool(_look, request, found.last, limit, wanted)
    items = [ChangeOut.model_validate(change) for change in found.items]
    return ChangePage(items=items, next=cursors.write("changes", found.last), has_more=found.has_more)


def _look(request: Request, seq: int, limit: int, types: set[str] | None) -> Changes:
    with reading(request.app.state.read_engine) as session:
        try:
            return changes_after(session, seq, limit=limit, types=types)
        except Forgotten as error:
            raise Gone(error.detail) from error


def _newest(request: Request) -> int:
    with reading(request.app.state.read_engine) as session:
        return last_seq(session)
