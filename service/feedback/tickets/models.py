"""Tables of ticket systems, and of what each has yet to be told."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base

KINDS = ("jira", "github", "gitlab", "servicenow")


class TicketSystem(Base):
    """A ticket system that we write to. Its name is the `system` of links.

    `place` is where tickets go there: a project's key or path, a repository, a table. `marker` tells our tickets from
    another installation's. `seq` is the last change that has become work; `heard_at` until when its tickets were read.
    """

    __tablename__ = "ticket_system"
    __table_args__ = (
        CheckConstraint("kind IN ('jira', 'github', 'gitlab', 'servicenow')", name="kind"),
        Index("uq_ticket_system_name", "name", unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    url: Mapped[str]
    place: Mapped[str]
    login: Mapped[str | None]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    options: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    wanted: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    marker: Mapped[str]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    seq: Mapped[int]
    created_at: Mapped[datetime]
    heard_at: Mapped[datetime | None]
    reconciled_at: Mapped[datetime | None]
    waits_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    last_result: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))


class TicketWork(Base):
    """An exposure of which a system has to be told. It stays while there may be more to tell.

    `told_id` is the last step of the timeline that the ticket has; `creating_since` is set from before a ticket is
    asked for until its key is known, so that a crash in between does not make two.
    """

    __tablename__ = "ticket_work"
    __table_args__ = (Index("ix_ticket_work_due", "run_at", postgresql_where=text("run_at IS NOT NULL")),)

    system_id: Mapped[int] = mapped_column(ForeignKey("ticket_system.id", ondelete="CASCADE"), primary_key=True)
    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"), primary_key=True)
    told_id: Mapped[int] = mapped_column(server_default=text("0"))
    run_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]
    creating_since: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
