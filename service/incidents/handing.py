"""What goes over to an exposure that goes on for another one: components, decisions, tickets, all that points there."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import BigInteger, TableValuedAlias, func, insert, select, update
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import aliased

from service.db import WriteSession, any_of, arrays
from service.incidents.bounds import Grounds, Rating
from service.incidents.decisions import Authors, MadeDecision, NewDecision, decisions_of, record_decisions
from service.incidents.link_models import Link
from service.incidents.models import Episode, Exposure, ExposureComponent
from service.incidents.priority import PRIORITIES, SEVERITIES


def hand_over(session: WriteSession, going_on: Mapping[int, int], *, now: datetime) -> None:
    """Hand over from exposures to those that go on for them: old id to new id. These are as they shall be."""
    if not going_on:
        return
    session.flush()  # decisions follow from the status
    pairs = arrays(old=(BigInteger(), list(going_on)), new=(BigInteger(), list(going_on.values())))
    _remember_components(session, pairs)
    _keep_decisions(session, going_on, now)
    _keep_tickets(session, pairs)
    _keep_first_days(session, pairs)
    for column in (Exposure.merged_into_id, Exposure.inherited_from_id):
        session.execute(
            update(Exposure).where(column == pairs.c.old).values({column.key: pairs.c.new}),
            execution_options={"synchronize_session": "fetch"},
        )


def _remember_components(session: WriteSession, pairs: TableValuedAlias) -> None:
    """Let the exposures that stay know what made the others affected, or none of it would ever hold them."""
    known = select(pairs.c.new, ExposureComponent.component_id).join(
        ExposureComponent, ExposureComponent.exposure_id == pairs.c.old
    )
    columns = ["exposure_id", "component_id"]
    session.execute(pg.insert(ExposureComponent).from_select(columns, known.distinct()).on_conflict_do_nothing())


def _keep_decisions(session: WriteSession, going_on: Mapping[int, int], now: datetime) -> None:
    """Let decisions of the status that is left hold on, each for its own packages and ranges and no more."""
    statuses = dict(
        session.execute(select(Exposure.id, Exposure.status).where(Exposure.id == any_of(going_on.values()))).all()
    )
    made = decisions_of(session, {*going_on, *going_on.values()}, standing=True)
    kept = []
    for old, new in going_on.items():
        both = [d for id_ in (new, old) for d in made.get(id_, ()) if d.to == statuses[new]]
        if any(decision.exposure_id == old for decision in both):
            kept.append(_as_one(both, new))
    record_decisions(session, kept, now=now)


def _as_one(decisions: Collection[MadeDecision], exposure_id: int) -> NewDecision:
    """Write decisions as one that holds for what either was about; the last one's authors answer for it."""
    by_age = sorted(decisions, key=lambda decision: (decision.decided_at, decision.id))
    last = by_age[-1]
    both = {bound for decision in by_age for bound in decision.bounds}
    bounds = sorted(both, key=lambda bound: (bound.package, bound.range, bound.narrowed))
    least = min((d.grounds.rating for d in by_age), key=_badness)
    ranges = frozenset().union(*(decision.grounds.ranges for decision in by_age))
    earlier = {"joined": [d.as_values() for d in by_age]} if len(by_age) > 1 else {}
    return NewDecision(
        exposure_id,
        last.to,
        Authors(last.decided_by, last.decided_key_id, last.approved_by, last.approved_key_id),
        last.reason,
        tuple(bounds),
        Grounds(least, ranges),
        last.justification,
        {**last.evidence, **earlier},
        min((decision.expires_at for decision in by_age if decision.expires_at), default=None),
        last.source,
    )


def _badness(rating: Rating) -> tuple[bool, int, int]:
    """Rank a rating, the least bad first: whatever is worse than that has outgrown one of the decisions."""
    return bool(rating.known_exploited), -PRIORITIES.index(rating.priority), -SEVERITIES.index(rating.severity)


def _keep_tickets(session: WriteSession, pairs: TableValuedAlias) -> None:
    """Let tickets follow where the exposure that stays has none in that system; others stay, and are no longer told."""
    theirs = aliased(Link)
    taken = select(theirs.id).where(theirs.exposure_id == pairs.c.new, theirs.system == Link.system).exists()
    session.execute(
        update(Link).where(Link.exposure_id == pairs.c.old, ~taken).values(exposure_id=pairs.c.new),
        execution_options={"synchronize_session": False},
    )


def _keep_first_days(session: WriteSession, pairs: TableValuedAlias) -> None:
    """Let episodes that both run count from the earlier day."""
    theirs = aliased(Episode)
    both_run = (Episode.exposure_id == pairs.c.new, Episode.ended_at.is_(None), theirs.ended_at.is_(None))
    session.execute(
        update(Episode)
        .where(*both_run, theirs.exposure_id == pairs.c.old, theirs.opened_at < Episode.opened_at)
        .values(opened_at=theirs.opened_at),
        execution_options={"synchronize_session": False},
    )


def resume_episodes(session: WriteSession, resumed: Mapping[int, int]) -> None:
    """Begin the next episode of what goes on for an exposure that still runs, on the day on which that one began."""
    if not resumed:
        return
    pairs = arrays(old=(BigInteger(), list(resumed)), new=(BigInteger(), list(resumed.values())))
    last = aliased(Episode)
    number = select(func.coalesce(func.max(last.number), 0) + 1).where(last.exposure_id == pairs.c.new)
    began = select(pairs.c.new, number.scalar_subquery(), Episode.opened_at, Episode.acknowledged_at)
    began = began.join(Episode, Episode.exposure_id == pairs.c.old).where(Episode.ended_at.is_(None))
    session.execute(
        insert(Episode).from_select(["exposure_id", "number", "opened_at", "acknowledged_at"], began),
        execution_options={"synchronize_session": False},
    )
