"""Tables of the clocks: pauses, steps of escalation, and the clocks that only some exposures have."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.inventory.catalogue_models import Name


class Pause(Base):
    """Time that does not count for remediation. `ends_by` is the latest end; `until_at` the real one, None = it runs.

    An exposure has one at a time, so that no time is counted twice. `episode` is the number of the one it belongs to.
    """

    __tablename__ = "pause"
    __table_args__ = (
        CheckConstraint("kind IN ('awaiting_upstream', 'awaiting_decision')", name="kind"),
        CheckConstraint("from_at < ends_by AND until_at BETWEEN from_at AND ends_by", name="ends_after_it_begins"),
        Index("uq_pause_running", "exposure_id", unique=True, postgresql_where=text("until_at IS NULL")),
        Index("ix_pause_exposure_id", "exposure_id", "episode"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"))
    episode: Mapped[int]
    kind: Mapped[str] = mapped_column(Name)
    reason: Mapped[str]
    made_by: Mapped[str]
    from_at: Mapped[datetime]
    ends_by: Mapped[datetime]
    until_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]


class Escalation(Base):
    """A step of escalation that was taken, or skipped because a later one was due already. Each happens once."""

    __tablename__ = "escalation"
    __table_args__ = (
        CheckConstraint("clock IN ('acknowledge', 'remediate')", name="clock"),
        CheckConstraint("level IN ('team', 'on-call', 'manager', 'cert')", name="level"),
    )

    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"), primary_key=True)
    episode: Mapped[int] = mapped_column(primary_key=True)
    clock: Mapped[str] = mapped_column(Name, primary_key=True)
    level: Mapped[str] = mapped_column(Name, primary_key=True)
    at: Mapped[datetime]
    due_at: Mapped[datetime]
    skipped: Mapped[bool] = mapped_column(server_default=text("false"))


class ExposureClock(Base):
    """A clock beside acknowledgement and remediation: containment of Act, reports to authorities."""

    __tablename__ = "exposure_clock"
    __table_args__ = (
        CheckConstraint(
            "name IN ('contain', 'cra_early_warning', 'cra_notification', 'cra_final_report')", name="name"
        ),
    )

    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"), primary_key=True)
    episode: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    met_at: Mapped[datetime | None]
    met_by: Mapped[str | None]
    note: Mapped[str | None]
