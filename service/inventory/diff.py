"""What changed between two snapshots: component by component, versions of one package paired.

The difference applied to what is before gives what is after; swapped sides give the mirrored difference.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args
from uuid import UUID

from sqlalchemy import select

from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component, Package
from service.inventory.diff_licences import licences_of
from service.inventory.diff_order import compare_versions
from service.inventory.diff_pairing import Pair, Part, pair
from service.inventory.graph import Relation
from service.inventory.paths import graphs_of, relation_in
from service.inventory.scopes import SCOPES
from service.inventory.snapshots import Snapshot
from service.inventory.usage import contents

#: What happened, in the order of lists. ``version``: another one, and nobody can tell which is later. ``identity``: the
#: same version under another purl, of another distribution release, or built from another source.
Kind = Literal["added", "removed", "downgrade", "upgrade", "version", "licence", "scope", "identity"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: In what the two sides of a pair may differ.
Aspect = Literal["version", "licence", "scope", "identity"]

#: Kind, name, and the components of either side (0: none).
Position = tuple[int, str, int, int]
BEGINNING: Position = (-1, "", 0, 0)


@dataclass(frozen=True, slots=True)
class Side:
    """A component as one side has it."""

    part: Part
    scope: str
    licence: str


@dataclass(frozen=True, slots=True)
class Change:
    """One component that came, left or became another. `differs`: of version, licence, scope and identity."""

    kind: Kind
    before: Side | None
    after: Side | None
    differs: tuple[Aspect, ...] = ()

    @property
    def name(self) -> str:
        """Give the package's name."""
        return self.newest.part.name

    @property
    def newest(self) -> Side:
        """Give the side that is there now, or the one that was."""
        return self.after or cast("Side", self.before)

    @property
    def position(self) -> Position:
        """Give its place in the list; what comes after it is the next page."""
        before, after = (side.part.id if side else 0 for side in (self.before, self.after))
        return KINDS.index(self.kind), self.name, before, after

    def is_about(self, kind: str) -> bool:
        """Tell whether this happened, be it beside something else."""
        return kind == self.kind or kind in self.differs


@dataclass(frozen=True)
class Diff:
    """All that changed. `before` is None where nothing came before; contents are component ids to scope codes.

    `from_documents`: both documents were read for their licences; otherwise those of the catalogue were compared.
    """

    before: Snapshot | None
    after: Snapshot
    old: Mapping[int, int]
    new: Mapping[int, int]
    changes: list[Change]
    from_documents: bool

    @property
    def counts(self) -> Counter[str]:
        """Count what happened, by kind."""
        return Counter(change.kind for change in self.changes)

    @property
    def unchanged(self) -> int:
        """Count what is as it was."""
        return len(self.new) - sum(change.after is not None for change in self.changes)

    @property
    def relicensed(self) -> int:
        """Count the components whose licence is another, whatever else changed."""
        return sum("licence" in change.differs for change in self.changes)


def diff_of(session: ReadSession, before: Snapshot | None, after: Snapshot) -> Diff:
    """Compare what two snapshots contain. A constant number of statements, and one pass over either document.

    Args:
        session: One snapshot of the database.
        before: None: everything is new.
        after: May be of another stream, or of another product.
    """
    old = contents(session, before.upload.stream_id, before.upload.at_us) if before else {}
    new = contents(session, after.upload.stream_id, after.upload.at_us)
    kept = old.keys() & new.keys()
    parts, digests = _parts(session, old.keys() ^ new.keys())
    licences = licences_of(session, before, after, digests) if before else None
    ours, theirs = licences or ({}, {})
    altered = {one for one in kept if old[one] != new[one] or _other(ours.get(one, ""), theirs.get(one, ""))}
    parts |= _parts(session, altered)[0]
    pairs = pair(_of(parts, old.keys() - kept), _of(parts, new.keys() - kept)) + [(parts[id_],) * 2 for id_ in altered]
    changes = [_change(*_sides(couple, (old, new), (ours, theirs))) for couple in pairs]
    ordered = sorted(changes, key=lambda change: change.position)
    return Diff(before, after, old, new, ordered, from_documents=licences is not None)


def relations_on(session: ReadSession, diff: Diff, changes: Iterable[Change]) -> list[Relation]:
    """Tell of each change whether its component is direct: on the side after, or before where it has gone."""
    ids = [side.upload.graph_id for side in (diff.before, diff.after) if side]
    graphs = graphs_of(session, ids)
    sides = {True: diff.after, False: diff.before or diff.after}
    return [
        relation_in(graphs.get(sides[change.after is not None].upload.graph_id), change.newest.part.id)
        for change in changes
    ]


def _parts(session: ReadSession, component_ids: Iterable[int]) -> tuple[dict[int, Part], dict[UUID, int]]:
    """Read components by id, and their ids by digest."""
    rows = session.execute(
        select(
            Component.digest,
            Component.id,
            Component.package_id,
            Package.type,
            Package.namespace,
            Package.name,
            Component.version,
            Component.purl,
            Component.licence,
        )
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids))
    )
    found = {row[0]: Part._make(row[1:]) for row in rows}
    return {part.id: part for part in found.values()}, {digest: part.id for digest, part in found.items()}


def _of(parts: Mapping[int, Part], component_ids: Iterable[int]) -> list[Part]:
    return [parts[component_id] for component_id in sorted(component_ids)]


def _sides(
    couple: Pair, scopes: tuple[Mapping[int, int], ...], licences: tuple[Mapping[int, str], ...]
) -> tuple[Side | None, Side | None]:
    before, after = (
        Side(part, SCOPES[scope[part.id]], stated.get(part.id, part.licence)) if part else None
        for part, scope, stated in zip(couple, scopes, licences, strict=True)
    )
    return before, after


def _change(before: Side | None, after: Side | None) -> Change:
    if before is None or after is None:
        return Change("removed" if before else "added", before, after)
    same_version = before.part.version == after.part.version
    differs: dict[Aspect, bool] = {
        "version": not same_version,
        "licence": _other(before.licence, after.licence),
        "scope": before.scope != after.scope,
        "identity": same_version and before.part.id != after.part.id,
    }
    said = tuple(name for name, differ in differs.items() if differ)
    return Change(_kind(before.part, after.part, said), before, after, said)


def _kind(before: Part, after: Part, differs: tuple[Aspect, ...]) -> Kind:
    if "version" in differs:
        order = compare_versions(after.type, before.version, after.version)
        return "version" if not order else "upgrade" if order < 0 else "downgrade"
    return next(kind for kind in KINDS if kind in differs)


def _other(one: str, other: str) -> bool:
    """Tell whether two licences differ. Where a side states none, nothing is known to have changed."""
    return bool(one and other) and one.casefold() != other.casefold()
