"""Whether anything goes by the names that a record of our own gives, and what it is called if not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Text, exists, func, or_, select

from service.advisories.models import Affected
from service.advisories.own_records import Remark
from service.advisories.wording import ecosystem_in_words
from service.db import ReadSession, arrays
from service.flows.near_packages import FROM_SOURCES, EntryName, PurlName
from service.inventory.catalogue_models import ComponentCoord, OsvPackage, Package, PackageSource
from service.purls import normalise_name
from service.purls.ecosystem_table import BY_NAME

#: Entries whose names are looked up; nobody writes more by hand.
_MOST: Final = 200


def remarks_on_names(session: ReadSession, advisory_id: int, record: Mapping[str, Any]) -> list[Remark]:
    """Say which names of a record nobody goes by, and which are a binary package's where sources are named."""
    named = _named(record)
    if not named:
        return []
    known = _known(session, advisory_id, list(named.values()))
    sources = _sources(session, [one.purl for one in named.values()])
    spelt = _spelt(session, [one.purl for one in named.values()])
    return [
        remark
        for where, one in named.items()
        for remark in _on(where, one, known=one in known, sources=sources, spelt=spelt)
    ]


def _named(record: Mapping[str, Any]) -> dict[str, EntryName]:
    """Give entries in known ecosystems by their place, their names normalised."""
    entries = record.get("affected") or []
    found = {}
    for number, entry in enumerate(entries[:_MOST]):
        package = entry.get("package") or {}
        ecosystem, name = package.get("ecosystem") or "", package.get("name") or ""
        if name and ecosystem.partition(":")[0] in BY_NAME:
            found[f"/affected/{number}/package/name"] = EntryName(ecosystem, normalise_name(ecosystem, name))
    return found


def _known(session: ReadSession, advisory_id: int, named: Sequence[EntryName]) -> set[EntryName]:
    """Give the names at which a component stands, or of which another advisory speaks."""
    asked = arrays(ecosystem=(Text(), [one.ecosystem for one in named]), name=(Text(), [one.name for one in named]))
    has_components = exists().where(
        or_(ComponentCoord.osv_package_id == OsvPackage.id, ComponentCoord.osv_package_id == OsvPackage.base_id)
    )
    is_spoken_of = exists().where(Affected.osv_package_id == OsvPackage.id, Affected.advisory_id != advisory_id)
    rows = session.execute(
        select(asked.c.ecosystem, asked.c.name)
        .join(OsvPackage, (OsvPackage.ecosystem == asked.c.ecosystem) & (OsvPackage.name == asked.c.name))
        .where(or_(has_components, is_spoken_of))
    )
    return {EntryName(*row) for row in rows}


def _sources(session: ReadSession, purls: Sequence[PurlName]) -> dict[PurlName, list[str]]:
    """Give the sources of other names that distributions' packages of these names are built from."""
    wanted = [one for one in dict.fromkeys(purls) if one.type in FROM_SOURCES]
    asked = arrays(
        type=(Text(), [one.type for one in wanted]),
        namespace=(Text(), [one.namespace for one in wanted]),
        name=(Text(), [one.name for one in wanted]),
    )
    rows = session.execute(
        select(asked.c.type, asked.c.namespace, asked.c.name, PackageSource.source_name)
        .join(
            Package,
            (Package.type == asked.c.type) & (Package.namespace == asked.c.namespace) & (Package.name == asked.c.name),
        )
        .join(PackageSource, PackageSource.package_id == Package.id)
        .where(PackageSource.source_name.notin_(["", *{one.name for one in wanted}]))
        .distinct()
        .order_by(PackageSource.source_name)
    )
    found: dict[PurlName, list[str]] = {}
    for kind, namespace, name, source in rows:
        found.setdefault(PurlName(kind, namespace, name), []).append(source)
    return found


def _spelt(session: ReadSession, purls: Sequence[PurlName]) -> dict[tuple[str, str], str]:
    """Give packages of these names but for capitals, by type and lower-case name."""
    lower = arrays(
        number=(BigInteger(), list(range(len(purls)))),
        type=(Text(), [one.type for one in purls]),
        name=(Text(), [one.name.lower() for one in purls]),
    )
    rows = session.execute(
        select(Package.type, Package.lower_name, func.min(Package.name))
        .join(lower, (Package.lower_name == lower.c.name) & (Package.type == lower.c.type))
        .group_by(Package.type, Package.lower_name)
    )
    return {(kind, name): spelt for kind, name, spelt in rows}


def _on(
    where: str,
    one: EntryName,
    *,
    known: bool,
    sources: Mapping[PurlName, list[str]],
    spelt: Mapping[tuple[str, str], str],
) -> Iterator[Remark]:
    place = ecosystem_in_words(one.ecosystem)
    built_from = sources.get(one.purl)
    if built_from and BY_NAME[one.ecosystem.partition(":")[0]].speaks_of in ("source", "both"):
        message = (
            f"{place}'s advisories name source packages, and {one.name} is built from {' or '.join(built_from)}:"
            f" named so, the entry meets everything built from it."
        )
        yield Remark("binary-name", where, message, built_from[0])
    elif not known:
        other = spelt.get((one.purl.type, one.purl.name.lower()))
        hint = f" {other} is meant?" if other and other != one.purl.name else ""
        message = f"Nobody lists anything called {one.name} in {place}, and no other advisory speaks of it.{hint}"
        yield Remark("unknown-name", where, message, (other or "") if hint else "")
