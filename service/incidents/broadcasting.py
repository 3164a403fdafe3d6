"""One message, three audiences: act; confirm what nobody can tell; you are clear. Every team hears once.

A broadcast is kept as it was sent. Each team's share leaves as a change `incident.broadcast`, of which the feedback
room makes mail and chat with a link that acknowledges (`acknowledging`); the link itself is in no change. What is under
embargo is told only to those who have to act or confirm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import insert, select, true

from service.access.models import Team
from service.changes.writing import NewChange, record_changes
from service.db import ReadSession, WriteSession
from service.errors import Unreadable
from service.incidents.acknowledging import LINK_LIFE
from service.incidents.declaration_models import Broadcast, BroadcastTeam
from service.incidents.models import Incident
from service.incidents.representing import incident_name, incidents_as_values
from service.incidents.situation import Situation, TeamStanding, situation_of
from service.incidents.timeline import Entry, write_timeline

Audience = Literal["act", "confirm", "clear"]

#: Of one message, and of the slugs of one kind in one team's share.
LONGEST_MESSAGE: Final = 10_000
MOST_PRODUCTS: Final = 1_000


@dataclass(frozen=True)
class Share:
    """What one team is told. `clear` counts its products that are."""

    team_id: int
    team: str
    audience: Audience
    act: Sequence[str]
    confirm: Sequence[str]
    clear: int

    @property
    def products(self) -> dict[str, object]:
        """Give the products as they are kept and shown."""
        return {
            "act": list(self.act[:MOST_PRODUCTS]),
            "confirm": list(self.confirm[:MOST_PRODUCTS]),
            "clear": self.clear,
        }


@dataclass(frozen=True)
class Sent:
    """A broadcast; `id` None: it was only composed."""

    id: int | None
    message: str
    shares: list[Share]


def shares_of(situation: Situation, *, restricted: bool) -> list[Share]:
    """Say what each team is to be told, those who have to act first. Pure."""
    shares = [_share(team_id, team) for team_id, team in situation.teams.items()]
    told = [share for share in shares if share.audience != "clear" or (share.clear and not restricted)]
    return sorted(told, key=lambda share: (_FIRST.index(share.audience), share.team))


_FIRST: Final[tuple[Audience, ...]] = ("act", "confirm", "clear")


def _share(team_id: int, team: TeamStanding) -> Share:
    confirm = sorted({*team.suspected, *team.cannot_tell})
    audience: Audience = "act" if team.affected else "confirm" if confirm else "clear"
    return Share(team_id, team.team, audience, sorted(team.affected), confirm, team.clear)


def compose(session: ReadSession, incident: Incident, message: str) -> Sent:
    """Say what a broadcast would tell whom.

    Raises:
        Unreadable: The message is empty or too long.
    """
    if not message.strip() or len(message) > LONGEST_MESSAGE:
        raise Unreadable(f"A broadcast needs a message of at most {LONGEST_MESSAGE} characters.")
    situation = situation_of(session, incident)
    return Sent(None, message.strip(), shares_of(situation, restricted=incident.restricted))


def broadcast(
    session: WriteSession,
    incident: Incident,
    message: str,
    *,
    actor: str,
    now: datetime,
    request_key: str | None = None,
) -> Sent:
    """Tell every team; gives what was sent, which under a known *request_key* is what was sent then."""
    session.execute(select(Incident.id).where(Incident.id == incident.id).with_for_update(key_share=True))
    if request_key is not None and (before := _sent_before(session, incident.id, request_key)):
        return before
    composed = compose(session, incident, message)
    sent = Broadcast(incident_id=incident.id, at=now, actor=actor, message=composed.message, request_key=request_key)
    session.add(sent)
    session.flush()  # the shares and the timeline name it
    if composed.shares:
        session.execute(insert(BroadcastTeam), [_row(sent.id, share) for share in composed.shares])
    counts = {audience: sum(share.audience == audience for share in composed.shares) for audience in _FIRST}
    evidence: dict[str, object] = {"broadcast": sent.id, "teams": counts}
    # The lock on the incident that this takes keeps the changes behind it in order.
    write_timeline(
        session, [Entry(incident.id, "announced", composed.message, evidence=evidence)], actor=actor, now=now
    )
    values = incidents_as_values(session, [incident.id])[incident.id]
    record_changes(session, *(_change(sent, share, values, now) for share in composed.shares))
    return Sent(sent.id, composed.message, composed.shares)


def _sent_before(session: ReadSession, incident_id: int, request_key: str) -> Sent | None:
    sent = session.scalar(
        select(Broadcast).where(Broadcast.incident_id == incident_id, Broadcast.request_key == request_key)
    )
    if sent is None:
        return None
    rows = session.execute(
        select(BroadcastTeam, Team.name)
        .join(Team, Team.id == BroadcastTeam.team_id)
        .where(BroadcastTeam.broadcast_id == sent.id)
    )
    shares = [_share_of(row, team) for row, team in rows]
    return Sent(sent.id, sent.message, sorted(shares, key=lambda share: (_FIRST.index(share.audience), share.team)))


def _share_of(row: BroadcastTeam, team: str) -> Share:
    products: dict[str, Any] = row.products
    audience: Any = row.audience
    return Share(row.team_id, team, audience, products["act"], products["confirm"], products["clear"])


def _row(broadcast_id: int, share: Share) -> dict[str, object]:
    return {
        "broadcast_id": broadcast_id,
        "team_id": share.team_id,
        "audience": share.audience,
        "products": share.products,
    }


def _change(sent: Broadcast, share: Share, incident: dict[str, object], now: datetime) -> NewChange:
    return NewChange(
        type="incident.broadcast",
        at=now,
        incident=incident_name(sent.incident_id),
        team=share.team,
        data={
            "broadcast": sent.id,
            "incident": incident,
            "message": sent.message,
            "by": sent.actor,
            "audience": share.audience,
            "team": share.team,
            "products": share.products,
            "acknowledge_until": (now + LINK_LIFE).isoformat().replace("+00:00", "Z"),
        },
    )


@dataclass(frozen=True)
class Told:
    """A broadcast as it was sent, and who has heard."""

    id: int
    at: datetime
    actor: str
    message: str
    teams: list[dict[str, object]]


def broadcasts_of(
    session: ReadSession, incident_id: int, *, team_id: int | None = None, after: int = 0, limit: int = 50
) -> list[Told]:
    """List an incident's broadcasts in order, each with what every team was told, or one team."""
    rows = session.scalars(
        select(Broadcast)
        .where(Broadcast.incident_id == incident_id, Broadcast.id > after)
        .order_by(Broadcast.id)
        .limit(limit)
    ).all()
    shares = session.execute(
        select(BroadcastTeam, Team.name)
        .join(Team, Team.id == BroadcastTeam.team_id)
        .where(BroadcastTeam.broadcast_id.in_([row.id for row in rows]))
        .where(true() if team_id is None else BroadcastTeam.team_id == team_id)
        .order_by(BroadcastTeam.broadcast_id, BroadcastTeam.audience, Team.name)
    ).all()
    told: dict[int, list[dict[str, object]]] = {row.id: [] for row in rows}
    for share, team in shares:
        told[share.broadcast_id].append(
            {
                "team": team,
                "audience": share.audience,
                "products": share.products,
                "acknowledged_at": share.acknowledged_at,
                "acknowledged_by": share.acknowledged_by,
            }
        )
    return [Told(row.id, row.at, row.actor, row.message, told[row.id]) for row in rows]
