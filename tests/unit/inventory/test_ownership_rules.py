import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.inventory.ownership_file import BadOwnershipRules, Stated, read_file, write_file
from service.inventory.ownership_rules import BadRule, Rule, Rulebook, Subject, check_rule, package_of

SHOP = Subject("payments-shop", frozenset({"pci"}), None)


def rule(product: str | None = None, purl: str | None = None, position: int = 1) -> Rule:
    return Rule(position, product, purl, 1)


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("payments-shop", True), ("payments-*", True), ("*", True), ("*shop", True), ("p*s*p", True),
        ("payments", False), ("payments-?hop", False), ("tag:pci", True), ("tag:gdpr", False), ("[p]*", False),
    ],
)  # fmt: skip
def test_a_pattern_of_products_means_slugs_or_tags(pattern: str, *, means: bool) -> None:
    assert rule(pattern).is_about(SHOP) is means


@pytest.mark.parametrize(
    ("pattern", "purl", "means"),
    [
        ("pkg:npm/lodash", "pkg:npm/lodash@4.17.20", True),
        ("pkg:npm/lodash", "pkg:npm/lodash-es@4.17.20", False),
        ("pkg:npm/*", "pkg:npm/%40acme/shop@1.0", True),
        ("pkg:npm/@acme/*", "pkg:npm/%40acme/shop@1.0", True),
        ("pkg:npm/@acme/shop", "pkg:npm/%40Acme/shop@1.0", True),
        ("pkg:npm/@acme/*@1.*", "pkg:npm/%40acme/shop@1.0", True),
        ("pkg:npm/@acme/*@2.*", "pkg:npm/%40acme/shop@1.0", False),
        ("pkg:npm/@acme", "pkg:npm/%40acme/shop@1.0", False),
        ("pkg:deb/debian/xz-utils", "pkg:deb/debian/xz-utils@5.6.1-1?arch=amd64#usr", True),
        ("pkg:deb/*/xz-utils@5.6.1%2breally*", "pkg:deb/debian/xz-utils@5.6.1+really5.4.5-1", True),
        ("pkg:*", "pkg:golang/github.com/x/y@v1.0.0", True),
        ("pkg:golang/github.com/x/*", "pkg:golang/github.com/X/y/v2@v2.0.0", True),
        ("pkg:*", "", False),
    ],
)
def test_a_pattern_of_purls_means_packages_however_they_are_written(pattern: str, purl: str, *, means: bool) -> None:
    assert rule(purl=pattern).means(package_of(purl)) is means


def test_the_more_specific_rule_comes_first_and_then_the_earlier_one() -> None:
    listed = ["*", "pay*", "tag:pci", "payments-*", "payments-shop", "tag:eu", "pay-ents"]
    rules = [rule(pattern, position=position) for position, pattern in enumerate(listed)]
    ordered = [one.product for one in Rulebook(reversed(rules)).of_products]
    assert ordered == ["payments-shop", "pay-ents", "tag:pci", "tag:eu", "payments-*", "pay*", "*"]
    purls = [rule(purl=pattern) for pattern in ("pkg:*", "pkg:npm/*", "pkg:npm/a", "pkg:npm/lodash")]
    assert [one.purl for one in Rulebook(purls).of_purls] == ["pkg:npm/lodash", "pkg:npm/a", "pkg:npm/*", "pkg:*"]
    both = [rule("*", "pkg:npm/lodash"), rule("shop", "pkg:*"), rule("shop", "pkg:npm/*")]
    assert [one.words for one in Rulebook(both).of_both] == [
        "shop with pkg:npm/*", "shop with pkg:*", "* with pkg:npm/lodash",
    ]  # fmt: skip


def test_what_can_mean_nothing_is_refused() -> None:
    for product, purl in (
        (None, None), ("Shop", None), ("a b", None), ("", None), ("tag:", None), ("x" * 301, None),
        (None, "npm/lodash"), (None, "pkg:npm"), (None, "pkg:npm/a?arch=x"), (None, "pkg:npm/a b"), (None, "pkg:"),
        (None, "pkg:npm/\u202e"),
    ):  # fmt: skip
        with pytest.raises(BadRule):
            check_rule(product, purl)


FILE = """\
\ufeff# our rules

payments-*            payments   # all of them
payments-api:pkg:npm/@acme/*   @web
tag:pci:pkg:*\tcompliance\t# audited
pkg:deb/debian/xz-utils platform
"""


def test_a_file_states_one_rule_a_line() -> None:
    assert read_file(FILE) == [
        Stated("payments-*", None, "payments", "all of them", "line 3"),
        Stated("payments-api", "pkg:npm/@acme/*", "web", "", "line 4"),
        Stated("tag:pci", "pkg:*", "compliance", "audited", "line 5"),
        Stated(None, "pkg:deb/debian/xz-utils", "platform", "", "line 6"),
    ]


def test_every_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(BadOwnershipRules) as refused:
        read_file("ok team\nnobody\nUPPER team\n\npkg:npm team\na b c\n" + "x team # " + "n" * 501)
    assert [error["where"] for error in refused.value.members["errors"]] == [  # type: ignore[attr-defined]
        "line 2", "line 3", "line 5", "line 6", "line 7",
    ]  # fmt: skip
    assert refused.value.detail.startswith("line 2: Write what, then one team")


_SLUGS = st.from_regex(r"[a-z0-9*][a-z0-9._*-]{0,20}", fullmatch=True)
_PRODUCTS = st.one_of(_SLUGS, st.from_regex(r"tag:[a-z0-9]{1,9}", fullmatch=True))
_PURLS = st.from_regex(r"pkg:(npm|deb|golang)/[A-Za-z@%*][A-Za-z0-9./@%*+-]{0,30}", fullmatch=True)
_NOTES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20)
_RULES = st.builds(
    Stated,
    *(_PRODUCTS, _PURLS),
    team=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True),
    note=_NOTES,
) | st.builds(Stated, st.none(), _PURLS, team=st.just("web"), note=_NOTES) | st.builds(
    Stated, _PRODUCTS, st.none(), team=st.just("web"), note=_NOTES
)  # fmt: skip


@settings(max_examples=50)
@given(st.lists(_RULES, max_size=6))
def test_what_is_written_reads_back_the_same(rules: list[Stated]) -> None:
    back = [Stated(one.product, one.purl, one.team, one.note) for one in read_file(write_file(rules))]
    assert back == rules
