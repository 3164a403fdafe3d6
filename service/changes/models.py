"""The numbered feed of changes that integrations read."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base


class Change(Base):
    """One event with the full representation of what changed; `seq` is set after commit, by one sequencer.

    `restricted`: a tombstone of what was under embargo already, for the former team alone.
    """

    __tablename__ = "change"
    __table_args__ = (
        Index("uq_change_seq", "seq", unique=True),
        Index("uq_change_event_id", "event_id", unique=True),
        Index("ix_change_unnumbered", "id", postgresql_where=text("seq IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    seq: Mapped[int | None]
    event_id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    type: Mapped[str]
    at: Mapped[datetime]
    incident: Mapped[str | None]
    exposure: Mapped[str | None]
    product: Mapped[str | None]
    team: Mapped[str | None]
    restricted: Mapped[bool] = mapped_column(server_default=text("false"))
    data: Mapped[dict[str, object]] = mapped_column(JSONB)


class ChangeCounter(Base):
    """The last number given out: one row, locked by the sequencer."""

    __tablename__ = "change_counter"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_seq: Mapped[int]
