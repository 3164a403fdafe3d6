"""Changes become messages: one for each incident and recipient, whatever the number of products.

A message gathers for `GATHER` before it is sent, so that what one advisory opens in fifty products is one message. What
is opened in further products soon after waits until `QUIET` has passed; what the CERT says, and what stays unanswered,
waits for nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.dialects import postgresql as pg

from service.access.models import Team
from service.access.teams import fallback_team, recipients
from service.changes.models import Change
from service.db import ReadSession, WriteSession, among, any_of
from service.feedback.audience import TOLD_ONE_BY_ONE, Address, Role, addresses_of, is_told_at_once
from service.feedback.cursors import Stretch, follow
from service.feedback.models import Message
from service.incidents.clock_models import Escalation
from service.incidents.declaration_models import Broadcast, BroadcastTeam
from service.incidents.representing import number_of

GATHER: Final = timedelta(seconds=30)
QUIET: Final = timedelta(minutes=15)
_THE_TEAM: Final[tuple[Role, ...]] = ("team",)
_WAITS_FOR_NOTHING: Final = ("exposure.escalated", "incident.broadcast", "webhook.disabled")


@dataclass(frozen=True)
class Telling:
    """One event for somebody of a team."""

    team_id: int
    role: Role
    event: dict[str, object]
    incident_id: int | None


@dataclass
class _Draft:
    events: list[dict[str, object]] = field(default_factory=list)
    hurried: bool = False


def gather(session: WriteSession, *, channels: Collection[str], now: datetime) -> int:
    """Write messages for the changes that are new; gives how many were begun or added to.

    Args:
        session: The caller's transaction, in which the cursor moves as well.
        channels: The ways out that are configured; who can be reached by none of them is not told.
        now: When it is.
    """
    return sum(_gather(session, stretch, channels, now) for stretch in follow(session, "messages"))


def _gather(session: WriteSession, stretch: Stretch, channels: Collection[str], now: datetime) -> int:
    changes = session.execute(_changes(stretch)).all()
    tellings = list(_tellings(session, changes))
    if not tellings:
        return 0
    drafts = _drafts(session, tellings, channels)
    told = _told(session, {key[1] for key in drafts if key[1] is not None})
    rows = [row for (address, id_), draft in drafts.items() if (row := _row(address, id_, draft, told, now))]
    if rows:
        session.execute(_JOIN_WHAT_GATHERS, rows)
    return len(rows)


def _changes(stretch: Stretch) -> Select[Any]:
    data = Change.data
    return (
        select(
            Change.seq,
            Change.type,
            Change.at,
            Change.incident,
            Change.exposure,
            Change.product,
            Change.team,
            func.coalesce(data["priority"].astext, "").label("priority"),
            func.coalesce(data["origin"].astext, "").label("origin"),
            func.concat(data["url"].astext.concat(": "), data["reason"].astext).label("reason"),
        )
        .where(Change.seq > stretch.after, Change.seq <= stretch.upto, Change.type.in_(TOLD_ONE_BY_ONE))
        .order_by(Change.seq)
    )


# --- who is told what ------------------------------------------------------------------------------------------------


def _tellings(session: ReadSession, changes: Sequence[Row[Any]]) -> Iterable[Telling]:
    teams = ids_of(session, {change.team for change in changes if change.team})
    levels, audiences = _levels(session, changes), _audiences(session, changes)
    for change in changes:
        incident_id = number_of(change.incident, "INC") if change.incident else None
        if change.type == "webhook.disabled":
            yield Telling(0, "cert", _event(change), None)
        elif change.type == "incident.broadcast":
            for team_id, more in audiences.get((incident_id, change.at), {}).items():
                if change.team is None or teams.get(change.team) == team_id:
                    yield Telling(team_id, "team", _event(change) | more, incident_id)
        elif is_told_at_once(change.type, change.priority, change.origin) and change.team in teams:
            roles = levels.get((change.exposure, change.at)) if _escalates(change) else None
            for role in roles or _THE_TEAM:
                yield Telling(teams[change.team], role, _event(change) | {"level": role}, incident_id)


def ids_of(session: ReadSession, names: Iterable[str]) -> dict[str, int]:
    """Give the ids of teams by name."""
    return {row.name: row.id for row in session.execute(select(Team.name, Team.id).where(Team.name.in_(among(names))))}


def _escalates(change: Row[Any]) -> bool:
    return bool(change.type == "exposure.escalated")


def _event(change: Row[Any]) -> dict[str, object]:
    return {
        "seq": change.seq,
        "type": change.type,
        "at": change.at.isoformat(),
        "exposure": change.exposure,
        "product": change.product,
        "team": change.team,
        "priority": change.priority,
        "reason": change.reason,
    }


def _levels(session: ReadSession, changes: Sequence[Row[Any]]) -> dict[tuple[str, datetime], list[Role]]:
    """Say whom each escalation goes to, by exposure and instant."""
    wanted = {number_of(change.exposure, "EXP") for change in changes if _escalates(change)}
    if not wanted:
        return {}
    rows = session.execute(
        select(Escalation.exposure_id, Escalation.at, Escalation.level)
        .where(Escalation.exposure_id == any_of(wanted), ~Escalation.skipped)
        .order_by(Escalation.exposure_id, Escalation.level)
    )
    levels: dict[tuple[str, datetime], list[Role]] = {}
    for exposure_id, at, level in rows:
        levels.setdefault((f"EXP-{exposure_id}", at), []).append(level)  # type: ignore[arg-type]  # a constraint holds it
    return levels


def _audiences(
    session: ReadSession, changes: Sequence[Row[Any]]
) -> dict[tuple[int | None, datetime], dict[int, dict[str, object]]]:
    """Say what each broadcast tells each team, by incident and instant."""
    wanted = {number_of(c.incident, "INC") for c in changes if c.type == "incident.broadcast" and c.incident}
    if not wanted:
        return {}
    rows = session.execute(
        select(Broadcast, BroadcastTeam)
        .join(BroadcastTeam, BroadcastTeam.broadcast_id == Broadcast.id)
        .where(Broadcast.incident_id == any_of(wanted))
        .order_by(Broadcast.id)
    )
    told: dict[tuple[int | None, datetime], dict[int, dict[str, object]]] = {}
    for broadcast, one in rows:
        more: dict[str, object] = {"broadcast": broadcast.id, "team_id": one.team_id, "message": broadcast.message}
        more |= {"audience": one.audience, "products": one.products}
        told.setdefault((broadcast.incident_id, broadcast.at), {})[one.team_id] = more
    return told


# --- messages --------------------------------------------------------------------------------------------------------


def _drafts(
    session: ReadSession, tellings: Sequence[Telling], channels: Collection[str]
) -> dict[tuple[Address, int | None], _Draft]:
    fallback = fallback_team(session).id
    teams = recipients(session, {telling.team_id for telling in tellings} | {fallback})
    drafts: dict[tuple[Address, int | None], _Draft] = {}
    for telling in tellings:
        for address in addresses_of(telling.role, telling.team_id or fallback, teams, fallback, channels):
            draft = drafts.setdefault((address, telling.incident_id), _Draft())
            if telling.event not in draft.events:
                draft.events.append(telling.event)
            draft.hurried = draft.hurried or telling.event["type"] in _WAITS_FOR_NOTHING
    return drafts


def _told(session: ReadSession, incident_ids: Iterable[int]) -> dict[tuple[str, str, int | None], datetime]:
    """Say when each recipient was last told of an incident."""
    rows = session.execute(
        select(Message.channel, Message.recipient, Message.incident_id, func.max(Message.created_at))
        .where(Message.incident_id == any_of(incident_ids))
        .group_by(Message.channel, Message.recipient, Message.incident_id)
    )
    return {(channel, recipient, incident_id): at for channel, recipient, incident_id, at in rows}


def _row(
    address: Address,
    incident_id: int | None,
    draft: _Draft,
    told: Mapping[tuple[str, str, int | None], datetime],
    now: datetime,
) -> dict[str, object] | None:
    last = told.get((address.channel, address.recipient, incident_id))
    events = [event for event in draft.events if not _only_lowered(event, last)]
    if not events:
        return None
    due_at = now if draft.hurried else max(now + GATHER, last + QUIET if last else now)
    return {
        "channel": address.channel,
        "recipient": address.recipient,
        "incident_id": incident_id,
        "events": events,
        "due_at": due_at,
        "created_at": now,
    }


def _only_lowered(event: Mapping[str, object], told_at: datetime | None) -> bool:
    """Tell whether it went from `act` to `attend`: whoever has been told of it once need not hear that."""
    return event["type"] == "exposure.rated" and event["priority"] == "attend" and told_at is not None


def _join() -> pg.Insert:
    new = pg.insert(Message)
    return new.on_conflict_do_update(
        index_elements=["channel", "recipient", "incident_id"],
        # Written out: with a parameter in it, a statement that is prepared for good finds no such index.
        index_where=text("state = 'gathering' AND incident_id IS NOT NULL"),
        set_={
            "events": Message.events.concat(new.excluded.events),
            "due_at": func.least(Message.due_at, new.excluded.due_at),
        },
    )


_JOIN_WHAT_GATHERS = _join()
