"""From what an SBOM lists to rows that all products share: packages, components, their coordinates in OSV.

Rows are selected first and only the missing are inserted, sorted, one table after the other in a fixed order: fifty
writers with new components in common then neither deadlock nor burn ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Text,
    Uuid,
    and_,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from service.db import WriteSession, arrays
from service.inventory.catalogue_models import Component, FamilyMember, Package, PackageSource
from service.inventory.coordinates import place
from service.inventory.entries import Entry, entries_of
from service.inventory.families import families_of
from service.inventory.origins import STRENGTH, hear
from service.inventory.osv_packages import osv_package_ids
from service.inventory.private_names import Patterns, claim_heard, standing_patterns
from service.inventory.scopes import RANK, SCOPE_CODE, scope_of
from service.inventory.words import tokens
from service.purls import PURL_PLACE, Coordinate, Identity
from service.purls.provenance import NOTHING, PUBLIC, Provenance
from service.sbom.document import Document
from service.versions import KEY_VERSION


class Known(NamedTuple):
    """A component that an SBOM lists, found in or added to the catalogue."""

    id: int
    scope: int
    unevaluated: str


class Resolved(NamedTuple):
    """What a document's components are in the catalogue.

    `refs` leads from the document's refs to component ids; `new` are the components nobody listed before;
    `ecosystems` are those whose advisories matter, without suffixes; `heard` are components known before, of which the
    document says more than was known of where they came from.
    """

    components: dict[int, Known]
    refs: dict[str, int]
    new: list[int]
    ecosystems: frozenset[str]
    heard: tuple[int, ...] = ()


def resolve(session: WriteSession, document: Document) -> Resolved:
    """Find a document's components in the catalogue, adding those that nobody listed before."""
    return resolve_all(session, [document])[0]


def resolve_all(session: WriteSession, documents: Sequence[Document]) -> list[Resolved]:
    """Find the components of several documents at once: fifty cost as many statements as one.

    What several of them list for the first time is `new` in the first of these.
    """
    listings = [entries_of(document) for document in documents]
    wanted = {entry.digest: entry for entries in listings for _, entry in entries}
    said = _provenances(listings)
    known = _known(session, wanted)
    ids = {digest: id_ for digest, (id_, _) in known.items()}
    missing = wanted.keys() - ids.keys()
    if missing:
        ids |= _add(session, [wanted[digest] for digest in sorted(missing)], said)
    heard = _hear(session, said, known)
    resolved = []
    for entries in listings:
        resolved.append(_resolved(entries, ids, missing, heard))
        missing = missing - {entry.digest for _, entry in entries}
    return resolved


def hear_documents(session: WriteSession, documents: Iterable[Document]) -> AbstractSet[int]:
    """Hear what documents say of where components came from, if that is more than was known; gives these components."""
    said = _provenances(map(entries_of, documents))
    return _hear(session, said, _known(session, said)) if said else frozenset()


def _hear(
    session: WriteSession, said: Mapping[UUID, Provenance], known: Mapping[UUID, tuple[int, int]]
) -> AbstractSet[int]:
    more = {known[d][0]: word for d, word in said.items() if d in known and word.strength > known[d][1]}
    if more:
        hear(session, more)
        claim_heard(session, more)
    return more.keys()


def _provenances(listings: Iterable[list[tuple[str, Entry]]]) -> dict[UUID, Provenance]:
    """Give what documents say of where components came from, by digest: of several words, the one that says most."""
    said: dict[UUID, Provenance] = {}
    for entry in (entry for entries in listings for _, entry in entries if entry.provenance is not NOTHING):
        if entry.digest not in said or said[entry.digest].strength < entry.provenance.strength:
            said[entry.digest] = entry.provenance
    return said


def _resolved(
    entries: list[tuple[str, Entry]], ids: dict[UUID, int], missing: AbstractSet[UUID], heard: AbstractSet[int]
) -> Resolved:
    components: dict[int, Known] = {}
    owners = dict(entries) if any(entry.listed.owner for _, entry in entries) else {}
    for _, entry in entries:
        known = Known(ids[entry.digest], SCOPE_CODE[scope_of(entry, owners)], entry.unevaluated)
        seen = components.get(known.id)
        if seen is None or RANK[known.scope] < RANK[seen.scope]:
            components[known.id] = known
    return Resolved(
        components=components,
        refs={ref: ids[entry.digest] for ref, entry in entries},
        new=sorted({ids[entry.digest] for _, entry in entries if entry.digest in missing}),
        ecosystems=frozenset(c.ecosystem.partition(":")[0] for _, e in entries for c in e.identity.coordinates)
        - {PURL_PLACE},
        heard=tuple(sorted(heard & components.keys())),
    )


