"""``/v1/exposures:batch``: many steps in one transaction, each with its own outcome."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi import Request as HttpRequest
from pydantic import Field
from sqlalchemy import select

from service.access import audit
from service.access.roles import Actor
from service.access.visibility import sight_of
from service.access.visits import mark_reading
from service.api.deps import Now, Write, may
from service.api.exposures import StepIn
from service.api.incidents import ExposureStatus
from service.api.problems import status_of
from service.api.schemas import Answer, Body
from service.db import WriteSession, any_of
from service.errors import NotFound, ServiceError
from service.incidents.lifecycle import Outcome, Request, take_transitions
from service.incidents.locking import seen_among
from service.incidents.models import Exposure
from service.incidents.representing import number_of

router = APIRouter(tags=["exposures"])

_MOST = 500


class ItemIn(StepIn):
    """A step of one exposure."""

    exposure: str = Field(examples=["EXP-41"])
    version: int | None = Field(None, description="of the exposure that was looked at; another one refuses the item")


class BatchIn(Body):
    """Steps to take together."""

    items: list[ItemIn] = Field(min_length=1, max_length=_MOST)
    atomic: bool = Field(False, description="all of them or none")
    dry_run: bool = Field(False, description="only say what would become of each")


class RefusalOut(Answer):
    """Why an item was not done: what the problem of a single call would say."""

    type: str = Field(description="short name of the problem, as in its `type`", examples=["step-refused"])
    title: str
    status: int
    detail: str


class ItemOut(Answer):
    """What became of an item."""

    exposure: str
    result: Literal["ok", "refused"]
    step: str | None = Field(description="the step that was taken; `proposed` where it waits for a second person")
    status: ExposureStatus | None = Field(description="the exposure's status now")
    version: int | None
    problem: RefusalOut | None


class BatchOut(Answer):
    """What became of each item, in the order that was sent."""

    items: list[ItemOut]
    ok_count: int
    refused_count: int
    dry_run: bool


@router.post("/v1/exposures:batch")
def batch(
    body: BatchIn, request: HttpRequest, session: Write, actor: Annotated[Actor, Depends(may("claim_fix"))], now: Now
) -> BatchOut:
    """Take up to 500 steps. Each item is judged by itself, as a single call would be, and costs no statement more."""
    ids = [_number(item.exposure) for item in body.items]
    seen = seen_among(session, sight_of(actor), {id_ for id_ in ids if id_})
    requests = [
        Request(id_ if id_ in seen else 0, item.as_decision(), item.version)
        for id_, item in zip(ids, body.items, strict=True)
    ]
    outcomes = take_transitions(session, requests, actor=actor, now=now, atomic=body.atomic, dry_run=body.dry_run)
    stand = _stand(session, outcomes)
    items = [_item(stand, item, outcome) for item, outcome in zip(body.items, outcomes, strict=True)]
    if body.dry_run:
        mark_reading(request.scope)
    else:
        _record(session, actor, body, items, now=now)
    refused = sum(item.problem is not None for item in items)
    return BatchOut(items=items, ok_count=len(items) - refused, refused_count=refused, dry_run=body.dry_run)


def _number(name: str) -> int:
    """Read an id; what is none is there for nobody, like what this key may not see."""
    try:
        return number_of(name, "EXP")
    except NotFound:
        return 0


def _stand(session: WriteSession, outcomes: Iterable[Outcome]) -> dict[int, tuple[str, int]]:
    """Read how exposures stand now, all at once: (status, version)."""
    ids = any_of(outcome.exposure_id for outcome in outcomes if outcome.refusal is None)
    rows = session.execute(select(Exposure.id, Exposure.status, Exposure.version).where(Exposure.id == ids))
    return {id_: (status, version) for id_, status, version in rows}


def _item(stand: Mapping[int, tuple[str, int]], item: ItemIn, outcome: Outcome) -> ItemOut:
    if outcome.refusal is not None:
        problem = _problem(item, outcome.refusal)
        return ItemOut(exposure=item.exposure, result="refused", step=None, status=None, version=None, problem=problem)
    status, version = stand[outcome.exposure_id]
    known: ExposureStatus = status  # type: ignore[assignment]  # the table's constraint holds it
    return ItemOut(exposure=item.exposure, result="ok", step=outcome.step, status=known, version=version, problem=None)


def _problem(item: ItemIn, refusal: ServiceError) -> RefusalOut:
    there = not isinstance(refusal, NotFound)
    detail = refusal.detail if there else f"There is no exposure {item.exposure}."
    return RefusalOut(type=refusal.slug, title=refusal.title(), status=status_of(refusal), detail=detail)


def _record(session: WriteSession, actor: Actor, body: BatchIn, done: list[ItemOut], *, now: datetime) -> None:
    """Write one row for each exposure that was touched, as single calls do."""
    for item, shown in zip(body.items, done, strict=True):
        if shown.problem is None:
            detail = item.model_dump(mode="json", exclude_none=True, exclude={"exposure"})
            audit.record(session, actor, "exposure.transition", item.exposure.upper(), detail, now=now)
