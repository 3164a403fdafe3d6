"""Who owns what a product uses. First live hit wins, and the answer says which.

In order: a rule for the product and the package; a rule that names the product, the product's own team, a rule for a
pattern of products; a rule for the package; the successor of a team that came up and is gone; the on-call of one that
came up and has no address; the fallback team. What a person decided comes before all of this (`incidents.ownership`).

A team is live while it is not retired and has an address of its own: mail, webhook, chat or members. Nobody hears of
what another one owns, so it falls through, and the reason says so.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeVar

from sqlalchemy import select, text

from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component
from service.inventory.models import Product
from service.inventory.ownership_models import OwnershipRule
from service.inventory.ownership_rules import Package, Rule, Rulebook, Subject, package_of, rulebook

Key = TypeVar("Key")


@dataclass(frozen=True)
class Owner:
    """Who has it, and by which rule: one short sentence."""

    team_id: int
    reason: str


class Standing(NamedTuple):
    """A team as ownership sees it."""

    id: int
    name: str
    fallback: bool
    reachable: bool
    retired: bool
    on_call: bool
    successor_id: int | None

    @property
    def trouble(self) -> str:
        """Say why it falls through; empty where it is live."""
        if self.retired:
            return "was retired"
        return "" if self.reachable or self.fallback else "has no address"


class Attempt(NamedTuple):
    """One step on the way to the owner. `reason` is what an exposure's owner reason says if it hits."""

    step: str
    rule: str | None
    team: Standing | None
    hit: bool
    reason: str


@dataclass(frozen=True)
class Question:
    """Who owns what these components bring to a product; without any, the product as such.

    `chosen` is the owner that a person chose, who stays one until its team retires.
    """

    product_id: int
    component_ids: frozenset[int] = frozenset()
    chosen: Owner | None = None


@dataclass(frozen=True)
class Knowledge:
    """All that decides: read once, whatever the number of questions."""

    book: Rulebook
    teams: Mapping[int, Standing]
    products: Mapping[int, Subject]
    packages: Mapping[int, Package]

    @property
    def fallback(self) -> Standing:
        """Give the team that owns what nobody else does."""
        return next(team for team in self.teams.values() if team.fallback)


def owners_of(session: ReadSession, wanted: Mapping[Key, Question], known: Knowledge | None = None) -> dict[Key, Owner]:
    """Find owners: never empty, and at most four statements for any number of questions.

    Args:
        session: Reads products, teams, rules, and components if a rule speaks of packages.
        wanted: Questions, under any keys.
        known: What was learnt for these questions; absent: it is read here.
    """
    found = _found(session, wanted, known)
    return {key: Owner(team.id, reason) for key, (team, reason) in found.items()}


def owners_named(session: ReadSession, wanted: Mapping[Key, Question]) -> dict[Key, tuple[str, str]]:
    """Find owners as people read them: the team's name, and the reason."""
    return {key: (team.name, reason) for key, (team, reason) in _found(session, wanted, None).items()}


def _found(
    session: ReadSession, wanted: Mapping[Key, Question], known: Knowledge | None
) -> dict[Key, tuple[Standing, str]]:
    if not wanted:
        return {}
    known = known or learn(session, wanted.values())
    matching = _matching(known)
    asked: dict[Question, tuple[Standing, str]] = {}
    for question in wanted.values():
        if question not in asked:
            hit = next(one for one in attempts(known, question, matching) if one.hit)
            asked[question] = hit.team or known.fallback, hit.reason
    return {key: asked[question] for key, question in wanted.items()}


# --- the order -------------------------------------------------------------------------------------------------------

_Matching = Callable[[str, Question], list[Rule]]


class _Candidate(NamedTuple):
    """Who comes up: in which step, by which rule, and how to say so."""

    step: str
    rule: str | None
    team: Standing | None
    how: str


def _matching(known: Knowledge) -> _Matching:
    """Match the rules of a class; ten thousand questions about ten components look at each of these once."""

    @cache
    def about(which: str, product_id: int) -> list[Rule]:
        return [rule for rule in _rules(known, which) if rule.is_about(known.products[product_id])]

    @cache
    def meaning(which: str, component_id: int) -> frozenset[Rule]:
        package = known.packages.get(component_id)
        return frozenset(rule for rule in _rules(known, which) if rule.means(package)) if package else frozenset()

    def matching(which: str, question: Question) -> list[Rule]:
        if which == "of_products":
            return about(which, question.product_id)
        meant = frozenset[Rule]().union(*(meaning(which, component_id) for component_id in question.component_ids))
        if not meant:
            return []
        spoken = meant if which == "of_purls" else meant.intersection(about(which, question.product_id))
        return sorted(spoken, key=lambda rule: rule.order)

    return matching


def _rules(known: Knowledge, which: str) -> list[Rule]:
    rules: list[Rule] = getattr(known.book, which)
    return rules


def attempts(known: Knowledge, question: Question, matching: _Matching | None = None) -> Iterator[Attempt]:
    """Walk the way to the owner, step by step, up to the one that hits."""
    fallen: list[tuple[Standing, str]] = []
    for step, rule, team, how in _named(known, question, matching or _matching(known)):
        if team is None:
            yield Attempt(step, rule, None, False, how)
        elif not team.trouble or (step == "manual" and not team.retired):
            yield Attempt(step, rule, team, True, _with_those_before(how, fallen))
            return
        else:
            fallen.append((team, how))
            yield Attempt(step, rule, team, False, f"{_called(team, how)} {team.trouble}")
    yield from _substitutes(known, fallen)


