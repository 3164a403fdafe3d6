"""What the schemas of exposures say of decisions: the one that stands, and one that waits for a second person."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from service.api.schemas import Answer


class BoundOut(Answer):
    """Versions of one package for which a decision holds."""

    package: str = Field(description="a purl without version", examples=["pkg:npm/lodash"])
    range: str = Field(description="vers", examples=["vers:npm/<4.17.21"])
    narrowed_to: str | None = Field(description="what the person made of it: both have to hold")


class DecisionOut(Answer):
    """A decision that stands. It ends when something comes that it was not decided for."""

    to: Literal["not_affected", "risk_accepted", "resolved"]
    justification: str | None
    reason: str
    evidence: dict[str, Any]
    expires_at: datetime | None
    decided_by: str
    approved_by: str | None = Field(description="the second person, where it takes two")
    decided_at: datetime
    source: str = Field(description="person, or vex: and the document that said so")
    bounds: list[BoundOut]


class ProposalOut(Answer):
    """A decision that waits for a second person; it lapses when what it is about changes."""

    to: Literal["not_affected", "resolved"]
    justification: str | None
    reason: str
    evidence: dict[str, Any]
    expires_at: datetime | None
    proposed_by: str
    proposed_at: datetime
    bounds: list[BoundOut]
