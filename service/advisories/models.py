"""Tables of what is known to be wrong: OSV records, their affected ranges, their groups, and what they match."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.inventory.catalogue_models import Name


class Feed(Base):
    """One ecosystem of one source of advisories, and how fresh it is.

    `url` is the feed's identity: a bundle's is that of the feed it was made from. `as_of`: when the feed was as it is
    here now. `index_digest`, `etag` and `last_modified` are of the index that was last taken in full; NULL after a sync
    that left something out. `held_count`: advisories that the feed has lost at once and that are kept until somebody
    agrees. What is new is told by comparing ids with `FeedAdvisory`, never by a clock: records dated in the future
    exist.
    """

    __tablename__ = "feed"
    __table_args__ = (Index("uq_feed_url_ecosystem", "url", "ecosystem", unique=True),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    url: Mapped[str] = mapped_column(Name)
    ecosystem: Mapped[str] = mapped_column(Name)
    attempted_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    index_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    as_of: Mapped[datetime | None]
    record_count: Mapped[int] = mapped_column(server_default=text("0"))
    held_count: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    last_result: Mapped[dict[str, object] | None] = mapped_column(JSONB)


class Advisory(Base):
    """One OSV record as received, and what we read from it.

    `source`: ``osv`` or ``own``. `kind`: ``vulnerability``, ``malware`` or ``informational``.
    `severity_source` names the field that `severity` was read from, '' where nothing was said.
    `unevaluated` lists what in it could not be turned into ranges: ``[{"package", "reason", "detail"}]``.
    `settled` turns false whenever ranges or groups change, and true once matches and exposures have followed.
    `key_version` says as of which reading the columns and ranges are; an older one has them rebuilt.
    """

    __tablename__ = "advisory"
    __table_args__ = (
        CheckConstraint("source IN ('osv', 'own')", name="source"),
        CheckConstraint("kind IN ('vulnerability', 'malware', 'informational')", name="kind"),
        CheckConstraint("severity IN ('critical', 'high', 'medium', 'low', 'none', 'unscored')", name="severity"),
        Index("uq_advisory_osv_id", "osv_id", unique=True),
        Index("ix_advisory_unevaluated", "id", postgresql_where=text("unevaluated <> '[]'::jsonb")),
        Index("ix_advisory_modified", "modified", "id"),
        Index("ix_advisory_key_version", "key_version"),
        Index("ix_advisory_unsettled", "id", postgresql_where=text("NOT settled")),
        Index(
            "ix_advisory_declared",
            "id",
            postgresql_where=text("source = 'own' AND (record -> 'database_specific') ? 'declaration'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    osv_id: Mapped[str] = mapped_column(Name)
    source: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(Name)
    modified: Mapped[datetime]
    published: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    summary: Mapped[str]
    severity: Mapped[str] = mapped_column(Name)
    score: Mapped[float | None]
    vector: Mapped[str | None]
    severity_source: Mapped[str] = mapped_column(Name, server_default=text("''"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    record: Mapped[dict[str, object]] = mapped_column(JSONB)
    unevaluated: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    settled: Mapped[bool] = mapped_column(server_default=text("false"))
    key_version: Mapped[int] = mapped_column(SmallInteger)


class FeedAdvisory(Base):
    """A feed's ecosystem folder carries an advisory, as of its `modified` there."""

    __tablename__ = "feed_advisory"
    __table_args__ = (Index("ix_feed_advisory_osv_id", "osv_id"),)

    feed_id: Mapped[int] = mapped_column(ForeignKey("feed.id"), primary_key=True)
    osv_id: Mapped[str] = mapped_column(Name, primary_key=True)
    modified: Mapped[datetime]


class FeedMissing(Base):
    """An advisory that a feed lists, as of `modified`, and that cannot be had there, or only in an older form."""

    __tablename__ = "feed_missing"

    feed_id: Mapped[int] = mapped_column(ForeignKey("feed.id"), primary_key=True)
    osv_id: Mapped[str] = mapped_column(Name, primary_key=True)
    modified: Mapped[datetime]
    attempts: Mapped[int]
    retry_at: Mapped[datetime]


class Vulnerability(Base):
    """Advisories joined by their aliases. The oldest id survives a merge.

    `settled` turns false when an advisory no longer names it, and true once exposures have followed.
    `split_from_id`: with which it was one until nothing joined the two any more.
    """

    __tablename__ = "vulnerability"
    __table_args__ = (
        Index("ix_vulnerability_merged_into_id", "merged_into_id"),
        Index("ix_vulnerability_split_from_id", "split_from_id", postgresql_where=text("split_from_id IS NOT NULL")),
        Index("ix_vulnerability_unsettled", "id", postgresql_where=text("NOT settled")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Name)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("vulnerability.id"))
    split_from_id: Mapped[int | None] = mapped_column(ForeignKey("vulnerability.id"))
    settled: Mapped[bool] = mapped_column(server_default=text("true"))


