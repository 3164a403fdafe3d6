"""Deliveries on their way: taken under a lease, sent outside of any transaction, and noted.

At least once: whoever dies between sending and noting leaves a lease that runs out, and the same `webhook-id` is sent
again. A slow receiver holds no other up, since each has only so many places at once, and one while it fails.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import Final

from sqlalchemy import Engine, Select, and_, case, func, insert, or_, select, update

from service.access.vault import Locked, Vault
from service.changes.writing import NewChange, record_changes
from service.db import Lock, WriteSession, any_of, writing
from service.feedback.keyring import keys_of, open_keys
from service.feedback.models import Attempt, Delivery, Webhook, WebhookSecret
from service.feedback.payloads import body_of
from service.feedback.schedule import PATIENCE, WAITS, Meaning, Reply, hold_of, meaning_of, reason_of, wait_before
from service.feedback.signing import headers_of
from service.feedback.webhooks import webhook_name

#: Longer than an attempt takes, a slow resolver included.
LEASE: Final = timedelta(minutes=1)
#: Deliveries to one webhook at once; while it fails, one.
AT_ONCE: Final = 4
#: A success is written on the webhook this often.
_SUCCESS_NOTED_EVERY = timedelta(minutes=1)

#: Sends a body with headers to an address: `guarded_client.post`, with its guard.
Post = Callable[[str, bytes, Mapping[str, str]], Reply]


@dataclass(frozen=True)
class Outlet:
    """What sending needs from outside."""

    vault: Vault
    post: Post
    public_url: str = ""


@dataclass(frozen=True)
class Parcel:
    """A delivery that we hold, its webhook, and what signs it."""

    delivery: Delivery
    webhook: Webhook
    keys: Sequence[WebhookSecret]


def take(session: WriteSession, most: int, *, now: datetime) -> list[Parcel]:
    """Take deliveries that are due, of every webhook as many as it has places for, and hold them for `LEASE`."""
    # Takers go one by one, so that the places of a webhook are counted right.
    session.execute(select(func.pg_advisory_xact_lock(Lock.TAKING_DELIVERIES)))
    ids = session.scalars(_due(now).limit(most)).all()
    if not ids:
        return []
    held = update(Delivery).where(Delivery.id == any_of(ids)).returning(Delivery)
    taken = session.scalars(
        held.values(locked_until=now + LEASE, attempts=Delivery.attempts + 1),
        execution_options={"populate_existing": True},
    ).all()
    return _parcels(session, sorted(taken, key=lambda delivery: (delivery.due_at, delivery.id)), now)


def hold(session: WriteSession, delivery: Delivery, *, now: datetime) -> Parcel:
    """Hold a delivery that was just made, for its one and only attempt."""
    delivery.locked_until, delivery.attempts = now + LEASE, len(WAITS)
    session.add(delivery)
    session.flush()  # its id goes into the log
    return _parcels(session, [delivery], now)[0]


def deliver(engine: Engine, outlet: Outlet, parcel: Parcel, *, clock: Callable[[], datetime]) -> None:
    """Send a delivery that is held, and note what came of it."""
    began_at = clock()
    reply = _send(outlet, parcel, began_at)
    with writing(engine) as session:
        note(session, parcel, reply, began_at=began_at, now=clock())


def note(session: WriteSession, parcel: Parcel, reply: Reply, *, began_at: datetime, now: datetime) -> None:
    """Write down an attempt and what follows; an attempt whose lease was lost is logged, and decides nothing."""
    delivery = session.get(Delivery, parcel.delivery.id, with_for_update=True, populate_existing=True)
    if delivery is None:
        return  # the webhook is gone
    session.execute(insert(Attempt).values(_attempt(delivery.id, reply, began_at, now)))
    if delivery.attempts != parcel.delivery.attempts or delivery.state != "waiting":
        return
    delivery.locked_until = None
    match meaning_of(reply):
        case Meaning.DELIVERED:
            _end(delivery, "delivered", now)
            _note_success(session, delivery.webhook_id, now)
        case Meaning.GONE:
            _end(delivery, "dead", now)
            disable(session, delivery.webhook_id, reason_of(reply), now=now)
        case Meaning.AGAIN:
            _put_off(delivery, reply, now)
            _note_failure(session, delivery.webhook_id, reply, now)


def disable(session: WriteSession, webhook_id: int, reason: str, *, now: datetime) -> None:
    """Send nothing to a webhook any more, and let it be known. What waits for it stays."""
    webhook = session.scalar(
        update(Webhook)
        .where(Webhook.id == webhook_id, Webhook.enabled)
        .values(enabled=False, disabled_at=now, disabled_reason=reason, version=Webhook.version + 1)
        .returning(Webhook)
    )
    if webhook is not None:
        data = {"id": webhook_name(webhook.id), "url": webhook.url, "reason": reason}
        record_changes(session, NewChange("webhook.disabled", at=now, data=data))


def _due(now: datetime) -> Select[int]:
    """Select what may be sent now: the first of every webhook before the second of any."""
    busy = (
        select(func.count())
        .where(Delivery.webhook_id == Webhook.id, Delivery.locked_until > now, Delivery.state == "waiting")
        .correlate(Webhook)
        .scalar_subquery()
    )
    free = or_(Delivery.locked_until.is_(None), Delivery.locked_until <= now)
    first = (
        select(Delivery.id, Delivery.due_at, func.row_number().over(order_by=(Delivery.due_at, Delivery.id)).label("n"))
        .where(Delivery.webhook_id == Webhook.id, Delivery.state == "waiting", Delivery.due_at <= now, free)
        .order_by(Delivery.due_at, Delivery.id)
        .limit(AT_ONCE)
        .correlate(Webhook)
        .lateral("first")
    )
    places = case((Webhook.failing_since.is_(None), AT_ONCE), else_=1)
    open_ = and_(Webhook.enabled, or_(Webhook.held_until.is_(None), Webhook.held_until <= now))
    return (
        select(first.c.id)
        .select_from(Webhook)
        .join(first, first.c.n <= places - busy)
        .where(open_)
        .order_by(first.c.n, first.c.due_at, first.c.id)
    )


def _parcels(session: WriteSession, deliveries: Sequence[Delivery], now: datetime) -> list[Parcel]:
    wanted = {delivery.webhook_id for delivery in deliveries}
    webhooks = {row.id: row for row in session.scalars(select(Webhook).where(Webhook.id == any_of(wanted)))}
    keys = keys_of(session, wanted, now=now)
    return [Parcel(one, webhooks[one.webhook_id], keys.get(one.webhook_id, [])) for one in deliveries]


def _send(outlet: Outlet, parcel: Parcel, now: datetime) -> Reply:
    delivery, webhook = parcel.delivery, parcel.webhook
    body = body_of(delivery, outlet.public_url, with_product=bool(webhook.product_ids))
    try:
        keys = open_keys(outlet.vault, parcel.keys)
    except Locked as error:
        return Reply(None, error.detail)
    return outlet.post(webhook.url, body, headers_of(str(delivery.event_id), body, keys, now=now))


def _attempt(delivery_id: int, reply: Reply, began_at: datetime, now: datetime) -> dict[str, object]:
    return {
        "delivery_id": delivery_id,
        "at": began_at,
        "duration_ms": max((now - began_at) // timedelta(milliseconds=1), 0),
        "status": reply.status,
        "reason": reason_of(reply),
        "response": reply.body,
    }


def _end(delivery: Delivery, state: str, now: datetime) -> None:
    delivery.state, delivery.finished_at = state, now


def _put_off(delivery: Delivery, reply: Reply, now: datetime) -> None:
    wait = wait_before(delivery.attempts + 1, reply, chance=random())  # noqa: S311 - spreads load, guards nothing
    if wait is None:
        _end(delivery, "dead", now)
    else:
        delivery.due_at = now + wait


def _note_success(session: WriteSession, webhook_id: int, now: datetime) -> None:
    """Note that a webhook hears us. If it had not, what waits for it need not wait any longer."""
    stale = or_(Webhook.succeeded_at.is_(None), Webhook.succeeded_at <= now - _SUCCESS_NOTED_EVERY)
    before = session.execute(
        select(Webhook.failing_since)
        .where(Webhook.id == webhook_id, or_(Webhook.failing_since.is_not(None), stale))
        .with_for_update()
    ).one_or_none()
    if before is None:
        return
    values = {"failing_since": None, "held_until": None, "succeeded_at": now}
    session.execute(update(Webhook).where(Webhook.id == webhook_id).values(values))
    if before.failing_since is not None:
        waiting = and_(Delivery.webhook_id == webhook_id, Delivery.state == "waiting", Delivery.due_at > now)
        session.execute(update(Delivery).where(waiting).values(due_at=now))


def _note_failure(session: WriteSession, webhook_id: int, reply: Reply, now: datetime) -> None:
    """Note that a webhook does not hear us, and give it up after `PATIENCE`."""
    hold = hold_of(reply)
    held_until = func.greatest(Webhook.held_until, now + hold) if hold is not None else Webhook.held_until
    failing_since = session.scalars(
        update(Webhook)
        .where(Webhook.id == webhook_id)
        .values(failing_since=func.coalesce(Webhook.failing_since, now), held_until=held_until)
        .returning(Webhook.failing_since)
    ).one()
    if failing_since is not None and failing_since <= now - PATIENCE:
        since = f"{failing_since:%Y-%m-%d %H:%M} UTC"
        disable(session, webhook_id, f"nothing was delivered since {since}; last: {reason_of(reply)}", now=now)
