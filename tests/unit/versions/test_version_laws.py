"""Laws that hold for any versions, checked on generated ones."""

from functools import cmp_to_key, partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from service.purls import PURL_PLACE
from service.versions import MAX_CHARACTERS, UnparsableVersion, compare, sort_key
from service.versions.keys import number, text
from service.versions.maven import maven_compare, maven_key

PIECES = {
    "npm": ["-", "+", "v", "rc", "alpha"],
    "Julia": ["-", "+", "rc"],
    "Bitnami": ["-", "-r", "rc", "el8"],
    "PyPI": ["a", "b", "rc", ".dev", ".post", "+", "!", "-", "x", "final"],
    "Debian": ["~", "+", "-", ":", "a", "Z", "dfsg", "really"],
    "Red Hat": ["~", "^", "-", ":", "_", "a", "el"],
    "Alpine": ["_alpha", "_rc", "_p", "_git", "-r", "a", "~", "05"],
    "Maven": ["-", "alpha", "a", "m", "rc", "sp", "ga", "snapshot", "x", "jre", "00"],
    "RubyGems": ["a", "rc", "pre", "-", "00"],
    "NuGet": ["-", "+", "BETA", "beta"],
    "Packagist": ["-", "+", "_", "dev", "alpha", "RC", "rc", "pl", "patch", "#", "v"],
    "Pub": ["-", "+", "a"],
    "CRAN": ["-"],
    "Hackage": ["0"],
    f"{PURL_PLACE}:alpm/arch": ["rc", "a", "-", ":", "+"],
}
COMMON = [".", ".", "0", "1", "2", "10", "20240101123456789012"]


def versions(ecosystem: str) -> st.SearchStrategy[str]:
    """Versions near one another: short, of the pieces that the ecosystem cares about."""
    tails = st.lists(st.sampled_from([*PIECES[ecosystem], *COMMON]), max_size=8).map("".join)
    return st.sampled_from(["1", "1.0", "1.1", ""]).flatmap(lambda head: tails.map(lambda tail: head + tail))


def readable(ecosystem: str, version: str) -> bool:
    try:
        sort_key(ecosystem, version)
    except UnparsableVersion:
        return False
    return True


@pytest.mark.parametrize("ecosystem", PIECES)
@given(data=st.data())
def test_order_is_antisymmetric_and_keys_agree_with_it(ecosystem: str, data: st.DataObject) -> None:
    readable_versions = versions(ecosystem).filter(lambda version: readable(ecosystem, version))
    a, b = data.draw(readable_versions), data.draw(readable_versions)
    verdict = compare(ecosystem, a, b)
    assert verdict == -compare(ecosystem, b, a)
    assert compare(ecosystem, a, a) == 0
    (left, left_flagged), (right, right_flagged) = sort_key(ecosystem, a), sort_key(ecosystem, b)
    if not (left_flagged or right_flagged):
        assert verdict == (left > right) - (left < right)


@given(a=versions("Maven"), b=versions("Maven"))
def test_mavens_comparison_decides_as_the_key_where_neither_side_is_flagged(a: str, b: str) -> None:
    assert maven_compare(a, b) == -maven_compare(b, a)
    (left, left_flagged), (right, right_flagged) = maven_key(a), maven_key(b)
    if not (left_flagged or right_flagged):
        assert maven_compare(a, b) == (left > right) - (left < right)


@st.composite
def python_versions(draw: st.DrawFn) -> str:
    release = ".".join(map(str, draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))))
    suffixes = [("", "1!"), ("", "a1", "b0", "rc1"), ("", ".post0", ".post2"), ("", ".dev0", ".dev3")]
    epoch, pre, post, dev = (draw(st.sampled_from(choice)) for choice in suffixes)
    return epoch + release + pre + post + dev + draw(st.sampled_from(("", "+1", "+a", "+a.1", "+1.a", "+10")))


@given(a=python_versions(), b=python_versions())
def test_python_versions_are_ordered_as_packaging_orders_them(a: str, b: str) -> None:
    left, right = Version(a), Version(b)
    assert compare("PyPI", a, b) == (left > right) - (left < right)


@given(st.lists(st.integers(0, 10**40).map(str), min_size=2, max_size=2))
def test_numbers_of_any_size_sort_by_value(pair: list[str]) -> None:
    a, b = pair
    assert (number(a) < number(b)) == (int(a) < int(b))
    assert number("00" + a) == number(a)


@given(a=st.text(st.characters(exclude_characters="\0", codec="utf-8")), b=st.text("ab"))
def test_a_text_sorts_before_its_continuations(a: str, b: str) -> None:
    assert (text(a) < text(a + b)) == bool(b)


@pytest.mark.parametrize("ecosystem", PIECES)
@pytest.mark.parametrize("piece", ["a1", ".0", ".1", "0a", "-1", "~1", "_p", "\U000100001"])
def test_the_longest_version_fits_a_postgresql_index(ecosystem: str, piece: str) -> None:
    version = ("1" + piece * MAX_CHARACTERS)[:MAX_CHARACTERS]
    if readable(ecosystem, version):
        assert len(sort_key(ecosystem, version)[0]) <= 2400
        assert compare(ecosystem, version, version[:-2]) == -compare(ecosystem, version[:-2], version)


def test_sorting_by_comparison_and_by_key_give_one_order() -> None:
    def npm(a: str, b: str) -> int:
        return compare("npm", a, b)

    listed = ["1.10.0", "1.9.0-rc.1", "1.9.0", "1.0", "1.9.0.1", "2.0rc1", "1.9.0-1"]
    assert sorted(listed, key=lambda version: sort_key("npm", version)) == sorted(listed, key=cmp_to_key(npm))


@pytest.mark.parametrize("ecosystem", PIECES)
@settings(max_examples=30)
@given(data=st.data())
def test_order_is_transitive_where_keys_are_exact(ecosystem: str, data: st.DataObject) -> None:
    exact = versions(ecosystem).filter(lambda one: readable(ecosystem, one) and not sort_key(ecosystem, one)[1])
    a, b, c = sorted(data.draw(st.lists(exact, min_size=3, max_size=3)), key=cmp_to_key(partial(compare, ecosystem)))
    assert compare(ecosystem, a, b) <= 0
    assert compare(ecosystem, b, c) <= 0
    assert compare(ecosystem, a, c) == max(-1, compare(ecosystem, a, b) + compare(ecosystem, b, c))
