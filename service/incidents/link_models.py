"""The table of tickets elsewhere that speak of our exposures."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base

LINK_STATES = ("open", "closed", "lost")


class Link(Base):
    """A ticket elsewhere for one exposure; one for each system.

    `key` is theirs. `state` is what was last seen of the ticket: `lost` where it is gone. `version_seen` is the version
    of the exposure that the ticket was last told of.
    """

    __tablename__ = "link"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'closed', 'lost')", name="state"),
        Index("uq_link_exposure_id_system", "exposure_id", "system", unique=True),
        Index("ix_link_system_key", "system", "key"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"))
    system: Mapped[str]
    key: Mapped[str]
    url: Mapped[str | None]
    state: Mapped[str]
    version_seen: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
