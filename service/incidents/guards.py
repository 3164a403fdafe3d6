"""Which step may follow on which, and what each one needs. Pure: values go in, a refusal or None comes out."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from service.access.roles import Actor, Role
from service.errors import Forbidden, ServiceError, Unreadable
from service.incidents.presence import ACTIVE
from service.incidents.requests import ChangedMeanwhile, Decision, StepRefused
from service.inventory.constraints import BadConstraint, parse_range, parse_vers

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
#: What can be done about it.
PLANS = ("update", "rollback", "workaround", "removal")

#: The longest time for which a risk may be accepted; for what needs action now, the CERT decides, and briefly.
LONGEST_ACCEPTANCE = timedelta(days=90)
LONGEST_ACCEPTANCE_OF_ACT = timedelta(days=7)

#: From which statuses each step leads on.
LEADS_ON_FROM: dict[str, frozenset[str]] = {
    "acknowledged": frozenset({"open"}),
    "in_progress": frozenset({"open", "acknowledged", "fix_claimed"}),
    "fix_claimed": frozenset({"open", "acknowledged", "in_progress"}),
    "resolved": ACTIVE,
    "not_affected": ACTIVE,
    "risk_accepted": ACTIVE,
    "open": frozenset({"not_affected", "risk_accepted", "resolved"}),
}

_NOT_ON_A_WORD = (
    "Nothing closes on a word: resolved follows by itself once every SBOM in the field is clean. Say fix_claimed, "
    "and upload the SBOM that proves it; if it does not matter here, say not_affected and why. The CERT may override "
    "with a reason and evidence that a second person of the CERT approves."
)


class Standing(NamedTuple):
    """What a guard has to know of an exposure."""

    name: str
    team_id: int
    status: str
    presence: str
    priority: str
    version: int

    @property
    def is_urgent(self) -> bool:
        """Tell whether it needs action now."""
        return self.priority == "act"


def refusal_of(
    standing: Standing, decision: Decision, actor: Actor, now: datetime, *, version: int | None = None
) -> ServiceError | None:
    """Say why an exposure cannot take a step; None where it can.

    Args:
        standing: Where it stands.
        decision: The step.
        actor: Who wants it.
        now: Aware UTC.
        version: The one that the actor has looked at; None for any.
    """
    if not may_act(standing, actor, claim_only=decision.to == "fix_claimed"):
        return Forbidden(f"{standing.name} belongs to another team.")
    if version is not None and version != standing.version:
        return ChangedMeanwhile(f"It is at version {standing.version} now, not {version}; read it again.")
    if decision.to not in LEADS_ON_FROM:
        return Unreadable(f"{decision.to} is no step of a person: {', '.join(sorted(LEADS_ON_FROM))} are.")
    missing = _missing(standing, decision, actor, now)
    return StepRefused(missing) if missing else None


def _missing(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:
    if decision.to == "resolved" and (missing := _override(standing, decision, actor, now)):
        return missing
    if standing.status not in LEADS_ON_FROM[decision.to]:
        return f"{standing.name} is {standing.status}; {_way_to(decision.to)}"
    guards = (_extras, GUARDS.get(decision.to), _four_eyes)
    said = (guard(standing, decision, actor, now) for guard in guards if guard is not None)
    return next(filter(None, said), None)


def may_act(standing: Standing, actor: Actor, *, claim_only: bool = False) -> bool:
    """Tell whether an exposure is the actor's to act on; integrations can only claim a fix."""
    return actor.acts_for(standing.team_id) or (claim_only and actor.role is Role.INTEGRATION)


Guard = Callable[[Standing, Decision, Actor, datetime], str | None]