def _known(session: WriteSession, digests: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """Find components by digest: id, and how much is known of where they came from."""
    keys = arrays(digest=(Uuid(), list(digests)))
    rows = session.execute(
        select(Component.digest, Component.id, STRENGTH).join(keys, Component.digest == keys.c.digest)
    )
    return {digest: (id_, strength) for digest, id_, strength in rows}


def _add(session: WriteSession, missing: Sequence[Entry], said: Mapping[UUID, Provenance]) -> dict[UUID, int]:
    packages = _packages(session, missing)
    osv_packages = osv_package_ids(session, {(c.ecosystem, c.name) for e in missing for c in e.identity.coordinates})
    patterns = standing_patterns(session)
    rows = [_component_row(entry, packages, said.get(entry.digest, NOTHING), patterns) for entry in missing]
    source = arrays(**{name: (kind, [row[name] for row in rows]) for name, kind in _COMPONENT_COLUMNS.items()})
    columns = [
        cast(source.c[name], JSONB).label(name) if name in {"cpes", "hashes"} else source.c[name]
        for name in _COMPONENT_COLUMNS
    ]
    session.execute(
        pg.insert(Component)
        .from_select(
            [*_COMPONENT_COLUMNS, "key_version"], select(*columns, literal(KEY_VERSION)).order_by(source.c.digest)
        )
        .on_conflict_do_nothing(index_elements=["digest"])
    )
    ids = {digest: id_ for digest, (id_, _) in _known(session, (entry.digest for entry in missing)).items()}
    _add_coordinates(session, missing, ids, osv_packages)
    return ids


_COMPONENT_COLUMNS: dict[str, TypeEngine[Any]] = {
    "digest": Uuid(),
    "package_id": BigInteger(),
    "version": Text(),
    "purl": Text(),
    "cpes": Text(),
    "hashes": Text(),
    "licence": Text(),
    "supplier": Text(),
    "distribution": Text(),
    "source_name": Text(),
    "source_version": Text(),
    "unevaluated": Text(),
    "provenance": Text(),
    "obtained_from": Text(),
    "internal": Text(),
}

PackageName = tuple[str, str, str]


def _component_row(
    entry: Entry, packages: dict[PackageName, int], origin: Provenance, patterns: Patterns
) -> dict[str, object]:
    identity, listed = entry.identity, entry.listed
    address = "" if origin.said == PUBLIC else origin.address
    return {
        "digest": entry.digest,
        "package_id": packages[_package_name(identity)],
        "version": identity.version,
        "purl": identity.purl,
        "cpes": _json(listed.cpes),
        "hashes": _json(listed.hashes),
        "licence": listed.licence,
        "supplier": listed.supplier,
        "distribution": identity.distribution,
        "source_name": identity.source_name,
        "source_version": identity.source_version,
        "unevaluated": entry.unevaluated,
        "provenance": origin.said,
        "obtained_from": origin.address,
        "internal": patterns.claim(identity.type, identity.namespace, identity.name, address),
    }


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _package_name(identity: Identity) -> PackageName:
    return identity.type, identity.namespace, identity.name


def _packages(session: WriteSession, missing: Sequence[Entry]) -> dict[PackageName, int]:
    names = {_package_name(entry.identity) for entry in missing}
    ids = _package_ids(session, names)
    new = sorted(names - ids.keys())
    if new:
        source = arrays(
            type=(Text(), [n[0] for n in new]),
            namespace=(Text(), [n[1] for n in new]),
            name=(Text(), [n[2] for n in new]),
            words=(Text(), [" ".join(tokens(n[1], n[2], "")) for n in new]),
        )
        words = func.array_to_tsvector(func.string_to_array(source.c.words, " "))
        columns = [source.c.type, source.c.namespace, source.c.name, func.lower(source.c.name), words]
        session.execute(
            pg.insert(Package)
            .from_select(
                ["type", "namespace", "name", "lower_name", "words"],
                select(*columns).order_by(source.c.type, source.c.namespace, source.c.name),
            )
            .on_conflict_do_nothing(index_elements=["type", "namespace", "name"])
        )
        ids = _package_ids(session, names)
    _add_sources_and_families(session, missing, ids)
    return ids


def _package_ids(session: WriteSession, names: set[PackageName]) -> dict[PackageName, int]:
    if not names:
        return {}
    types, namespaces, own_names = zip(*sorted(names), strict=True)
    keys = arrays(type=(Text(), types), namespace=(Text(), namespaces), name=(Text(), own_names))
    rows = session.execute(
        select(Package.type, Package.namespace, Package.name, Package.id).join(
            keys,
            and_(Package.type == keys.c.type, Package.namespace == keys.c.namespace, Package.name == keys.c.name),
        )
    )
    return {(row.type, row.namespace, row.name): row.id for row in rows}


def _add_sources_and_families(session: WriteSession, missing: Sequence[Entry], ids: dict[PackageName, int]) -> None:
    sources: set[tuple[int, str]] = set()
    members: dict[tuple[str, int], tuple[str, bool]] = {}
    for identity in (entry.identity for entry in missing):
        package_id = ids[_package_name(identity)]
        if identity.source_name and identity.source_name != identity.name:
            sources.add((package_id, identity.source_name))
        built_from = identity.source_name or identity.name
        for membership in families_of(identity.type, identity.namespace, identity.name, built_from):
            members.setdefault((membership.family, package_id), (membership.reason, membership.own_versions))
    if sources:
        package_ids, source_names = zip(*sorted(sources), strict=True)
        rows = arrays(package_id=(BigInteger(), package_ids), source_name=(Text(), source_names))
        session.execute(
            pg.insert(PackageSource)
            .from_select(["package_id", "source_name"], select(rows.c.package_id, rows.c.source_name))
            .on_conflict_do_nothing()
        )
    if members:
        keys = sorted(members)
        rows = arrays(
            family=(Text(), [family for family, _ in keys]),
            package_id=(BigInteger(), [package_id for _, package_id in keys]),
            reason=(Text(), [members[key][0] for key in keys]),
            own_versions=(Boolean(), [members[key][1] for key in keys]),
        )
        names = ["family", "package_id", "reason", "own_versions"]
        session.execute(
            pg.insert(FamilyMember)
            .from_select(names, select(*(rows.c[name] for name in names)))
            .on_conflict_do_nothing()
        )


def _add_coordinates(
    session: WriteSession, missing: Sequence[Entry], ids: dict[UUID, int], osv_packages: dict[tuple[str, str], int]
) -> None:
    placed: dict[tuple[int, int], Coordinate] = {}
    for entry in missing:
        for coordinate in entry.identity.coordinates:
            key = ids[entry.digest], osv_packages[coordinate.ecosystem, coordinate.name]
            placed.setdefault(key, coordinate)
    place(session, placed)
