"""Records into tables: each advisory, its affected ranges, its vulnerabilities.

An advisory is keyed by its id alone. Records repeat in several ecosystems' folders, some of them stale: the newest
`modified` wins. A withdrawn advisory keeps its record and its links but has no affected ranges, so that rematching it
removes its matches; when it comes back, so do they. `withdrawn_at` without ``withdrawn`` in the record means that its
feed no longer carries it. Whatever changes here is left unsettled: matches and exposures have yet to follow.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import Text, bindparam, cast, delete, exists, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from service.advisories.bulk import copy_rows, next_ids
from service.advisories.claims import claims_of, dropped_names
from service.advisories.grouping import group_advisories
from service.advisories.models import Advisory, Affected, FeedAdvisory
from service.advisories.osv_record import OsvRecord
from service.advisories.ranges import AffectedPackage
from service.advisories.references import references
from service.db import Base, Lock, ReadSession, WriteSession, any_of, arrays
from service.inventory.osv_packages import osv_package_ids
from service.purls import base_of
from service.versions import KEY_VERSION

Source = Literal["osv", "own"]

_ADVISORY_COLUMNS = (
    "osv_id",
    "source",
    "kind",
    "modified",
    "published",
    "withdrawn_at",
    "summary",
    "severity",
    "score",
    "vector",
    "severity_source",
    "digest",
    "record",
    "unevaluated",
    "key_version",
)
_AFFECTED_COLUMNS = (
    "advisory_id",
    "osv_package_id",
    "base_package_id",
    "lo",
    "hi",
    "exact_version",
    "lo_version",
    "hi_version",
    "hi_included",
    "fixed",
    "rule",
    "flagged",
    "build",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch came to.

    Attributes:
        changed: Ids of the advisories whose ranges may have changed, withdrawn ones included; all unsettled now.
        unchanged: How many were stored already in this or a newer form.
        merged: Vulnerabilities that were merged, as (loser, survivor).
        split: Vulnerabilities that are new because nothing joins them to another any more, as (that one, the new one).
    """

    changed: tuple[int, ...]
    unchanged: int
    merged: tuple[tuple[int, int], ...]
    split: tuple[tuple[int, int], ...] = ()


def store(session: WriteSession, records: Iterable[OsvRecord], *, source: Source = "osv") -> Stored:
    """Store records; what is stored already in this or a newer form is left alone.

    Set-based: two thousand records cost as many statements as one. An own advisory is never replaced by a feed's of
    the same id.
    """
    newest: dict[str, OsvRecord] = {}
    for record in records:
        held = newest.get(record.osv_id)
        if held is None or record.modified >= held.modified:
            newest[record.osv_id] = record
    _lock_writers(session)
    known = _known(session, newest)
    changed = [record for record in newest.values() if _is_news(record, known.get(record.osv_id), source)]
    ids = {osv_id: row.id for osv_id, row in known.items()}
    before = claims_of(session, _speaking_differently(changed, known))
    _update(session, [record for record in changed if record.osv_id in ids], ids, source)
    _unaffect(session, [ids[record.osv_id] for record in changed if record.osv_id in ids])
    ids |= _insert(session, [record for record in changed if record.osv_id not in ids], source)
    live = [record for record in changed if record.withdrawn_at is None]
    _affect(session, live, ids)
    claims = {ids[record.osv_id]: references(record) for record in live}
    grouped = group_advisories(session, claims, dropped_names(before, claims))
    return Stored(
        changed=tuple(sorted(ids[record.osv_id] for record in changed)),
        unchanged=len(newest) - len(changed),
        merged=grouped.merged,
        split=grouped.split,
    )


def retract(session: WriteSession, osv_ids: Collection[str], *, now: datetime) -> Stored:
    """Treat advisories as withdrawn that no feed carries any longer; those that one still does are left alone.

    Take their `FeedAdvisory` rows away first. Own advisories are never retracted so.
    """
    _lock_writers(session)
    gone = arrays(osv_id=(Text(), sorted(osv_ids)))
    carried = exists().where(FeedAdvisory.osv_id == Advisory.osv_id)
    retracted = sorted(
        session.scalars(
            update(Advisory)
            .where(Advisory.osv_id == gone.c.osv_id, Advisory.source == "osv", ~carried)
            .where(Advisory.withdrawn_at.is_(None))
            .values(withdrawn_at=now, unevaluated=[], settled=False)
            .returning(Advisory.id)
        )
    )
    _unaffect(session, retracted)
    grouped = group_advisories(session, {}, dropped_names(claims_of(session, retracted), {}))
    return Stored(changed=tuple(retracted), unchanged=0, merged=grouped.merged, split=grouped.split)


