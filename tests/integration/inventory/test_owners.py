"""Who owns what a product uses: each step of the order, what makes it fall through, and the sentence that says so."""

from collections.abc import Iterable

from factories import NOON, make_product, make_team, make_user
from sqlalchemy import Engine, select
from story import statements

from service.access.models import Team
from service.db import WriteSession
from service.inventory.catalogue_models import Component
from service.inventory.models import Product
from service.inventory.owners import Owner, Question, attempts, learn, owners_of
from service.inventory.ownership_models import OwnershipRule

LODASH, EXPRESS = "pkg:npm/lodash@4.17.20", "pkg:npm/express@4.0.0"


def add_rules(session: WriteSession, *rules: tuple[str | None, str | None, Team]) -> None:
    for position, (product, purl, team) in enumerate(rules, start=1):
        made = {"team_id": team.id, "made_by": "tests", "made_at": NOON}
        session.add(OwnershipRule(position=position, product=product, purl=purl, **made))
    session.flush()


def component_ids(session: WriteSession, purls: Iterable[str]) -> frozenset[int]:
    return frozenset(session.scalars(select(Component.id).where(Component.purl.in_(list(purls)))))


def ask(session: WriteSession, product: Product, *purls: str, chosen: Owner | None = None) -> tuple[str, str]:
    question = Question(product.id, component_ids(session, purls), chosen)
    owner = owners_of(session, {"it": question})["it"]
    return session.get_one(Team, owner.team_id).name, owner.reason


def test_the_first_live_step_of_the_order_hits(session: WriteSession) -> None:
    teams = {name: make_team(session, name) for name in ("ann", "pair", "slug", "own", "glob", "npm")}
    shop = make_user(session, "shop", LODASH, EXPRESS, team=teams["own"])
    add_rules(
        session,
        ("sh*", None, teams["glob"]), (None, "pkg:npm/*", teams["npm"]), ("shop", None, teams["slug"]),
        ("shop", "pkg:npm/lodash", teams["pair"]),
    )  # fmt: skip
    expected = [
        ("ann", "assigned by Ann"),
        ("pair", "rule for shop with pkg:npm/lodash"),
        ("slug", "rule for shop"),
        ("own", "the product's team"),
        ("glob", "rule for sh*"),
        ("npm", "rule for pkg:npm/*"),
        ("cert-triage", "ann (assigned by Ann) was retired"),
    ]
    chosen = Owner(teams["ann"].id, "assigned by Ann")
    for team, reason in expected:
        found, said = ask(session, shop, LODASH, EXPRESS, chosen=chosen)
        assert (found, said.partition(";")[0]) == (team, reason)
        if team in teams:
            teams[team].retired_at = NOON
            session.flush()
    assert ask(session, shop, EXPRESS)[0] == "cert-triage"


def test_a_team_that_nobody_can_reach_falls_through_and_the_reason_says_so(session: WriteSession) -> None:
    quiet = make_team(session, "quiet", email=None)
    shop = make_user(session, "shop", LODASH, team=quiet)
    assert ask(session, shop, LODASH) == ("cert-triage", "quiet (the product's team) has no address")
    add_rules(session, (None, "pkg:npm/*", make_team(session, "npm")))
    expected = "rule for pkg:npm/*; quiet (the product's team) has no address"
    assert ask(session, shop, LODASH) == ("npm", expected)
    for address in ({"webhook": "https://chat.example/x"}, {"chat": "slack://x"}, {"members": ["a@example.org"]}):
        for field, value in address.items():
            setattr(quiet, field, value)
        session.flush()
        assert ask(session, shop, LODASH) == ("quiet", "the product's team")
        for field in address:
            setattr(quiet, field, [] if field == "members" else None)


def test_successors_go_on_along_the_line_even_where_it_is_a_circle(session: WriteSession) -> None:
    heir = make_team(session, "heir")
    between = make_team(session, "between", retired_at=NOON, successor_id=heir.id)
    gone = make_team(session, "gone", retired_at=NOON, successor_id=between.id)
    shop = make_user(session, "shop", LODASH, team=gone)
    expected = "successor of gone (the product's team), which was retired"
    assert ask(session, shop, LODASH) == ("heir", expected)
    heir.retired_at, heir.successor_id = NOON, gone.id
    session.flush()
    assert ask(session, shop, LODASH) == ("cert-triage", "gone (the product's team) was retired")


def test_an_on_call_answers_for_a_team_without_address_but_not_for_one_that_is_gone(session: WriteSession) -> None:
    quiet = make_team(session, "quiet", email=None, on_call="night@example.org")
    shop = make_user(session, "shop", LODASH, team=quiet)
    assert ask(session, shop) == ("quiet", "on call for quiet (the product's team), which has no address")
    quiet.retired_at = NOON
    session.flush()
    assert ask(session, shop) == ("cert-triage", "quiet (the product's team) was retired")


def test_a_persons_choice_stands_though_the_team_has_no_address(session: WriteSession) -> None:
    quiet = make_team(session, "quiet", email=None)
    shop = make_user(session, "shop", LODASH, team=make_team(session, "web"))
    assert ask(session, shop, chosen=Owner(quiet.id, "assigned by Ann")) == ("quiet", "assigned by Ann")


def test_the_way_is_told_step_by_step(session: WriteSession) -> None:
    quiet = make_team(session, "quiet", email=None)
    shop = make_user(session, "shop", LODASH, team=quiet)
    add_rules(session, (None, "pkg:npm/lodash", make_team(session, "npm")))
    question = Question(shop.id, component_ids(session, [LODASH]))
    told = [(one.step, one.team and one.team.name, one.hit) for one in attempts(learn(session, [question]), question)]
    assert told == [
        ("product and purl rule", None, False),
        ("product rule", None, False),
        ("product team", "quiet", False),
        ("product pattern rule", None, False),
        ("purl rule", "npm", True),
    ]


def test_a_thousand_questions_cost_as_many_statements_as_one(session: WriteSession, engine: Engine) -> None:
    team = make_team(session, "web")
    first = make_user(session, "shop", LODASH, team=team)
    add_rules(session, ("shop*", "pkg:npm/lodash", team), (None, "pkg:npm/*", team))
    ids = component_ids(session, [LODASH])
    many = [first, *(make_product(session, f"shop-{number}") for number in range(50))]
    with statements(engine) as sent:
        owners_of(session, {first.id: Question(first.id, ids)})
    one = sum(sent.values())
    with statements(engine) as sent:
        owners = owners_of(session, {(product.id, n): Question(product.id, ids) for product in many for n in range(20)})
    assert (len(owners), sum(sent.values())) == (1_020, one)
    assert one == 4
