"""One ecosystem of a feed into the tables: fetch, then store, batch by batch.

Nothing is fetched inside a transaction; each batch is one of its own, in which its records are stored and noted as
taken. A sync that stops half-way loses nothing and repeats nothing. What it changed is unsettled until the caller
settles it, and only then is the sync a success: an ecosystem that is loaded but not yet matched covers nothing.

A feed that has lost suspiciously much is held: what it added is taken, what it lost is kept, and the sync is no success
until somebody agrees to the loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from service.advisories.feed_fetching import Shortfall, Want, fetch_batches
from service.advisories.feed_index import Index, Plan, digest_of, is_suspicious, plan, read_index
from service.advisories.feed_loss import lapsed, let_go, quoted
from service.advisories.feed_missing import missing_records, note_missing, still_missing, waiting
from service.advisories.feed_source import UNKNOWN, FeedBusy, FeedClient, FeedUnavailable, Tags
from service.advisories.feeds import (
    adopt,
    forget,
    mark_taken,
    record_attempt,
    record_failure,
    record_success,
    step_back,
    taken,
)
from service.advisories.models import Feed
from service.advisories.storing import Stored, retract, store
from service.advisories.synced import Progress, Synced
from service.db import reading, writing
from service.errors import UpstreamUnavailable
from service.log import logger

__all__ = ["Progress", "Synced", "sync_ecosystem"]

BATCH_SIZE = 2_000
log = logger("advisories")


@dataclass(frozen=True)
class _Run:
    """One sync under way. `accepted`: so many vanished advisories somebody has agreed to lose."""

    engine: Engine
    client: FeedClient
    feed: Feed
    synced: Synced
    now: datetime
    accepted: int
    batch_size: int
    settle: Callable[[], object]
    watch: Callable[[Progress], None]
    shortfall: Shortfall = field(default_factory=Shortfall)


def sync_ecosystem(
    engine: Engine,
    client: FeedClient,
    ecosystem: str,
    *,
    now: datetime,
    accepted: int = 0,
    batch_size: int = BATCH_SIZE,
    settle: Callable[[], object] = lambda: None,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Synced:
    """Bring one ecosystem up to date. Failures of the feed are recorded and reported, not raised.

    Args:
        engine: Each batch is committed by itself.
        client: The feed; asked outside transactions only.
        ecosystem: The name of its folder.
        now: Aware UTC; not compared with anything the feed says.
        accepted: Up to so many advisories may be gone at once, as somebody has agreed; more are held again.
        batch_size: Records in one transaction.
        settle: Lets matches and exposures follow what was changed, before the sync counts as a success.
        watch: Told how far it is.
    """
    with writing(engine) as session:
        feed = record_attempt(session, client.url, ecosystem, now=now)
    run = _Run(engine, client, feed, Synced(ecosystem), now, accepted, batch_size, settle, watch)
    try:
        _sync(run)
    except UpstreamUnavailable as error:
        _fail(run, error)
    return run.synced


def _fail(run: _Run, error: UpstreamUnavailable) -> None:
    run.synced.error, run.synced.leave_alone = error.detail, isinstance(error, FeedBusy)
    _take_note(run)
    log.warning("feed failed", ecosystem=run.feed.ecosystem, feed=run.feed.url, error=error.detail)
    is_unchanged = not (run.synced.added or run.synced.changed or run.synced.vanished)
    result = None if is_unchanged else run.synced.as_result()
    with writing(run.engine) as session:
        record_failure(session, run.feed.id, error=error.detail, result=result, is_unchanged=is_unchanged)


def _sync(run: _Run) -> None:
    feed, as_of = run.feed, run.client.as_of
    if as_of is not None and feed.as_of is not None and as_of < feed.as_of:
        run.synced.note = f"made {as_of:%Y-%m-%d %H:%M} UTC, older than what was taken of it already: left alone"
        return
    with reading(run.engine) as session:
        missing = missing_records(session, feed.id)
    idle = feed.index_digest is not None and len(waiting(missing, now=run.now)) == len(missing)
    tags = Tags(feed.etag, feed.last_modified) if idle else UNKNOWN
    fetched = run.client.index(feed.ecosystem, known=tags)
    if fetched is None or (idle and digest_of(fetched.content) == feed.index_digest):
        _succeed(run, feed.index_digest, fetched.tags if fetched else tags, result=None)
        return
    index = read_index(fetched.content)
    with reading(run.engine) as session:
        had = taken(session, feed.id)
    todo = plan(index, had, waiting(missing, now=run.now))
    run.synced.added, run.synced.changed = len(todo.added), len(todo.changed)
    run.shortfall.malformed = _still_malformed(feed, index, todo)
    _store(run, todo, had, sought_before=frozenset(missing))
    _take_note(run)
    not_had = {osv_id: index.modified[osv_id] for osv_id in (*run.synced.missing, *run.synced.outdated)}
    missing = still_missing(missing, index.modified, not_had, now=run.now)
    with writing(run.engine) as session:
        note_missing(session, feed.id, missing)
    _retract(run, todo)
    if run.synced.stored:
        run.watch(Progress(feed.ecosystem, "matching", 0, None))
        run.settle()
    if run.synced.held:
        _hold(run, index)
    elif is_suspicious(len(missing), len(index.modified)):
        raise FeedUnavailable(f"{len(missing)} of {len(index.modified)} records that the index lists cannot be had")
    else:
        _succeed(run, index.digest, fetched.tags, result=run.synced.as_result())


def _succeed(run: _Run, index_digest: bytes | None, tags: Tags, *, result: dict[str, object] | None) -> None:
    if not _let_lapse(run):
        return
    with writing(run.engine) as session:
        record_success(
            session,
            run.feed.id,
            index_digest=index_digest,
            tags=tags,
            result=result,
            as_of=run.client.as_of or run.now,
            now=run.now,
        )


def _hold(run: _Run, index: Index | None) -> None:
    """Say loudly what is held."""
    synced, ecosystem = run.synced, run.feed.ecosystem
    left = f"; {len(index.modified)} are left" if index is not None else ""
    synced.trouble = (
        f"{synced.held} advisories are gone from {ecosystem} at once{left}. They are kept until somebody says that "
        f"this is right: muster advisories sync --accept-shrink {quoted(ecosystem)}"
    )
    log.error("vanished advisories held", ecosystem=ecosystem, feed=run.feed.url, count=synced.held)
    with writing(run.engine) as session:
        record_failure(session, run.feed.id, error=synced.trouble, held=synced.held, result=synced.as_result())


def _store(run: _Run, todo: Plan, had: Mapping[str, datetime], *, sought_before: frozenset[str]) -> None:
    """Store what is wanted; what another source has given already is only noted."""
    feed, total = run.feed, len(todo.wanted)
    with writing(run.engine) as session:
        known = adopt(session, feed.id, todo.added) if todo.added else {}
    run.synced.known = done = len(known)
    wanted = {osv_id: at for osv_id, at in todo.wanted.items() if osv_id not in known}
    if not wanted:
        return
    want = Want(
        client=run.client,
        ecosystem=feed.ecosystem,
        modified=wanted,
        sought_before=sought_before,
        sample=next(iter(had), None),
        arriving=lambda done, total: run.watch(Progress(feed.ecosystem, "fetching", done, total)),
    )
    for batch in fetch_batches(want, run.batch_size, run.shortfall):
        back = {osv_id: at for osv_id, at in batch.modified.items() if osv_id in had and at < had[osv_id]}
        with writing(run.engine) as session:
            if back:
                step_back(session, feed.id, back)
            _count(run.synced, store(session, batch.records))
            mark_taken(session, feed.id, batch.modified)
        done += len(batch.modified)
        run.watch(Progress(feed.ecosystem, "storing", done, total))


def _take_note(run: _Run) -> None:
    run.synced.missing, run.synced.outdated = run.shortfall.missing, run.shortfall.outdated
    run.synced.malformed = run.shortfall.malformed


def _still_malformed(feed: Feed, index: Index, todo: Plan) -> dict[str, str]:
    """Carry over what an earlier sync could not read, as long as the feed has nothing newer."""
    earlier = (feed.last_result or {}).get("malformed")
    if not isinstance(earlier, dict):
        return {}
    return {osv_id: why for osv_id, why in earlier.items() if osv_id in index.modified and osv_id not in todo.wanted}


def _count(synced: Synced, stored: Stored) -> None:
    synced.stored += len(stored.changed)
    synced.merged += len(stored.merged)


def _retract(run: _Run, todo: Plan) -> None:
    count = len(todo.vanished)
    if not count:
        return
    if todo.held and count > run.accepted:
        run.synced.held = count
        return
    with writing(run.engine) as session:
        forget(session, run.feed.id, todo.vanished)
        _count(run.synced, retract(session, todo.vanished, now=run.now))
    run.synced.vanished = count


def _let_lapse(run: _Run) -> bool:
    """Forget sources that nobody uses any longer; False if so much would go with them that it is held."""
    with reading(run.engine) as session:
        others = lapsed(session, run.feed, now=run.now)
    if others is None:
        return True
    if others.is_suspicious and len(others.alone) > run.accepted:
        run.synced.held = len(others.alone)
        _hold(run, None)
        return False
    with writing(run.engine) as session:
        _count(run.synced, let_go(session, others.feed_ids, others.alone, now=run.now))
    run.synced.vanished += len(others.alone)
    log.info("feeds that nobody uses any longer are forgotten", ecosystem=run.feed.ecosystem, feeds=others.urls)
    run.settle()
    return True
