"""After an upgrade that reads versions, components or advisories otherwise: what is stored is read again.

Batch by batch, each its own transaction, beside uploads and syncs and in any number of processes: whoever comes takes
rows that nobody has in hand. Advisories whose ranges changed, or that speak of components whose coordinates changed,
are left unsettled in the same transaction; matches and exposures follow once all is read.

Where components came from stands in documents alone. Those in the field are heard before anything else, since malware
stands or falls by it; the others when all the rest is done.

Until then keys of two readings lie side by side, and a comparison between them may be wrong. So `settle` waits for us,
that nothing is resolved by mistake, and answers say ``unknown``. What an own advisory hits in the meantime is looked at
again at the end.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, text

from service.advisories.rekeying import outdated, rekey_advisories, unsettle
from service.advisories.rematching import Rematched, rematch_stretch
from service.db import Lock, WriteSession, reading
from service.flows.private_names import hear_origins
from service.flows.settling import settle
from service.flows.traffic import in_transaction
from service.inventory.rehearing import hear_stored, unheard
from service.inventory.rekeying import component_ids, rekey_components
from service.log import logger

#: The actor of what follows.
REKEYING = "rekey"
_COMPONENTS_AT_ONCE = 2_000
_ADVISORIES_AT_ONCE = 1_000
#: Components whose matches are decided by one statement.
_STRETCH = 200_000

#: Told how many components and advisories are read; may raise to end the run, which the next one resumes.
Progress = Callable[[int, int], None]


def rekey(engine: Engine, *, now: datetime, progress: Progress = lambda *_: None) -> tuple[int, int]:
    """Read again what another version of ours read, and let matches and exposures follow.

    Costs a look at three indexes where there is nothing to do.

    Returns:
        How many components and advisories were read.
    """
    with reading(engine) as session:
        if not (outdated(session) or unheard(session)):
            return 0, 0
    logger("flows").warning("what another version read is read again; until then answers are unknown")
    components = advisories = 0
    while in_transaction(engine, partial(_hear, in_field=True)):
        progress(components, advisories)
    while read := in_transaction(engine, partial(_components, count=_COMPONENTS_AT_ONCE)):
        components += read
        progress(components, advisories)
    while read := in_transaction(engine, partial(rekey_advisories, count=_ADVISORIES_AT_ONCE)):
        advisories += read
        progress(components, advisories)
    settle(engine, actor=REKEYING, now=now)
    logger("flows").warning("everything is read again", components=components, advisories=advisories)
    while in_transaction(engine, partial(_hear, in_field=False)):
        progress(components, advisories)
    settle(engine, actor=REKEYING, now=now)
    return components, advisories


def _hear(session: WriteSession, *, in_field: bool) -> int:
    count, component_ids = hear_stored(session, in_field=in_field)
    hear_origins(session, component_ids)
    return count


def _components(session: WriteSession, count: int) -> int:
    done = rekey_components(session, count)
    unsettle(session, component_ids=done.components, package_ids=done.packages)
    return done.read


def rematch(engine: Engine, *, now: datetime, progress: Callable[[int], None] = lambda _: None) -> Rematched:
    """Decide every match anew and let exposures follow; where nothing went wrong, nothing differs."""
    done = match_everything(engine, progress)
    settle(engine, actor=REKEYING, now=now)
    return done


def match_everything(engine: Engine, progress: Callable[[int], None] = lambda _: None) -> Rematched:
    """Decide every match anew and write the differences; their advisories are unsettled then.

    Args:
        engine: Every stretch of components is a transaction of its own; whoever settles waits for it.
        progress: Told after each stretch how many components are through.
    """
    with reading(engine) as session:
        first, last = component_ids(session)
    written = taken_back = 0
    for start in range(first, last + 1, _STRETCH):
        stretch = in_transaction(engine, partial(_match_stretch, first=start, last=start + _STRETCH - 1))
        written, taken_back = written + stretch.written, taken_back + stretch.taken_back
        progress(min(start + _STRETCH - first, last - first + 1))
    return Rematched(written, taken_back)


def _match_stretch(session: WriteSession, first: int, last: int) -> Rematched:
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.SETTLING})
    return rematch_stretch(session, first, last)
