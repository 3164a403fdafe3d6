"""Streams that fall silent, and what follows from it.

Silence changes no exposure by itself: what was affected stays so, what was proved stays proved for the day on which it
was. From then on nothing of the product is proved until the stream is heard of again, or retired.
"""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Engine

from service.db import WriteSession
from service.flows.receiving import reassess_product
from service.flows.traffic import hold_off_feeds, in_transaction
from service.incidents.assessing import Cause
from service.inventory.life import Silence, mark_silent

#: The actor of what the clock decides.
CLOCK = "clock"


def note_silence(engine: Engine, *, stale_after: timedelta, now: datetime) -> Silence:
    """Mark streams of which nothing was heard for *stale_after*; idempotent, and catches up after any downtime."""
    silence = in_transaction(engine, partial(mark_silent, stale_after=stale_after, now=now))
    for product_id in silence.heard_product_ids:
        in_transaction(engine, partial(_look_again, product_id=product_id, now=now))
    return silence


def _look_again(session: WriteSession, product_id: int, now: datetime) -> None:
    hold_off_feeds(session)
    reassess_product(session, product_id, (), Cause(actor=CLOCK, at=now))
