"""Exposures follow the rules: when these change, a team ends or falls silent, a product changes hands."""

from collections.abc import Iterator

import pytest
from osv_bucket import make_record
from sqlalchemy import Engine, select
from story import CERT, Story, empty, statements

from service.access.models import Team
from service.access.roles import Actor, Role
from service.access.teams import CannotSucceed, FallbackStays, TeamFields, TeamRetired
from service.db import reading, writing
from service.errors import Forbidden
from service.flows import reowning
from service.incidents.assigning import NobodyChose, assign, give_back, tenures
from service.incidents.models import Exposure
from service.incidents.ownership import Following
from service.inventory.models import Product
from service.inventory.ownership_file import BadOwnershipRules, read_file
from service.inventory.products import find_product
from service.inventory.stewardship import patch_product

OLD, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"
CVE = "CVE-2021-1"
LODASH = make_record(CVE, "npm/lodash", "introduced 0", "fixed 4.17.21")


class House:
    """Products, all of which use lodash, and the teams that own them."""

    def __init__(self, story: Story) -> None:
        self.story, self.engine = story, story.engine
        story.feed(LODASH)

    def product(self, slug: str, *, team: str | None = None) -> None:
        self.story.product(slug, team=team)
        self.story.upload(slug, OLD)

    def team(self, name: str, *, email: str | None = "somebody@example.org") -> None:
        said = TeamFields(email=email)
        reowning.put_team(self.engine, name, said, said={}, actor=CERT, now=self.story.tick())

    def rules(self, file: str) -> reowning.Replaced:
        return reowning.put_rules(self.engine, read_file(file), check=lambda _: None, actor=CERT, now=self.story.tick())

    def retire(self, team: str, successor: str | None = None) -> int:
        now = self.story.tick()
        return reowning.retire_team(self.engine, team, successor=successor, reason="merged", actor=CERT, now=now)

    def exposure(self, product: str = "shop") -> Exposure:
        exposure = self.story.exposure(product, CVE)
        assert exposure is not None
        return exposure

    def owner(self, product: str = "shop") -> tuple[str, str, bool]:
        exposure = self.exposure(product)
        return self.story.owner(exposure), exposure.owner_reason, exposure.owner_manual

    def assign(self, team: str, product: str = "shop", actor: Actor = CERT) -> None:
        with writing(self.engine) as session:
            assign(session, self.exposure(product).id, team, actor=actor, reason="", now=self.story.tick())

    def give_back(self, product: str = "shop") -> None:
        with writing(self.engine) as session:
            give_back(session, self.exposure(product).id, actor=CERT, now=self.story.tick())


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    yield House(Story(engine))
    empty(engine)


def test_new_rules_move_exposures_and_the_timeline_says_from_whom_to_whom(house: House) -> None:
    house.product("shop", team="web")
    house.team("npm")
    before = house.exposure()
    assert house.rules("shop:pkg:npm/lodash npm").changed == 1
    assert house.owner() == ("npm", "rule for shop with pkg:npm/lodash", False)
    assert house.exposure().version == before.version + 1
    step = house.story.steps(before)[-1]
    assert (step.step, step.reason, step.actor) == ("assigned", "rule for shop with pkg:npm/lodash", "muster")
    assert step.evidence == {"team": "npm", "from": "web", "to": "npm", "manual": False}
    assert ("exposure.assigned", "npm") in {(change.type, change.team) for change in house.story.changes()}


def test_the_same_team_by_another_rule_takes_no_step(house: House) -> None:
    house.product("shop", team="web")
    before = len(house.story.steps(house.exposure()))
    assert house.rules("shop web").changed == 0
    assert house.owner() == ("web", "rule for shop", False)
    assert len(house.story.steps(house.exposure())) == before


def test_a_dry_run_says_exactly_what_then_happens(house: House) -> None:
    for slug in ("pay-a", "pay-b", "shop"):
        house.product(slug, team="web")
    house.team("payments")
    house.assign("web", "pay-b")
    file = "pay-* web\ntag:none web\npkg:npm/* payments\npay-a:pkg:* payments\npay-b:pkg:* payments"
    with reading(house.engine) as session:
        tried = reowning.try_rules(session, read_file(file))
        slugs = dict(session.execute(select(Product.id, Product.slug)).all())
    assert [(slugs[one.product_id], one.after.reason) for one in tried.changes] == [
        ("pay-a", "rule for pay-a with pkg:*")
    ]
    assert house.owner("pay-a")[0] == "web"
    assert house.rules(file).changed == tried.changed == 1
    assert [house.owner(slug)[0] for slug in ("pay-a", "pay-b", "shop")] == ["payments", "web", "web"]


