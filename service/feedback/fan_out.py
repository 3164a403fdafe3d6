"""Changes become deliveries: one for each change and each webhook that wants it, and never a second."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, and_, cast, delete, func, literal, or_, select, union
from sqlalchemy.dialects import postgresql as pg

from service.access.models import Team
from service.access.visibility import NOBODYS, WHOLE
from service.changes.models import Change
from service.db import WriteSession
from service.feedback.cursors import Stretch, follow
from service.feedback.models import Delivery, Webhook
from service.incidents.feed_sight import changes_seen
from service.incidents.models import Incident
from service.incidents.tombstones import LOST
from service.inventory.models import Product, ProductSlug

_COLUMNS = (
    "webhook_id", "event_id", "seq", "type", "at", "incident", "exposure", "product", "version", "due_at", "created_at",
)  # fmt: skip


def fan_out(session: WriteSession, *, now: datetime) -> int:
    """Write deliveries for the changes that are new; set-based, whatever the number of webhooks.

    Returns:
        How many were written; 0 also while another process is at it.
    """
    return sum(_write(session, stretch, now) for stretch in follow(session, "webhooks"))


def backfill(session: WriteSession, webhook_id: int, upto: int, *, now: datetime) -> int:
    """Write a new webhook's deliveries for the changes that it asked for and that were followed before it was made."""
    return _write(session, Stretch(0, upto), now, Webhook.id == webhook_id)


def wanted_changes() -> ColumnElement[bool]:
    """Tell whether a webhook is for changes like this one: the condition that joins `Change` and `Webhook`."""
    return and_(
        or_(
            func.cardinality(Webhook.types) == 0,
            Change.type == func.any_(Webhook.types),
            func.split_part(Change.type, ".", 1).concat(".*") == func.any_(Webhook.types),
        ),
        or_(func.cardinality(Webhook.team_ids) == 0, Change.team.in_(_teams())),
        or_(func.cardinality(Webhook.product_ids) == 0, Change.product.in_(_slugs())),
        _seen(),
    )


def changes_as_rows(now: datetime) -> Sequence[ColumnElement[object]]:
    """Give a delivery's columns, in the order of `_COLUMNS`, from `Change` and `Webhook`."""
    version = cast(Change.data["version"].astext, BigInteger)
    told = (Change.event_id, Change.seq, Change.type, Change.at, Change.incident, Change.exposure, Change.product)
    return (Webhook.id, *told, version, literal(now), literal(now))  # type: ignore[return-value]  # columns of many types


def insert_deliveries() -> tuple[pg.Insert, tuple[str, ...]]:
    """Give the insert into `delivery` and the names of its columns."""
    return pg.insert(Delivery), _COLUMNS


def _write(session: WriteSession, stretch: Stretch, now: datetime, *only: ColumnElement[bool]) -> int:
    rows = (
        select(*changes_as_rows(now))
        .join(Webhook, wanted_changes())
        .where(
            Change.seq > stretch.after,
            Change.seq <= stretch.upto,
            Change.seq > Webhook.start_seq,
            Webhook.enabled,
            *only,
        )
        .order_by(Change.seq, Webhook.id)
    )
    new = pg.insert(Delivery).from_select(_COLUMNS, rows).on_conflict_do_nothing().returning(Delivery.id)
    return len(session.scalars(new).all())


def _teams() -> ColumnElement[object]:
    return select(Team.name).where(Team.id == func.any_(Webhook.team_ids)).correlate(Webhook).scalar_subquery()


def _slugs() -> ColumnElement[object]:
    """Give what the products are called and were called: a change keeps the name that was in use."""
    now = select(Product.slug).where(Product.id == func.any_(Webhook.product_ids)).correlate(Webhook)
    before = select(ProductSlug.slug).where(ProductSlug.product_id == func.any_(Webhook.product_ids)).correlate(Webhook)
    return union(now, before).scalar_subquery()


def _seen() -> ColumnElement[bool]:
    """Tell whether a webhook may hear of a change: as the feed shows it to those who need not know, or to those who do.

    What a team had, and has no more, is a tombstone for its webhooks alone.
    """
    taken_away = and_(
        Change.type == f"exposure.{LOST}", ~Change.restricted, func.cardinality(Webhook.team_ids) > 0, _not_embargoed()
    )
    return or_(
        and_(Webhook.restricted, *changes_seen(WHOLE)), and_(~Webhook.restricted, *changes_seen(NOBODYS)), taken_away
    )


def _not_embargoed() -> ColumnElement[bool]:
    name = literal("INC-").concat(Incident.id)
    return or_(Change.incident.is_(None), Change.incident.not_in(select(name).where(Incident.restricted)))


def purge_deliveries(session: WriteSession, *, before: datetime) -> int:
    """Forget deliveries that ended before an instant, with their attempts; tells how many."""
    old = delete(Delivery).where(Delivery.state != "waiting", Delivery.finished_at < before)
    return len(session.scalars(old.returning(Delivery.id)).all())
