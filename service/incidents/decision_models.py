"""Tables of what people decided about exposures, for which versions, and what still waits for a second person."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.inventory.catalogue_models import Name


class DecisionRow(Base):
    """Somebody decided about an exposure, and nobody rewrites it: only its end is stamped.

    `to_status` is `not_affected`, `risk_accepted` or `resolved` (an override). `approved_by` is the second person where
    one is needed. Keys are told apart by id and outlive nobody, so they are values here. `source` is `person`, or
    `vex:` and the document that said so. `grounds` is what was known when it was decided (`service.incidents.grounds`).
    """

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("to_status IN ('not_affected', 'risk_accepted', 'resolved')", name="to_status"),
        Index("ix_decision_exposure_id", "exposure_id", "id"),
        Index("uq_decision_standing", "exposure_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"))
    to_status: Mapped[str] = mapped_column(Name)
    justification: Mapped[str | None]
    reason: Mapped[str]
    evidence: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    expires_at: Mapped[datetime | None]
    decided_by: Mapped[str]
    decided_key_id: Mapped[int | None]
    approved_by: Mapped[str | None]
    approved_key_id: Mapped[int | None]
    decided_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(Name)
    grounds: Mapped[dict[str, object]] = mapped_column(JSONB)
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]


class DecisionBound(Base):
    """Versions of one package for which a decision holds: an interval, or one version by its text.

    `osv_package_id` says as what versions are compared; where it is NULL, `lo_version` is the only version meant. Empty
    bounds are open. `narrowed` is a range that the person gave, '' if none: both have to hold. `range` is the interval
    as a vers expression, for people and documents.
    """

    __tablename__ = "decision_bound"
    __table_args__ = (Index("ix_decision_bound_decision_id", "decision_id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"))
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"))
    osv_package_id: Mapped[int | None] = mapped_column(ForeignKey("osv_package.id"))
    lo_version: Mapped[str] = mapped_column(Name)
    hi_version: Mapped[str] = mapped_column(Name)
    hi_included: Mapped[bool]
    narrowed: Mapped[str] = mapped_column(server_default=text("''"))
    range: Mapped[str]


class Proposal(Base):
    """A decision that waits for a second person; at most one of an exposure waits.

    `bounds` and `grounds` are those of the decision that it would become. `outcome`: `approved`, `declined`, `lapsed`
    (what it was about has changed) or `replaced`.
    """

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint("outcome IN ('approved', 'declined', 'lapsed', 'replaced')", name="outcome"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ends_somehow"),
        Index("ix_proposal_exposure_id", "exposure_id", "id"),
        Index("uq_proposal_waiting", "exposure_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"))
    to_status: Mapped[str] = mapped_column(Name)
    justification: Mapped[str | None]
    reason: Mapped[str]
    evidence: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    expires_at: Mapped[datetime | None]
    proposed_by: Mapped[str]
    proposed_key_id: Mapped[int]
    proposed_by_cert: Mapped[bool]
    proposed_at: Mapped[datetime]
    bounds: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    grounds: Mapped[dict[str, object]] = mapped_column(JSONB)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    outcome: Mapped[str | None] = mapped_column(Name)