def _named(known: Knowledge, question: Question, matching: _Matching) -> Iterator[_Candidate]:
    """Give whom people, rules and the product itself name, in order."""
    product, chosen = known.products[question.product_id], question.chosen
    if chosen is not None:
        yield _Candidate("manual", None, known.teams[chosen.team_id], chosen.reason)
    of_product = matching("of_products", question)
    own = known.teams.get(product.team_id or 0)
    yield from _of_class("product and purl rule", matching("of_both", question), known)
    yield from _of_class("product rule", [rule for rule in of_product if rule.names_the_product], known)
    yield _Candidate("product team", None, own, "the product's team" if own else "no team owns the product")
    yield from _of_class("product pattern rule", [rule for rule in of_product if not rule.names_the_product], known)
    yield from _of_class("purl rule", matching("of_purls", question), known)


def _of_class(step: str, rules: list[Rule], known: Knowledge) -> Iterator[_Candidate]:
    if not rules:
        yield _Candidate(step, None, None, "no rule matches")
    for rule in rules:
        yield _Candidate(step, rule.words, known.teams[rule.team_id], f"rule for {rule.words}")


def _substitutes(known: Knowledge, fallen: list[tuple[Standing, str]]) -> Iterator[Attempt]:
    """Go on where nobody who was named is live: successors, on-calls, the fallback."""
    first = f"{_called(*fallen[0])} {fallen[0][0].trouble}" if fallen else "no team owns the product"
    for team, how in fallen:
        heir = _heir(known, team)
        if heir is not None and not heir.trouble:
            yield Attempt("team", None, heir, True, f"successor of {_called(team, how)}, which {team.trouble}")
            return
        heir_said = f"its successor {heir.name} {heir.trouble}" if heir else "it has no successor"
        yield Attempt("team", None, heir, False, f"{_called(team, how)} {team.trouble}, and {heir_said}")
    standing = [(heir, how) for team, how in fallen for heir in (_heir(known, team) or team,)]
    for team, how in standing:
        if team.on_call and not team.retired:
            yield Attempt("on-call", None, team, True, f"on call for {_called(team, how)}, which has no address")
            return
        lacks = "was retired" if team.retired else "has no on-call"
        yield Attempt("on-call", None, team, False, f"{team.name} {lacks}")
    yield Attempt("fallback", None, known.fallback, True, first)


def _heir(known: Knowledge, team: Standing) -> Standing | None:
    """Follow successors to the first live one, or to the last; none of them twice."""
    seen, heir = {team.id}, None
    following = known.teams.get(team.successor_id or 0)
    while following is not None and following.id not in seen:
        seen.add(following.id)
        heir = following
        if not heir.trouble:
            return heir
        following = known.teams.get(heir.successor_id or 0)
    return heir


def _called(team: Standing, how: str) -> str:
    return f"{team.name} ({how})"


def _with_those_before(how: str, fallen: list[tuple[Standing, str]]) -> str:
    if not fallen:
        return how
    return f"{how}; " + ", ".join(f"{_called(team, reason)} {team.trouble}" for team, reason in fallen)


# --- reading ---------------------------------------------------------------------------------------------------------

#: Teams that may come up: those of rules and products, whoever succeeds them, the fallback.
_TEAMS = text("""
WITH RECURSIVE named (id) AS (
    SELECT team_id FROM ownership_rule
    UNION SELECT unnest(CAST(:named AS bigint[]))
    UNION SELECT team_id FROM product WHERE id = ANY(CAST(:product_ids AS bigint[])) AND team_id IS NOT NULL
    UNION SELECT id FROM team WHERE fallback
    UNION SELECT team.successor_id FROM named JOIN team ON team.id = named.id WHERE team.successor_id IS NOT NULL
)
SELECT team.id, team.name, team.fallback,
       team.email IS NOT NULL OR team.webhook IS NOT NULL OR team.chat IS NOT NULL OR cardinality(team.members) > 0,
       team.retired_at IS NOT NULL, team.on_call IS NOT NULL, team.successor_id
FROM named JOIN team ON team.id = named.id
""")


def stored_rules(session: ReadSession) -> tuple[Rule, ...]:
    """Read the rules, in the order of their positions."""
    columns = (OwnershipRule.position, OwnershipRule.product, OwnershipRule.purl, OwnershipRule.team_id)
    return tuple(Rule(*row) for row in session.execute(select(*columns).order_by(OwnershipRule.position)))


def learn(session: ReadSession, questions: Iterable[Question], rules: tuple[Rule, ...] | None = None) -> Knowledge:
    """Read what decides about some questions.

    Args:
        session: To read with.
        questions: What will be asked.
        rules: As if these were the rules; absent: those that are stored.
    """
    asked = list(questions)
    product_ids = sorted({question.product_id for question in asked})
    named = {rule.team_id for rule in rules or ()} | {one.chosen.team_id for one in asked if one.chosen is not None}
    book = rulebook(stored_rules(session) if rules is None else rules)
    teams = session.execute(_TEAMS, {"product_ids": product_ids, "named": sorted(named)})
    products = session.execute(
        select(Product.id, Product.slug, Product.tags, Product.team_id).where(Product.id == any_of(product_ids))
    )
    return Knowledge(
        book=book,
        teams={row[0]: Standing(*row) for row in teams},
        products={row.id: Subject(row.slug, frozenset(row.tags), row.team_id) for row in products},
        packages=_packages(session, {c for one in asked for c in one.component_ids}) if book.speaks_of_purls else {},
    )


def _packages(session: ReadSession, component_ids: Collection[int]) -> dict[int, Package]:
    rows = session.execute(select(Component.id, Component.purl).where(Component.id == any_of(component_ids)))
    return {id_: package_of(purl) for id_, purl in rows}
