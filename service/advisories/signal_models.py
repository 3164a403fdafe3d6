"""Tables of what others know about vulnerabilities: which are exploited (KEV), and how likely that is (EPSS)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.inventory.catalogue_models import Name


class SignalFeed(Base):
    """One source of signals (``kev``, ``epss``), and how fresh it is.

    `digest`, `etag` and `last_modified` are of what was last taken in full from `url`. `version` and `released_at` are
    the source's own words. `revision` counts the times that something changed; priorities have followed up to
    `followed_revision`.
    """

    __tablename__ = "signal_feed"
    __table_args__ = (CheckConstraint("name IN ('kev', 'epss')", name="name"),)

    name: Mapped[str] = mapped_column(Name, primary_key=True)
    url: Mapped[str] = mapped_column(Name)
    attempted_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    version: Mapped[str | None]
    released_at: Mapped[datetime | None]
    record_count: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    last_result: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    followed_revision: Mapped[int] = mapped_column(server_default=text("0"))


class Kev(Base):
    """A vulnerability that CISA lists as exploited, in its own words."""

    __tablename__ = "kev"

    cve: Mapped[str] = mapped_column(Name, primary_key=True)
    added_on: Mapped[date]
    due_on: Mapped[date | None]
    ransomware: Mapped[bool]
    title: Mapped[str]
    required_action: Mapped[str]


class Epss(Base):
    """How likely a vulnerability is to be exploited within thirty days, and the share of all that score no higher."""

    __tablename__ = "epss"

    cve: Mapped[str] = mapped_column(Name, primary_key=True)
    score: Mapped[float]
    percentile: Mapped[float]
