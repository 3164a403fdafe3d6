"""The one transition service: steps that people, integrations and importers take with exposures, one or many at once.

One service for API, pages, command line, tickets and imports. Nothing closes on a word: `fix_claimed` is a claim, and
what says that nothing has to be done, `not_affected` or an override to `resolved`, takes two people.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from service.access.roles import Actor
from service.db import WriteSession
from service.errors import NotFound, ServiceError
from service.incidents.bounds import Bound, bounds_of, exactly, grounds_of, uncovered
from service.incidents.decisions import Authors, NewDecision, record_decisions
from service.incidents.expiring import end_acceptances
from service.incidents.grounds import Known, in_field, known_about
from service.incidents.guards import (
    JUSTIFICATIONS,
    LONGEST_ACCEPTANCE,
    LONGEST_ACCEPTANCE_OF_ACT,
    PLANS,
    refusal_of,
)
from service.incidents.locking import find_exposure, lock_exposure, locked, standing_of
from service.incidents.models import Exposure
from service.incidents.moving import after_step, read_again, state_of, write_states
from service.incidents.proposals import NewProposal, propose
from service.incidents.remarks import assign, comment
from service.incidents.representing import exposure_name
from service.incidents.requests import (
    ChangedMeanwhile,
    Decision,
    NotTaken,
    Outcome,
    Request,
    StepRefused,
    Target,
)
from service.incidents.timeline import Entry, write_timeline

__all__ = [
    "JUSTIFICATIONS",
    "LONGEST_ACCEPTANCE",
    "LONGEST_ACCEPTANCE_OF_ACT",
    "PLANS",
    "ChangedMeanwhile",
    "Decision",
    "Outcome",
    "Request",
    "StepRefused",
    "Target",
    "assign",
    "comment",
    "end_acceptances",
    "find_exposure",
    "lock_exposure",
    "take_transitions",
    "transition",
]


class Taking(NamedTuple):
    """A step that is allowed: of which exposure, who answers for it, and, of a decision, what it is bound to."""

    exposure: Exposure
    decision: Decision
    authors: Authors
    known: Known | None = None
    bounds: tuple[Bound, ...] = ()

    @property
    def waits(self) -> bool:
        """Tell whether a second person has to agree before anything moves."""
        return self.decision.waits_for_another and self.authors.approved_by is None


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

    A step that takes two people is proposed: the exposure stays where it is, and says so in its proposal.

    Raises:
        StepRefused: The step does not lead on from where it is, or lacks what it needs.
        ChangedMeanwhile: *version* is not the current one.
        Forbidden: It is another team's.
    """
    (outcome,) = take_transitions(session, [Request(exposure_id, decision, version)], actor=actor, now=now)
    if outcome.refusal is not None:
        raise outcome.refusal
    return session.get_one(Exposure, exposure_id)


def take_transitions(
    session: WriteSession,
    requests: Sequence[Request],
    *,
    actor: Actor,
    now: datetime,
    atomic: bool = False,
    dry_run: bool = False,
) -> list[Outcome]:
    """Let exposures take steps, those whose guards allow it. Many cost as many statements as one.

    Args:
        session: Locks all of the exposures, in the order of their ids.
        requests: At most one an exposure.
        actor: Who wants it.
        now: Aware UTC.
        atomic: Take all of them or none.
        dry_run: Only say what would become of each.

    Returns:
        One outcome a request, in their order.
    """
    exposures = locked(session, [request.exposure_id for request in requests])
    refusals = _refusals(exposures, requests, actor, now)
    known = _known(session, requests, refusals)
    takings = {}
    for place, request in enumerate(requests):
        if refusals[place] is None:
            taking = _bind(exposures[request.exposure_id], request.decision, known, actor)
            takings[place], refusals[place] = taking, _unbound(taking)
    refused = {place: refusal for place, refusal in enumerate(refusals) if refusal is not None}
    if atomic and refused:
        refused = {place: refused.get(place, _NOT_ALONE) for place in range(len(requests))}
    allowed = [taking for place, taking in takings.items() if place not in refused]
    if not dry_run:
        take(session, allowed, actor=actor, now=now)
    return [
        Outcome(request.exposure_id, refusal=refused[place])
        if place in refused
        else Outcome(request.exposure_id, "proposed" if takings[place].waits else request.decision.to)
        for place, request in enumerate(requests)
    ]


_NOT_ALONE = NotTaken("Nothing was done, since another item was refused.")


