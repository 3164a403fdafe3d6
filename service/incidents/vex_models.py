"""Tables of VEX: whom we believe, what we were told, and which version of what we say was issued when."""

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.inventory.catalogue_models import Name


class VexSource(Base):
    """An author whose statements are believed, and of what.

    `author` is as it stands in documents (`vex.statements.Claims.author`); ``*`` stands for any characters. `packages`
    are beginnings of purls (``pkg:rpm/redhat/``) and `products` slugs; empty is anything. `known_as` are this author's
    names for products of ours: identifier to slug. `signed`: only in an envelope that a trusted key signed. Who changed
    it last is told by `added_key_id`: what the same key brings of this author is the word of one person.
    """

    __tablename__ = "vex_source"
    __table_args__ = (Index("uq_vex_source_author", "author", unique=True),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    author: Mapped[str] = mapped_column(Name)
    packages: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    products: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    known_as: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    signed: Mapped[bool] = mapped_column(server_default=text("false"))
    reason: Mapped[str]
    added_by: Mapped[str]
    added_key_id: Mapped[int | None]
    added_at: Mapped[datetime]


class VexDocument(Base):
    """A VEX document as received (zstd), who says so and who brought it, and what came of each statement.

    One row per distinct bytes. `document_id` and `version` are as they stand in it; the newest of one author and id
    counts. `heard`: its author was believed, and it did what it could.
    """

    __tablename__ = "vex_document"
    __table_args__ = (
        CheckConstraint("format IN ('openvex', 'cyclonedx', 'csaf')", name="format"),
        Index("uq_vex_document_sha256", "sha256", unique=True),
        Index("ix_vex_document_author_document_id", "author", "document_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size_bytes: Mapped[int]
    format: Mapped[str]
    author: Mapped[str] = mapped_column(Name)
    document_id: Mapped[str] = mapped_column(Name)
    version: Mapped[str] = mapped_column(Name)
    issued_at: Mapped[datetime | None]
    signed_by: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    received_at: Mapped[datetime]
    received_by: Mapped[str]
    heard: Mapped[bool] = mapped_column(server_default=text("false"))
    result: Mapped[list[dict[str, object]]] = mapped_column(JSONB)


class VexStatement(Base):
    """What a document says of an exposure, since and until when; `decided`: a decision follows from it."""

    __tablename__ = "vex_statement"
    __table_args__ = (
        Index("ix_vex_statement_vex_document_id", "vex_document_id"),
        Index(
            "uq_vex_statement_standing",
            "exposure_id",
            "author",
            "document_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"))
    vex_document_id: Mapped[int] = mapped_column(ForeignKey("vex_document.id"))
    author: Mapped[str] = mapped_column(Name)
    document_id: Mapped[str] = mapped_column(Name)
    status: Mapped[str] = mapped_column(Name)
    justification: Mapped[str | None]
    reason: Mapped[str]
    versions: Mapped[dict[str, object]] = mapped_column(JSONB)
    decided: Mapped[bool]
    since_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class VexIssue(Base):
    """A version of what we say about a product: it rises only when statements change.

    `scope` tells views of one product apart (a stream, a release, with what is under embargo); `digest` is of the
    statements.
    """

    __tablename__ = "vex_issue"

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(Name, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[datetime]
