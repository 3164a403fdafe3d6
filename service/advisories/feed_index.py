"""What a feed has against what we took of it. Pure.

The whole index is compared id by id. There is no "newest seen" to remember, so a record dated in the future hides
nothing, and one that vanished is noticed at once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from service.advisories.osv_schema import MalformedRecord, instant, is_id

#: A folder from which more than this share is gone at once is more likely broken than right; OSV's own exporter
#: holds at the same.
_HELD_SHARE = 0.1
#: Below this number a share says nothing.
_HELD_AT_LEAST = 10


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
    """Read ``modified_id.csv``: ``2026-08-21T20:38:00Z,GO-2026-5026`` a line, in any order; the newest of twins."""
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
    return Index(modified, digest_of(content), malformed)


def digest_of(content: bytes) -> bytes:
    """Tell one index from another."""
    return hashlib.sha256(content).digest()


def plan(index: Index, taken: Mapping[str, datetime]) -> Plan:
    """Compare an index with what was taken of it, as of which `modified`. A step back in time is a change too."""
    vanished = frozenset(taken.keys() - index.modified.keys())
    return Plan(
        added={osv_id: at for osv_id, at in index.modified.items() if osv_id not in taken},
        changed={osv_id: at for osv_id, at in index.modified.items() if osv_id in taken and taken[osv_id] != at},
        vanished=vanished,
        held=len(vanished) > max(_HELD_AT_LEAST, _HELD_SHARE * len(taken)),
    )
