"""Deliveries again: those that failed, or all of a range. The receiver tells repetitions apart by `webhook-id`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from service.changes.models import Change
from service.db import ReadSession, WriteSession, any_of
from service.errors import TooLarge, Unreadable
from service.feedback.fan_out import changes_as_rows, insert_deliveries, wanted_changes
from service.feedback.models import Attempt, Delivery, Webhook

#: Deliveries that one call sends again.
MOST = 10_000


@dataclass(frozen=True)
class Range:
    """What to send again: changes by number (`after`, `upto`) or by time (`since`, `until`); bounds may be open."""

    after: int | None = None
    upto: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    only_failed: bool = False


def replay(session: WriteSession, webhook: Webhook, span: Range, *, now: datetime) -> int:
    """Let deliveries begin anew; what the webhook would have heard of, and did not, is among them.

    Returns:
        How many will be sent.

    Raises:
        Unreadable: It has no bound at all, so that it may be an oversight.
        TooLarge: It is more than `MOST`.
    """
    if span == Range():
        raise Unreadable("Say what to send again: after, upto, since, until, or only_failed.")
    known = select(Delivery.id).where(Delivery.webhook_id == webhook.id, *_within(Delivery.seq, Delivery.at, span))
    if span.only_failed:
        known = known.where(Delivery.state == "dead")
    ids = list(session.scalars(known.order_by(Delivery.id).limit(MOST + 1)))
    missing = [] if span.only_failed else _missing(session, webhook, span)
    if len(ids) + len(missing) > MOST:
        raise TooLarge(f"These are more than {MOST:,}; take a smaller range.")
    begin_anew = {"state": "waiting", "due_at": now, "attempts": 0, "locked_until": None, "finished_at": None}
    session.execute(update(Delivery).where(Delivery.id == any_of(ids)).values(begin_anew))
    _insert(session, webhook, missing, now)
    return len(ids) + len(missing)


def make_test(webhook: Webhook, *, now: datetime) -> Delivery:
    """Make the delivery of an event that never happened: `webhook.test`. It is in no feed."""
    return Delivery(
        webhook_id=webhook.id,
        event_id=uuid4(),
        type="webhook.test",
        at=now,
        due_at=now,
        created_at=now,
        state="waiting",
    )


def list_deliveries(
    session: ReadSession, webhook_id: int, *, state: str | None, before: int | None = None, limit: int = 50
) -> list[Delivery]:
    """List a webhook's deliveries, the newest first."""
    rows = select(Delivery).where(Delivery.webhook_id == webhook_id).order_by(Delivery.id.desc()).limit(limit)
    if state is not None:
        rows = rows.where(Delivery.state == state)
    return list(session.scalars(rows if before is None else rows.where(Delivery.id < before)))


def attempts_of(session: ReadSession, delivery_ids: Iterable[int]) -> dict[int, list[Attempt]]:
    """Give the attempts at deliveries, by delivery, in order."""
    rows = session.scalars(
        select(Attempt).where(Attempt.delivery_id == any_of(delivery_ids)).order_by(Attempt.delivery_id, Attempt.id)
    )
    log: dict[int, list[Attempt]] = {}
    for row in rows:
        log.setdefault(row.delivery_id, []).append(row)
    return log


def waiting_counts(session: ReadSession, webhook_ids: Iterable[int]) -> dict[int, int]:
    """Count what is still to be sent, by webhook."""
    rows = (
        select(Delivery.webhook_id, func.count().label("waiting"))
        .where(Delivery.webhook_id == any_of(webhook_ids), Delivery.state == "waiting")
        .group_by(Delivery.webhook_id)
    )
    return {row[0]: row[1] for row in session.execute(rows)}


def _within(
    seq: InstrumentedAttribute[int | None], at: InstrumentedAttribute[datetime], span: Range
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [seq.is_not(None)]  # what was a test belongs to no range
    if span.after is not None:
        conditions.append(seq > span.after)
    if span.upto is not None:
        conditions.append(seq <= span.upto)
    if span.since is not None:
        conditions.append(at >= span.since)
    if span.until is not None:
        conditions.append(at < span.until)
    return conditions


def _missing(session: ReadSession, webhook: Webhook, span: Range) -> list[int]:
    """Find changes that it wants and was never sent: from while it was disabled, or wanted something else."""
    sent = and_(Delivery.webhook_id == Webhook.id, Delivery.event_id == Change.event_id)
    rows = (
        select(Change.id)
        .join(Webhook, and_(Webhook.id == webhook.id, wanted_changes()))
        .outerjoin(Delivery, sent)
        .where(Delivery.id.is_(None), *_within(Change.seq, Change.at, span))
        .order_by(Change.seq)
        .limit(MOST + 1)
    )
    return list(session.scalars(rows))


def _insert(session: WriteSession, webhook: Webhook, change_ids: list[int], now: datetime) -> None:
    if not change_ids:
        return
    new, columns = insert_deliveries()
    rows = (
        select(*changes_as_rows(now))
        .join(Webhook, Webhook.id == webhook.id)
        .where(Change.id == any_of(change_ids))
        .order_by(Change.seq)
    )
    session.execute(new.from_select(columns, rows).on_conflict_do_nothing())
