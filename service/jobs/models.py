"""The table of jobs: one row per kind and slot, so that any number of processes run a tick once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base


class Job(Base):
    """Work to be done once. Whoever takes it holds a lease (`locked_until`) that a heartbeat renews."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
        Index("uq_job_kind_slot", "kind", "slot", unique=True),
        Index("ix_job_due", "run_at", "id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    slot: Mapped[str]
    payload: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default="queued")
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    progress: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class Installation(Base):
    """Tells this installation from others: one row, which the migration makes and all replicas read."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint('"only"', name="only_one"),)

    only: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    identity: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
