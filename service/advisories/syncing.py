"""One ecosystem of a feed into the tables: fetch, then store, batch by batch.

Nothing is fetched inside a transaction; each batch is one of its own, in which its records are stored and noted as
taken. A sync that stops half-way loses nothing and repeats nothing. What it changed is unsettled until the caller
settles it, and only then is the sync a success: an ecosystem that is loaded but not yet matched covers nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Engine

from service.advisories.feed_archive import archived_records
from service.advisories.feed_client import FeedClient
from service.advisories.feed_index import Index, Plan, digest_of, plan, read_index
from service.advisories.feeds import forget, mark_taken, record_attempt, record_failure, record_success, taken
from service.advisories.models import Feed
from service.advisories.osv_record import OsvRecord, read_record
from service.advisories.osv_schema import MalformedRecord
from service.advisories.storing import Stored, retract, store
from service.db import reading, writing
from service.errors import UpstreamUnavailable
from service.log import logger

BATCH_SIZE = 2_000

#: Up to this many records are asked for one by one; beyond, the archive is cheaper.
_ONE_BY_ONE = 200
#: Malformed records that a feed's last result names.
_NAMED = 1_000
#: Indexes and records round their instants differently.
_ROUNDING = timedelta(seconds=1)


@dataclass
class Synced:
    """What one sync of an ecosystem did.

    `missing`: listed in the index, but nowhere to be had. `outdated`: older than the index promised. Both are asked
    for again. `malformed`: id to what is wrong with it, until a later version is right. `trouble` is what a person has
    to look at, `error` why the sync stopped.
    """

    ecosystem: str
    added: int = 0
    changed: int = 0
    vanished: int = 0
    stored: int = 0
    merged: int = 0
    missing: list[str] = field(default_factory=list)
    outdated: dict[str, datetime] = field(default_factory=dict)
    malformed: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None
    error: str | None = None

    def as_result(self) -> dict[str, object]:
        """Give the counts as JSON."""
        return {
            "added": self.added,
            "changed": self.changed,
            "vanished": self.vanished,
            "stored": self.stored,
            "merged": self.merged,
            "missing": len(self.missing),
            "outdated": len(self.outdated),
            "malformed": dict(islice(self.malformed.items(), _NAMED)),
        }


@dataclass(frozen=True)
class _Batch:
    """Records to store, and what to note as taken; a malformed record is noted too, or it would come back for ever."""

    records: list[OsvRecord]
    modified: dict[str, datetime]


@dataclass(frozen=True)
class _Run:
    """One sync under way."""

    engine: Engine
    client: FeedClient
    feed: Feed
    synced: Synced
    now: datetime
    batch_size: int
    settle: Callable[[], object]


def sync_ecosystem(
    engine: Engine,
    client: FeedClient,
    ecosystem: str,
    *,
    now: datetime,
    accept_vanished: bool = False,
    batch_size: int = BATCH_SIZE,
    settle: Callable[[], object] = lambda: None,
) -> Synced:
    """Bring one ecosystem up to date. Failures of the feed are recorded and reported, not raised.

    Args:
        engine: Each batch is committed by itself.
        client: The feed; asked outside transactions only.
        ecosystem: The name of its folder.
        now: Aware UTC; not compared with anything the feed says.
        accept_vanished: Retract also when more than a tenth of what was there is gone.
        batch_size: Records in one transaction.
        settle: Lets matches and exposures follow what was changed, before the sync counts as a success.
    """
    with writing(engine) as session:
        feed = record_attempt(session, client.url, ecosystem, now=now)
    run = _Run(engine, client, feed, Synced(ecosystem), now, batch_size, settle)
    try:
        _sync(run, accept_vanished=accept_vanished)
    except UpstreamUnavailable as error:
        run.synced.error = error.detail
        logger("advisories").warning("feed failed", ecosystem=ecosystem, error=error.detail)
        with writing(engine) as session:
            record_failure(session, feed.id, error=error.detail)
    return run.synced


def _sync(run: _Run, *, accept_vanished: bool) -> None:
    feed, synced = run.feed, run.synced
    fetched = run.client.index(feed.ecosystem, etag=feed.etag if feed.index_digest else None)
    if fetched is None or digest_of(fetched.content) == feed.index_digest:
        _succeed(run, feed.index_digest, feed.etag, result=None)
        return
    index = read_index(fetched.content)
    with reading(run.engine) as session:
        todo = plan(index, taken(session, feed.id))
    synced.added, synced.changed = len(todo.added), len(todo.changed)
    synced.malformed = _still_malformed(feed, index, todo)
    _store(run, todo.wanted)
    _retract(run, todo, accept_vanished=accept_vanished)
    if synced.stored:
        run.settle()
    if synced.missing or synced.outdated or synced.trouble:
        _succeed(run, None, None, result=synced.as_result())
    else:
        _succeed(run, index.digest, fetched.etag, result=synced.as_result())


def _succeed(run: _Run, index_digest: bytes | None, etag: str | None, *, result: dict[str, object] | None) -> None:
    with writing(run.engine) as session:
        record_success(
            session,
            run.feed.id,
            index_digest=index_digest,
            etag=etag,
            result=result,
            trouble=run.synced.trouble,
            now=run.now,
        )


def _store(run: _Run, wanted: Mapping[str, datetime]) -> None:
    for batch in _ahead(_batches(run, wanted)):
        with writing(run.engine) as session:
            _count(run.synced, store(session, batch.records))
            mark_taken(session, run.feed.id, batch.modified)


def _ahead(batches: Iterator[_Batch]) -> Iterator[_Batch]:
    """Fetch and read one batch while the one before it is being stored: each keeps a core busy."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, batches, None)
        while batch := coming.result():
            coming = reader.submit(next, batches, None)
            yield batch


