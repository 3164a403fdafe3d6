"""Tables of what leaves the house: webhooks with their deliveries, and messages to people.

Both follow the numbered changes: `feedback_cursor` says up to which number each has become rows here.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base


class FeedbackCursor(Base):
    """The last change that has become deliveries (`webhooks`), messages (`messages`) or a digest (`digests`).

    `day` is that of the last digest.
    """

    __tablename__ = "feedback_cursor"
    __table_args__ = (CheckConstraint("name IN ('webhooks', 'messages', 'digests')", name="name"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    day: Mapped[date | None]


class Webhook(Base):
    """Somebody's address that is told of changes.

    Empty `types`, `team_ids`, `product_ids` mean any. `restricted`: hears of incidents under embargo too.
    `failing_since` is the first failure after the last success; `held_until` is what the receiver asked for.
    """

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    types: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    team_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    product_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    restricted: Mapped[bool] = mapped_column(server_default=text("false"))
    start_seq: Mapped[int]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    key_id: Mapped[int | None] = mapped_column(ForeignKey("api_key.id"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class WebhookSecret(Base):
    """What signs a webhook, locked in the vault. After a rotation, the one before signs too until it `retires_at`."""

    __tablename__ = "webhook_secret"
    __table_args__ = (
        CheckConstraint("scheme IN ('v1', 'v1a')", name="scheme"),
        Index("ix_webhook_secret_webhook_id", "webhook_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    scheme: Mapped[str]
    locked: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[str | None]
    created_at: Mapped[datetime]
    retires_at: Mapped[datetime | None]


class Delivery(Base):
    """One change on its way to one webhook. Whoever sends it holds it until `locked_until`.

    `event_id` is the change's, and the `webhook-id` that the receiver tells repetitions apart by.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="state"),
        Index("uq_delivery_webhook_id_event_id", "webhook_id", "event_id", unique=True),
        Index("ix_delivery_due", "webhook_id", "due_at", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_delivery_held", "webhook_id", postgresql_where=text("locked_until IS NOT NULL")),
        Index("ix_delivery_webhook_id_id", "webhook_id", "id"),
        Index("ix_delivery_finished_at", "finished_at", postgresql_where=text("state <> 'waiting'")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    event_id: Mapped[UUID]
    seq: Mapped[int | None]
    type: Mapped[str]
    at: Mapped[datetime]
    incident: Mapped[str | None]
    exposure: Mapped[str | None]
    product: Mapped[str | None]
    version: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default="waiting")
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Attempt(Base):
    """One try at a delivery: the log of what a receiver answered. `response` is the beginning of it."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index("ix_delivery_attempt_delivery_id", "delivery_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    duration_ms: Mapped[int]
    status: Mapped[int | None]
    reason: Mapped[str]
    response: Mapped[str]


class Message(Base):
    """What one recipient is told, by mail, into a chat room, or at a team's own address.

    `recipient` is an address of mail, or `team:7` where the team's address has a secret in it. While it is `gathering`,
    what else happens of the same incident joins it. `events` say what happened; `digest` is the day of one.
    """

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("channel IN ('mail', 'webhook', 'chat')", name="channel"),
        CheckConstraint("state IN ('gathering', 'sending', 'sent', 'dead')", name="state"),
        Index(
            "uq_message_gathering",
            "channel",
            "recipient",
            "incident_id",
            unique=True,
            postgresql_where=text("state = 'gathering' AND incident_id IS NOT NULL"),
        ),
        Index(
            "uq_message_digest",
            "channel",
            "recipient",
            "digest",
            unique=True,
            postgresql_where=text("digest IS NOT NULL"),
        ),
        Index("ix_message_due", "due_at", "id", postgresql_where=text("state IN ('gathering', 'sending')")),
        Index("ix_message_told", "channel", "recipient", "incident_id", "id"),
        Index("ix_message_finished_at", "finished_at", postgresql_where=text("state IN ('sent', 'dead')")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    channel: Mapped[str]
    recipient: Mapped[str]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"))
    digest: Mapped[date | None]
    events: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default=text("'[]'"))
    state: Mapped[str] = mapped_column(server_default="gathering")
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
