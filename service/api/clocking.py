"""What the schemas of exposures say of clocks: how urgency was decided, what runs until when, and what was paused."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from service.api.schemas import Answer

Name = Literal["acknowledge", "remediate", "contain", "cra_early_warning", "cra_notification", "cra_final_report"]


class InputOut(Answer):
    """What a decision was made from."""

    name: str = Field(examples=["exploitation"])
    value: str = Field(examples=["active"])
    source: str = Field(examples=["CISA listed CVE-2024-3094 as exploited on 2024-04-01"])


class TableOut(Answer):
    """A published decision table, and what it says."""

    name: str = Field(examples=["cisa_coordinator"])
    version: str = Field(examples=["2.0.3"])
    outcome: str = Field(examples=["attend"])


class PriorityInputsOut(Answer):
    """How the priority was decided: the strictest of the tables' outcomes."""

    rule: Literal["tables", "words", "forced"] = Field(
        description="forced: malicious code, or declared; words: no CVSS vector gives the tables their inputs"
    )
    outcome: Literal["act", "attend", "track*", "track"]
    remediate_within_days: int
    confirmed: bool = Field(description="exploited, malicious or declared: harm is known and not only possible")
    forensics: bool = Field(description="the directive asks for a forensic investigation too")
    tables: list[TableOut]
    inputs: list[InputOut]


class ClockOut(Answer):
    """A clock. It is met when what it waits for has happened."""

    name: Name
    started_at: datetime = Field(description="moves together with due_at by what is paused")
    due_at: datetime
    met_at: datetime | None
    breached: bool | None = Field(description="late now, or met late")


class PauseOut(Answer):
    """Time that does not count for remediation."""

    kind: Literal["awaiting_upstream", "awaiting_decision"]
    reason: str
    by: str
    from_at: datetime = Field(alias="from")
    ends_by: datetime
    to: datetime | None = Field(description="null: it runs")
    ended_because: str | None
