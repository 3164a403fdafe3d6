"""Whom a declared incident concerns: who is affected, who may be, of whom nobody can tell. The same for a dry run.

Everything is read from matches and usage, set-based: a thousand products cost as many statements as one. Lists are cut
for whoever shows them; the counts are whole.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from sqlalchemy import func, select

from service.access.models import Team
from service.advisories.declaration import Declaration
from service.advisories.declared import Meant, reached
from service.advisories.findings import malware_among
from service.advisories.models import Advisory, Match, VulnerabilityAdvisory
from service.db import ReadSession, any_of
from service.flows.answering import component_rows
from service.flows.hits import MOST_COMPONENTS, Named, Owner, named
from service.incidents.models import Exposure, Incident
from service.incidents.ownership import owners_for
from service.incidents.representing import exposure_name
from service.incidents.suspecting import SHIPPED
from service.inventory.candidates import find_candidates
from service.inventory.cannot_tell import unjudged
from service.inventory.contents import places_of
from service.inventory.field import FieldUse, products_by_component, uses_of_components
from service.inventory.models import Product
from service.inventory.question import ask

#: Products that one answer lists of each kind, and near misses.
MOST_LISTED: Final = 1_000
MOST_NEAR: Final = 100


@dataclass(frozen=True)
class Concerned:
    """A product that is affected, or may be. `exposure` and `status` are None where there is none yet."""

    product: str
    owner: Owner
    streams: list[str]
    releases: list[str]
    component_count: int
    components: list[Named]
    exposure: str | None
    status: str | None


class Unjudged(NamedTuple):
    """A product or stream of which nobody can tell. `reason`: ``no_sbom`` or ``stale``."""

    product: str
    stream: str | None
    owner: Owner
    reason: str


class Recipient(NamedTuple):
    """A team that will hear of it, and of how many products. `reachable`: it has an address."""

    team: str
    reachable: bool
    act: int
    confirm: int
    cannot_tell: int


class Near(NamedTuple):
    """A component that looks as if it were meant, and why it is not. `product_count`: who has it in the field."""

    purl: str
    name: str
    version: str
    reason: str
    product_count: int


@dataclass(frozen=True)
class DeclaredReach:
    """Whom it concerns. Lists are cut; counts are whole."""

    affected_count: int
    suspected_count: int
    cannot_tell_count: int
    affected: list[Concerned]
    suspected: list[Concerned]
    cannot_tell: list[Unjudged]
    recipients: list[Recipient]
    near_misses: list[Near]
    components: dict[int, str] = field(repr=False)


def declared_reach(
    session: ReadSession, advisory_id: int, vulnerability_id: int, declaration: Declaration
) -> DeclaredReach:
    """Say whom a declaration concerns.

    Args:
        session: One snapshot; in a dry run the transaction that will be rolled back.
        advisory_id: The declaration's, stored and matched.
        vulnerability_id: What it declares; other advisories of it count as well.
        declaration: What it says.
    """
    certainties = _certainties(session, vulnerability_id)
    uses = _counting(session, certainties, vulnerability_id)
    affected, suspected = _divided(uses, certainties)
    book = _Book(session, vulnerability_id, affected | suspected, certainties)
    told = [one for one in unjudged(session, limit=None) if one.product not in book.slugs.values()]
    cannot_tell = [
        Unjudged(one.product, one.stream, Owner(one.owner.team, one.owner.reason), one.reason) for one in told
    ]
    return DeclaredReach(
        affected_count=len(affected),
        suspected_count=len(suspected),
        cannot_tell_count=len({one.product for one in cannot_tell}),
        affected=book.describe(affected),
        suspected=book.describe(suspected),
        cannot_tell=cannot_tell[:MOST_LISTED],
        recipients=_recipients(session, book, affected, suspected, cannot_tell),
        near_misses=_near(session, advisory_id, declaration, certainties),
        components=certainties,
    )


def _certainties(session: ReadSession, vulnerability_id: int) -> dict[int, str]:
    rows = session.execute(
        select(Match.component_id, func.min(Match.certainty))
        .join(Advisory, Advisory.id == Match.advisory_id)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .where(VulnerabilityAdvisory.vulnerability_id == vulnerability_id, Advisory.kind != "informational")
        .group_by(Match.component_id)
    )
    return dict(rows.all())


def _counting(session: ReadSession, components: Iterable[int], vulnerability_id: int) -> list[FieldUse]:
    uses = uses_of_components(session, components)
    if malware_among(session, [vulnerability_id]):
        return uses
    return [use for use in uses if use.scope in SHIPPED]


_Uses = dict[int, list[FieldUse]]


def _divided(uses: Iterable[FieldUse], certainties: Mapping[int, str]) -> tuple[_Uses, _Uses]:
    """Tell the products that are affected from those that only may be; each keeps what makes it so."""
    certain: defaultdict[int, list[FieldUse]] = defaultdict(list)
    possible: defaultdict[int, list[FieldUse]] = defaultdict(list)
    for use in uses:
        (certain if certainties[use.component_id] == "certain" else possible)[use.product_id].append(use)
    return dict(certain), {product_id: some for product_id, some in possible.items() if product_id not in certain}


class _Book:
    """Names, owners and exposures of the products concerned, read once."""

    def __init__(
        self,
        session: ReadSession,
        vulnerability_id: int,
        used: Mapping[int, list[FieldUse]],
        certain: Mapping[int, str],
    ) -> None:
        uses = [use for each in used.values() for use in each]
        self._certain = certain
        self._streams, self._releases = places_of(session, uses)
        self._components = component_rows(session, {use.component_id for use in uses})
        slugs = select(Product.id, Product.slug).where(Product.id == any_of(used))
        self.slugs: dict[int, str] = dict(session.execute(slugs).all())
        self._standing = _standing(session, vulnerability_id)
        wanted = {
            (product_id, vulnerability_id): frozenset(use.component_id for use in some)
            for product_id, some in used.items()
        }
        owners = {pair[0]: owner for pair, owner in owners_for(session, wanted).items()}
        self.teams = {
            id_: self._standing[id_].team_id if id_ in self._standing else o.team_id for id_, o in owners.items()
        }
        self._reasons = {
            id_: self._standing[id_].owner_reason if id_ in self._standing else o.reason for id_, o in owners.items()
        }
        names = select(Team.id, Team.name).where(Team.id == any_of(set(self.teams.values())))
        self._names: dict[int, str] = dict(session.execute(names).all())

    def describe(self, used: _Uses) -> list[Concerned]:
        """Describe the first products by slug."""
        page = sorted(used, key=self.slugs.__getitem__)[:MOST_LISTED]
        return [self._concerned(product_id, used[product_id]) for product_id in page]

    def _concerned(self, product_id: int, uses: Sequence[FieldUse]) -> Concerned:
        ids = {use.component_id for use in uses}
        shown = sorted(named(self._components[id_], self._certain[id_]) for id_ in ids)
        standing = self._standing.get(product_id)
        return Concerned(
            product=self.slugs[product_id],
            owner=Owner(self._names[self.teams[product_id]], self._reasons[product_id]),
            streams=sorted({self._streams[use.stream_id] for use in uses}),
            releases=sorted({self._releases[use.release_id] for use in uses if use.release_id}),
            component_count=len(ids),
            components=shown[:MOST_COMPONENTS],
            exposure=exposure_name(standing.id) if standing else None,
            status=standing.status if standing else None,
        )


class _Standing(NamedTuple):
    """A product's exposure."""

    product_id: int
    id: int
    status: str
    team_id: int
    owner_reason: str


