"""A team says at once that it has seen an incident: by a link that was sent to it, or with a key.

The link is sealed for one team, one incident and one broadcast, and ends by itself. Whoever holds it can say "we have
seen it" and nothing else. Clocks of acknowledgement stop; those of remediation run on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import select, update

from service.access.models import Team
from service.access.roles import Actor, Role
from service.access.seals import Seals
from service.db import ReadSession, WriteSession
from service.incidents.declaration_models import Broadcast, BroadcastTeam
from service.incidents.lifecycle import take_transitions
from service.incidents.models import Exposure, Incident
from service.incidents.requests import Decision, Request

#: How long a link that was sent can be used.
LINK_LIFE: Final = timedelta(days=7)

_PURPOSE: Final = "acknowledge"
_PATH: Final = "/acknowledge/"


class Link(NamedTuple):
    """What a link speaks of: ids of an incident, a team, and the broadcast that it was sent with."""

    incident_id: int
    team_id: int
    broadcast_id: int


@dataclass(frozen=True)
class Acknowledged:
    """Exposures by id: those that are acknowledged now, and those of the team that somebody had seen before."""

    now: list[int]
    before: list[int]


def acknowledge_path(seals: Seals, incident_id: int, team_id: int, broadcast_id: int, until: datetime) -> str:
    """Write the path of a page with one button, under the service's public URL.

    Args:
        seals: The service's.
        incident_id: The incident's key, as are the others.
        team_id: Whose exposures the button acknowledges.
        broadcast_id: The message that carries the link.
        until: When it ends; `LINK_LIFE` after it was sent.
    """
    return _PATH + seals.seal(_PURPOSE, incident_id, team_id, broadcast_id, until=until)


def read_link(seals: Seals, sealed: str, *, now: datetime) -> Link | None:
    """Read the last part of the path; None where it is not ours, or is over."""
    values = seals.open(_PURPOSE, sealed, now=now)
    return Link(*values) if values is not None else None


def going_on_as(session: ReadSession, incident_id: int) -> Incident:
    """Give an incident, or the one that goes on for it after a merge."""
    incident = session.get_one(Incident, incident_id)
    while incident.merged_into_id is not None:
        incident = session.get_one(Incident, incident.merged_into_id)
    return incident


def link_actor(team: Team) -> Actor:
    """Give who acts where a link is used: its holder may say of this team's exposures that they were seen."""
    return Actor(f"link for {team.name}", Role.OWNER, team_id=team.id)


def acknowledge_all(
    session: WriteSession, incident_id: int, team_id: int, *, actor: Actor, reason: str, now: datetime
) -> Acknowledged:
    """Acknowledge all that a team has open of an incident. Idempotent; a thousand cost as many statements as one.

    Args:
        session: The caller's transaction.
        incident_id: The incident's key.
        team_id: The owner's.
        actor: Who says so; may act for the team.
        reason: What they said, or by which way.
        now: Stops the clocks.
    """
    rows = session.execute(
        select(Exposure.id, Exposure.status, Exposure.acknowledged_at)
        .where(Exposure.incident_id == incident_id, Exposure.team_id == team_id, Exposure.status != "merged")
        .order_by(Exposure.id)
    ).all()
    decision = Decision("acknowledged", reason)
    requests = [Request(row.id, decision) for row in rows if row.status == "open"]
    outcomes = take_transitions(session, requests, actor=actor, now=now)
    _note(session, incident_id, team_id, actor, now)
    return Acknowledged(
        # What is refused was acknowledged by somebody else a moment ago, or has ended.
        now=[outcome.exposure_id for outcome in outcomes if outcome.refusal is None],
        before=[row.id for row in rows if row.acknowledged_at is not None],
    )


def _note(session: WriteSession, incident_id: int, team_id: int, actor: Actor, now: datetime) -> None:
    """Note on what was broadcast to the team that it has heard."""
    sent = select(Broadcast.id).where(Broadcast.incident_id == incident_id)
    session.execute(
        update(BroadcastTeam)
        .where(BroadcastTeam.broadcast_id.in_(sent), BroadcastTeam.team_id == team_id)
        .where(BroadcastTeam.acknowledged_at.is_(None))
        .values(acknowledged_at=now, acknowledged_by=actor.name),
        execution_options={"synchronize_session": False},
    )
