"""How much one transaction of a feed takes upon itself."""

from service.flows.settling import ASSESSED_AT_ONCE, EXPOSED_AT_ONCE, portions


def test_light_products_go_together_up_to_a_number() -> None:
    dealt = list(portions((product, 1) for product in range(ASSESSED_AT_ONCE + 1)))

    assert dealt == [list(range(ASSESSED_AT_ONCE)), [ASSESSED_AT_ONCE]]


def test_heavy_products_are_dealt_by_the_exposures_they_may_get() -> None:
    third = EXPOSED_AT_ONCE // 3

    assert list(portions([(1, third), (2, third), (3, third), (4, third)])) == [[1, 2, 3], [4]]


def test_a_product_that_is_too_heavy_goes_alone() -> None:
    assert list(portions([(1, 1), (2, EXPOSED_AT_ONCE * 2), (3, 1)])) == [[1], [2], [3]]


def test_nothing_is_no_portion() -> None:
    assert list(portions([])) == []