def _still_malformed(feed: Feed, index: Index, todo: Plan) -> dict[str, str]:
    """Carry over what an earlier sync could not read, as long as the feed has nothing newer."""
    earlier = (feed.last_result or {}).get("malformed")
    if not isinstance(earlier, dict):
        return {}
    return {osv_id: why for osv_id, why in earlier.items() if osv_id in index.modified and osv_id not in todo.wanted}


def _count(synced: Synced, stored: Stored) -> None:
    synced.stored += len(stored.changed)
    synced.merged += len(stored.merged)


def _fetch(client: FeedClient, ecosystem: str, wanted: Mapping[str, datetime]) -> Iterator[tuple[str, bytes]]:
    """Yield (id, bytes) of what is wanted: record by record if it is little, else (or if there are none) archived."""
    left = set(wanted)
    if len(left) <= _ONE_BY_ONE:
        for osv_id in sorted(left):
            raw = client.record(ecosystem, osv_id)
            if raw is None:
                break  # this mirror keeps no single records, or the index ran ahead of them
            left.discard(osv_id)
            yield osv_id, raw
    if left:
        with client.archive(ecosystem) as file:
            yield from archived_records(file, left)


def _batches(run: _Run, wanted: Mapping[str, datetime]) -> Iterator[_Batch]:
    """Read what is wanted and deal it into batches; what did not come is noted as missing."""
    left = set(wanted)
    batch = _Batch([], {})
    for osv_id, raw in _fetch(run.client, run.feed.ecosystem, wanted):
        if osv_id not in left:
            continue
        left.discard(osv_id)
        _put(run, batch, osv_id, raw, wanted[osv_id])
        if len(batch.modified) == run.batch_size:
            yield batch
            batch = _Batch([], {})
    if batch.modified:
        yield batch
    run.synced.missing = sorted(left)


def _put(run: _Run, batch: _Batch, osv_id: str, raw: bytes, promised: datetime) -> None:
    batch.modified[osv_id] = promised
    try:
        record = _read(osv_id, raw)
        if record.modified < promised - _ROUNDING:
            record = _newer(run, record)
    except MalformedRecord as error:
        run.synced.malformed[osv_id] = error.detail
        return
    batch.records.append(record)
    if osv_id in run.synced.outdated:
        batch.modified[osv_id] = record.modified


def _read(osv_id: str, raw: bytes) -> OsvRecord:
    record = read_record(raw)
    if record.osv_id != osv_id:
        raise MalformedRecord(f"the file says that it is {record.osv_id}")
    return record


def _newer(run: _Run, record: OsvRecord) -> OsvRecord:
    """Ask for a record by itself of which the archive has an older version than the index promised.

    If its own file is no newer, the index is wrong, and to ask again would not help.
    """
    outdated = run.synced.outdated
    raw = run.client.record(run.feed.ecosystem, record.osv_id) if len(outdated) < _ONE_BY_ONE else None
    if raw is None:
        outdated[record.osv_id] = record.modified
        return record
    return max(_read(record.osv_id, raw), record, key=lambda each: each.modified)


def _retract(run: _Run, todo: Plan, *, accept_vanished: bool) -> None:
    ecosystem, count = run.feed.ecosystem, len(todo.vanished)
    if not count:
        return
    if todo.held and not accept_vanished:
        run.synced.trouble = (
            f"{count} advisories are gone from {ecosystem} at once, more than a tenth. "
            "They are kept until somebody says that this is right."
        )
        logger("advisories").error("vanished advisories held", ecosystem=ecosystem, count=count)
        return
    with writing(run.engine) as session:
        forget(session, run.feed.id, todo.vanished)
        _count(run.synced, retract(session, todo.vanished, now=run.now))
    run.synced.vanished = count
