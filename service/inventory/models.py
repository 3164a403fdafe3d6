"""Tables of who ships what: products, streams, uploads and what they use.

Bytes and uploads are the truth; `usage`, `release` points and the catalogue of components follow from them.
"""

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.clock import OPEN
from service.db import Base

LIVE_UPLOAD = text("voided_at IS NULL")


class Product(Base):
    """What an SBOM describes and a team owns. `built_on_id` is the stream that its base image comes from."""

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("kind IN ('own', 'vendor')", name="kind"),
        CheckConstraint("tier IN ('low', 'medium', 'high', 'mission-critical')", name="tier"),
        Index("uq_product_slug", "slug", unique=True),
        Index("ix_product_built_on_id", "built_on_id", postgresql_where=text("built_on_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    slug: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="own")
    tier: Mapped[str] = mapped_column(server_default="medium")
    exposed: Mapped[bool] = mapped_column(server_default=text("false"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    # Streams belong to products: the two tables can only be made one after the other, and the key after both.
    built_on_id: Mapped[int | None] = mapped_column(ForeignKey("stream.id", use_alter=True))
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    archived_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class ProductSlug(Base):
    """A slug that a product had before it was renamed."""

    __tablename__ = "product_slug"

    slug: Mapped[str] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))


class KeyProduct(Base):
    """An upload key bound to a product may upload to no other."""

    __tablename__ = "key_product"

    key_id: Mapped[int] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)


class Stream(Base):
    """One line of builds; the newest upload replaces the one before.

    `stale_since`: when nothing was heard of it for so long that its newest SBOM proves nothing any more.
    """

    __tablename__ = "stream"
    __table_args__ = (
        CheckConstraint("kind IN ('tracked', 'preview')", name="kind"),
        CheckConstraint("(retired_at IS NULL) = (retired_reason IS NULL)", name="retired_with_reason"),
        Index("uq_stream_product_id_name", "product_id", "name", unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="tracked")
    created_at: Mapped[datetime]
    last_upload_at: Mapped[datetime | None]
    stale_since: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    retired_reason: Mapped[str | None]


class Document(Base):
    """The bytes of an SBOM as received (zstd), one row per distinct content.

    `envelope` is what was around it (`sbom.document.Envelope`), `conformance` what its schema says of it; NULL where
    nobody asked yet. `heard`: its components know what it says of where they came from (`rehearing`).
    """

    __tablename__ = "document"
    __table_args__ = (
        Index("uq_document_sha256", "sha256", unique=True),
        Index("ix_document_unchecked", "id", postgresql_where=text("conformance IS NULL")),
        Index("ix_document_unheard", "id", postgresql_where=text("NOT heard")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    size_bytes: Mapped[int]
    format: Mapped[str]
    spec_version: Mapped[str]
    received_at: Mapped[datetime]
    envelope: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    conformance: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    heard: Mapped[bool] = mapped_column(server_default=text("false"))


class Graph(Base):
    """Who depends on whom, compressed (see `inventory.graph`); shared by uploads with the same graph."""

    __tablename__ = "graph"
    __table_args__ = (Index("uq_graph_digest", "digest", unique=True),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Upload(Base):
    """One accepted SBOM in a stream at a time. Never rewritten; a void is stamped on it, and that it came once more.

    `phases` are the lifecycle phases that it describes. `doubt` is why it proves no fix, until it is `confirmed_at`.
    """

    __tablename__ = "upload"
    __table_args__ = (
        Index("uq_upload_stream_id_at_us", "stream_id", "at_us", unique=True, postgresql_where=LIVE_UPLOAD),
        Index("uq_upload_stream_id_sequence", "stream_id", "sequence", unique=True),
        Index("ix_upload_document_id", "document_id"),
        CheckConstraint("(voided_at IS NULL) = (void_reason IS NULL)", name="voided_with_reason"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("stream.id"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    graph_id: Mapped[int | None] = mapped_column(ForeignKey("graph.id"))
    at_us: Mapped[int]
    sequence: Mapped[int]
    received_at: Mapped[datetime]
    version_label: Mapped[str | None]
    set_digest: Mapped[bytes] = mapped_column(LargeBinary)
    tool: Mapped[str] = mapped_column(server_default="")
    phases: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    subject: Mapped[str] = mapped_column(server_default="")
    component_count: Mapped[int]
    listed_count: Mapped[int]
    unidentified_count: Mapped[int]
    added_count: Mapped[int]
    removed_count: Mapped[int]
    late: Mapped[bool]
    doubt: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    warnings: Mapped[list[object]] = mapped_column(JSONB, server_default=text("'[]'"))
    quality: Mapped[dict[str, object]] = mapped_column(JSONB)
    ecosystems: Mapped[list[str]] = mapped_column(ARRAY(Text))
    actor: Mapped[str]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]


class Release(Base):
    """An upload with a version label."""

    __tablename__ = "release"
    __table_args__ = (
        Index("uq_release_stream_id_version", "stream_id", "version", unique=True),
        Index("ix_release_upload_id", "upload_id"),
        Index("ix_release_supported", "stream_id", postgresql_where=text("supported AND retired_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("stream.id"))
    upload_id: Mapped[int] = mapped_column(ForeignKey("upload.id"))
    version: Mapped[str]
    supported: Mapped[bool] = mapped_column(server_default=text("false"))
    retired_at: Mapped[datetime | None]


class Export(Base):
    """A view of a stream that somebody asked for as a document. `content` (zstd) is kept for some days."""

    __tablename__ = "export"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state"),
        CheckConstraint("(state = 'done') = (content IS NOT NULL)", name="done_with_content"),
        Index("ix_export_requested_at", "requested_at"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("stream.id"))
    at_us: Mapped[int]
    format: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    detail: Mapped[str | None]
    component_count: Mapped[int]
    size_bytes: Mapped[int | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    actor: Mapped[str]
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Usage(Base):
    """A stream contains a component from one upload until another; derived from uploads, rebuildable.

    Bounds are microseconds since 1970, half open; `OPEN` = still there. The stream's row lock keeps rows of one
    component from overlapping. No foreign key leads to the catalogue: the two may live in different databases.
    """

    __tablename__ = "usage"
    __table_args__ = (
        CheckConstraint("from_us < to_us", name="from_before_to"),
        Index("uq_usage_open", "stream_id", "component_id", unique=True, postgresql_where=text(f"to_us = {OPEN}")),
        Index("ix_usage_open_component", "component_id", "stream_id", postgresql_where=text(f"to_us = {OPEN}")),
        Index("ix_usage_ended_component", "component_id", "stream_id", postgresql_where=text(f"to_us < {OPEN}")),
        Index("ix_usage_stream_id_to_us", "stream_id", "to_us"),
    )

    stream_id: Mapped[int]
    component_id: Mapped[int]
    from_us: Mapped[int]
    to_us: Mapped[int]
    scope: Mapped[int] = mapped_column(SmallInteger)

    # For the mapper only: the table needs no primary key beside its four indexes.
    __mapper_args__ = {"primary_key": ["stream_id", "component_id", "from_us"]}  # noqa: RUF012 - SQLAlchemy's own shape
