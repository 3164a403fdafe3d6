"""What follows where a product is built on something else, or on nothing any more; and what a race left out."""

from datetime import datetime
from functools import partial

from sqlalchemy import Engine, select
from sqlalchemy.orm import aliased

from service.access.roles import Actor
from service.db import ReadSession, WriteSession, reading
from service.flows.traffic import hold_off_feeds, in_transaction
from service.incidents.assessing import Cause, Question, assess
from service.incidents.models import Exposure, Incident
from service.incidents.presence import ENDED_BY_PROOF

#: The actor of what the clock decides.
CLOCK = "clock"


def let_base_follow(session: WriteSession, product_id: int, *, actor: Actor, now: datetime) -> None:
    """Let the exposures of a product wait for its base, or go on by themselves; the product is flushed."""
    hold_off_feeds(session)
    rows = session.scalars(
        select(Incident.vulnerability_id)
        .join(Exposure, Exposure.incident_id == Incident.id)
        .where(Exposure.product_id == product_id, Exposure.status.in_(sorted(ENDED_BY_PROOF)))
    )
    standing = frozenset(id_ for id_ in rows if id_ is not None)
    question = Question(frozenset([product_id]), standing, frozenset())
    assess(session, question, Cause(actor=actor.name, at=now))


def follow_bases(engine: Engine, *, now: datetime) -> int:
    """Let exposures go on whose base has ended its own, by whatever hand; gives how many there were. Idempotent."""
    with reading(engine) as session:
        left = _left_waiting(session)
    for product_id, vulnerability_id in left:
        question = Question(frozenset([product_id]), frozenset([vulnerability_id]), frozenset())
        in_transaction(engine, partial(_look_again, question=question, now=now))
    return len(left)


def _left_waiting(session: ReadSession) -> list[tuple[int, int]]:
    """Give (product, vulnerability) of what waits for an exposure that has no work left."""
    above = aliased(Exposure)
    rows = session.execute(
        select(Exposure.product_id, Incident.vulnerability_id)
        .join(above, above.id == Exposure.inherited_from_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(above.status.not_in(sorted(ENDED_BY_PROOF)), Exposure.status.in_(sorted(ENDED_BY_PROOF)))
        .order_by(Exposure.id)
    )
    return [(product_id, vulnerability_id) for product_id, vulnerability_id in rows if vulnerability_id is not None]


def _look_again(session: WriteSession, question: Question, now: datetime) -> None:
    hold_off_feeds(session)
    assess(session, question, Cause(actor=CLOCK, at=now))
