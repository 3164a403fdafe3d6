import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.inventory.slugs import slugify


@pytest.mark.parametrize("slug", ["payments-api", "a", "1.2", "x_y.z", "a" * 100, "_internal"])
def test_a_slug_stays_as_it_is(slug: str) -> None:
    assert slugify(slug) == (slug, slug)


@pytest.mark.parametrize(
    ("name", "slug", "title"),
    [
        ("Payments API", "payments-api", "Payments API"),
        ("  Payments \t API ", "payments-api", "Payments API"),
        ("acme/shop:web", "acme-shop-web", "acme/shop:web"),
        ("Zahlungen für Köln", "zahlungen-fur-koln", "Zahlungen für Köln"),
        (".hidden", "hidden", ".hidden"),
    ],
)
def test_a_name_becomes_a_slug_and_stays_as_title(name: str, slug: str, title: str) -> None:
    assert slugify(name) == (slug, title)


def test_names_in_other_scripts_and_long_names_stay_apart() -> None:
    names = ["支付 api", "账单 api", "支付", "", "..", "a" * 101, "a" * 102, "ß"]
    assert len({slugify(name)[0] for name in names}) == len(names)


@given(st.text(max_size=300))
def test_every_name_has_a_slug_that_is_its_own_slug(name: str) -> None:
    slug, _ = slugify(name)
    assert re.fullmatch(r"[a-z0-9._-]{1,100}", slug)
    assert re.search(r"[a-z0-9]", slug)
    assert slugify(slug)[0] == slug