def take(session: WriteSession, takings: Sequence[Taking], *, actor: Actor, now: datetime) -> None:
    """Write steps that are allowed. The session holds the exposures' locks."""
    if not takings:
        return
    moving = [taking for taking in takings if not taking.waits]
    waiting = [taking for taking in takings if taking.waits]
    before = {taking.exposure.id: taking.exposure.status for taking in takings}
    states = [
        (exposure, state_of(exposure))
        if taking.waits
        else (exposure, after_step(state_of(exposure), taking.decision, now, priority=exposure.priority))
        for taking in takings
        for exposure in [taking.exposure]
    ]
    write_states(session, states, now)
    record_decisions(session, [_decision(taking) for taking in moving if taking.decision.decides], now=now)
    propose(session, [_proposal(taking) for taking in waiting], actor=actor, now=now)
    write_timeline(
        session, [_entry(taking, before[taking.exposure.id]) for taking in takings], actor=actor.name, now=now
    )
    read_again(session, list(before))


# --- asking ----------------------------------------------------------------------------------------------------------


def _refusals(
    exposures: Mapping[int, Exposure], requests: Sequence[Request], actor: Actor, now: datetime
) -> list[ServiceError | None]:
    refusals: list[ServiceError | None] = []
    seen = set()
    for request in requests:
        exposure = exposures.get(request.exposure_id)
        if exposure is None:
            refusals.append(NotFound(f"There is no exposure {exposure_name(request.exposure_id)}."))
        elif exposure.id in seen:
            refusals.append(StepRefused(f"{exposure_name(exposure.id)} is named twice; one step at a time."))
        else:
            seen.add(exposure.id)
            refusals.append(refusal_of(standing_of(exposure), request.decision, actor, now, version=request.version))
    return refusals


def _known(
    session: WriteSession, requests: Sequence[Request], refusals: Sequence[ServiceError | None]
) -> dict[int, Known]:
    deciding = [
        request.exposure_id
        for request, refusal in zip(requests, refusals, strict=True)
        if refusal is None and request.decision.decides
    ]
    return known_about(session, in_field(session, deciding)) if deciding else {}


def _bind(exposure: Exposure, decision: Decision, known: Mapping[int, Known], actor: Actor) -> Taking:
    """Bind a decision to what it is about: the versions that its advisories name; an override, to what is there."""
    authors = Authors(actor.name, actor.key_id, decision.approved_by)
    about = known.get(exposure.id)
    if about is None:
        return Taking(exposure, decision, authors)
    if decision.bounds is not None:
        bounds = decision.bounds
    elif decision.to == "resolved":
        bounds = tuple(dict.fromkeys(exactly(used) for used in about.used))
    else:
        bounds = tuple(bounds_of(about.used, decision.versions or ""))
    return Taking(exposure, decision, authors, about, bounds)


def _unbound(taking: Taking) -> ServiceError | None:
    """Refuse a decision that would not even hold for what is there now."""
    if taking.known is None:
        return None
    used, rating = taking.known.used, taking.known.rating
    missing = uncovered(taking.bounds, grounds_of(used, rating), used, rating)
    return StepRefused(f"It would not hold for what is there: {missing.reason}.") if missing else None


# --- writing ---------------------------------------------------------------------------------------------------------


def _decision(taking: Taking) -> NewDecision:
    decision, known = taking.decision, taking.known
    if known is None:
        raise AssertionError("what decides is bound first")
    return NewDecision(
        taking.exposure.id,
        decision.to,
        taking.authors,
        decision.reason,
        taking.bounds,
        grounds_of(known.used, known.rating),
        decision.justification,
        decision.evidence,
        decision.expires_at,
        decision.source,
    )


def _proposal(taking: Taking) -> NewProposal:
    made = _decision(taking)
    return NewProposal(taking.exposure.id, taking.decision, made.bounds, made.grounds)


def _entry(taking: Taking, before: str) -> Entry:
    decision, exposure = taking.decision, taking.exposure
    return Entry(
        incident_id=exposure.incident_id,
        exposure_id=exposure.id,
        step="proposed" if taking.waits else decision.to,
        from_status=before,
        to_status=before if taking.waits else decision.to,
        reason=decision.reason,
        justification=decision.justification,
        expires_at=decision.expires_at,
        evidence=_evidence(taking),
    )


def _evidence(taking: Taking) -> dict[str, object]:
    """Add to what somebody gave as evidence what the step itself says."""
    decision, authors = taking.decision, taking.authors
    more = {
        "proposed": decision.to if taking.waits else None,
        "plan": decision.plan,
        "planned_for": decision.planned_for.isoformat() if decision.planned_for else None,
        "decided_by": authors.decided_by if authors.approved_by else None,
        "approved_by": authors.approved_by,
        "source": decision.source if decision.source != "person" else None,
        "versions": [f"{bound.package} {bound.range}" for bound in taking.bounds] or None,
    }
    return {name: value for name, value in more.items() if value is not None} | (decision.evidence or {})
