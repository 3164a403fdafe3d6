"""One digest a day for each recipient: all that was not told one by one. Nothing where nothing happened.

It covers the changes between the last one and this one by their numbers, so that nothing is in two or in none. The
number of exposures does not change the number of statements.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, insert, or_, select

from service.access.teams import fallback_team, recipients
from service.advisories.models import Vulnerability
from service.changes.models import Change
from service.changes.reading import last_seq
from service.db import ReadSession, WriteSession, any_of
from service.feedback.audience import IN_DIGESTS, TOLD_ONE_BY_ONE, URGENT, Address, addresses_of
from service.feedback.cursors import hold
from service.feedback.gathering import ids_of
from service.feedback.models import Message
from service.incidents.models import Exposure, Incident
from service.incidents.presence import ACTIVE

#: Exposures that a digest names for each team; the rest it counts.
NAMED: Final = 20
_PRIORITIES: Final = ("act", "attend", "track*", "track")
_NOBODY: Final[Mapping[str, Any]] = {"named": [], "exposures": 0}
_FROM_THEN_ON: Final = ("exposure.rated", "exposure.escalated", "exposure.reopened")

_data = Change.data
_priority = func.coalesce(_data["priority"].astext, "")
_origin = func.coalesce(_data["origin"].astext, "")


def make_digests(session: WriteSession, *, hour: int, channels: Collection[str], now: datetime) -> int:
    """Write the digests of this day, once its hour has come; gives how many.

    Args:
        session: The caller's transaction, in which the cursor moves as well.
        hour: Of the day, in UTC.
        channels: The ways out that are configured.
        now: When it is.
    """
    cursor = hold(session, "digests") if now.hour >= hour else None
    if cursor is None or (cursor.day is not None and cursor.day >= now.date()):
        return 0
    upto = last_seq(session)
    after, cursor.seq, cursor.day = cursor.seq, upto, now.date()
    sections = _sections(session, and_(Change.seq > after, Change.seq <= upto), now)
    rows = _rows(_addressed(session, sections, channels), now)
    if rows:
        session.execute(insert(Message), rows)
    return len(rows)


def told_at_once() -> ColumnElement[bool]:
    """Tell whether a change was told one by one: `audience.is_told_at_once`, for the database."""
    return and_(
        Change.type.in_(TOLD_ONE_BY_ONE),
        _priority.in_(URGENT),
        or_(_origin != "baseline", Change.type.in_(_FROM_THEN_ON)),
    )


def _sections(session: ReadSession, stretch: ColumnElement[bool], now: datetime) -> dict[int, dict[str, Any]]:
    """Say what happened to each team's exposures, by the team's id."""
    news = and_(stretch, Change.type.in_(IN_DIGESTS), ~told_at_once())
    counts = _counts(session, news)
    if not counts:
        return {}
    ids = ids_of(session, counts)
    named, standing = _named(session, news), _standing(session, ids.values(), now)
    return {
        ids[team]: {"team": team, **counted, **named.get(team, _NOBODY), "standing": standing.get(ids[team], {})}
        for team, counted in counts.items()
        if team in ids
    }


def _counts(session: ReadSession, news: ColumnElement[bool]) -> dict[str, dict[str, Any]]:
    baseline = func.count().filter(_origin == "baseline", Change.type == "exposure.opened")
    rows = session.execute(
        select(Change.team, Change.type, func.count(), baseline)
        .where(news, Change.team.is_not(None))
        .group_by(Change.team, Change.type)
        .order_by(Change.team)
    )
    counts: dict[str, dict[str, Any]] = {}
    for team, type_, count, first_day in rows:
        counted = counts.setdefault(str(team), {"counts": {}, "baseline": 0})
        counted["counts"][type_] = count
        counted["baseline"] += first_day
    return counts


def _named(session: ReadSession, news: ColumnElement[bool]) -> dict[str, dict[str, Any]]:
    """Give what matters most in each team's news, each exposure with the last that happened to it."""
    last = (
        select(
            Change.team,
            Change.type,
            Change.exposure,
            Change.product,
            _priority.label("priority"),
            cast(func.substr(Change.incident, 5), BigInteger).label("incident_id"),
            Change.seq,
            func.row_number().over(partition_by=(Change.team, Change.exposure), order_by=Change.seq.desc()).label("n"),
        )
        .where(news, Change.exposure.is_not(None))
        .subquery()
    )
    urgency = case({name: rank for rank, name in enumerate(_PRIORITIES)}, value=last.c.priority, else_=len(_PRIORITIES))
    rank = func.row_number().over(partition_by=last.c.team, order_by=(urgency, last.c.seq)).label("rank")
    total = func.count().over(partition_by=last.c.team).label("total")
    ranked = select(last, rank, total).where(last.c.n == 1).subquery()
    rows = session.execute(
        select(ranked, Incident.restricted, func.coalesce(Vulnerability.name, Incident.title).label("name"))
        .join(Incident, Incident.id == ranked.c.incident_id)
        .outerjoin(Vulnerability, Vulnerability.id == Incident.vulnerability_id)
        .where(ranked.c.rank <= NAMED)
        .order_by(ranked.c.team, ranked.c.rank)
    )
    named: dict[str, dict[str, Any]] = {}
    for row in rows:
        named.setdefault(row.team, {"named": [], "exposures": row.total})["named"].append(_one(row))
    return named


def _one(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    told = {"type": row.type, "exposure": row.exposure, "priority": row.priority}
    return told | ({"name": "", "product": ""} if row.restricted else {"name": row.name, "product": row.product})


def _standing(session: ReadSession, team_ids: Iterable[int], now: datetime) -> dict[int, dict[str, Any]]:
    """Say what each team has open, and how much of it is late."""
    late = or_(
        and_(Exposure.acknowledged_at.is_(None), Exposure.status == "open", Exposure.acknowledge_due_at < now),
        Exposure.remediate_due_at < now,
    )
    rows = session.execute(
        select(Exposure.team_id, Exposure.priority, func.count(), func.count().filter(late))
        .where(Exposure.team_id == any_of(team_ids), Exposure.status.in_(sorted(ACTIVE)))
        .group_by(Exposure.team_id, Exposure.priority)
    )
    standing: dict[int, dict[str, Any]] = {}
    for team_id, priority, count, overdue in rows:
        stands = standing.setdefault(team_id, {"open": {}, "late": 0})
        stands["open"][priority] = count
        stands["late"] += overdue
    return standing


def _addressed(
    session: ReadSession, sections: Mapping[int, Mapping[str, Any]], channels: Collection[str]
) -> dict[Address, list[Mapping[str, Any]]]:
    """Put together what goes to the same address: somebody may read for several teams."""
    if not sections:
        return {}
    fallback = fallback_team(session).id
    teams = recipients(session, {*sections, fallback})
    letters: dict[Address, list[Mapping[str, Any]]] = {}
    for team_id, section in sections.items():
        for address in addresses_of("team", team_id, teams, fallback, channels):
            letters.setdefault(address, []).append(section)
    return letters


def _rows(letters: Mapping[Address, Sequence[Mapping[str, Any]]], now: datetime) -> list[dict[str, Any]]:
    day: date = now.date()
    return [
        {
            "channel": address.channel,
            "recipient": address.recipient,
            "digest": day,
            "events": list(sections),
            "due_at": now,
            "created_at": now,
        }
        for address, sections in letters.items()
    ]
