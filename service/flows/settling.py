"""From changed advisories to matches and exposures, safe to stop at any point and to run again.

An advisory is unsettled from the commit that changed it until its matches and exposures have followed. What a crash
leaves behind is picked up by whoever settles next.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Engine, Text, literal_column, select, text, update

from service.advisories.findings import matched_components, vulnerabilities_of
from service.advisories.matching import match_advisories
from service.advisories.models import Advisory, Vulnerability
from service.advisories.rekeying import outdated
from service.db import Lock, WriteSession, arrays, reading
from service.flows.traffic import barrier, hold_off_feeds, hold_off_uploads, in_transaction
from service.incidents.assessing import Cause, Question, assess
from service.incidents.merging import awaits_merging, merge_incidents
from service.incidents.rating import rate_anew
from service.incidents.reading import products_exposed_to
from service.inventory.bases import bases_first
from service.inventory.field import uses_of_products, weigh_products
from service.inventory.products import lock_streams

T = TypeVar("T")

#: Advisories matched in one transaction.
MATCHED_AT_ONCE = 5_000
#: Products whose exposures are brought up to date in one transaction, and how many exposures that may concern. Uploads
#: of these products, and of others that share the incidents, wait until it is through.
ASSESSED_AT_ONCE = 200
EXPOSED_AT_ONCE = 1_000


def settle(engine: Engine, *, actor: str, now: datetime, only: Collection[int] | None = None) -> int:
    """Match unsettled advisories and bring exposures in line; gives how many advisories there were.

    *only* are the advisories to settle; None = all. Whoever publishes one need not wait for a feed's thousands. All of
    them wait while keys of two versions of ours lie side by side (`rekeying`): nothing may be taken back by mistake.
    """
    if only is None and _is_rekeying(engine):
        return 0
    unsettled, bereft = _unsettled(engine)
    if only is not None:
        unsettled = [item for item in unsettled if item.id in only]
    if not unsettled and (only is not None or not bereft):
        return 0
    barrier(engine)  # uploads that could not see the ranges have committed their components
    for batch in _batches(unsettled, MATCHED_AT_ONCE):
        in_transaction(engine, partial(_match, batch=batch))
    barrier(engine)  # uploads that could not see the matches have committed their usage
    _merge(engine, actor=actor, now=now)
    _assess(engine, {item.id for item in bereft}, actor=actor, now=now)
    in_transaction(engine, partial(_mark_settled, table=Vulnerability, batch=bereft))
    for batch in _batches(unsettled, MATCHED_AT_ONCE):
        with reading(engine) as session:
            vulnerability_ids = vulnerabilities_of(session, [item.id for item in batch])
        _assess(engine, vulnerability_ids, actor=actor, now=now)
        in_transaction(engine, partial(_mark_settled, table=Advisory, batch=batch))
    return len(unsettled)


def _is_rekeying(engine: Engine) -> bool:
    with reading(engine) as session:
        return outdated(session)


class Unsettled(NamedTuple):
    """A row in the state that is being settled; a later change of it is not covered."""

    id: int
    row_version: str


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _unsettled(engine: Engine) -> tuple[list[Unsettled], list[Unsettled]]:
    """Give the advisories that changed, and the vulnerabilities that some of them no longer name."""
    with reading(engine) as session:
        both = [
            session.execute(select(table.id, _row_version(table)).where(~table.settled).order_by(table.id))
            for table in (Advisory, Vulnerability)
        ]
        advisories, bereft = ([Unsettled(*row) for row in rows] for rows in both)
        return advisories, bereft


def _row_version(table: type[Advisory | Vulnerability]) -> ColumnElement[str]:
    """PostgreSQL's own: the transaction that wrote the row."""
    return literal_column(f"{table.__tablename__}.xmin::text", Text())


def _match(session: WriteSession, batch: Sequence[Unsettled]) -> None:
    # One settler at a time: another's view of the ranges could be older than what is being replaced here.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.SETTLING})
    match_advisories(session, [item.id for item in batch])


def _merge(engine: Engine, actor: str, now: datetime) -> None:
    """Let incidents follow their vulnerabilities, while uploads wait; most of the time there is nothing to do."""
    with reading(engine) as session:
        if not awaits_merging(session):
            return

    def merge(session: WriteSession) -> None:
        hold_off_uploads(session)
        merge_incidents(session, actor=actor, now=now)

    in_transaction(engine, merge)


def _assess(engine: Engine, vulnerability_ids: set[int], *, actor: str, now: datetime) -> None:
    with reading(engine) as session:
        weights = Counter(chain.from_iterable(matched_components(session, vulnerability_ids).values()))
        exposed = dict.fromkeys(products_exposed_to(session, vulnerability_ids), 1)
        work = exposed | weigh_products(session, weights)
        order = bases_first(session, work)  # who waits for a base finds its exposure there
    for some in _batches(sorted(vulnerability_ids), MATCHED_AT_ONCE):
        in_transaction(engine, partial(_rate, vulnerability_ids=some, actor=actor, now=now))
    for batch in portions((product_id, work[product_id]) for product_id in order):
        question = Question(frozenset(batch), frozenset(vulnerability_ids), frozenset(weights))
        in_transaction(engine, partial(look_again, question=question, cause=Cause(actor=actor, at=now)))


def portions(work: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Deal products, each with the number of exposures it may concern, into what one transaction takes."""
    portion: list[int] = []
    total = 0
    for product_id, count in work:
        if portion and (len(portion) == ASSESSED_AT_ONCE or total + count > EXPOSED_AT_ONCE):
            yield portion
            portion, total = [], 0
        portion.append(product_id)
        total += count
    if portion:
        yield portion


def _rate(session: WriteSession, vulnerability_ids: Sequence[int], actor: str, now: datetime) -> None:
    hold_off_feeds(session)  # another feed's merges, that is
    # One settler at a time: the older of two ratings must not be the last one written.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.SETTLING})
    rate_anew(session, vulnerability_ids, actor=actor, now=now)


def look_again(session: WriteSession, question: Question, cause: Cause) -> None:
    """Assess products while nothing leaves their streams.

    An upload that took a component away meanwhile would find no exposure to end, since ours is not yet there to see.
    """
    hold_off_feeds(session)  # another feed's merges, that is
    uses = uses_of_products(session, question.product_ids, question.component_ids)
    lock_streams(session, (use.stream_id for use in uses))
    assess(session, question, cause)


def _mark_settled(session: WriteSession, table: type[Advisory | Vulnerability], batch: Sequence[Unsettled]) -> None:
    done = arrays(
        id=(BigInteger(), [item.id for item in batch]), row_version=(Text(), [item.row_version for item in batch])
    )
    session.execute(
        update(table).where(table.id == done.c.id, done.c.row_version == _row_version(table)).values(settled=True),
        execution_options={"synchronize_session": False},
    )
