"""Which version of a package became which."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from service.inventory.diff_order import compare_versions, in_order
from service.inventory.diff_pairing import Pair, Part, _choose, pair


def part(id_: int, version: str, *, purl_type: str = "npm", package: int = 1, qualifiers: str = "") -> Part:
    purl = f"pkg:{purl_type}/thing@{version}{qualifiers}" if purl_type else ""
    return Part(id_, package, purl_type, "", "thing", version, purl, "")


def versions(pairs: list[Pair]) -> list[tuple[str | None, str | None]]:
    return sorted(((old and old.version, new and new.version) for old, new in pairs), key=str)


def parts(first_id: int, *written: str) -> list[Part]:
    return [part(first_id + index, version) for index, version in enumerate(written)]


def test_a_version_is_paired_with_the_nearest_and_the_rest_is_alone() -> None:
    assert versions(pair(parts(1, "1.0.0"), parts(9, "2.0.0", "1.1.0"))) == [("1.0.0", "1.1.0"), (None, "2.0.0")]
    assert versions(pair(parts(1, "1.0.0", "2.0.0"), parts(9, "2.1.0"))) == [("1.0.0", None), ("2.0.0", "2.1.0")]
    assert versions(pair(parts(1, "9.0.0", "10.0.0"), parts(9, "10.0.1", "9.1.0"))) == [
        ("10.0.0", "10.0.1"),
        ("9.0.0", "9.1.0"),
    ]


def test_the_same_version_under_another_purl_comes_first() -> None:
    old = [part(1, "1-1", purl_type="deb", qualifiers="?distro=debian-12"), part(2, "2-1", purl_type="deb")]
    new = [part(3, "2-1", purl_type="deb", qualifiers="?distro=debian-13"), part(4, "3-1", purl_type="deb")]
    assert versions(pair(old, new)) == [("1-1", "3-1"), ("2-1", "2-1")]


def test_variants_of_a_package_are_paired_with_their_like() -> None:
    old = [part(1, "1.0", qualifiers="?arch=arm"), part(2, "1.1", qualifiers="?arch=x86")]
    new = [part(3, "1.2", qualifiers="?arch=x86"), part(4, "1.3", qualifiers="?arch=arm")]
    assert versions(pair(old, new)) == [("1.0", "1.3"), ("1.1", "1.2")]


def test_packages_are_never_mixed() -> None:
    assert pair([part(1, "1", package=1)], [part(2, "1", package=2)]) == [
        (part(1, "1", package=1), None),
        (None, part(2, "1", package=2)),
    ]


def test_more_versions_than_anybody_can_weigh_are_paired_in_order() -> None:
    old = parts(1, *(f"{number}.0.0" for number in range(3_000)))
    new = parts(10_000, *(f"{number}.0.1" for number in range(5_000)))
    pairs = pair(old, new)
    assert len(pairs) == 5_000
    assert sum(before is not None and after is not None for before, after in pairs) == 3_000


def test_the_ecosystem_says_which_version_is_later_and_numbers_do_where_there_is_none() -> None:
    for purl_type, lower, higher in (
        ("deb", "1.0~rc1-1", "1.0-1"),
        ("rpm", "1.0-9", "1:0.9-1"),
        ("apk", "1.0_rc1-r0", "1.0-r0"),
        ("npm", "1.0.0-rc.1", "1.0.0"),
        ("pypi", "1.0.dev1", "1.0"),
        ("maven", "1.0-alpha-1", "1.0"),
        ("golang", "v1.9.0", "v1.10.0"),
        ("generic", "1.1.1k", "3.0.1"),
        ("", "2.9", "2.10"),
    ):
        forwards, backwards = compare_versions(purl_type, lower, higher), compare_versions(purl_type, higher, lower)
        assert forwards is not None
        assert backwards is not None
        assert forwards < 0 < backwards, (purl_type, lower, higher)
    assert compare_versions("npm", "", "1.0.0") is None
    assert compare_versions("generic", "8c1f0a2", "77ab01c") is None
    assert compare_versions("npm", "latest", "next") is None


def test_versions_outside_the_order_stand_behind_whatever_comes_first() -> None:
    for given_order in permutations(("1.10.0", "1.9.0", "main", "dev")):
        assert in_order("npm", given_order) == ["1.9.0", "1.10.0", "dev", "main"]


@given(st.lists(st.integers(0, 30), max_size=5), st.lists(st.integers(0, 30), max_size=7))
def test_the_chosen_distances_add_up_to_the_least(one: list[int], other: list[int]) -> None:
    few, many = sorted((sorted(one), sorted(other)), key=len)
    chosen = _choose(few, many)
    assert len({i for i, _ in chosen}) == len({j for _, j in chosen}) == len(few)
    least = min(sum(abs(a - b) for a, b in zip(few, picked, strict=True)) for picked in permutations(many, len(few)))
    assert sum(abs(few[i] - many[j]) for i, j in chosen) == least


listings = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["1.0", "1.1", "1.10", "2.0", "", "dev"]), st.sampled_from("ab")),
    max_size=12,
)


@given(listings, listings)
def test_swapped_sides_give_the_mirrored_pairs_and_nothing_is_lost(
    one: list[tuple[int, str, str]], other: list[tuple[int, str, str]]
) -> None:
    old, new = (
        [part(first + n, version, package=package, qualifiers=f"?os={variant}") for n, (package, version, variant) in
         enumerate(listed)]
        for first, listed in ((1, one), (100, other))
    )  # fmt: skip
    forwards, backwards = pair(old, new), pair(new[::-1], old[::-1])
    assert {(before, after) for after, before in backwards} == set(forwards)
    assert sorted(before for before, _ in forwards if before) == sorted(old)
    assert sorted(after for _, after in forwards if after) == sorted(new)
