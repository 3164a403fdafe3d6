"""Tables of what there is to use: packages, components, their coordinates in OSV, their families.

One row for all products. Rows are only ever added (sorted, so that writers cannot deadlock) and hold no counters.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.versions import KEY_VERSION

#: Names compare byte by byte whatever the server's locale.
Name = Text(collation="C")


class Package(Base):
    """A component without its version. `type` is the purl type, '' where there is no purl."""

    __tablename__ = "package"
    __table_args__ = (
        Index("uq_package_type_namespace_name", "type", "namespace", "name", unique=True),
        Index("ix_package_lower_name", "lower_name"),
        Index("ix_package_words", "words", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    type: Mapped[str] = mapped_column(Name)
    namespace: Mapped[str] = mapped_column(Name)
    name: Mapped[str] = mapped_column(Name)
    lower_name: Mapped[str] = mapped_column(Name)
    words: Mapped[str] = mapped_column(TSVECTOR)


class PackageSource(Base):
    """A source package that some build of a package came from (`liblzma5` from `xz-utils`)."""

    __tablename__ = "package_source"
    __table_args__ = (Index("ix_package_source_source_name", "source_name"),)

    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"), primary_key=True)
    source_name: Mapped[str] = mapped_column(Name, primary_key=True)


class FamilyMember(Base):
    """A package that carries the code of a family, and why we say so."""

    __tablename__ = "family_member"
    __table_args__ = (Index("ix_family_member_package_id", "package_id"),)

    family: Mapped[str] = mapped_column(Name, primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"), primary_key=True)
    reason: Mapped[str]
    own_versions: Mapped[bool]


class Component(Base):
    """One thing that SBOMs list; `digest` is of its canonical identity.

    `unevaluated` is '' or the reason why no advisory can be matched with certainty. `key_version` says as of which
    reading `unevaluated` and the coordinates are; an older one has them rebuilt. `provenance` is what documents say of
    where it came from (`service.purls.provenance`), `obtained_from` the address; the first to say so counts, and one
    that names the public registry before one that proves nothing. `internal` is the pattern of the organisation's own
    names that it falls under, '' if none does.
    """

    __tablename__ = "component"
    __table_args__ = (
        Index("uq_component_digest", "digest", unique=True),
        Index("ix_component_package_id_version", "package_id", "version"),
        Index("ix_component_key_version", "key_version"),
        Index("ix_component_obtained_from", "obtained_from", postgresql_where=text("obtained_from <> ''")),
        Index("ix_component_internal", "id", postgresql_where=text("internal <> ''")),
        Index("ix_component_unevaluated", "id", postgresql_where=text("unevaluated <> ''")),
        Index(
            "ix_component_hashes",
            "hashes",
            postgresql_using="gin",
            postgresql_ops={"hashes": "jsonb_path_ops"},
            postgresql_with={"fastupdate": "off"},
            postgresql_where=text("hashes <> '[]'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    digest: Mapped[UUID]
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"))
    version: Mapped[str] = mapped_column(Name)
    purl: Mapped[str] = mapped_column(Name)
    cpes: Mapped[list[str]] = mapped_column(JSONB)
    hashes: Mapped[list[list[str]]] = mapped_column(JSONB)
    licence: Mapped[str]
    supplier: Mapped[str]
    distribution: Mapped[str] = mapped_column(Name)
    source_name: Mapped[str] = mapped_column(Name)
    source_version: Mapped[str] = mapped_column(Name)
    unevaluated: Mapped[str] = mapped_column(Name)
    key_version: Mapped[int] = mapped_column(SmallInteger, default=KEY_VERSION, server_default=text("1"))
    provenance: Mapped[str] = mapped_column(Name, server_default=text("''"))
    obtained_from: Mapped[str] = mapped_column(Name, server_default=text("''"))
    internal: Mapped[str] = mapped_column(Name, server_default=text("''"))


class InternalNamespace(Base):
    """Names or registries that are the organisation's own: ``npm:@acme/*``, ``registry:nexus.acme.example``.

    `settled` turns false when it is added or removed, and true once components and matches have followed. One that was
    removed stays, as a record; each pattern stands at most once.
    """

    __tablename__ = "internal_namespace"
    __table_args__ = (
        Index("uq_internal_namespace_pattern", "pattern", unique=True, postgresql_where=text("removed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    pattern: Mapped[str] = mapped_column(Name)
    reason: Mapped[str]
    added_by: Mapped[str]
    added_at: Mapped[datetime]
    removed_by: Mapped[str | None]
    removed_at: Mapped[datetime | None]
    settled: Mapped[bool] = mapped_column(server_default=text("false"))


class OsvPackage(Base):
    """A name in an OSV ecosystem. `base_id` leads from `Debian:13` to the same name in bare `Debian`."""

    __tablename__ = "osv_package"
    __table_args__ = (
        Index("uq_osv_package_ecosystem_name", "ecosystem", "name", unique=True),
        Index("ix_osv_package_base_id", "base_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    ecosystem: Mapped[str] = mapped_column(Name)
    name: Mapped[str] = mapped_column(Name)
    base_id: Mapped[int | None] = mapped_column(ForeignKey("osv_package.id"))


class ComponentCoord(Base):
    """Where a component stands in OSV: package, version, sort key.

    `sort_key` is NULL where the version cannot be ordered: then only listed versions match, by equality.
    `relation` and `build` as in `service.purls.Coordinate`. `flagged`: the exact comparator decides.
    `provenance`: the component's, or ``private`` where it is internal.
    """

    __tablename__ = "component_coord"
    __table_args__ = (
        Index(
            "ix_component_coord_osv_package_id_sort_key",
            "osv_package_id",
            "sort_key",
            postgresql_include=["component_id"],
        ),
        Index("ix_component_coord_flagged", "osv_package_id", postgresql_where=text("flagged")),
        Index("ix_component_coord_version", "osv_package_id", "version", postgresql_where=text("sort_key IS NULL")),
    )

    component_id: Mapped[int] = mapped_column(ForeignKey("component.id"), primary_key=True)
    osv_package_id: Mapped[int] = mapped_column(ForeignKey("osv_package.id"), primary_key=True)
    sort_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[str] = mapped_column(Name)
    relation: Mapped[str] = mapped_column(Name)
    release_known: Mapped[bool]
    flagged: Mapped[bool]
    build: Mapped[str] = mapped_column(Name, server_default=text("''"))
    provenance: Mapped[str] = mapped_column(Name, server_default=text("''"))
    key_version: Mapped[int] = mapped_column(SmallInteger)
