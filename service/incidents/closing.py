"""The all-clear: an incident is closed when nothing in the field is affected or unknown, or by two people who say why.

A closed incident stays closed until an exposure of it opens, or opens again (`timeline`). Whoever closes it in spite of
something proposes that with a reason; somebody with another key agrees to that very list. What has come since the
proposal was not agreed to: then it has to be proposed anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from service.access.keys import is_revoked
from service.access.roles import Actor
from service.db import WriteSession
from service.errors import Conflict, Unreadable
from service.incidents.declaration_models import Closing
from service.incidents.models import Incident
from service.incidents.representing import exposure_name, incident_name
from service.incidents.situation import Situation, situation_of
from service.incidents.timeline import Entry, write_timeline

#: So many reasons are listed; the count is whole.
MOST_LISTED: Final = 1_000
#: How long a proposal waits for a second person.
PROPOSAL_LIFE: Final = timedelta(hours=24)


class NotClear(Conflict):
    """Something in the field is affected or unknown."""

    slug = "not-clear"


class NeedsAnother(Conflict):
    """A second person has to agree."""

    slug = "needs-another"


class ClosedAlready(Conflict):
    """It is closed, or went on as another."""

    slug = "closed-already"


@dataclass(frozen=True)
class Obstacle:
    """What stands in the way: an exposure, or a product of which nobody can tell."""

    product: str
    exposure: str | None
    reason: str

    @property
    def name(self) -> str:
        """Name it, for the list that two people agree to."""
        return self.exposure or self.product


@dataclass(frozen=True)
class Outcome:
    """What came of it: closed, or proposed and waiting for a second person (`proposal` is its number)."""

    incident: Incident
    closed: bool
    obstacles: Sequence[Obstacle]
    proposal: int | None = None
    proposed_by: str | None = None


def obstacles_in(situation: Situation) -> list[Obstacle]:
    """List what stands in the way of closing, affected ones first. Pure."""
    affected = [Obstacle(one.product, exposure_name(one.id), "affected") for one in situation.affected]
    suspected = [Obstacle(one.product, exposure_name(one.id), "unknown") for one in situation.suspected]
    unjudged = [Obstacle(product, None, reason) for product, reason in situation.cannot_tell.items()]
    return [*affected, *suspected, *unjudged]


def close_incident(
    session: WriteSession, incident: Incident, *, reason: str, override: bool, actor: Actor, now: datetime
) -> Outcome:
    """Close an incident, or propose that, or agree to what somebody else has proposed.

    Args:
        session: Locks the incident.
        incident: Not merged into another.
        reason: Why; an override needs one.
        override: Close although something is affected or unknown: proposed first, done when another key says the same.
        actor: Who says so.
        now: When.

    Raises:
        ClosedAlready: It is closed or merged.
        NotClear: Something stands in the way, and nobody overrides that. Lists what it is.
        NeedsAnother: The same person has proposed it.
        Unreadable: An override without a reason.
    """
    session.execute(select(Incident.id).where(Incident.id == incident.id).with_for_update(key_share=True))
    session.refresh(incident)
    if incident.status in ("closed", "merged"):
        raise ClosedAlready(f"{incident_name(incident.id)} is {incident.status} already.")
    obstacles = obstacles_in(situation_of(session, incident))
    if not obstacles:
        return _close(session, incident, [], reason or "nothing in the field is affected or unknown", actor, now)
    if not override:
        raise NotClear(
            f"{len(obstacles)} are affected or unknown in the field. Resolve or decide them, have their owners answer,"
            f" or send override with a reason: a second person then has to agree.",
            count=len(obstacles),
            obstacles=[vars(each) for each in obstacles[:MOST_LISTED]],
        )
    if not reason.strip():
        raise Unreadable("Closing in spite of what is affected or unknown needs a reason.")
    return _override(session, incident, obstacles, reason.strip(), actor, now)


def _override(
    session: WriteSession, incident: Incident, obstacles: list[Obstacle], reason: str, actor: Actor, now: datetime
) -> Outcome:
    standing = sorted(each.name for each in obstacles)
    waiting = session.scalar(
        select(Closing)
        .where(
            Closing.incident_id == incident.id, Closing.agreed_at.is_(None), Closing.proposed_at > now - PROPOSAL_LIFE
        )
        .order_by(Closing.id.desc())
        .limit(1)
    )
    if waiting is not None and is_revoked(session, waiting.proposer_key_id):
        waiting = None
    if waiting is not None and set(standing) <= set(waiting.standing):
        if waiting.proposer_key_id == actor.key_id:
            raise NeedsAnother(f"{waiting.proposed_by} has proposed it; somebody with another key has to agree.")
        waiting.agreed_at, waiting.agreed_by = now, actor.name
        told = f"{waiting.reason} (proposed by {waiting.proposed_by}; agreed: {reason})"
        return _close(session, incident, obstacles, told, actor, now)
    proposal = Closing(
        incident_id=incident.id,
        proposed_at=now,
        proposed_by=actor.name,
        proposer_key_id=actor.key_id,
        reason=reason,
        standing=standing,
    )
    session.add(proposal)
    session.flush()  # the timeline names it
    evidence: dict[str, object] = {"closing": proposal.id, "standing": standing[:MOST_LISTED], "count": len(standing)}
    entry = Entry(incident.id, "closing_proposed", reason, evidence=evidence)
    write_timeline(session, [entry], actor=actor.name, now=now)
    return Outcome(incident, False, obstacles, proposal.id, actor.name)


def _close(
    session: WriteSession, incident: Incident, obstacles: list[Obstacle], reason: str, actor: Actor, now: datetime
) -> Outcome:
    before, incident.status = incident.status, "closed"
    session.flush()  # the timeline's change carries the incident as it is now
    evidence: dict[str, object] = {"standing": [each.name for each in obstacles[:MOST_LISTED]], "count": len(obstacles)}
    entry = Entry(incident.id, "closed", reason, None, before, "closed", evidence=evidence)
    write_timeline(session, [entry], actor=actor.name, now=now)
    session.refresh(incident)
    return Outcome(incident, True, obstacles)
