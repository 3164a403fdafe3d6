"""The second person: approves what somebody proposed, or declines it. Keys tell people apart, names never do."""

from datetime import datetime

from service.access.keys import is_revoked
from service.access.roles import Actor
from service.db import WriteSession
from service.errors import Conflict, Forbidden
from service.incidents.bounds import uncovered
from service.incidents.decisions import Authors
from service.incidents.grounds import Known, in_field, known_about
from service.incidents.guards import Proposed, approval_refused, may_act
from service.incidents.lifecycle import Taking, take
from service.incidents.locking import locked_one, standing_of
from service.incidents.models import Exposure
from service.incidents.moving import state_of, write_states
from service.incidents.proposals import Waiting, end_proposals, waiting_for
from service.incidents.representing import exposure_name
from service.incidents.requests import ChangedMeanwhile, Decision, StepRefused
from service.incidents.timeline import Entry, write_timeline


class NothingProposed(Conflict):
    """Nothing waits for a second person."""

    slug = "nothing-proposed"


def approve(
    session: WriteSession, exposure_id: int, *, actor: Actor, now: datetime, version: int | None = None
) -> Exposure:
    """Let what was proposed become so, as it was proposed.

    Raises:
        NothingProposed: Nothing waits, or no longer.
        StepRefused: It is the same person, or what it was proposed on has changed.
        ChangedMeanwhile: *version* is not the current one.
        Forbidden: It is another team's.
    """
    exposure, waiting = _waiting(session, exposure_id, version)
    refusal = approval_refused(standing_of(exposure), _as_proposed(waiting), actor)
    if refusal is not None:
        raise refusal
    if is_revoked(session, waiting.proposed_key_id):
        raise StepRefused("The key that proposed it was revoked. Propose it anew.")
    known = known_about(session, in_field(session, [exposure_id]))[exposure_id]
    if changed := why_outdated(waiting, known, now):
        raise StepRefused(f"What was proposed no longer fits: {changed}. Propose it anew.")
    end_proposals(session, [exposure_id], "approved", actor=actor.name, now=now)
    take(session, [_taking(exposure, waiting, known, actor)], actor=actor, now=now)
    return session.get_one(Exposure, exposure_id)


def decline(
    session: WriteSession, exposure_id: int, *, actor: Actor, reason: str, now: datetime, version: int | None = None
) -> Exposure:
    """Turn down what was proposed; whoever proposed it may take it back, too.

    Raises:
        NothingProposed: Nothing waits, or no longer.
        ChangedMeanwhile: *version* is not the current one.
        Forbidden: It is another team's.
    """
    exposure, waiting = _waiting(session, exposure_id, version)
    if not may_act(standing_of(exposure), actor):
        raise Forbidden(f"{exposure_name(exposure_id)} belongs to another team.")
    end_proposals(session, [exposure_id], "declined", actor=actor.name, now=now)
    write_states(session, [(exposure, state_of(exposure))], now)
    said: dict[str, object] = {"proposed": waiting.to, "proposed_by": waiting.proposed_by}
    entry = Entry(
        exposure.incident_id, "declined", reason, exposure_id, exposure.status, exposure.status, evidence=said
    )
    write_timeline(session, [entry], actor=actor.name, now=now)
    return session.get_one(Exposure, exposure_id)


def lapse_outdated(session: WriteSession, *, now: datetime) -> int:
    """End the proposals whose grounds have changed; gives how many there were. Idempotent."""
    waiting = waiting_for(session)
    if not waiting:
        return 0
    known = known_about(session, in_field(session, list(waiting)))
    why = {id_: reason for id_, each in waiting.items() if (reason := why_outdated(each, known[id_], now))}
    exposures = [locked_one(session, id_) for id_ in sorted(why)]
    still = waiting_for(session, list(why))
    exposures = [exposure for exposure in exposures if still.get(exposure.id) == waiting[exposure.id]]
    end_proposals(session, [exposure.id for exposure in exposures], "lapsed", actor="clock", now=now)
    write_states(session, [(exposure, state_of(exposure)) for exposure in exposures], now)
    entries = [
        Entry(exposure.incident_id, "lapsed", why[exposure.id], exposure.id, exposure.status, exposure.status)
        for exposure in exposures
    ]
    write_timeline(session, entries, actor="clock", now=now)
    return len(entries)


def why_outdated(waiting: Waiting, known: Known, now: datetime) -> str | None:
    """Say why a proposal no longer fits what there is; None where it does."""
    if waiting.expires_at is not None and waiting.expires_at <= now:
        return "the time for which it was proposed is over"
    missing = uncovered(waiting.bounds, waiting.grounds, known.used, known.rating)
    return missing.reason if missing else None


def _waiting(session: WriteSession, exposure_id: int, version: int | None) -> tuple[Exposure, Waiting]:
    exposure = locked_one(session, exposure_id)
    if version is not None and version != exposure.version:
        raise ChangedMeanwhile(f"It is at version {exposure.version} now, not {version}; read it again.")
    waiting = waiting_for(session, [exposure_id]).get(exposure_id)
    if waiting is None:
        raise NothingProposed(f"Nothing about {exposure_name(exposure_id)} waits for a second person.")
    return exposure, waiting


def _as_proposed(waiting: Waiting) -> Proposed:
    return Proposed(waiting.to, waiting.proposed_key_id, by_cert=waiting.proposed_by_cert)


def _taking(exposure: Exposure, waiting: Waiting, known: Known, actor: Actor) -> Taking:
    decision = Decision(
        waiting.to, waiting.reason, waiting.justification, waiting.expires_at, waiting.evidence, bounds=waiting.bounds
    )
    authors = Authors(waiting.proposed_by, waiting.proposed_key_id, actor.name, actor.key_id)
    return Taking(exposure, decision, authors, known, waiting.bounds)
