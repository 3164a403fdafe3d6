"""The records that are wanted of a feed, read and dealt into batches.

Small wants are fetched record by record, large ones with the ecosystem's archive, whichever is cheaper. What was whole
in a source that failed is given before the failure is raised.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from service.advisories.feed_archive import archived_records
from service.advisories.feed_index import is_few, one_by_one
from service.advisories.feed_source import Arriving, FeedClient, nobody
from service.advisories.feeds import ROUNDING
from service.advisories.osv_record import OsvRecord, read_record
from service.advisories.osv_schema import MalformedRecord
from service.errors import UpstreamUnavailable

#: Records of an archive that is behind its index which are asked for by themselves.
_ASKED_AGAIN = 200


@dataclass(frozen=True)
class Want:
    """What is wanted of an ecosystem: id to the `modified` that its index promises.

    `sought_before`: those that it did not have the last time. `sample`: a record that it did have.
    """

    client: FeedClient
    ecosystem: str
    modified: Mapping[str, datetime]
    sought_before: frozenset[str] = frozenset()
    sample: str | None = None
    arriving: Arriving = nobody


@dataclass
class Shortfall:
    """What did not come as promised: nowhere to be had, older than promised (as of when), or unreadable (why)."""

    missing: list[str] = field(default_factory=list)
    outdated: dict[str, datetime] = field(default_factory=dict)
    malformed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Records to store, and what to note as taken; a malformed record is noted too, or it would come back for ever."""

    records: list[OsvRecord]
    modified: dict[str, datetime]


def fetch_batches(want: Want, size: int, shortfall: Shortfall) -> Iterator[Batch]:
    """Yield what is wanted in batches, each read while the one before is being stored: both keep a core busy.

    Raises:
        FeedUnavailable: After the last batch of what came until then.
    """
    return _ahead(_batches(want, size, shortfall))


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, batches, None)
        while batch := coming.result():
            coming = reader.submit(next, batches, None)
            yield batch


def _batches(want: Want, size: int, shortfall: Shortfall) -> Iterator[Batch]:
    left = set(want.modified)
    batch = Batch([], {})
    failure = None
    try:
        for osv_id, raw in _fetched(want):
            if osv_id not in left:
                continue
            left.discard(osv_id)
            _put(want, batch, osv_id, raw, shortfall)
            if len(batch.modified) == size:
                yield batch
                batch = Batch([], {})
    except UpstreamUnavailable as error:
        failure = error
    if batch.modified:
        yield batch
    if failure is not None:
        raise failure
    shortfall.missing = sorted(left)


def _fetched(want: Want) -> Iterator[tuple[str, bytes]]:
    """Yield (id, bytes) of what is wanted: from single files or the archive, and what is not there from the other."""
    left = dict.fromkeys(sorted(want.modified))
    asked = is_few(len(left)) or one_by_one(len(left), want.client.archive_bytes(want.ecosystem))
    came = 0
    if asked:
        for osv_id, raw in _single(want, left):
            came += 1
            yield osv_id, raw
    # Where there are single files, an archive that was searched in vain before is not fetched again for the same ids.
    if left and not (want.sought_before.issuperset(left) and (came or _has_single_files(want))):
        with want.client.archive(want.ecosystem, arriving=want.arriving) as file:
            for osv_id, raw in archived_records(file, frozenset(left)):
                left.pop(osv_id, None)
                yield osv_id, raw
    if left and not asked and len(left) <= _ASKED_AGAIN:
        yield from _single(want, left)  # the index ran ahead of the archive


def _single(want: Want, left: dict[str, None]) -> Iterator[tuple[str, bytes]]:
    """Fetch single files, and take what came off *left*.

    When not even the first is there, the mirror keeps none, and the others are not asked for.
    """
    first, *others = left
    raw = want.client.record(want.ecosystem, first)
    if raw is None and first not in want.sought_before:
        return
    for osv_id, content in chain([(first, raw)], want.client.records(want.ecosystem, others)):
        if content is not None:
            del left[osv_id]
            yield osv_id, content


def _has_single_files(want: Want) -> bool:
    return want.sample is not None and want.client.record(want.ecosystem, want.sample) is not None


def _put(want: Want, batch: Batch, osv_id: str, raw: bytes, shortfall: Shortfall) -> None:
    promised = want.modified[osv_id]
    batch.modified[osv_id] = promised
    try:
        record = _read(osv_id, raw)
        if record.modified < promised - ROUNDING:
            record = _newer(want, record, shortfall)
    except MalformedRecord as error:
        shortfall.malformed[osv_id] = error.detail
        return
    batch.records.append(record)
    if osv_id in shortfall.outdated:
        batch.modified[osv_id] = record.modified


def _read(osv_id: str, raw: bytes) -> OsvRecord:
    record = read_record(raw)
    if record.osv_id != osv_id:
        raise MalformedRecord(f"the file says that it is {record.osv_id}")
    return record


def _newer(want: Want, record: OsvRecord, shortfall: Shortfall) -> OsvRecord:
    """Ask for a record by itself of which the archive has an older version than the index promised.

    If its own file is no newer, the index is wrong, and to ask again would not help.
    """
    asks = len(shortfall.outdated) < _ASKED_AGAIN
    raw = want.client.record(want.ecosystem, record.osv_id) if asks else None
    if raw is None:
        shortfall.outdated[record.osv_id] = record.modified
        return record
    return max(_read(record.osv_id, raw), record, key=lambda each: each.modified)
