"""What an advisory nearly names: the same upstream code in other packagings and releases, and the same name elsewhere.

An own advisory is written in a hurry about one name. What carries the same code under other names (see
`service.inventory.families`), stands in another release, or cannot be evaluated is listed with why it is not matched
and what to write so that it is. The likeliest come first: those whose version looks affected in upstream's numbers.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import select

from service.advisories.models import Affected
from service.advisories.wording import ecosystem_in_words, shown, unevaluated_in_words
from service.db import ReadSession, any_of
from service.flows.near_packages import (
    EntryName,
    NearComponent,
    NearPackage,
    components_near,
    names_in,
    near_packages,
)
from service.flows.upstream_ranges import Listed, UpstreamRanges
from service.inventory.catalogue_models import Component, OsvPackage, Package
from service.inventory.field import products_by_component
from service.inventory.upstream import upstream_of
from service.purls.identity import NO_ECOSYSTEM

#: So many are named.
MOST: Final = 100

Kind = Literal["cannot-evaluate", "other-packaging", "other-release", "other-version", "same-name"]


@dataclass(frozen=True)
class NearMiss:
    """A component that the advisory does not match, and nearly does.

    `looks_affected` compares in upstream's numbers; None where that cannot be told. `product_count`: products that have
    it in the field. `entry` is what the advisory has to name to speak of it; None where nothing reaches it.
    """

    component_id: int
    kind: Kind
    purl: str
    name: str
    version: str
    looks_affected: bool | None
    product_count: int
    family: str | None
    reason: str
    entry: EntryName | None
    sentence: str


def near_misses_of(
    session: ReadSession, advisory_id: int, record: Mapping[str, Any], matched: Collection[int]
) -> list[NearMiss]:
    """Find what an advisory nearly names, the likeliest to be meant first. Six statements.

    Args:
        session: One snapshot.
        advisory_id: Stored, and matched.
        record: As OSV writes it.
        matched: The components that it matches.
    """
    named = names_in(record)
    if not named:
        return []
    packages = near_packages(session, named, matched)
    rows = components_near(session, packages, matched)
    used = products_by_component(session, (row.id for row in rows))
    judge = _Judge(named, _ranges(session, advisory_id, matched))
    return sorted((judge.judge(row, packages[row.package_id], used.get(row.id, 0)) for row in rows), key=_rank)


def _rank(one: NearMiss) -> tuple[object, ...]:
    # What is in the field goes before what is not, the same code before a mere name; then what looks affected, what
    # nobody can tell, what does not.
    likely = (True, None, False).index(one.looks_affected)
    apart = (one.product_count == 0, one.kind == "same-name", likely, one.kind == "other-version")
    return (*apart, -one.product_count, one.name, one.version, one.purl)


def _ranges(session: ReadSession, advisory_id: int, matched: Collection[int]) -> UpstreamRanges:
    listed = session.execute(
        select(
            OsvPackage.ecosystem, Affected.lo_version, Affected.hi_version, Affected.hi_included, Affected.exact_version
        )
        .join(OsvPackage, OsvPackage.id == Affected.osv_package_id)
        .where(Affected.advisory_id == advisory_id)
        .limit(MOST * MOST)
    )
    versions = session.execute(
        select(Package.type, Component.version)
        .join(Component, Component.package_id == Package.id)
        .where(Component.id == any_of(matched))
    )
    return UpstreamRanges(
        (
            Listed(EntryName(ecosystem, "").purl.type, lo or exact or "", hi or exact or "", included or bool(exact))
            for ecosystem, lo, hi, included, exact in listed
        ),
        ((kind, version) for kind, version in versions),
    )


class _Judge:
    """Says of components why they are not matched."""

    def __init__(self, named: list[EntryName], ranges: UpstreamRanges) -> None:
        self._named = frozenset(named)
        self._bases = {one.ecosystem.partition(":")[0] for one in named}
        self._names = ", ".join(f"{ecosystem_in_words(one.ecosystem)}'s {one.name}" for one in named[:3])
        self._more = " and others" if len(named) > 3 else ""  # noqa: PLR2004 - names shown
        self._ranges = ranges

    def judge(self, row: NearComponent, package: NearPackage, product_count: int) -> NearMiss:
        """Describe one component."""
        # What OSV has no ecosystem for, an advisory of our own names by purl.
        entry = row.entry
        reason = "" if entry and row.unevaluated == NO_ECOSYSTEM else row.unevaluated
        looks = None if package.own_versions else self._ranges.hold(package.purl.type, row.version)
        kind = self._kind(package, entry, reason, looks=looks)
        told = (self._who(row, package), self._why(kind, entry, reason), self._version(row, package, looks=looks))
        return NearMiss(
            component_id=row.id,
            kind=kind,
            purl=row.purl,
            name=package.purl.name,
            version=row.version,
            looks_affected=looks,
            product_count=product_count,
            family=package.family or None,
            reason=reason,
            entry=None if entry in self._named else entry,
            sentence=" ".join(filter(None, told)),
        )

    def _kind(self, package: NearPackage, entry: EntryName | None, reason: str, *, looks: bool | None) -> Kind:
        if entry in self._named and not reason:
            return "other-version"
        is_same_code = package.family or (entry and self._is_near(entry))
        if not is_same_code:
            return "same-name"
        if reason or looks is None:
            return "cannot-evaluate"
        return "other-release" if entry and entry.ecosystem.partition(":")[0] in self._bases else "other-packaging"

    def _is_near(self, entry: EntryName) -> bool:
        base = entry.ecosystem.partition(":")[0]
        return any(one.name == entry.name and one.ecosystem.partition(":")[0] == base for one in self._named)

    def _who(self, row: NearComponent, package: NearPackage) -> str:
        component = shown(package.purl.name, row.version)
        place = "/".join(filter(None, (package.purl.type, package.purl.namespace)))
        named = f"{component} ({place})" if place else component
        if package.family:
            return f"{named} carries the code of {package.family}: {package.reason}."
        if row.source:
            return f"{named} is built from {row.source}."
        return f"{named} shares the name; nothing says that it carries the same code."

    def _why(self, kind: Kind, entry: EntryName | None, reason: str) -> str:
        if kind == "other-version":
            return "The advisory names it, in other versions."
        if reason:
            return unevaluated_in_words(reason)
        if entry is None:
            return "Nothing that advisories can name leads to it."
        return (
            f"The advisory names {self._names}{self._more}, not {ecosystem_in_words(entry.ecosystem)}'s {entry.name}."
        )

    def _version(self, row: NearComponent, package: NearPackage, *, looks: bool | None) -> str:
        if package.own_versions:
            return "Its version numbers are its own."
        upstream = upstream_of(package.purl.type, row.version)
        if upstream.stepped_back:
            return f"{row.version} is {upstream.version} inside."
        if looks is None:
            return ""
        return f"In upstream's numbers its version lies {'within' if looks else 'outside'} what is affected."
