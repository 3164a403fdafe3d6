"""What people do with exposures: acknowledge, start, claim, accept, decide, assign, comment.

One service for API, pages and command line. Nothing closes on a word: `fix_claimed` is a claim, and there is no step
of a person that ends in `resolved`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select

from service.access.roles import Actor
from service.access.teams import get_team
from service.db import ReadSession, WriteSession
from service.errors import Conflict, Forbidden, NotFound, Refused, Unreadable
from service.incidents.models import Exposure
from service.incidents.presence import ACTIVE
from service.incidents.representing import exposure_name, number_of
from service.incidents.timeline import Entry, write_timeline

Target = Literal["open", "acknowledged", "in_progress", "fix_claimed", "not_affected", "risk_accepted"]

#: CycloneDX's reasons why a vulnerability does not matter here.
JUSTIFICATIONS = (
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
)

#: The longest time for which a risk may be accepted; for what needs action now, the CERT decides, and briefly.
LONGEST_ACCEPTANCE = timedelta(days=90)
LONGEST_ACCEPTANCE_OF_ACT = timedelta(days=7)

_FROM: dict[str, frozenset[str]] = {
    "acknowledged": frozenset({"open"}),
    "in_progress": frozenset({"open", "acknowledged", "fix_claimed"}),
    "fix_claimed": frozenset({"open", "acknowledged", "in_progress"}),
    "not_affected": ACTIVE,
    "risk_accepted": ACTIVE,
    "open": frozenset({"not_affected", "risk_accepted"}),
}


_NOT_ON_A_WORD = (
    "Nothing closes on a word: resolved follows by itself once every SBOM in the field is clean. Say fix_claimed, "
    "and upload the SBOM that proves it; if it does not matter here, say not_affected and why."
)


class StepRefused(Refused):
    """The exposure cannot take this step."""

    slug = "step-refused"


class ChangedMeanwhile(Conflict):
    """Somebody changed it since it was read."""

    slug = "changed-meanwhile"


@dataclass(frozen=True)
class Decision:
    """A step that a person wants an exposure to take; `to` is a `Target`, or it is refused."""

    to: str
    reason: str = ""
    justification: str | None = None
    expires_at: datetime | None = None
    evidence: dict[str, object] | None = None


def find_exposure(session: ReadSession, name: str) -> Exposure:
    """Give an exposure by its readable id (`EXP-41`)."""
    exposure = session.get(Exposure, number_of(name, "EXP"))
    if exposure is None:
        raise NotFound(f"There is no exposure {name}.")
    return exposure


def lock_exposure(session: WriteSession, name: str) -> Exposure:
    """Give an exposure and lock its row until the transaction ends: whoever compares its version sees the last one."""
    row = select(Exposure).where(Exposure.id == number_of(name, "EXP")).with_for_update()
    exposure = session.scalar(row.execution_options(populate_existing=True))
    if exposure is None:
        raise NotFound(f"There is no exposure {name}.")
    return exposure


def transition(
    session: WriteSession,
    exposure_id: int,
    decision: Decision,
    *,
    actor: Actor,
    now: datetime,
    version: int | None = None,
) -> Exposure:
    """Let an exposure take a step, if the guards of that step allow it.

    Raises:
        StepRefused: The step does not lead on from where it is, or lacks what it needs.
        ChangedMeanwhile: *version* is not the current one.
        Forbidden: It is another team's.
    """
    exposure = _locked(session, exposure_id, actor, version, claim_only=decision.to == "fix_claimed")
    if decision.to == "resolved":
        raise StepRefused(_NOT_ON_A_WORD)
    if decision.to not in _FROM:
        raise Unreadable(f"{decision.to} is no step of a person: {', '.join(sorted(_FROM))} are.")
    if exposure.status not in _FROM[decision.to]:
        raise StepRefused(f"{exposure_name(exposure.id)} is {exposure.status}; {_way_to(decision.to)}")
    if decision.expires_at is not None and decision.to != "risk_accepted":
        raise StepRefused("Only an accepted risk has an expires_at.")
    guard = _GUARDS.get(decision.to)
    if guard is not None:
        guard(exposure, decision, actor, now)
    before = exposure.status
    _apply(exposure, decision, now)
    session.flush()  # the timeline's change carries the exposure as it is now
    entry = Entry(
        incident_id=exposure.incident_id,
        exposure_id=exposure.id,
        step=decision.to,
        from_status=before,
        to_status=decision.to,
        reason=decision.reason,
        justification=decision.justification,
        expires_at=decision.expires_at,
        evidence=decision.evidence or {},
    )
    write_timeline(session, [entry], actor=actor.name, now=now)
    return session.get_one(Exposure, exposure_id)


def assign(session: WriteSession, exposure_id: int, team: str, *, actor: Actor, reason: str, now: datetime) -> Exposure:
    """Give an exposure to another team."""
    exposure = _locked(session, exposure_id, actor, None)
    new = get_team(session, team)
    exposure.team_id, exposure.owner_reason = new.id, f"assigned by {actor.name}"
    _touch(exposure, now)
    session.flush()  # the timeline's change carries the exposure as it is now
    entry = Entry(exposure.incident_id, "assigned", reason or f"to {team}", exposure.id, evidence={"team": team})
    write_timeline(session, [entry], actor=actor.name, now=now)
    return session.get_one(Exposure, exposure_id)


def comment(session: WriteSession, exposure_id: int, text: str, *, actor: Actor, now: datetime) -> Exposure:
    """Add a sentence to an exposure's timeline."""
    if not text.strip():
        raise Unreadable("A comment needs words.")
    exposure = _locked(session, exposure_id, actor, None)
    _touch(exposure, now)
    session.flush()  # the timeline's change carries the exposure as it is now
    write_timeline(
        session, [Entry(exposure.incident_id, "commented", text.strip(), exposure.id)], actor=actor.name, now=now
    )
    return session.get_one(Exposure, exposure_id)


