"""Advisories as an older version of ours read them, read again from the record as it was received.

What reads the same keeps its rows and matches; of the others everything is written anew, and they are unsettled. Which
vulnerabilities they make is worked out from all that live ones say. An advisory that its feed no longer carries has no
ranges and gets none.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, func, or_, select, text, update

from service.advisories.claims import names_held
from service.advisories.grouping import group_advisories
from service.advisories.models import Advisory, Affected, Match, VulnerabilityAdvisory
from service.advisories.osv_record import OsvRecord, read_record
from service.advisories.osv_schema import MalformedRecord
from service.advisories.references import references
from service.advisories.storing import Source, store
from service.db import Lock, ReadSession, WriteSession, any_of
from service.inventory.catalogue_models import Component, OsvPackage
from service.log import logger
from service.versions import KEY_VERSION

_OUTDATED = or_(Advisory.key_version < KEY_VERSION, Advisory.key_version > KEY_VERSION)


class _Row(NamedTuple):
    """What is stored of an advisory; what was read from its record in the order of `_read`."""

    id: int
    osv_id: str
    source: Source
    withdrawn_at: datetime | None
    digest: bytes
    kind: str
    summary: str
    severity: str
    score: float | None
    vector: str | None
    severity_source: str
    unevaluated: list[dict[str, str]]


_COLUMNS = [getattr(Advisory, name) for name in _Row._fields]
#: Of an affected range, in the order of `_ranges_of`.
_RANGE_COLUMNS = [
    OsvPackage.ecosystem,
    OsvPackage.name,
    *(
        getattr(Affected, name)
        for name in (
            *("build", "lo", "hi", "exact_version", "lo_version", "hi_version"),
            *("hi_included", "fixed", "rule", "flagged"),
        )
    ),
]


def outdated(session: ReadSession) -> bool:
    """Tell whether another version of ours read some advisories or components; costs a look at two indexes.

    Each upload asks. Lowest and highest are at the ends of an index; to look for any that differs, the planner may
    choose to read the whole table.
    """
    ends = [
        select(end(table.key_version)).scalar_subquery()
        for table in (Advisory, Component)
        for end in (func.min, func.max)
    ]
    return any(version not in (None, KEY_VERSION) for version in session.execute(select(*ends)).one())


def rekey_advisories(session: WriteSession, count: int) -> int:
    """Read so many outdated advisories again; gives how many there were."""
    # The lock of all who write advisories: nobody else changes one meanwhile.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.JOINING_VULNERABILITIES})
    found = session.execute(select(*_COLUMNS, cast(Advisory.record, Text())).where(_OUTDATED).limit(count)).all()
    rows = [_Row(*row[:-1]) for row in found]
    records = {row.id: record for row, (*_, raw) in zip(rows, found, strict=True) if (record := _read_again(row, raw))}
    standing = _standing(session, list(records))
    news: dict[Source, list[OsvRecord]] = defaultdict(list)
    for row in rows:
        record = records.get(row.id)
        if record and (_says(record) != row[5:] or _ranges_of(record) != standing.get(row.id, set())):
            news[row.source].append(record)
    for source, changed in news.items():
        store(session, changed, source=source)
    _group_anew(session, records)
    session.execute(
        update(Advisory).where(Advisory.id == any_of([row.id for row in rows])).values(key_version=KEY_VERSION),
        execution_options={"synchronize_session": False},
    )
    return len(rows)


def _group_anew(session: WriteSession, records: Mapping[int, OsvRecord]) -> None:
    """Let vulnerabilities be what advisories say now: every name of theirs might have been joined otherwise."""
    claims = {id_: references(record) for id_, record in records.items() if record.withdrawn_at is None}
    if not claims:
        return
    linked = select(VulnerabilityAdvisory.vulnerability_id).where(VulnerabilityAdvisory.advisory_id == any_of(claims))
    group_advisories(session, claims, names_held(session, set(session.scalars(linked))).keys())


def _read_again(row: _Row, raw: str) -> OsvRecord | None:
    """Read a stored record; None where nothing follows from it. It keeps the digest of the bytes once received."""
    try:
        record = read_record(raw.encode())
    except MalformedRecord as error:
        logger("advisories").error("a stored record can no longer be read", advisory=row.osv_id, reason=error.detail)
        return None
    if record.withdrawn_at is None and row.withdrawn_at is not None:
        return None
    return replace(record, digest=row.digest)


def _says(record: OsvRecord) -> tuple[Any, ...]:
    severity = record.severity
    unevaluated = record.unevaluated if record.withdrawn_at is None else ()
    listed = [{"package": one.package, "reason": one.reason, "detail": one.detail} for one in unevaluated]
    rated = (severity.level, severity.score, severity.vector, severity.source)
    return record.kind, record.summary, *rated, listed


def _ranges_of(record: OsvRecord) -> set[tuple[Any, ...]]:
    if record.withdrawn_at is not None:
        return set()
    return {
        (
            *(package.ecosystem, package.name, package.build),
            *(each.lo, each.hi, each.exact_version, each.lo_version, each.hi_version),
            *(each.hi_included, each.fixed, each.rule, each.flagged),
        )
        for package in record.packages
        for each in package.intervals
    }


def _standing(session: ReadSession, advisory_ids: Sequence[int]) -> dict[int, set[tuple[Any, ...]]]:
    rows = session.execute(
        select(Affected.advisory_id, *_RANGE_COLUMNS)
        .join(OsvPackage, OsvPackage.id == Affected.osv_package_id)
        .where(Affected.advisory_id == any_of(advisory_ids))
    )
    found: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
    for advisory_id, *columns in rows:
        found[advisory_id].add(tuple(columns))
    return found


def unsettle(session: WriteSession, *, component_ids: Collection[int], package_ids: Collection[int]) -> None:
    """Have those advisories matched again that match components, or speak of packages, whose coordinates changed."""
    if not package_ids:
        return
    packages = any_of(sorted(package_ids))
    bases = select(OsvPackage.base_id).where(OsvPackage.id == packages)
    speaking = select(Affected.advisory_id).where(
        or_(
            Affected.osv_package_id == packages,
            Affected.base_package_id == packages,
            Affected.osv_package_id.in_(bases),
        )
    )
    matching = select(Match.advisory_id).where(Match.component_id == any_of(sorted(component_ids)))
    concerned = select(Advisory.id).where(Advisory.id.in_(speaking.union(matching))).order_by(Advisory.id)
    session.execute(
        update(Advisory).where(Advisory.id.in_(concerned.with_for_update())).values(settled=False),
        execution_options={"synchronize_session": False},
    )
