"""Twenty products cost as many statements as one."""

from collections.abc import Callable

import pytest
from osv_bucket import make_record
from story import Story, statements

from service.db import writing
from service.incidents.assessing import Cause, Question, assess
from service.incidents.reading import products_exposed_to

OLD, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"
LODASH = make_record("GHSA-2222-2222-2222", "npm/lodash", "introduced 0", "fixed 4.17.21")


def _cost(story: Story, act: Callable[[], object]) -> int:
    with statements(story.engine) as sent:
        act()
    return sent.total()


def _products(count: int, start: int = 0) -> list[str]:
    return [f"product-{n}" for n in range(start, start + count)]


def test_opening_the_exposures_of_twenty_products_costs_what_one_costs(story: Story) -> None:
    story.upload("one", OLD)
    # An id of our own: a public one would be stored first and then amended, which costs more than one that is new.
    first = make_record("OURS-1", "npm/lodash", "introduced 0", "fixed 4.17.21")
    one = _cost(story, lambda: story.publish(first))
    for product in _products(20):
        story.upload(product, "pkg:npm/lodash@4.17.19")
    # A second vulnerability: nobody has an exposure yet.
    other = make_record("OURS-2", "npm/lodash", "introduced 0", "fixed 4.17.20")
    twenty = _cost(story, lambda: story.publish(other))
    assert story.rows()["exposure"] == 41
    assert twenty == one


def test_withdrawing_twenty_exposures_costs_what_one_costs(story: Story) -> None:
    story.upload("one", OLD)
    story.publish(LODASH)
    one = _cost(story, lambda: story.withdraw(LODASH["id"]))
    for product in _products(20):
        story.upload(product, OLD)
    story.publish(LODASH)
    twenty = _cost(story, lambda: story.withdraw(LODASH["id"]))
    assert {story.status(product, LODASH["id"]) for product in _products(20)} == {"withdrawn"}
    assert twenty == one


def test_opening_some_while_others_stand_costs_nothing_for_those(story: Story) -> None:
    story.publish(LODASH)
    for product in _products(20):
        story.upload(product, OLD)
    story.upload("new", NEW)
    wider = make_record("GHSA-2222-2222-2222", "npm/lodash", "introduced 0", "fixed 5.0.0")
    with statements(story.engine) as sent:
        story.publish(wider)
    refreshed = [text for text in sent if text.count("exposure.id = ") and sent[text] > 5]
    assert refreshed == []


def test_an_upload_costs_the_same_however_many_components_it_lists(story: Story) -> None:
    story.publish(LODASH)
    few = _cost(story, lambda: story.upload("few", *(f"pkg:npm/a-{n}@1.0.0" for n in range(5))))
    many = _cost(story, lambda: story.upload("many", *(f"pkg:npm/b-{n}@1.0.0" for n in range(500))))
    assert many == few


def test_looking_again_when_nothing_has_changed_writes_nothing(story: Story) -> None:
    story.publish(LODASH)
    story.upload("shop", OLD)
    before = story.rows()
    incident = story.incident(LODASH["id"])
    assert incident is not None
    assert incident.vulnerability_id is not None
    with writing(story.engine) as session:
        vulnerabilities = frozenset([incident.vulnerability_id])
        products = frozenset(products_exposed_to(session, vulnerabilities))
        assessed = assess(session, Question(products, vulnerabilities, frozenset()), Cause("tests", story.tick()))
    assert (assessed.opened, assessed.stepped) == ([], [])
    assert story.rows() == before


@pytest.mark.parametrize("count", [0, 20])
def test_an_upload_that_changes_nothing_costs_the_same_beside_many_products(story: Story, count: int) -> None:
    story.publish(LODASH)
    for product in _products(count):
        story.upload(product, OLD)
    story.upload("shop", OLD)
    assert _cost(story, lambda: story.upload("shop", OLD)) <= 50
