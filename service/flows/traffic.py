"""How uploads and feeds share the road: neither misses the other, and a deadlock costs a retry, not an answer.

An upload commits components and their matches first, usage and exposures second; a feed commits ranges first, matches
second, exposures third. Uploads hold a shared lock in each of their transactions. The feed side takes the exclusive
lock between its steps, and gives it back at once: whoever was on the way has then arrived, and whoever starts later
sees what the feed committed.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from service.db import Lock, WriteSession, writing
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
    """Wait until every upload that is on the way has arrived."""
    with writing(engine) as session:
        hold_off_uploads(session)


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
