"""Tables of what is said about an incident and to whom: broadcasts, answers, and proposals to close in spite of all."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.inventory.catalogue_models import Name


class Broadcast(Base):
    """A message to every team about one incident. Rows are only ever added.

    `request_key` is what the sender calls the request (Idempotency-Key): sent again, it tells nobody twice.
    """

    __tablename__ = "broadcast"
    __table_args__ = (
        Index("ix_broadcast_incident_id", "incident_id", "id"),
        Index("uq_broadcast_incident_id_request_key", "incident_id", "request_key", unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    message: Mapped[str]
    request_key: Mapped[str | None]


class BroadcastTeam(Base):
    """What a broadcast tells one team: to act, to confirm what nobody can tell, or that it is clear.

    `products` are slugs by what is asked for them: ``{"act": [...], "confirm": [...], "clear": 12}``.
    `acknowledged_at`: the team said that it has seen it.
    """

    __tablename__ = "broadcast_team"
    __table_args__ = (
        CheckConstraint("audience IN ('act', 'confirm', 'clear')", name="audience"),
        Index("ix_broadcast_team_team_id", "team_id"),
    )

    broadcast_id: Mapped[int] = mapped_column(ForeignKey("broadcast.id"), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    audience: Mapped[str] = mapped_column(Name)
    products: Mapped[dict[str, object]] = mapped_column(JSONB)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]


class IncidentAnswer(Base):
    """What a team says of a product of which nobody can tell. Rows are only ever added; the last one counts."""

    __tablename__ = "incident_answer"
    __table_args__ = (Index("ix_incident_answer_incident_id", "incident_id", "product_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    affected: Mapped[bool]
    sentence: Mapped[str]


class Closing(Base):
    """Somebody proposes to close an incident although something is affected or unknown; somebody else may agree.

    `standing` lists what that was, under readable ids: agreeing to a list is not agreeing to what came since.
    `proposer_key_id` NULL: whoever sat at the machine itself.
    """

    __tablename__ = "closing"
    __table_args__ = (Index("ix_closing_incident_id", "incident_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[str]
    proposer_key_id: Mapped[int | None]
    reason: Mapped[str]
    standing: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    agreed_at: Mapped[datetime | None]
    agreed_by: Mapped[str | None]
