"""What a feed has against what we took of it. Pure.

The whole index is compared id by id. There is no "newest seen" to remember, so a record dated in the future hides
nothing, lines may come in any order, and one that vanished is noticed at once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from service.advisories.feed_source import FeedUnavailable
from service.advisories.osv_schema import MalformedRecord, instant, is_id

#: A folder from which more than this share is gone at once is more likely broken than right; OSV's own exporter
#: holds at the same.
_HELD_SHARE = 0.1
#: Below this number a tenth says nothing; half does.
_HELD_AT_LEAST = 10

#: Up to this many records are asked for one by one whatever the archive's size, which need not be asked for then.
_FEW = 10
#: Up to this many where nobody says how large the archive is.
_SOME = 200
#: Beyond this many the requests are no courtesy to the server, however large its archive.
_MANY = 5_000
#: What one request costs of ten at a time, 6 ms, as bytes of an archive that comes at 10 MB/s.
_REQUEST_BYTES = 64 * 2**10

_NOTHING: Mapping[str, datetime] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Index:
    """An ecosystem's records: id to `modified`. `malformed` counts the lines that were neither."""

    modified: Mapping[str, datetime]
    digest: bytes
    malformed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync has to do. `held`: so much vanished that a person has to say it is right."""

    added: Mapping[str, datetime]
    changed: Mapping[str, datetime]
    vanished: frozenset[str]
    held: bool

    @property
    def wanted(self) -> dict[str, datetime]:
        """Give the records to fetch: id to the `modified` the index promises."""
        return {**self.added, **self.changed}


def read_index(content: bytes) -> Index:
    """Read ``modified_id.csv``: ``2026-08-21T20:38:00Z,GO-2026-5026`` a line, in any order; the newest of twins.

    Raises:
        FeedUnavailable: Most of it is something else, such as a web page that says why there is no index.
    """
    modified: dict[str, datetime] = {}
    malformed = 0
    for line in content.decode("utf-8", errors="replace").splitlines():
        if not line.strip():
            continue
        stamp, _, osv_id = line.strip().partition(",")
        try:
            at = instant(stamp)
        except MalformedRecord:
            malformed += 1
            continue
        if not is_id(osv_id):
            malformed += 1
        elif osv_id not in modified or at > modified[osv_id]:
            modified[osv_id] = at
    if malformed > len(modified):
        raise FeedUnavailable(f"this is no index: it begins with {content[:60].decode('utf-8', errors='replace')!r}")
    return Index(modified, digest_of(content), malformed)


def digest_of(content: bytes) -> bytes:
    """Tell one index from another."""
    return hashlib.sha256(content).digest()


def plan(index: Index, taken: Mapping[str, datetime], deferred: Mapping[str, datetime] = _NOTHING) -> Plan:
    """Compare an index with what was taken of it, as of which `modified`. A step back in time is a change too.

    *deferred* are the records, as of which `modified`, that could not be had and are not to be asked for again yet.
    """
    vanished = frozenset(taken.keys() - index.modified.keys())
    wanted = {
        osv_id: at for osv_id, at in index.modified.items() if taken.get(osv_id) != at and deferred.get(osv_id) != at
    }
    return Plan(
        added={osv_id: at for osv_id, at in wanted.items() if osv_id not in taken},
        changed={osv_id: at for osv_id, at in wanted.items() if osv_id in taken},
        vanished=vanished,
        held=is_suspicious(len(vanished), len(taken)),
    )


def is_suspicious(gone: int, before: int) -> bool:
    """Tell whether so many of so many are more than a feed loses by itself: a tenth, of a small one half, or all."""
    return gone > max(_HELD_AT_LEAST, _HELD_SHARE * before) or (gone > 0 and 2 * gone > before)


def one_by_one(count: int, archive_bytes: int | None) -> bool:
    """Tell whether that many records are cheaper to fetch by themselves than with the archive."""
    if archive_bytes is None:
        return count <= _SOME
    return count <= _MANY and count * _REQUEST_BYTES < archive_bytes


def is_few(count: int) -> bool:
    """Tell whether that many records are fetched by themselves without asking how large the archive is."""
    return count <= _FEW
