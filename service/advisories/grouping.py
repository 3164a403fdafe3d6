"""Vulnerabilities: advisories joined by their names.

Union-find over the names of a batch and the groups they already belong to. The oldest id survives a merge; the others
point to it, and their names and advisories move there. Groups only grow: a name that a later record no longer claims
stays where it is, since incidents have been opened under it.

The caller serialises writers (`storing.store` does).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Text, and_, delete, select, text, update

from service.advisories.bulk import copy_rows, next_ids
from service.advisories.models import Vulnerability, VulnerabilityAdvisory, VulnerabilityAlias
from service.advisories.references import References, preference
from service.db import ReadSession, WriteSession, any_of, arrays

Link = tuple[int, int, str]


@dataclass
class _Group:
    """Names that belong together, and the vulnerabilities that hold some of them already."""

    names: set[str] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    id: int = 0


def group_advisories(session: WriteSession, references: Mapping[int, References]) -> list[tuple[int, int]]:
    """Link advisories with their vulnerabilities, making and merging these as needed.

    Args:
        session: The caller's transaction.
        references: Advisory id to what it refers to. Links of these advisories are replaced.

    Returns:
        The vulnerabilities that were merged: (loser, survivor).
    """
    homes = _homes(session, {name for each in references.values() for name in (*each.names, *each.evidence)})
    groups = _joined(references.values(), homes)
    titles = _titles(session, {vulnerability for group in groups for vulnerability in group.held})
    merged = _settle(session, groups)
    _merge(session, merged)
    _name(session, groups, titles)
    _add_names(session, groups, homes)
    _link(session, references, {name: group.id for group in groups for name in group.names})
    return merged


def _homes(session: ReadSession, names: Iterable[str]) -> dict[str, int]:
    """Find the vulnerabilities that hold these names."""
    wanted = arrays(name=(Text(), sorted(names)))
    statement = select(VulnerabilityAlias.alias, VulnerabilityAlias.vulnerability_id).join(
        wanted, VulnerabilityAlias.alias == wanted.c.name
    )
    return dict(session.execute(statement).all())


def _titles(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, str]:
    statement = select(Vulnerability.id, Vulnerability.name).where(Vulnerability.id == any_of(vulnerability_ids))
    return dict(session.execute(statement).all())


def _joined(references: Iterable[References], homes: Mapping[str, int]) -> list[_Group]:
    """Join names into groups: those of one advisory, and those that one vulnerability holds."""
    parents: dict[str | int, str | int] = {}

    def find(node: str | int) -> str | int:
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for each in references:
        for name in (*each.names, *each.evidence):
            parents[find(name)] = find(homes.get(name, name))
        for name in each.names[1:]:
            parents[find(name)] = find(each.names[0])
    groups: dict[str | int, _Group] = {}
    for node in parents:
        group = groups.setdefault(find(node), _Group())
        if isinstance(node, str):
            group.names.add(node)
        else:
            group.held.add(node)
    return list(groups.values())


def _settle(session: WriteSession, groups: Sequence[_Group]) -> list[tuple[int, int]]:
    """Give each group its id: the oldest it holds, or a new one."""
    new = [group for group in groups if not group.held]
    for group, drawn in zip(new, next_ids(session, "vulnerability", len(new)), strict=True):
        group.id = drawn
    copy_rows(session, "vulnerability", ("id", "name"), ((g.id, min(g.names, key=preference)) for g in new))
    merged = []
    for group in groups:
        if group.held:
            group.id = min(group.held)
            merged += [(loser, group.id) for loser in sorted(group.held - {group.id})]
    return merged


_MOVE_LINKS = text("""
    INSERT INTO vulnerability_advisory AS kept (vulnerability_id, advisory_id, relation)
    SELECT moved.survivor, link.advisory_id, min(link.relation)
    FROM unnest(CAST(:losers AS bigint[]), CAST(:survivors AS bigint[])) AS moved (loser, survivor)
    JOIN vulnerability_advisory AS link ON link.vulnerability_id = moved.loser
    GROUP BY moved.survivor, link.advisory_id
    ON CONFLICT (vulnerability_id, advisory_id) DO UPDATE SET relation = least(kept.relation, excluded.relation)