def test_rules_are_taken_all_or_none(house: House) -> None:
    house.team("web")
    house.rules("shop web")
    with pytest.raises(BadOwnershipRules) as refused:
        house.rules("shop web\n# a comment\nblog nobody")
    assert refused.value.detail == "line 3: there is no team nobody; PUT /v1/teams/nobody makes one"
    house.product("shop")
    assert house.owner() == ("web", "rule for shop", False)


def test_what_somebody_assigned_stays_until_it_is_given_back(house: House) -> None:
    house.product("shop", team="web")
    for name in ("ann", "npm"):
        house.team(name)
    house.assign("ann")
    assert house.rules("pkg:npm/* npm\nshop npm").changed == 0
    assert house.owner() == ("ann", "assigned by muster", True)
    house.give_back()
    assert house.owner() == ("npm", "rule for shop", False)
    with pytest.raises(NobodyChose):
        house.give_back()


def test_who_has_had_it_is_told_from_the_beginning(house: House) -> None:
    house.product("shop", team="web")
    house.team("ann")
    with reading(house.engine) as session:
        assert [(one.former, one.to, one.reason) for one in tenures(session, house.exposure())] == [
            (None, "web", "the product's team")
        ]
    house.assign("ann")
    house.give_back()
    with reading(house.engine) as session:
        told = [(one.former, one.to, one.by, one.manual) for one in tenures(session, house.exposure())]
    assert told == [
        (None, "web", "ci", False),
        ("web", "ann", "muster", True),
        ("ann", "web", "muster", False),
    ]


def test_a_team_that_ends_hands_over_even_what_was_assigned_to_it(house: House) -> None:
    house.product("shop", team="web")
    house.product("blog", team="blogs")
    house.team("heir")
    house.assign("web", "blog")
    assert house.retire("web", "heir") == 2
    assert house.owner() == ("heir", "successor of web (the product's team), which was retired", False)
    assert house.owner("blog") == ("blogs", "the product's team; web (assigned by muster) was retired", False)
    with pytest.raises(TeamRetired):
        house.assign("web")
    with pytest.raises(TeamRetired):
        house.team("web")


def test_who_may_not_retire_and_who_may_not_succeed(house: House) -> None:
    for name in ("web", "gone"):
        house.team(name)
    house.retire("gone")
    for team, successor, error in (
        ("cert-triage", None, FallbackStays),
        ("web", "web", CannotSucceed),
        ("web", "gone", TeamRetired),
        ("gone", None, TeamRetired),
    ):
        with pytest.raises(error):
            house.retire(team, successor)


def test_exposures_leave_a_team_that_loses_its_address_and_come_back_with_it(house: House) -> None:
    house.product("shop", team="web")
    house.team("web", email=None)
    assert house.owner() == ("cert-triage", "web (the product's team) has no address", False)
    house.team("web")
    assert house.owner() == ("web", "the product's team", False)


def test_a_product_takes_its_exposures_along_when_it_changes_hands(house: House) -> None:
    house.product("shop", team="web")
    house.team("npm")
    with writing(house.engine) as session:
        row = find_product(session, "shop")
        patch_product(session, row, {"team": "npm"})
        assert reowning.let_product_follow(session, row.id, actor="ann", now=house.story.tick()) == 1
    assert house.owner() == ("npm", "the product's team", False)


def test_what_is_over_keeps_its_owner_until_it_opens_again(house: House) -> None:
    house.product("shop", team="web")
    house.story.upload("shop", NEW)
    house.team("npm")
    assert house.story.status("shop", CVE) == "resolved"
    assert house.rules("shop npm").changed == 0
    assert house.owner() == ("web", "the product's team", False)
    house.story.upload("shop", OLD)
    assert house.owner() == ("npm", "rule for shop", False)


def test_nobody_takes_from_others_what_is_not_theirs(house: House) -> None:
    house.product("shop", team="web")
    house.team("ann")
    with reading(house.engine) as session:
        stranger = session.scalars(select(Team.id).where(Team.name == "ann")).one()
    with pytest.raises(Forbidden):
        house.assign("ann", actor=Actor("bob", Role.OWNER, team_id=stranger))


def test_many_exposures_cost_as_many_statements_as_one(house: House) -> None:
    for number in range(8):
        house.product(f"shop-{number}", team="web")
    house.team("npm")
    counts = []
    for file, changed in (("shop-1:pkg:npm/* npm", 1), ("shop-*:pkg:npm/* npm", 7), ("shop-*:pkg:npm/* web", 8)):
        with statements(house.engine) as sent:
            assert house.rules(file).changed == changed
        counts.append(sum(sent.values()))
    assert len(set(counts)) == 1


def test_running_it_again_changes_nothing(house: House) -> None:
    house.product("shop", team="web")
    house.team("npm")
    house.rules("shop npm")
    changes = len(house.story.changes())
    assert reowning.let_follow(house.engine, Following(), actor="clock", now=house.story.tick()) == 0
    assert len(house.story.changes()) == changes
