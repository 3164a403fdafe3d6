"""Advisories, read: as received, and what we made of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, cast, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from service.advisories.models import (
    Advisory,
    Affected,
    Match,
    Vulnerability,
    VulnerabilityAdvisory,
    VulnerabilityAlias,
)
from service.advisories.wording import Versions
from service.db import ReadSession, any_of
from service.errors import NotFound
from service.inventory.catalogue_models import OsvPackage

#: Some records have tens of thousands of intervals; so many are shown.
MOST_INTERVALS = 1_000

#: Above every id that begins with what stands before it.
_LAST = "\U0010ffff"


class Line(NamedTuple):
    """An advisory in a list; `unevaluated`: how many parts of it match nothing because we cannot read them."""

    osv_id: str
    source: str
    kind: str
    summary: str
    severity: str
    score: float | None
    modified: datetime
    published: datetime | None
    withdrawn_at: datetime | None
    unevaluated: int


@dataclass(frozen=True)
class Wanted:
    """Which advisories: None means any.

    Attributes:
        prefix: What the id begins with.
        vulnerability: Any name of a vulnerability that the advisory speaks of.
        source: ``osv`` or ``own``.
        kind: ``vulnerability``, ``malware`` or ``informational``.
        unevaluated: Only those of which a part could not be read.
        reason: Only those of which a part could not be read for this reason.
    """

    prefix: str | None = None
    vulnerability: str | None = None
    source: str | None = None
    kind: str | None = None
    unevaluated: bool = False
    reason: str | None = None


def list_advisories(session: ReadSession, wanted: Wanted, *, after: str = "", limit: int = 50) -> list[Line]:
    """List advisories by id."""
    rows = (
        select(
            Advisory.osv_id,
            Advisory.source,
            Advisory.kind,
            Advisory.summary,
            Advisory.severity,
            Advisory.score,
            Advisory.modified,
            Advisory.published,
            Advisory.withdrawn_at,
            func.jsonb_array_length(Advisory.unevaluated),
        )
        .where(Advisory.osv_id > after, *_conditions(wanted))
        .order_by(Advisory.osv_id)
        .limit(limit)
    )
    return [Line(*row) for row in session.execute(rows)]


#: Written out, so that the partial index is considered.
_HAS_UNEVALUATED: ColumnElement[bool] = Advisory.unevaluated != literal_column("'[]'::jsonb")


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.prefix:
        conditions += [Advisory.osv_id >= wanted.prefix, Advisory.osv_id < wanted.prefix + _LAST]
    if wanted.source:
        conditions.append(Advisory.source == wanted.source)
    if wanted.kind:
        conditions.append(Advisory.kind == wanted.kind)
    if wanted.unevaluated or wanted.reason:
        conditions.append(_HAS_UNEVALUATED)
    if wanted.reason:
        conditions.append(Advisory.unevaluated.op("@>")(cast([{"reason": wanted.reason}], JSONB)))
    if wanted.vulnerability:
        conditions.append(
            exists().where(
                VulnerabilityAdvisory.advisory_id == Advisory.id,
                VulnerabilityAdvisory.vulnerability_id == VulnerabilityAlias.vulnerability_id,
                VulnerabilityAlias.alias == wanted.vulnerability,
            )
        )
    return conditions


def find_advisory(session: ReadSession, osv_id: str) -> Advisory:
    """Give an advisory by its id."""
    advisory = session.scalar(select(Advisory).where(Advisory.osv_id == osv_id))
    if advisory is None:
        raise NotFound(f"There is no advisory {osv_id}.")
    return advisory


class Spoken(NamedTuple):
    """A vulnerability that an advisory speaks of: as one of its names (``alias``), or as ``evidence``."""

    vulnerability_id: int
    name: str
    relation: str
    aliases: tuple[str, ...]


def spoken_of(session: ReadSession, advisory_id: int) -> list[Spoken]:
    """Give the vulnerabilities that an advisory speaks of, with all their names."""
    rows = session.execute(
        select(Vulnerability.id, Vulnerability.name, VulnerabilityAdvisory.relation)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.vulnerability_id == Vulnerability.id)
        .where(VulnerabilityAdvisory.advisory_id == advisory_id)
        .order_by(VulnerabilityAdvisory.relation, Vulnerability.name)
    ).all()
    names = _names(session, (row.id for row in rows))
    return [Spoken(row.id, row.name, row.relation, tuple(names[row.id])) for row in rows]


def _names(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, list[str]]:
    rows = session.execute(
        select(VulnerabilityAlias.vulnerability_id, VulnerabilityAlias.alias)
        .where(VulnerabilityAlias.vulnerability_id == any_of(vulnerability_ids))
        .order_by(VulnerabilityAlias.alias)
    )
    names: defaultdict[int, list[str]] = defaultdict(list)
    for vulnerability_id, alias in rows:
        names[vulnerability_id].append(alias)
    return names


class Interval(NamedTuple):
    """Versions of a package that are affected, as text: ``>=5.6.0, <5.6.2``."""

    ecosystem: str
    name: str
    versions: str
    fixed: str | None


def intervals_of(session: ReadSession, advisory_id: int) -> list[Interval]:
    """Give what an advisory affects; ends at `MOST_INTERVALS`."""
    rows = session.execute(
        select(Affected, OsvPackage.ecosystem, OsvPackage.name)
        .join(OsvPackage, OsvPackage.id == Affected.osv_package_id)
        .where(Affected.advisory_id == advisory_id)
        .order_by(OsvPackage.ecosystem, OsvPackage.name, Affected.lo, Affected.id)
        .limit(MOST_INTERVALS)
    )
    return [Interval(ecosystem, name, _as_text(row), row.fixed or None) for row, ecosystem, name in rows]


def _as_text(row: Affected) -> str:
    lo = row.lo_version if row.exact_version is None else row.exact_version
    return Versions(lo, row.hi_version, row.hi_included, row.rule).as_range()


def match_count(session: ReadSession, advisory_id: int) -> dict[str, int]:
    """Count the components that an advisory matches, by certainty."""
    rows = session.execute(
        select(Match.certainty, func.count()).where(Match.advisory_id == advisory_id).group_by(Match.certainty)
    )
    return dict(rows.all())


def unevaluated_by_reason(session: ReadSession) -> dict[str, int]:
    """Count the advisories of which a part could not be read, by reason."""
    part = func.jsonb_array_elements(Advisory.unevaluated).table_valued("value")
    reason = part.c.value.op("->>")("reason")
    rows = session.execute(
        select(reason, func.count(Advisory.id.distinct()))
        .select_from(Advisory)
        .join(part, literal_column("true"))
        .where(_HAS_UNEVALUATED)
        .group_by(reason)
        .order_by(reason)
    )
    return dict(rows.all())
