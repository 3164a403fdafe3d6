"""Tables of the feedback loop: incidents, exposures, and every step they took."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base
from service.inventory.catalogue_models import Name

EXPOSURE_STATUSES = (
    "open", "acknowledged", "in_progress", "fix_claimed", "resolved", "not_affected", "risk_accepted", "withdrawn",
    "retired", "merged",
)  # fmt: skip
_STATUS_LIST = ", ".join(f"'{status}'" for status in EXPOSURE_STATUSES)


class Incident(Base):
    """One vulnerability over all products (`INC-7`).

    `known_exploited` is the CVE under which CISA lists it, `likely_exploited` what EPSS says, both as of the rating
    that `priority` comes from. `priority_facts` is what `deciding` knows of it; `priority` is the worst of its active
    exposures, else what follows from the facts alone. `restricted` is under embargo: only those who need to know see it
    (ADR 0023).
    """

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("kind IN ('vulnerability', 'malware', 'declared', 'licence', 'trust')", name="kind"),
        CheckConstraint("status IN ('open', 'contained', 'resolved', 'closed', 'withdrawn', 'merged')", name="status"),
        CheckConstraint("priority IN ('act', 'attend', 'track*', 'track')", name="priority"),
        Index("uq_incident_vulnerability_id", "vulnerability_id", unique=True),
        Index("ix_incident_updated_at", "updated_at", "id"),
        Index("ix_incident_known_exploited", "id", postgresql_where=text("known_exploited IS NOT NULL")),
        Index("ix_incident_restricted", "id", postgresql_where=text("restricted")),
        Index("ix_incident_undecided", "id", postgresql_where=text("priority_facts IS NULL AND status <> 'merged'")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Name)
    vulnerability_id: Mapped[int | None] = mapped_column(ForeignKey("vulnerability.id"))
    title: Mapped[str]
    severity: Mapped[str] = mapped_column(Name)
    priority: Mapped[str] = mapped_column(Name)
    priority_facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    known_exploited: Mapped[str | None] = mapped_column(Name)
    likely_exploited: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[str] = mapped_column(Name)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"))
    restricted: Mapped[bool] = mapped_column(server_default=text("false"))
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))

    @property
    def is_confirmed(self) -> bool:
        """Tell whether it is exploited, malicious or declared: only then may exposures be Act, or to be reported."""
        return bool(self.known_exploited or (self.priority_facts or {}).get("forced"))


class Exposure(Base):
    """One incident in one product (`EXP-41`): owner, clocks, status. Status is the last transition's.

    `presence` is what the inventory says (machine), `assessment` what people decided (VEX), `status` the work.
    `priority_inputs` is the decision that `priority` comes from. `*_from_at`: from when the time until `*_due_at`
    counts, None = `opened_at`; both move together by what is paused.
    `inherited_from_id`: the base's exposure that this one waits for; `merged_into_id`: the one that goes on instead.
    """

    __tablename__ = "exposure"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUS_LIST})", name="status"),
        CheckConstraint("origin IN ('new', 'baseline')", name="origin"),
        CheckConstraint("presence IN ('present', 'absent', 'unknown')", name="presence"),
        CheckConstraint("priority IN ('act', 'attend', 'track*', 'track')", name="priority"),
        Index("uq_exposure_incident_id_product_id", "incident_id", "product_id", unique=True),
        Index("ix_exposure_product_id", "product_id"),
        Index("ix_exposure_team_id_status", "team_id", "status"),
        Index(
            "ix_exposure_acknowledge_due_at",
            "acknowledge_due_at",
            postgresql_where=text("status = 'open' AND acknowledged_at IS NULL"),
        ),
        Index(
            "ix_exposure_remediate_due_at",
            "remediate_due_at",
            postgresql_where=text("status IN ('open', 'acknowledged', 'in_progress', 'fix_claimed')"),
        ),
        Index("ix_exposure_claimed_at", "claimed_at", postgresql_where=text("status = 'fix_claimed'")),
        Index("ix_exposure_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        Index(
            "ix_exposure_inherited_from_id", "inherited_from_id", postgresql_where=text("inherited_from_id IS NOT NULL")
        ),
        Index("ix_exposure_merged_into_id", "merged_into_id", postgresql_where=text("merged_into_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    owner_reason: Mapped[str]
    owner_manual: Mapped[bool] = mapped_column(server_default=text("false"))
    origin: Mapped[str] = mapped_column(Name)
    status: Mapped[str] = mapped_column(Name)
    presence: Mapped[str] = mapped_column(Name)
    hold_reason: Mapped[str | None]
    assessment: Mapped[str | None]
    priority: Mapped[str] = mapped_column(Name)
    priority_inputs: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledge_from_at: Mapped[datetime | None]
    acknowledge_due_at: Mapped[datetime | None]
    remediate_from_at: Mapped[datetime | None]
    remediate_due_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    plan: Mapped[str | None]
    planned_for: Mapped[date | None]
    claimed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    inherited_from_id: Mapped[int | None] = mapped_column(ForeignKey("exposure.id"))
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("exposure.id"))
    reopen_count: Mapped[int] = mapped_column(server_default=text("0"))
    version: Mapped[int] = mapped_column(server_default=text("1"))


class ExposureComponent(Base):
    """A component that made an exposure's product affected, now or earlier. Only ever added to."""

    __tablename__ = "exposure_component"
    __table_args__ = (Index("ix_exposure_component_component_id", "component_id"),)

    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"), primary_key=True)
    component_id: Mapped[int] = mapped_column(primary_key=True)


class Episode(Base):
    """From one opening of an exposure to its end; a regression begins the next.

    What was so at its end is kept from `acknowledged_at` on; while it runs, the exposure has it. The numbers need it:
    who had the exposure, how urgent it was and when it was due are another thing in the next episode.
    """

    __tablename__ = "episode"
    __table_args__ = (
        Index("ix_episode_opened_at", "opened_at"),
        Index("ix_episode_ended_at", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    exposure_id: Mapped[int] = mapped_column(ForeignKey("exposure.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    acknowledge_due_at: Mapped[datetime | None]
    remediate_due_at: Mapped[datetime | None]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    priority: Mapped[str | None] = mapped_column(Name)
    origin: Mapped[str | None] = mapped_column(Name)


class Transition(Base):
    """One step in the life of an exposure or incident. Rows are only ever added; they are the timeline."""

    __tablename__ = "transition"
    __table_args__ = (
        Index("ix_transition_exposure_id", "exposure_id", "id"),
        Index("ix_transition_incident_id", "incident_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    exposure_id: Mapped[int | None] = mapped_column(ForeignKey("exposure.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    step: Mapped[str] = mapped_column(Name)
    from_status: Mapped[str | None] = mapped_column(Name)
    to_status: Mapped[str | None] = mapped_column(Name)
    reason: Mapped[str]
    justification: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    evidence: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