class VulnerabilityAlias(Base):
    """A name under which a vulnerability is known; each name belongs to one."""

    __tablename__ = "vulnerability_alias"
    __table_args__ = (Index("ix_vulnerability_alias_vulnerability_id", "vulnerability_id"),)

    alias: Mapped[str] = mapped_column(Name, primary_key=True)
    vulnerability_id: Mapped[int] = mapped_column(ForeignKey("vulnerability.id"))


class VulnerabilityAdvisory(Base):
    """What an advisory speaks of: its own group (``alias``), or others it is evidence for (``evidence``), N:M."""

    __tablename__ = "vulnerability_advisory"
    __table_args__ = (
        CheckConstraint("relation IN ('alias', 'evidence')", name="relation"),
        Index("ix_vulnerability_advisory_advisory_id", "advisory_id"),
    )

    vulnerability_id: Mapped[int] = mapped_column(ForeignKey("vulnerability.id"), primary_key=True)
    advisory_id: Mapped[int] = mapped_column(ForeignKey("advisory.id"), primary_key=True)
    relation: Mapped[str] = mapped_column(Name)


class Affected(Base):
    """One half-open interval ``[lo, hi)`` of sort keys in which an advisory affects a package.

    A listed version that no range implies is a point, or, where it cannot be ordered, `exact_version` with NULL bounds.
    `base_package_id`: the same name in the bare distribution, for components whose release nobody names.
    `flagged`: a bound's key is not exact; the comparator decides with `lo_version`, `hi_version`.
    `build`: which of a distribution's builds it speaks of; see `service.advisories.builds`.
    """

    __tablename__ = "affected"
    __table_args__ = (
        CheckConstraint("(lo IS NULL) = (hi IS NULL)", name="both_bounds"),
        CheckConstraint("lo IS NOT NULL OR exact_version IS NOT NULL", name="range_or_version"),
        Index("ix_affected_osv_package_id_hi", "osv_package_id", "hi", postgresql_include=["lo", "advisory_id"]),
        Index(
            "ix_affected_base_package_id_hi",
            "base_package_id",
            "hi",
            postgresql_include=["lo", "advisory_id"],
            postgresql_where=text("base_package_id IS NOT NULL"),
        ),
        Index(
            "ix_affected_osv_package_id_exact", "osv_package_id", "exact_version", postgresql_where=text("lo IS NULL")
        ),
        Index("ix_affected_flagged", "osv_package_id", postgresql_where=text("flagged")),
        Index("ix_affected_advisory_id", "advisory_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    advisory_id: Mapped[int] = mapped_column(ForeignKey("advisory.id"))
    osv_package_id: Mapped[int] = mapped_column(ForeignKey("osv_package.id"))
    base_package_id: Mapped[int | None] = mapped_column(ForeignKey("osv_package.id"))
    lo: Mapped[bytes | None] = mapped_column(LargeBinary)
    hi: Mapped[bytes | None] = mapped_column(LargeBinary)
    exact_version: Mapped[str | None] = mapped_column(Name)
    lo_version: Mapped[str] = mapped_column(Name)
    hi_version: Mapped[str] = mapped_column(Name)
    hi_included: Mapped[bool]
    fixed: Mapped[str] = mapped_column(Name)
    rule: Mapped[str] = mapped_column(Name)
    flagged: Mapped[bool]
    build: Mapped[str] = mapped_column(Name, server_default=text("''"))


class Match(Base):
    """A component is affected by an advisory: which rule fired, and how certain that is.

    Written per component, never per stream; findings are usage joined with this. `note` says what people should ask
    themselves first: `origins.CONFUSION`, or ''.
    """

    __tablename__ = "match"
    __table_args__ = (
        CheckConstraint("certainty IN ('certain', 'possible')", name="certainty"),
        Index("ix_match_advisory_id", "advisory_id"),
    )

    component_id: Mapped[int] = mapped_column(primary_key=True)
    advisory_id: Mapped[int] = mapped_column(ForeignKey("advisory.id"), primary_key=True)
    certainty: Mapped[str] = mapped_column(Name)
    rule: Mapped[str] = mapped_column(Name)
    osv_package_id: Mapped[int] = mapped_column(ForeignKey("osv_package.id"))
    lo_version: Mapped[str] = mapped_column(Name)
    hi_version: Mapped[str] = mapped_column(Name)
    fixed: Mapped[str] = mapped_column(Name)
    note: Mapped[str] = mapped_column(Name, server_default=text("''"))
