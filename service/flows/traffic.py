"""How uploads and feeds share the road: neither misses the other, and a deadlock costs a retry, not an answer.

An upload commits components and their matches first, usage and exposures second; a feed commits ranges first, matches
second, exposures third. Uploads hold a shared lock in each of their transactions. Between its steps the feed side looks
who holds it, and waits until these have arrived; whoever starts later sees what the feed committed. To take the lock
exclusively would do the same, but every upload that came meanwhile would queue up behind the slowest one.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError

from service.db import Lock, ReadSession, WriteSession, writing
from service.errors import Busy
from service.log import logger

_ATTEMPTS = 5
#: SQLSTATEs after which the same transaction may well succeed: serialization failure, deadlock, lock not available.
_WORTH_A_RETRY = frozenset({"40001", "40P01", "55P03"})

T = TypeVar("T")


def hold_off_feeds(session: WriteSession) -> None:
    """Take the shared side until the transaction ends; any number of uploads hold it together."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": Lock.UPLOADS})


def hold_off_uploads(session: WriteSession) -> None:
    """Wait until every upload that is on the way has arrived, and keep others waiting until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.UPLOADS})


def barrier(engine: Engine) -> None:
    """Wait until every upload that is on the way has arrived. Others may set out meanwhile."""
    with writing(engine) as session:
        pause = _FIRST_PAUSE_S
        on_the_way = _on_the_way(session)
        while on_the_way:
            session.execute(select(func.pg_sleep(pause)))
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            on_the_way &= _on_the_way(session)


_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.05
#: A lock's key is 64 bits wide, and shown in two halves. A transaction's virtual id never comes back.
_HOLDERS = text("""
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32) + objid::bigint = :key
""")


def _on_the_way(session: ReadSession) -> set[str]:
    """Name the transactions that hold the uploads' lock at this moment."""
    return set(session.scalars(_HOLDERS, {"key": Lock.UPLOADS}))


def in_transaction(engine: Engine, act: Callable[[WriteSession], T]) -> T:
    """Run *act* in one transaction, again if it lost a race that was nobody's fault.

    Raises:
        Busy: It lost five times.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with writing(engine) as session:
                return act(session)
        except OperationalError as error:
            if _sqlstate(error) not in _WORTH_A_RETRY:
                raise
            logger("flows").warning("lost a race", sqlstate=_sqlstate(error), attempt=attempt)
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - spreads retries, hides nothing
    raise Busy("Too many writers wanted the same rows. Nothing was stored; send it again.")


def _sqlstate(error: OperationalError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
