"""Vulnerabilities: advisories joined by their names.

A group is what its live advisories say it is: the names that their claims connect. Union-find over the names of a
batch and the groups they already belong to lets groups grow. Where a claim was taken back (a record lost an alias, was
withdrawn, vanished), or where nobody live speaks of a group that a record now names, the group is worked out anew from
all its live claims, and what nothing joins any more parts (ADR 0015):

- the part that has the group's name keeps its id; if nobody speaks of that name, the part with the best name does;
- every other part becomes a vulnerability of its own, which says what it was split from;
- names that nobody speaks of are let go. A group of which nobody speaks at all keeps them, so that what comes back
  finds it again.

The oldest id survives a merge; the others point to it, and their names and advisories move there. The caller
serialises writers (`storing.store` does).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Text, and_, delete, select, text, update

from service.advisories.bulk import copy_rows, next_ids
from service.advisories.claims import dormant_among, live_claims, names_held
from service.advisories.models import Vulnerability, VulnerabilityAdvisory, VulnerabilityAlias
from service.advisories.references import References, preference
from service.db import ReadSession, WriteSession, among, any_of, arrays

Link = tuple[int, int, str]


@dataclass
class _Group:
    """Names that belong together, and the vulnerabilities whose names they are.

    `held`: those that live on in it, whole or as the part that keeps the id. `left`: those that it parts from.
    """

    names: set[str] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Grouped:
    """What became of vulnerabilities: merged as (loser, survivor), split as (what it was split from, the new one)."""

    merged: tuple[tuple[int, int], ...]
    split: tuple[tuple[int, int], ...]


def group_advisories(
    session: WriteSession, references: Mapping[int, References], dropped: Collection[str] = ()
) -> Grouped:
    """Link advisories with their vulnerabilities, making, merging and splitting these as needed.

    Args:
        session: The caller's transaction.
        references: Advisory id to what it refers to, of those that are live. Links of these advisories are replaced.
        dropped: Names about which some claim was taken back.
    """
    homes = _homes(session, {*dropped, *_spoken(references)})
    doubtful = {homes[name] for name in dropped if name in homes}
    doubtful |= dormant_among(session, set(homes.values()), besides=references)
    speaking = references
    if doubtful:
        standing = live_claims(session, doubtful, besides=references)
        speaking = {**references, **standing}
        homes |= _homes(session, _spoken(standing)) | names_held(session, doubtful)
    groups = _joined(speaking.values(), homes, doubtful)
    titles = _titles(session, doubtful.union(*(group.held for group in groups)))
    _part(groups, homes, {vulnerability: titles[vulnerability] for vulnerability in doubtful})
    merged = _settle(session, groups)
    _let_go(session, groups, homes, doubtful)
    _merge(session, merged)
    _name(session, groups, {id_: title for id_, title in titles.items() if id_ not in doubtful}, titles)
    _add_names(session, groups, homes)
    _link(session, speaking, {name: group.id for group in groups for name in group.names})
    split = [(min(group.left), group.id) for group in groups if group.left and not group.held]
    return Grouped(tuple(merged), tuple(split))


def _spoken(references: Mapping[int, References]) -> set[str]:
    return {name for each in references.values() for name in each.spoken}


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


def _joined(references: Iterable[References], homes: Mapping[str, int], doubtful: Collection[int]) -> list[_Group]:
    """Join names into groups: those of one advisory, and those that one vulnerability holds beyond doubt."""
    parents: dict[str | int, str | int] = {}

    def find(node: str | int) -> str | int:
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for each in references:
        for name in each.spoken:
            home = homes.get(name, name)
            parents[find(name)] = find(name if home in doubtful else home)
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


def _part(groups: Iterable[_Group], homes: Mapping[str, int], titles: Mapping[int, str]) -> None:
    """Say which group keeps the id of each doubtful vulnerability, and which part from it."""
    parts: dict[int, list[tuple[str, _Group]]] = {vulnerability: [] for vulnerability in titles}
    for group in groups:
        for name in group.names:
            if homes.get(name) in parts:
                parts[homes[name]].append((name, group))
    for vulnerability, spoken in parts.items():
        if not spoken:
            continue  # nobody speaks of it; it waits as it is
        _, keeper = min(spoken, key=lambda part: (part[0] != titles[vulnerability], preference(part[0])))
        keeper.held.add(vulnerability)
        for _, group in spoken:
            if group is not keeper:
                group.left.add(vulnerability)


def _settle(session: WriteSession, groups: Sequence[_Group]) -> list[tuple[int, int]]:
    """Give each group its id: the oldest it holds, or a new one. Exposures have yet to follow what was split."""
    new = [group for group in groups if not group.held]
    for group, drawn in zip(new, next_ids(session, "vulnerability", len(new)), strict=True):
        group.id = drawn
    rows = ((g.id, min(g.names, key=preference), min(g.left, default=None), not g.left) for g in new)
    copy_rows(session, "vulnerability", ("id", "name", "split_from_id", "settled"), rows)
    merged = []
    for group in groups:
        if group.held:
            group.id = min(group.held)
            merged += [(loser, group.id) for loser in sorted(group.held - {group.id})]
    _unsettle(session, {group.id for group in groups if group.held and group.left})
    return merged


def _unsettle(session: WriteSession, vulnerability_ids: Collection[int]) -> None:
    """Let exposures follow vulnerabilities to which no changed advisory leads."""
    if vulnerability_ids:
        session.execute(
            update(Vulnerability).where(Vulnerability.id == any_of(vulnerability_ids)).values(settled=False)
        )


def _let_go(session: WriteSession, groups: Iterable[_Group], homes: dict[str, int], doubtful: Collection[int]) -> None:
    """Take names from vulnerabilities that live on without them. What is left of *homes* is true."""
    staying = {name: group.held for group in groups for name in group.names}
    alive = {vulnerability for group in groups for vulnerability in group.held}
    gone = [
        name for name, home in homes.items() if home in doubtful and home in alive and home not in staying.get(name, ())
    ]
    if gone:
        session.execute(delete(VulnerabilityAlias).where(VulnerabilityAlias.alias.in_(among(gone))))
    for name in gone:
        del homes[name]


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


def _name(
    session: WriteSession, groups: Iterable[_Group], standing: Mapping[int, str], titles: Mapping[int, str]
) -> None:
    """Rename vulnerabilities that have come by a better name, or lost theirs. *standing*: titles beyond doubt."""
    better = []
    for group in groups:
        if group.held:
            best = min(group.names | {standing[held] for held in group.held if held in standing}, key=preference)
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
    _unsettle(session, {vulnerability for vulnerability, _, _ in stale})
