"""``/v1/webhooks/{id}/deliveries``: what was sent and what came of it; sent again, or as a test."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from service.access import audit
from service.api.deps import Configured, CurrentActor, Listing, Now, Primary, Read, Write, listing, may
from service.api.problems import problems
from service.api.schemas import Answer, AwareInstant, Body, Page
from service.db import ReadSession, reading, writing
from service.feedback import delivering, replaying
from service.feedback.models import Delivery
from service.feedback.outlet import outlet_of
from service.feedback.webhooks import find_webhook, refuse_disabled, webhook_name

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[Depends(may("manage_webhooks"))])

State = Literal["waiting", "delivered", "dead"]


class AttemptOut(Answer):
    """One try: what the receiver answered, or why it did not."""

    at: datetime
    duration_ms: int
    status: int | None
    reason: str = Field(examples=["delivered", "answered 500", "no answer within 20 s"])
    response: str = Field(description="the first kilobyte of the answer's body")


class DeliveryOut(Answer):
    """A change on its way to a webhook."""

    event_id: UUID = Field(description="the `webhook-id` it is sent with")
    seq: int | None = Field(description="the change's number; null for a test")
    type: str
    at: datetime
    incident: str | None
    exposure: str | None
    state: str = Field(
        description="waiting, delivered, or dead: it has had its ten attempts, or the receiver wants no more"
    )
    due_at: datetime | None = Field(description="the next attempt")
    finished_at: datetime | None
    attempts: list[AttemptOut]


class DeliveryPage(Page[DeliveryOut]):
    """Deliveries, the newest first."""


class ReplayIn(Body):
    """What to send again: a range by number or by time, or what failed."""

    after: int | None = Field(None, ge=0, description="changes with a greater number")
    upto: int | None = Field(None, ge=0, description="changes up to this number")
    since: AwareInstant | None = Field(None, strict=False)
    until: AwareInstant | None = Field(None, strict=False)
    only_failed: bool = Field(False, description="dead letters alone")


class ReplayOut(Answer):
    """How much will be sent."""

    deliveries: int


@router.get("/{webhook}/deliveries", responses=problems(404))
def index(
    webhook: str,
    session: Read,
    place: Annotated[Listing, Depends(listing("deliveries"))],
    state: Annotated[State | None, Query()] = None,
) -> DeliveryPage:
    """List deliveries with every attempt, the newest first. Those that ended are kept for 30 days."""
    row = find_webhook(session, webhook)
    before = place.after(None)
    rows = replaying.list_deliveries(session, row.id, state=state, before=before, limit=place.limit + 1)
    page, following = place.cut(rows, lambda delivery: delivery.id)
    return DeliveryPage(items=_shapes(session, page), next=following)


@router.post("/{webhook}:replay", responses=problems(404, 409, 413, 422))
def replay(webhook: str, body: ReplayIn, session: Write, actor: CurrentActor, now: Now) -> ReplayOut:
    """Send again, under the same `webhook-id`; what it never heard of in the range is among it."""
    row = find_webhook(session, webhook, lock=True)
    refuse_disabled(row)
    count = replaying.replay(session, row, replaying.Range(**body.model_dump()), now=now)
    said = body.model_dump(mode="json", exclude_none=True)
    audit.record(session, actor, "webhook.replay", webhook_name(row.id), said, now=now)
    return ReplayOut(deliveries=count)


@router.post("/{webhook}:test", responses=problems(404, 409))
def test(
    webhook: str, request: Request, engine: Primary, settings: Configured, actor: CurrentActor, now: Now
) -> DeliveryOut:
    """Send a `webhook.test` now, once, and answer with what came of it; a disabled webhook can be tested too."""
    outlet = outlet_of(settings)
    with writing(engine) as session:
        row = find_webhook(session, webhook)
        parcel = delivering.hold(session, replaying.make_test(row, now=now), now=now)
        audit.record(session, actor, "webhook.test", webhook_name(row.id), now=now)
    delivering.deliver(engine, outlet, parcel, clock=request.app.state.clock)
    with reading(engine) as session:
        return _shapes(session, [session.get_one(Delivery, parcel.delivery.id)])[0]


def _shapes(session: ReadSession, rows: Sequence[Delivery]) -> list[DeliveryOut]:
    log = replaying.attempts_of(session, [row.id for row in rows])
    return [
        DeliveryOut(
            event_id=row.event_id,
            seq=row.seq,
            type=row.type,
            at=row.at,
            incident=row.incident,
            exposure=row.exposure,
            state=row.state,
            due_at=row.due_at if row.state == "waiting" else None,
            finished_at=row.finished_at,
            attempts=[AttemptOut.model_validate(attempt) for attempt in log.get(row.id, [])],
        )
        for row in rows
    ]
