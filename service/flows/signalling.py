"""Signals into priorities: what CISA and FIRST say, and the incidents that follow.

Signals are committed first, and priorities follow in batches. What a crash leaves between the two is picked up by
whoever follows next; incidents that open meanwhile see the signals at once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, text

from service.advisories.feed_client import PATIENT, Patience
from service.advisories.signals_state import mark_followed, unfollowed
from service.advisories.signals_syncing import Name, SignalSynced, sync_signal
from service.db import Lock, WriteSession, reading, writing
from service.flows.traffic import barrier, hold_off_feeds, in_transaction
from service.incidents.rating import out_of_step, rate_anew, undecided

#: The actor of everything that signals bring about.
SIGNALS = "signals"

#: Incidents rated in one transaction.
_RATED_AT_ONCE = 2_000


def apply_signals(
    engine: Engine,
    *,
    kev_url: str = "none",
    epss_url: str = "none",
    now: datetime,
    accept_vanished: Collection[str] = (),
    patience: Patience = PATIENT,
) -> list[SignalSynced]:
    """Take what is new in KEV and EPSS, and let the priorities of open exposures follow.

    Args:
        engine: Each source is a transaction of its own.
        kev_url: Address of CISA's catalogue as JSON, over HTTP(S) or as ``file://``; ``none`` leaves it alone.
        epss_url: Address of a day's scores, packed or not, in the same way.
        now: Aware UTC.
        accept_vanished: Names of the sources that may lose more than a tenth at once.
        patience: With a server that fails.
    """
    urls: dict[Name, str] = {"kev": kev_url, "epss": epss_url}
    results = [
        sync_signal(engine, name, url, now=now, accept_vanished=name in accept_vanished, patience=patience)
        for name, url in urls.items()
        if url != "none"
    ]
    follow_signals(engine, now=now)
    return results


def follow_signals(engine: Engine, *, now: datetime) -> int:
    """Rate anew what was rated by other signals than there are now; gives how many incidents that concerned."""
    with reading(engine) as session:
        revisions = unfollowed(session)
    if not revisions:
        return 0
    barrier(engine)  # uploads that could not see the signals have committed their incidents
    with reading(engine) as session:
        concerned = out_of_step(session)
    for start in range(0, len(concerned), _RATED_AT_ONCE):
        some = concerned[start : start + _RATED_AT_ONCE]
        in_transaction(engine, partial(_rate, vulnerability_ids=some, now=now))
    with writing(engine) as session:
        mark_followed(session, revisions)
    return len(concerned)


def decide_undecided(engine: Engine, *, now: datetime) -> int:
    """Decide what a version before the published tables has left undecided; gives how many incidents. Idempotent."""
    decided = 0
    while True:
        with reading(engine) as session:
            some = undecided(session, limit=_RATED_AT_ONCE)
        if not some:
            return decided
        in_transaction(engine, partial(_rate, vulnerability_ids=some, now=now))
        decided += len(some)


def _rate(session: WriteSession, vulnerability_ids: Sequence[int], now: datetime) -> None:
    hold_off_feeds(session)  # a feed's merges, that is
    # As settling does: the older of two ratings must not be the last one written.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.SETTLING})
    rate_anew(session, vulnerability_ids, actor=SIGNALS, now=now)
