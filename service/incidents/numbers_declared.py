"""Numbers about declared incidents: how long until everybody had answered, and had seen it. Three statements."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from statistics import median
from typing import NamedTuple

from sqlalchemy import func, select

from service.db import ReadSession, any_of
from service.incidents.declaration_models import Broadcast, BroadcastTeam, IncidentAnswer
from service.incidents.measures import Number, Slice, Window, count, seconds
from service.incidents.models import Exposure, Incident
from service.incidents.numbers_episodes import within
from service.inventory.models import Product


class Declared(NamedTuple):
    """A declared incident: when all had seen it, and all had answered; None while somebody has not."""

    declared_at: datetime
    acknowledged_at: datetime | None
    answered_at: datetime | None


def declared_numbers(session: ReadSession, window: Window, asked: Slice) -> Iterator[Number]:
    """Give how incidents declared in the period went; they are everybody's, and divided by nothing."""
    if asked != Slice():
        return
    incidents = _incidents(session, window)
    acknowledged = [one.acknowledged_at - one.declared_at for one in incidents if one.acknowledged_at is not None]
    answered = [one.answered_at - one.declared_at for one in incidents if one.answered_at is not None]
    for name, times in (("declare_to_answer_median", answered), ("declare_to_acknowledged_median", acknowledged)):
        middle = median(time.total_seconds() for time in times) if times else None
        yield seconds(name, None, None, middle, len(times))
    yield count("declared_unanswered", None, None, len(incidents) - len(answered))
    yield count("declared_unacknowledged", None, None, len(incidents) - len(acknowledged))


def _incidents(session: ReadSession, window: Window) -> list[Declared]:
    wanted = select(Incident.id, Incident.opened_at).where(Incident.kind == "declared", Incident.status != "merged")
    opened = dict(session.execute(wanted.where(within(Incident.opened_at, window))).all())  # type: ignore[arg-type]
    seen, answers = _seen(session, opened, window.until), _answers(session, opened)
    return [
        Declared(
            at,
            _last(at, seen.get(id_, {}), window.until),
            _last(at, answers.get(id_, {}), window.until),
        )
        for id_, at in opened.items()
    ]


def _last(declared_at: datetime, said: Mapping[object, datetime | None], until: datetime) -> datetime | None:
    """Give when the last one spoke, or None while one is silent; where nobody was asked, it was at once."""
    known = [at for at in said.values() if at is not None and at < until]
    return max(known, default=declared_at) if len(known) == len(said) else None


def _seen(
    session: ReadSession, opened: Mapping[int, datetime], until: datetime
) -> dict[int, dict[object, datetime | None]]:
    """Give when each exposure was acknowledged, or over."""
    rows = session.execute(
        select(Exposure.incident_id, Exposure.id, func.least(Exposure.acknowledged_at, Exposure.ended_at)).where(
            Exposure.incident_id == any_of(opened), Exposure.status != "merged", Exposure.opened_at < until
        )
    )
    seen: dict[int, dict[object, datetime | None]] = defaultdict(dict)
    for incident_id, exposure_id, at in rows:
        seen[incident_id][exposure_id] = at
    return seen


def _answers(session: ReadSession, opened: Mapping[int, datetime]) -> dict[int, dict[object, datetime | None]]:
    """Give when each product of which nobody could tell was first answered for."""
    asked = (
        select(Broadcast.incident_id, func.jsonb_array_elements_text(BroadcastTeam.products["confirm"]).label("slug"))
        .join(BroadcastTeam, BroadcastTeam.broadcast_id == Broadcast.id)
        .where(Broadcast.incident_id == any_of(opened), BroadcastTeam.products.has_key("confirm"))
        .distinct()
        .subquery("asked")
    )
    said = (
        select(IncidentAnswer.incident_id, Product.slug, func.min(IncidentAnswer.at).label("at"))
        .join(Product, Product.id == IncidentAnswer.product_id)
        .where(IncidentAnswer.incident_id == any_of(opened))
        .group_by(IncidentAnswer.incident_id, Product.slug)
        .subquery("said")
    )
    same = (said.c.incident_id == asked.c.incident_id) & (said.c.slug == asked.c.slug)
    answers: dict[int, dict[object, datetime | None]] = defaultdict(dict)
    for incident_id, slug, at in session.execute(select(asked, said.c.at).outerjoin(said, same)):
        answers[incident_id][slug] = at
    return answers
