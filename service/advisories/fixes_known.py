"""What fixes what is known of components, read in a constant number of statements; what was found is remembered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, and_, cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH

from service.advisories.findings import EDITION, Evidence
from service.advisories.fixes import Fixes, Range, fixes_in, of_build, together
from service.advisories.fixes_remembered import Remembered, key_of
from service.advisories.models import Advisory, Affected
from service.db import ReadSession, any_of, arrays
from service.inventory.catalogue_models import ComponentCoord, OsvPackage
from service.purls import normalise_name

#: Component and vulnerability.
Pair = tuple[int, int]
#: Advisory and package.
_Statement = tuple[int, int]

_REMOVE = Fixes(None, (), "malicious code: remove it")
_UNKNOWN = Fixes(None, (), "no fix is known")
#: GitHub keeps here what a maintainer has not confirmed.
_LAST_KNOWN = "last_known_affected_version_range"


class _Package(NamedTuple):
    ecosystem: str
    name: str


_remembered = Remembered()


class _Said(NamedTuple):
    """What advisories say of packages; `editions`: in which editions of them that was found."""

    packages: dict[int, _Package]
    ranges: defaultdict[_Statement, list[Range]]
    hints: dict[int, list[tuple[_Package, str]]]
    editions: defaultdict[int, set[bytes]]


def fixes_of(session: ReadSession, evidence: Iterable[Evidence]) -> dict[Pair, Fixes]:
    """Find what fixes each component's vulnerabilities. Where some evidence is certain, only that counts."""
    grouped: defaultdict[Pair, list[Evidence]] = defaultdict(list)
    for item in evidence:
        grouped[item.component_id, item.vulnerability_id].append(item)
    counting = {pair: _certain(items) for pair, items in grouped.items()}
    versions = _versions(session, {component_id for component_id, _ in counting})
    keys = {pair: _key(items, versions) for pair, items in counting.items()}
    known = _remembered.recall(keys.values())
    missing = {pair: items for pair, items in counting.items() if keys[pair] not in known}
    if missing:
        said = _say(session, missing.values())
        found = {pair: _fixes(items, said, versions) for pair, items in missing.items()}
        _remembered.keep({keys[pair]: fixes for pair, fixes in found.items() if _is_of(missing[pair], said.editions)})
    return {pair: known[keys[pair]] if pair not in missing else found[pair] for pair in counting}


def _certain(items: list[Evidence]) -> list[Evidence]:
    return [item for item in items if item.certainty == "certain"] or items


def _key(items: Iterable[Evidence], versions: Mapping[tuple[int, str], str]) -> bytes:
    return key_of(
        (item.edition, item.osv_package_id, versions.get((item.component_id, _relation(item))), item.fixed)
        for item in items
    )


def _is_of(items: Iterable[Evidence], editions: Mapping[int, set[bytes]]) -> bool:
    """Tell whether what was found is of the very editions that the evidence is of: they may change in between."""
    return all(editions.get(item.advisory_id) == {item.edition} for item in items)


def _relation(item: Evidence) -> str:
    return item.rule.partition(":")[0]


def _say(session: ReadSession, groups: Iterable[list[Evidence]]) -> _Said:
    statements = {(item.advisory_id, item.osv_package_id) for items in groups for item in items}
    said = _Said({}, defaultdict(list), {}, defaultdict(set))
    _read_ranges(session, statements, said)
    unfixed = {advisory for (advisory, _), some in said.ranges.items() if any(not each.fixed for each in some)}
    _read_hints(session, unfixed, said)
    return said


def _fixes(
    items: Sequence[Evidence],
    said: _Said,
    versions: Mapping[tuple[int, str], str],
) -> Fixes:
    packages, ranges, hints = said.packages, said.ranges, said.hints
    if any(item.kind == "malware" for item in items):
        return _REMOVE
    by_package: defaultdict[tuple[int, str], list[Evidence]] = defaultdict(list)
    for item in items:
        version = versions.get((item.component_id, _relation(item)))
        if version is not None and item.osv_package_id in packages:
            by_package[item.osv_package_id, version].append(item)
    parts = []
    for (package_id, version), some in sorted(by_package.items(), key=lambda pair: pair[0]):
        package = packages[package_id]
        known = [
            each
            for item in some
            for each in of_build(package.ecosystem, version, item.fixed, ranges[item.advisory_id, package_id])
        ]
        last_known = [hint for item in some for name, hint in hints.get(item.advisory_id, ()) if name == package]
        parts.append(fixes_in(package.ecosystem, version, known, last_known))
    return together(packages[min(by_package)[0]].ecosystem, parts) if parts else _UNKNOWN


def _read_ranges(session: ReadSession, statements: set[_Statement], said: _Said) -> None:
    advisory_ids, package_ids = zip(*sorted(statements), strict=True) if statements else ((), ())
    wanted = arrays(advisory_id=(BigInteger(), advisory_ids), package_id=(BigInteger(), package_ids))
    rows = session.execute(
        select(
            Affected.advisory_id,
            Affected.osv_package_id,
            OsvPackage.ecosystem,
            OsvPackage.name,
            EDITION,
            Advisory.osv_id,
            Affected.lo,
            Affected.hi,
            Affected.exact_version,
            Affected.lo_version,
            Affected.hi_version,
            Affected.hi_included,
            Affected.fixed,
            Affected.flagged,
            Affected.build,
        )
        .join(
            wanted,
            and_(Affected.advisory_id == wanted.c.advisory_id, Affected.osv_package_id == wanted.c.package_id),
        )
        .join(Advisory, Advisory.id == Affected.advisory_id)
        .join(OsvPackage, OsvPackage.id == Affected.osv_package_id)
    )
    for advisory_id, package_id, ecosystem, name, edition, *columns in rows:
        said.packages[package_id] = _Package(ecosystem, name)
        said.ranges[advisory_id, package_id].append(Range._make(columns))
        said.editions[advisory_id].add(edition)


def _versions(session: ReadSession, component_ids: set[int]) -> dict[tuple[int, str], str]:
    """Give the versions that components were matched with, by component and relation."""
    rows = session.execute(
        select(ComponentCoord.component_id, ComponentCoord.relation, ComponentCoord.version).where(
            ComponentCoord.component_id == any_of(component_ids)
        )
    )
    return {(component_id, relation): version for component_id, relation, version in rows}


def _read_hints(session: ReadSession, advisory_ids: set[int], said: _Said) -> None:
    """Read what GitHub last knew to be affected, by advisory: of which package, and the range."""
    if not advisory_ids:
        return
    path = f"$.affected[*] ? (exists(@.database_specific.{_LAST_KNOWN}))"
    entries = func.jsonb_path_query_array(Advisory.record, cast(path, JSONPATH))
    rows = session.execute(select(Advisory.id, EDITION, entries).where(Advisory.id == any_of(advisory_ids)))
    for advisory_id, edition, listed in rows:
        said.editions[advisory_id].add(edition)
        if listed:
            said.hints[advisory_id] = [_hint(entry) for entry in listed]


def _hint(entry: Mapping[str, Any]) -> tuple[_Package, str]:
    ecosystem, name = str(entry["package"]["ecosystem"]), str(entry["package"]["name"])
    return _Package(ecosystem, normalise_name(ecosystem, name)), str(entry["database_specific"][_LAST_KNOWN])