def end_acceptances(session: WriteSession, *, now: datetime) -> int:
    """Open again what was accepted until now; gives how many there were."""
    due = session.scalars(
        select(Exposure)
        .where(Exposure.status == "risk_accepted", Exposure.expires_at <= now)
        .order_by(Exposure.id)
        .limit(500)
        .with_for_update(skip_locked=True)
    ).all()
    entries = []
    for exposure in due:
        exposure.status, exposure.assessment, exposure.expires_at, exposure.ended_at = "open", None, None, None
        _touch(exposure, now)
        entries.append(
            Entry(exposure.incident_id, "expired", "the accepted time is over", exposure.id, "risk_accepted", "open")
        )
    session.flush()  # the timeline's changes carry the exposures as they are now
    write_timeline(session, entries, actor="clock", now=now)
    return len(due)


def _locked(
    session: WriteSession, exposure_id: int, actor: Actor, version: int | None, *, claim_only: bool = False
) -> Exposure:
    exposure = session.scalar(
        select(Exposure).where(Exposure.id == exposure_id).with_for_update().execution_options(populate_existing=True)
    )
    if exposure is None:
        raise NotFound(f"There is no exposure {exposure_name(exposure_id)}.")
    if not (actor.acts_for(exposure.team_id) or (claim_only and actor.role == "integration")):
        raise Forbidden(f"{exposure_name(exposure.id)} belongs to another team.")
    if version is not None and version != exposure.version:
        raise ChangedMeanwhile(f"It is at version {exposure.version} now, not {version}; read it again.")
    return exposure


def _touch(exposure: Exposure, now: datetime) -> None:
    exposure.version += 1
    exposure.updated_at = now


def _apply(exposure: Exposure, decision: Decision, now: datetime) -> None:
    exposure.status = decision.to
    exposure.expires_at = decision.expires_at
    exposure.assessment = {"not_affected": "not_affected", "risk_accepted": "exploitable"}.get(decision.to)
    exposure.ended_at = now if decision.to == "not_affected" else None
    if decision.to != "open":
        exposure.acknowledged_at = exposure.acknowledged_at or now
    _touch(exposure, now)


def _way_to(target: str) -> str:
    return f"{target} leads on from {', '.join(sorted(_FROM[target]))}."


def _needs_presence(exposure: Exposure, decision: Decision, actor: Actor, now: datetime) -> None:  # noqa: ARG001
    # Nothing would ever close it again: no upload can take away what is gone already.
    if exposure.presence == "absent":
        raise StepRefused("Nothing in the field is affected any more, so there is nothing to open again.")


def _needs_plan(exposure: Exposure, decision: Decision, actor: Actor, now: datetime) -> None:  # noqa: ARG001
    if not decision.reason.strip():
        raise StepRefused("Say in reason what will be done: update, rollback, workaround or removal.")


def _needs_justification(exposure: Exposure, decision: Decision, actor: Actor, now: datetime) -> None:  # noqa: ARG001
    if decision.justification not in JUSTIFICATIONS:
        raise StepRefused(f"not_affected needs a justification: {', '.join(JUSTIFICATIONS)}.")
    if not decision.reason.strip():
        raise StepRefused("not_affected needs a reason that others can check.")
    if exposure.priority == "act" and not actor.may("declare"):
        raise StepRefused("What needs action now can only be called not affected by the CERT.")


def _needs_expiry(exposure: Exposure, decision: Decision, actor: Actor, now: datetime) -> None:
    if not decision.reason.strip():
        raise StepRefused("Accepting a risk needs a reason.")
    longest = LONGEST_ACCEPTANCE_OF_ACT if exposure.priority == "act" else LONGEST_ACCEPTANCE
    if decision.expires_at is None or not now < decision.expires_at <= now + longest:
        raise StepRefused(f"A risk is accepted until a day: set expires_at, at most {longest.days} days ahead.")
    if exposure.priority == "act" and not actor.may("declare"):
        raise StepRefused("What needs action now can only be accepted by the CERT.")


_GUARDS: dict[str, Callable[[Exposure, Decision, Actor, datetime], None]] = {
    "open": _needs_presence,
    "in_progress": _needs_plan,
    "not_affected": _needs_justification,
    "risk_accepted": _needs_expiry,
}
