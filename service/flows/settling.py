"""From changed advisories to matches and exposures, safe to stop at any point and to run again.

An advisory is unsettled from the commit that changed it until its matches and exposures have followed. What a crash
leaves behind is picked up by whoever settles next.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Engine, Text, literal_column, select, text, update

from service.advisories.findings import matched_components, vulnerabilities_of
from service.advisories.matching import match_advisories
from service.advisories.models import Advisory
from service.db import Lock, WriteSession, arrays, reading
from service.flows.traffic import barrier, hold_off_feeds, hold_off_uploads, in_transaction
from service.incidents.assessing import Cause, Question, assess
from service.incidents.merging import merge_incidents
from service.incidents.rating import rate_anew
from service.incidents.reading import products_exposed_to
from service.inventory.field import uses_of_components, uses_of_products
from service.inventory.products import lock_streams

T = TypeVar("T")

#: Advisories matched in one transaction.
MATCHED_AT_ONCE = 5_000
#: Products whose exposures are brought up to date in one transaction.
ASSESSED_AT_ONCE = 200


def settle(engine: Engine, *, actor: str, now: datetime) -> int:
    """Match every unsettled advisory and bring exposures in line; gives how many advisories there were."""
    unsettled = _unsettled(engine)
    if not unsettled:
        return 0
    barrier(engine)  # uploads that could not see the ranges have committed their components
    for batch in _batches(unsettled, MATCHED_AT_ONCE):
        in_transaction(engine, partial(_match, batch=batch))
    # Uploads that could not see the matches have committed their usage; the others wait until incidents are merged.
    in_transaction(engine, partial(_merge, actor=actor, now=now))
    for batch in _batches(unsettled, MATCHED_AT_ONCE):
        _assess(engine, [item.id for item in batch], actor=actor, now=now)
        in_transaction(engine, partial(_mark_settled, batch=batch))
    return len(unsettled)


class Unsettled(NamedTuple):
    """An advisory in the state that is being settled; a later change of the row is not covered."""

    id: int
    row_version: str


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _unsettled(engine: Engine) -> list[Unsettled]:
    with reading(engine) as session:
        rows = session.execute(select(Advisory.id, _ROW_VERSION).where(~Advisory.settled).order_by(Advisory.id))
        return [Unsettled(*row) for row in rows]


#: PostgreSQL's own: the transaction that wrote the row.
_ROW_VERSION: ColumnElement[str] = literal_column("advisory.xmin::text", Text())


def _match(session: WriteSession, batch: Sequence[Unsettled]) -> None:
    # One settler at a time: another's view of the ranges could be older than what is being replaced here.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.SETTLING})
    match_advisories(session, [item.id for item in batch])


def _merge(session: WriteSession, actor: str, now: datetime) -> None:
    hold_off_uploads(session)
    merge_incidents(session, actor=actor, now=now)


def _assess(engine: Engine, advisory_ids: Sequence[int], *, actor: str, now: datetime) -> None:
    with reading(engine) as session:
        vulnerability_ids = vulnerabilities_of(session, advisory_ids)
        component_ids = set().union(*matched_components(session, vulnerability_ids).values())
        product_ids = {use.product_id for use in uses_of_components(session, component_ids)}
        product_ids |= products_exposed_to(session, vulnerability_ids)
    for some in _batches(sorted(vulnerability_ids), MATCHED_AT_ONCE):
        in_transaction(engine, partial(_rate, vulnerability_ids=some, actor=actor, now=now))
    for batch in _batches(sorted(product_ids), ASSESSED_AT_ONCE):
        question = Question(frozenset(batch), frozenset(vulnerability_ids), frozenset(component_ids))
        in_transaction(engine, partial(look_again, question=question, cause=Cause(actor=actor, at=now)))


def _rate(session: WriteSession, vulnerability_ids: Sequence[int], actor: str, now: datetime) -> None:
    hold_off_feeds(session)  # another feed's merges, that is
    rate_anew(session, vulnerability_ids, actor=actor, now=now)


def look_again(session: WriteSession, question: Question, cause: Cause) -> None:
    """Assess products while nothing leaves their streams.

    An upload that took a component away meanwhile would find no exposure to end, since ours is not yet there to see.
    """
    hold_off_feeds(session)  # another feed's merges, that is
    uses = uses_of_products(session, question.product_ids, question.component_ids)
    lock_streams(session, (use.stream_id for use in uses))
    assess(session, question, cause)


def _mark_settled(session: WriteSession, batch: Sequence[Unsettled]) -> None:
    done = arrays(
        id=(BigInteger(), [item.id for item in batch]), row_version=(Text(), [item.row_version for item in batch])
    )
    session.execute(
        update(Advisory).where(Advisory.id == done.c.id, done.c.row_version == _ROW_VERSION).values(settled=True),
        execution_options={"synchronize_session": False},
    )