""")


def _merge(session: WriteSession, merged: Sequence[tuple[int, int]]) -> None:
    """Move what the losers hold. ``alias`` sorts before ``evidence``, and wins where an advisory was linked to both."""
    if not merged:
        return
    losers, survivors = [loser for loser, _ in merged], [survivor for _, survivor in merged]
    moved = arrays(loser=(BigInteger(), losers), survivor=(BigInteger(), survivors))
    for table, holder in (
        (VulnerabilityAlias, VulnerabilityAlias.vulnerability_id),
        # Whoever was merged into a loser earlier follows it, so that one step always leads to the survivor.
        (Vulnerability, Vulnerability.merged_into_id),
    ):
        session.execute(update(table).where(holder == moved.c.loser).values({holder: moved.c.survivor}))
    session.execute(
        update(Vulnerability).where(Vulnerability.id == moved.c.loser).values(merged_into_id=moved.c.survivor)
    )
    session.execute(_MOVE_LINKS, {"losers": losers, "survivors": survivors})
    session.execute(delete(VulnerabilityAdvisory).where(VulnerabilityAdvisory.vulnerability_id == any_of(losers)))


def _name(session: WriteSession, groups: Iterable[_Group], titles: Mapping[int, str]) -> None:
    """Rename vulnerabilities that have come by a better name."""
    better = []
    for group in groups:
        if group.held:
            best = min(group.names | {titles[vulnerability] for vulnerability in group.held}, key=preference)
            if best != titles[group.id]:
                better.append((group.id, best))
    if not better:
        return
    names = arrays(id=(BigInteger(), [id_ for id_, _ in better]), name=(Text(), [name for _, name in better]))
    session.execute(update(Vulnerability).where(Vulnerability.id == names.c.id).values(name=names.c.name))


def _add_names(session: WriteSession, groups: Iterable[_Group], homes: Mapping[str, int]) -> None:
    rows = ((name, group.id) for group in groups for name in sorted(group.names - homes.keys()))
    copy_rows(session, "vulnerability_alias", ("alias", "vulnerability_id"), rows)


def _link(session: WriteSession, references: Mapping[int, References], homes: Mapping[str, int]) -> None:
    """Replace the links of these advisories; only what differs is written."""
    wanted = {link for advisory, each in references.items() for link in _links(advisory, each, homes)}
    statement = select(
        VulnerabilityAdvisory.vulnerability_id, VulnerabilityAdvisory.advisory_id, VulnerabilityAdvisory.relation
    ).where(VulnerabilityAdvisory.advisory_id == any_of(references))
    present: set[Link] = set(session.execute(statement))
    _unlink(session, sorted(present - wanted))
    copy_rows(
        session,
        "vulnerability_advisory",
        ("vulnerability_id", "advisory_id", "relation"),
        sorted(wanted - present),
    )


def _links(advisory: int, each: References, homes: Mapping[str, int]) -> Iterable[Link]:
    own = homes[each.names[0]] if each.names else None
    if own is not None:
        yield own, advisory, "alias"
    for name in each.evidence:
        if homes[name] != own:
            yield homes[name], advisory, "evidence"


def _unlink(session: WriteSession, stale: Sequence[Link]) -> None:
    if not stale:
        return
    gone = arrays(
        vulnerability=(BigInteger(), [link[0] for link in stale]), advisory=(BigInteger(), [link[1] for link in stale])
    )
    session.execute(
        delete(VulnerabilityAdvisory).where(
            and_(
                VulnerabilityAdvisory.vulnerability_id == gone.c.vulnerability,
                VulnerabilityAdvisory.advisory_id == gone.c.advisory,
            )
        )
    )
    # Nothing that is left leads from the advisory to them, and yet their exposures have to follow.
    bereft = any_of({vulnerability for vulnerability, _, _ in stale})
    session.execute(update(Vulnerability).where(Vulnerability.id == bereft).values(settled=False))