def _standing(session: ReadSession, vulnerability_id: int) -> dict[int, _Standing]:
    rows = session.execute(
        select(Exposure.product_id, Exposure.id, Exposure.status, Exposure.team_id, Exposure.owner_reason)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Incident.vulnerability_id == vulnerability_id, Exposure.status != "merged")
    )
    return {row.product_id: _Standing(*row) for row in rows}


def _recipients(
    session: ReadSession, book: _Book, affected: _Uses, suspected: _Uses, cannot_tell: Iterable[Unjudged]
) -> list[Recipient]:
    act = Counter(book.teams[product_id] for product_id in affected)
    confirm = Counter(book.teams[product_id] for product_id in suspected)
    unknown = Counter(team for team, _ in {(one.owner.team, one.product) for one in cannot_tell})
    teams = session.scalars(select(Team).where(Team.id.in_([*act, *confirm]) | Team.name.in_(list(unknown))))
    return sorted(
        Recipient(
            team.name,
            bool(team.email or team.webhook or team.chat or team.members),
            act[team.id],
            confirm[team.id],
            unknown[team.name],
        )
        for team in teams
    )


# --- near misses -----------------------------------------------------------------------------------------------------


def _near(
    session: ReadSession,
    advisory_id: int,
    declaration: Declaration,
    matched: Mapping[int, str],
) -> list[Near]:
    """List what is in the field and looks as if it were meant: older code inside, documentation, mere namesakes."""
    reasons = {
        one.component_id: _why_not(one)
        for one in reached(session, {advisory_id: declaration})
        if not one.certainty and one.detail and one.component_id not in matched
    }
    for name in (*declaration.names, *declaration.families):
        namesakes = find_candidates(session, replace(ask(name=name), versions=declaration.versions)).meant
        for candidate in namesakes:
            if candidate.component_id not in matched:
                reasons.setdefault(candidate.component_id, "")
    used = products_by_component(session, reasons)
    rows = component_rows(session, used.keys() & reasons.keys())
    found = [
        Near(row.purl, row.name, row.version, reasons[row.id] or _namesake(row.name), used[row.id])
        for row in rows.values()
    ]
    return sorted(found, key=lambda near: (-near.product_count, near))[:MOST_NEAR]


def _why_not(meant: Meant) -> str:
    return f"{meant.detail}, which is not among the versions declared" if " is " in meant.detail else meant.detail


def _namesake(name: str) -> str:
    return f"{name} shares a word of the name; nothing says that it carries the same code"
