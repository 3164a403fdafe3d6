"""One ecosystem of a feed into the tables: fetch, then store, batch by batch.

Nothing is fetched inside a transaction; each batch is one of its own, in which its records are stored and noted as
taken. A sync that stops half-way loses nothing and repeats nothing. What it changed is unsettled until the caller
settles it.
"""

from collections.abc import Iterable, Iterator, Mapping
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
    outdated: list[str] = field(default_factory=list)
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


def sync_ecosystem(
    engine: Engine, client: FeedClient, ecosystem: str, *, now: datetime, accept_vanished: bool = False
) -> Synced:
    """Bring one ecosystem up to date. Failures of the feed are recorded and reported, not raised.

    Args:
        engine: Each batch is committed by itself.
        client: The feed; asked outside transactions only.
        ecosystem: The name of its folder.
        now: Aware UTC; not compared with anything the feed says.
        accept_vanished: Retract also when more than a tenth of what was there is gone.
    """
    synced = Synced(ecosystem)
    with writing(engine) as session:
        feed = record_attempt(session, client.url, ecosystem, now=now)
    try:
        fetched = client.index(ecosystem, etag=feed.etag if feed.index_digest else None)
        if fetched is None or digest_of(fetched.content) == feed.index_digest:
            _note_idle(engine, feed, now=now)
            return synced
        index = read_index(fetched.content)
        _apply(engine, client, feed, index, synced, now=now, accept_vanished=accept_vanished)
    except UpstreamUnavailable as error:
        synced.error = error.detail
        logger("advisories").warning("feed failed", ecosystem=ecosystem, error=error.detail)
        with writing(engine) as session:
            record_failure(session, feed.id, error=error.detail)
        return synced
    complete = not synced.missing and not synced.outdated and synced.trouble is None
    with writing(engine) as session:
        record_success(
            session,
            feed.id,
            index_digest=index.digest if complete else None,
            etag=fetched.etag if complete else None,
            result=synced.as_result(),
            trouble=synced.trouble,
            now=now,
        )
    return synced


def _note_idle(engine: Engine, feed: Feed, *, now: datetime) -> None:
    with writing(engine) as session:
        record_success(
            session, feed.id, index_digest=feed.index_digest, etag=feed.etag, result=None, trouble=None, now=now
        )


def _apply(
    engine: Engine,
    client: FeedClient,
    feed: Feed,
    index: Index,
    synced: Synced,
    *,
    now: datetime,
    accept_vanished: bool,
) -> None:
    with reading(engine) as session:
        todo = plan(index, taken(session, feed.id))
    synced.added, synced.changed = len(todo.added), len(todo.changed)
    synced.malformed = _still_malformed(feed, index, todo)
    fetched = _fetch(client, feed.ecosystem, todo.wanted)
    for batch in _ahead(_batches(client, fetched, todo.wanted, synced)):
        with writing(engine) as session:
            _count(synced, store(session, batch.records))
            mark_taken(session, feed.id, batch.modified)
    _retract(engine, feed, todo, synced, now=now, accept_vanished=accept_vanished)


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


def _batches(
    client: FeedClient, fetched: Iterable[tuple[str, bytes]], wanted: Mapping[str, datetime], synced: Synced
) -> Iterator[_Batch]:
    """Read what was fetched and deal it into batches; what did not come is noted as missing."""
    left = set(wanted)
    batch = _Batch([], {})
    for osv_id, raw in fetched:
        if osv_id not in left:
            continue
        left.discard(osv_id)
        try:
            record = _read(osv_id, raw)
            if record.modified < wanted[osv_id] - _ROUNDING:
                record = _newer(client, record, synced)
        except MalformedRecord as error:
            synced.malformed[osv_id] = error.detail
            batch.modified[osv_id] = wanted[osv_id]
            continue
        batch.records.append(record)
        batch.modified[osv_id] = record.modified if osv_id in synced.outdated else wanted[osv_id]
        if len(batch.records) == BATCH_SIZE:
            yield batch
            batch = _Batch([], {})
    if batch.modified:
        yield batch
    synced.missing = sorted(left)


def _read(osv_id: str, raw: bytes) -> OsvRecord:
    record = read_record(raw)
    if record.osv_id != osv_id:
        raise MalformedRecord(f"the file says that it is {record.osv_id}")
    return record


def _newer(client: FeedClient, record: OsvRecord, synced: Synced) -> OsvRecord:
    """Ask for a record by itself of which the archive has an older version than the index promised.

    If its own file is no newer, the index is wrong, and to ask again would not help.
    """
    raw = client.record(synced.ecosystem, record.osv_id) if len(synced.outdated) < _ONE_BY_ONE else None
    if raw is None:
        synced.outdated.append(record.osv_id)
        return record
    return max(_read(record.osv_id, raw), record, key=lambda each: each.modified)


def _retract(engine: Engine, feed: Feed, todo: Plan, synced: Synced, *, now: datetime, accept_vanished: bool) -> None:
    if not todo.vanished:
        return
    if todo.held and not accept_vanished:
        synced.trouble = (
            f"{len(todo.vanished)} advisories are gone from {feed.ecosystem} at once, more than a tenth. "
            "They are kept until somebody says that this is right."
        )
        logger("advisories").error("vanished advisories held", ecosystem=feed.ecosystem, count=len(todo.vanished))
        return
    with writing(engine) as session:
        forget(session, feed.id, todo.vanished)
        _count(synced, retract(session, todo.vanished, now=now))
    synced.vanished = len(todo.vanished)
