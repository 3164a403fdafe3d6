"""How far an advisory reaches: whom it hits now and hit earlier, what nobody can tell, what it nearly names."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import or_, select

from service.advisories.findings import vulnerabilities_of
from service.advisories.models import Advisory, Vulnerability
from service.advisories.wording import unevaluated_in_words
from service.db import ReadSession, any_of
from service.flows.answering import component_rows
from service.flows.hits import (
    MOST_COMPONENTS,
    MOST_PRODUCTS,
    EarlierHit,
    Hits,
    Named,
    Opens,
    Owner,
    earlier_hits,
    hits_of,
    named,
    owners_and_slugs,
)
from service.flows.near_misses import MOST, NearMiss, near_misses_of
from service.inventory.cannot_tell import unjudged
from service.inventory.contents import places_of
from service.inventory.field import products_using, uses_of_components

#: Places that nobody can judge: so many are listed.
MOST_UNKNOWN: Final = 100

_SENTENCES: Final = {
    "no_sbom": "No SBOM was ever sent.",
    "stale": "Its newest SBOM is old, and says little about what is built today.",
}


class Unknown(NamedTuple):
    """A place in the field of which nobody can tell whether the advisory concerns it."""

    product: str
    stream: str | None
    release: str | None
    owner: Owner
    component: Named | None
    reason: str
    sentence: str


@dataclass(frozen=True)
class Difference:
    """Components that came or went with an amendment, and how many products in the field have them."""

    component_count: int
    product_count: int
    components: list[Named]


@dataclass(frozen=True)
class Reach:
    """Whom an advisory hits, and whom it nearly hits. Lists are cut; counts are whole.

    `would_open` in a dry run, `opened` otherwise; the differences only where an earlier form was amended.
    """

    hits: Hits
    earlier_count: int
    earlier: list[EarlierHit]
    cannot_tell_count: int
    cannot_tell: list[Unknown]
    near_miss_count: int
    near_misses: list[NearMiss]
    would_open: Opens | None
    opened: Opens | None
    newly_affected: Difference | None
    no_longer_affected: Difference | None


def reach_of(
    session: ReadSession,
    advisory: Advisory,
    *,
    matched_before: Collection[int] | None = None,
    statuses_before: Mapping[int, str] | None = None,
) -> Reach:
    """Say how far an advisory reaches. A constant number of statements.

    Args:
        session: One snapshot; in a dry run the transaction that will be rolled back.
        advisory: Stored, and matched.
        matched_before: The components that its earlier form matched; None: it had none.
        statuses_before: Of the exposures to what it speaks of, before it was published; None: nothing was opened yet.
    """
    hits = hits_of_advisory(session, advisory, before=statuses_before)
    matched = hits.matched.keys()
    earlier_count, earlier = earlier_hits(session, matched, hits.product_ids)
    near = [] if advisory.withdrawn_at else near_misses_of(session, advisory.id, advisory.record, matched)
    unknown = [] if advisory.withdrawn_at else _unknown(session, near)
    before = None if matched_before is None else set(matched_before)
    return Reach(
        hits=hits,
        earlier_count=earlier_count,
        earlier=earlier,
        cannot_tell_count=len(unknown),
        cannot_tell=unknown[:MOST_UNKNOWN],
        near_miss_count=len(near),
        near_misses=near[:MOST],
        would_open=hits.opens if statuses_before is None else None,
        opened=None if statuses_before is None else hits.opens,
        newly_affected=None if before is None else _difference(session, matched - before, hits.matched),
        no_longer_affected=None if before is None else _difference(session, before - matched, {}),
    )


def hits_of_advisory(
    session: ReadSession,
    advisory: Advisory,
    *,
    after: str = "",
    limit: int = MOST_PRODUCTS,
    before: Mapping[int, str] | None = None,
) -> Hits:
    """Say which products an advisory hits in the field; see `hits_of`."""
    vulnerabilities = spoken_vulnerabilities(session, advisory.id)
    return hits_of(session, advisory.id, vulnerabilities, after=after, limit=limit, before=before)


def spoken_vulnerabilities(session: ReadSession, advisory_id: int) -> dict[int, int]:
    """Lead the vulnerabilities that an advisory speaks of to themselves, and those that turned out to be one to it."""
    spoken = vulnerabilities_of(session, [advisory_id])
    rows = session.execute(
        select(Vulnerability.id, Vulnerability.merged_into_id).where(
            or_(Vulnerability.id == any_of(spoken), Vulnerability.merged_into_id == any_of(spoken))
        )
    )
    return {id_: id_ if survivor is None else survivor for id_, survivor in rows}


def _difference(session: ReadSession, component_ids: Collection[int], certainties: dict[int, str]) -> Difference:
    shown = sorted(component_ids)[:MOST_COMPONENTS]
    rows = component_rows(session, set(shown))
    return Difference(
        component_count=len(component_ids),
        product_count=len(products_using(session, component_ids)),
        components=[named(rows[id_], certainties.get(id_, "")) for id_ in shown],
    )


def _unknown(session: ReadSession, near: Sequence[NearMiss]) -> list[Unknown]:
    """List where components cannot be evaluated that may carry the code, then products that nobody can judge."""
    doubtful = {one.component_id: one for one in near if one.kind == "cannot-evaluate" and one.product_count}
    uses = uses_of_components(session, list(doubtful)[:MOST_UNKNOWN])
    streams, releases = places_of(session, uses)
    carried: defaultdict[int, set[int]] = defaultdict(set)
    for use in uses:
        carried[use.product_id].add(use.component_id)
    products = owners_and_slugs(session, carried)
    found = []
    for use in uses:
        slug, owner = products[use.product_id]
        one = doubtful[use.component_id]
        component = Named(one.purl, one.name, one.version, "")
        reason = one.reason or "own-versions"
        release = releases.get(use.release_id or 0)
        found.append(Unknown(slug, streams[use.stream_id], release, owner, component, reason, _why(one)))
    found.sort(key=lambda one: (one.product, one.stream or "", one.release or "", one.component or ()))
    return found + [
        Unknown(
            one.product,
            one.stream,
            None,
            Owner(one.owner.team, one.owner.reason),
            None,
            one.reason,
            _SENTENCES[one.reason],
        )
        for one in unjudged(session)
    ]


def _why(one: NearMiss) -> str:
    return unevaluated_in_words(one.reason) or one.sentence
