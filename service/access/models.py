"""Tables of who may and who did: teams, keys, audit."""

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base

#: The team that owns what nobody else does.
FALLBACK_TEAM = "cert-triage"


class Team(Base):
    """Owns products and is reachable: at its own addresses (`email`, `webhook`, `chat`), or through `on_call`.

    `chat` is an address in the notation of apprise; its secrets are in it, so no answer repeats more than its scheme.
    `members` are addresses of people, only for those who want to know. What a retired team owned goes to `successor`.
    """

    __tablename__ = "team"
    __table_args__ = (
        CheckConstraint("NOT (fallback AND retired_at IS NOT NULL)", name="fallback_stays"),
        CheckConstraint("successor_id <> id", name="successor_is_another"),
        Index("uq_team_name", "name", unique=True),
        Index("uq_team_fallback", "fallback", unique=True, postgresql_where=text("fallback")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]
    webhook: Mapped[str | None]
    chat: Mapped[str | None]
    on_call: Mapped[str | None]
    manager: Mapped[str | None]
    members: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    fallback: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    retired_at: Mapped[datetime | None]
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))


class ApiKey(Base):
    """A key; only the SHA-256 of its secret is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("role IN ('admin', 'cert', 'owner', 'uploader', 'reader', 'integration')", name="role"),
        Index("uq_api_key_public_id", "public_id", unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    public_id: Mapped[str]
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str]
    role: Mapped[str]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Audit(Base):
    """Who did what to what, when, and from where. Rows are only ever added; the database refuses the rest.

    Once committed, a row takes its place in the chain: `seq` without gaps, `prev` the hash before it, `hash` its own.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_at", "at"),
        Index("uq_audit_seq", "seq", unique=True),
        Index("ix_audit_unchained", "id", postgresql_where=text("seq IS NULL")),
        Index("ix_audit_subject", "subject", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    key: Mapped[str | None]
    address: Mapped[str | None]
    request_id: Mapped[str | None]
    seq: Mapped[int | None]
    prev: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditChain(Base):
    """The end of the chain: one row, locked by who lengthens it."""

    __tablename__ = "audit_chain"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_seq: Mapped[int]
    head: Mapped[bytes] = mapped_column(LargeBinary)
