"""Steps that people, integrations and importers ask for, and what comes of each."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from service.errors import Conflict, Refused, ServiceError
from service.incidents.bounds import Bound

Target = Literal[
    "open", "acknowledged", "in_progress", "fix_claimed", "not_affected", "risk_accepted", "resolved",
]  # fmt: skip

#: The source of what a person decides; others are `vex:` and a document's id.
PERSON = "person"


class StepRefused(Refused):
    """The exposure cannot take this step."""

    slug = "step-refused"


class ChangedMeanwhile(Conflict):
    """Somebody changed it since it was read."""

    slug = "changed-meanwhile"


class NotTaken(Refused):
    """Nothing was done, since something else was refused."""

    slug = "not-taken"


@dataclass(frozen=True)
class Decision:
    """A step that somebody wants an exposure to take; `to` is a `Target`, or it is refused.

    Attributes:
        to: The status that it leads to.
        reason: Why, for others to check.
        justification: Of `not_affected`: one of CycloneDX's.
        expires_at: Until when a decision holds.
        evidence: What shows it, as JSON.
        plan: Of `in_progress`: what will be done.
        planned_for: By which day.
        versions: A range or vers expression, to bind a decision to fewer versions than the advisory names.
        source: Who says so: `PERSON`, or ``vex:<document id>``. For importers, as the two below; no door takes them.
        approved_by: The second pair of eyes, where it is not a second person: then nothing waits for one.
        bounds: For which packages and versions; None: those that are in the field, as far as the advisories' ranges go.
    """

    to: str
    reason: str = ""
    justification: str | None = None
    expires_at: datetime | None = None
    evidence: dict[str, object] | None = None
    plan: str | None = None
    planned_for: date | None = None
    versions: str | None = None
    source: str = PERSON
    approved_by: str | None = None
    bounds: tuple[Bound, ...] | None = None

    @property
    def decides(self) -> bool:
        """Tell whether it is kept as a decision that is bound to packages and versions."""
        return self.to in ("not_affected", "risk_accepted", "resolved")

    @property
    def waits_for_another(self) -> bool:
        """Tell whether it takes a second person."""
        return self.to in ("not_affected", "resolved") and self.approved_by is None


@dataclass(frozen=True)
class Request:
    """A step wanted of one exposure; *version*: of the exposure that was looked at, None for any."""

    exposure_id: int
    decision: Decision
    version: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a request: the step that was taken (`proposed`: it waits for a second person), or why not."""

    exposure_id: int
    step: str | None = None
    refusal: ServiceError | None = field(default=None, compare=False)

    @property
    def taken(self) -> bool:
        """Tell whether anything happened."""
        return self.refusal is None