def _lock_writers(session: WriteSession) -> None:
    """Let one writer at a time join vulnerabilities."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.JOINING_VULNERABILITIES})


class _Known(NamedTuple):
    """What is stored of an advisory already; in the order of `_KNOWN_COLUMNS`."""

    osv_id: str
    id: int
    source: str
    modified: datetime
    withdrawn_at: datetime | None
    digest: bytes
    key_version: int


_KNOWN_COLUMNS = [getattr(Advisory, name) for name in _Known._fields]


def _known(session: ReadSession, osv_ids: Iterable[str]) -> dict[str, _Known]:
    wanted = arrays(osv_id=(Text(), sorted(osv_ids)))
    rows = session.execute(select(*_KNOWN_COLUMNS).join(wanted, Advisory.osv_id == wanted.c.osv_id))
    return {row.osv_id: _Known(*row) for row in rows}


def _is_news(record: OsvRecord, known: _Known | None, source: Source) -> bool:
    if known is None:
        return True
    if known.source == "own" and source != "own":
        return False
    # What we publish ourselves counts whatever the clocks of two servers say; a feed's older copy does not.
    if source != "own" and record.modified < known.modified:
        return False
    return (known.digest, known.withdrawn_at, known.key_version) != (record.digest, record.withdrawn_at, KEY_VERSION)


def _speaking_differently(changed: Iterable[OsvRecord], known: Mapping[str, _Known]) -> list[int]:
    """Give the ids of advisories that said something until now, and may say something else."""
    before = ((record, known[record.osv_id]) for record in changed if record.osv_id in known)
    return [
        row.id
        for record, row in before
        if row.withdrawn_at is None and (record.withdrawn_at is not None or record.digest != row.digest)
    ]


def _advisory_row(record: OsvRecord, source: Source) -> tuple[object, ...]:
    """Lay out one row in the order of `_ADVISORY_COLUMNS`; jsonb as text."""
    unevaluated = record.unevaluated if record.withdrawn_at is None else ()
    return (
        record.osv_id,
        source,
        record.kind,
        record.modified,
        record.published,
        record.withdrawn_at,
        record.summary,
        record.severity.level,
        record.severity.score,
        record.severity.vector,
        record.severity.source,
        record.digest,
        record.raw.decode(),
        orjson.dumps(unevaluated).decode(),
        KEY_VERSION,
    )


def _insert(session: WriteSession, records: Iterable[OsvRecord], source: Source) -> dict[str, int]:
    records = sorted(records, key=lambda record: record.osv_id)
    ids = next_ids(session, "advisory", len(records))
    rows = ((id_, *_advisory_row(record, source)) for id_, record in zip(ids, records, strict=True))
    copy_rows(session, "advisory", ("id", *_ADVISORY_COLUMNS), rows)
    return {record.osv_id: id_ for id_, record in zip(ids, records, strict=True)}


_ROWS = Base.metadata.tables["advisory"]
_JSON_COLUMNS = frozenset({"record", "unevaluated"})
_UPDATE = (
    update(_ROWS)
    .where(_ROWS.c.id == bindparam("row_id"))
    .values({name: cast(bindparam(name, type_=Text()), JSONB) for name in _JSON_COLUMNS})
    .values({name: bindparam(name) for name in _ADVISORY_COLUMNS if name not in _JSON_COLUMNS})
    .values(settled=False)
)


def _update(session: WriteSession, records: Sequence[OsvRecord], ids: Mapping[str, int], source: Source) -> None:
    if not records:
        return
    rows = [
        dict(zip(_ADVISORY_COLUMNS, _advisory_row(record, source), strict=True), row_id=ids[record.osv_id])
        for record in records
    ]
    session.execute(_UPDATE, rows)


def _unaffect(session: WriteSession, advisory_ids: Sequence[int]) -> None:
    if advisory_ids:
        session.execute(delete(Affected).where(Affected.advisory_id == any_of(advisory_ids)))


def _affect(session: WriteSession, records: Sequence[OsvRecord], ids: Mapping[str, int]) -> None:
    names = {(package.ecosystem, package.name) for record in records for package in record.packages}
    packages = osv_package_ids(session, names)
    rows = (row for record in records for row in _affected_rows(ids[record.osv_id], record.packages, packages))
    copy_rows(session, "affected", _AFFECTED_COLUMNS, rows)


def _affected_rows(
    advisory: int, affected: Iterable[AffectedPackage], packages: Mapping[tuple[str, str], int]
) -> Iterator[tuple[object, ...]]:
    """Lay out rows in the order of `_AFFECTED_COLUMNS`; entries that say the same twice count once."""
    seen = set()
    for package in affected:
        base = base_of(package.ecosystem)
        place = (packages[package.ecosystem, package.name], packages[base, package.name] if base else None)
        for interval in package.intervals:
            row = (
                advisory,
                *place,
                interval.lo,
                interval.hi,
                interval.exact_version,
                interval.lo_version,
                interval.hi_version,
                interval.hi_included,
                interval.fixed,
                interval.rule,
                interval.flagged,
                package.build,
            )
            if row not in seen:
                seen.add(row)
                yield row