def _extras(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:  # noqa: ARG001
    if decision.expires_at is not None and decision.to not in ("risk_accepted", "not_affected"):
        return "Only a decision that it need not be fixed (risk_accepted, not_affected) has an expires_at."
    if decision.to != "in_progress" and (decision.plan is not None or decision.planned_for is not None):
        return "plan and planned_for belong to in_progress."
    if decision.versions is None:
        return None
    if decision.to not in ("risk_accepted", "not_affected"):
        return "Only a decision that it need not be fixed is bound to versions."
    return _readable(decision.versions)


def _readable(versions: str) -> str | None:
    try:
        parse_vers(versions) if versions.startswith("vers:") else parse_range(versions)
    except BadConstraint as unreadable:
        return unreadable.detail
    return None


def _needs_something_to_open(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:  # noqa: ARG001
    # Nothing would ever close it again: no upload can take away what is gone already.
    if standing.presence == "absent":
        return "Nothing in the field is affected any more, so there is nothing to open again."
    return None


def _needs_plan(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:  # noqa: ARG001
    if decision.planned_for is not None and decision.planned_for < now.date():
        return f"planned_for is over: today is {now.date()}."
    if decision.plan is None:
        return None if decision.reason.strip() else f"Say in plan what will be done: {', '.join(PLANS)}."
    if decision.plan not in PLANS:
        return f"{decision.plan} is no plan: {', '.join(PLANS)} are."
    return None if decision.planned_for is not None else "A plan needs the day by which it is done: planned_for."


def _needs_justification(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:
    if decision.justification not in JUSTIFICATIONS:
        return f"not_affected needs a justification: {', '.join(JUSTIFICATIONS)}."
    if not decision.reason.strip():
        return "not_affected needs a reason that others can check."
    if decision.expires_at is not None and decision.expires_at <= now:
        return "expires_at is over already."
    if standing.is_urgent and not decision.waits_for_another and not actor.may("declare"):
        return "What needs action now can only be called not affected with the CERT."
    return None


def _needs_expiry(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:
    if not decision.reason.strip():
        return "Accepting a risk needs a reason."
    longest = LONGEST_ACCEPTANCE_OF_ACT if standing.is_urgent else LONGEST_ACCEPTANCE
    if decision.expires_at is None or not now < decision.expires_at <= now + longest:
        return f"A risk is accepted until a day: set expires_at, at most {longest.days} days ahead."
    if standing.is_urgent and not actor.may("declare"):
        return "What needs action now can only be accepted by the CERT."
    return None


def _override(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:  # noqa: ARG001
    if not (actor.may("declare") and decision.evidence and decision.reason.strip()):
        return _NOT_ON_A_WORD
    return None


def _four_eyes(standing: Standing, decision: Decision, actor: Actor, now: datetime) -> str | None:  # noqa: ARG001
    if decision.waits_for_another and actor.key_id is None:
        return f"{decision.to} takes two people, who are told apart by their keys: act with a key of your own."
    return None


GUARDS: dict[str, Guard] = {
    "open": _needs_something_to_open,
    "in_progress": _needs_plan,
    "not_affected": _needs_justification,
    "risk_accepted": _needs_expiry,
}


def _way_to(target: str) -> str:
    return f"{target} leads on from {', '.join(sorted(LEADS_ON_FROM[target]))}."


# --- the second person -----------------------------------------------------------------------------------------------


class Proposed(NamedTuple):
    """What a guard has to know of a proposal."""

    to_status: str
    key_id: int
    by_cert: bool


def approval_refused(standing: Standing, proposed: Proposed, actor: Actor) -> ServiceError | None:
    """Say why somebody cannot approve a proposal. Whether it is another person is told by keys, never by names."""
    if not may_act(standing, actor):
        return Forbidden(f"{standing.name} belongs to another team.")
    if actor.key_id is None or actor.key_id == proposed.key_id:
        return StepRefused("It takes a second person: the key that proposed it cannot approve it.")
    if proposed.to_status == "resolved" and not actor.may("declare"):
        return StepRefused("An override is approved by the CERT.")
    if standing.is_urgent and not (proposed.by_cert or actor.may("declare")):
        return StepRefused("What needs action now takes the CERT as one of the two.")
    return None
