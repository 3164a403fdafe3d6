"""Which versions are meant: prefixes, ranges and vers, over what packagings make of upstream's versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.inventory.constraints import BadConstraint, Outcome, Prefix, parse_range, parse_vers
from service.inventory.upstream import upstream_key, upstream_of

IN, OUT, STEPPED_BACK, UNKNOWN = Outcome.IN, Outcome.OUT, Outcome.STEPPED_BACK, Outcome.UNKNOWN
XZ = parse_range(">=5.6.0,<5.6.2")


@pytest.mark.parametrize(
    ("purl_type", "displayed", "upstream"),
    [
        ("deb", "5.6.1-1", "5.6.1"),
        ("deb", "1:9.6p1-4", "9.6p1"),
        ("deb", "5.6.1+really5.4.5-1ubuntu0.2", "5.4.5"),
        ("deb", "1.2.3~rc1+dfsg-4+deb12u1", "1.2.3~rc1"),
        ("deb", "20210119", "20210119"),
        ("rpm", "1:5.4.6-3.fc41", "5.4.6"),
        ("rpm", "5.6.1.revertto5.4-3.2", "5.4"),
        ("apk", "5.6.1-r1", "5.6.1"),
        ("alpm", "2:5.6.1-1", "5.6.1"),
        ("golang", "v0.5.6", "0.5.6"),
        ("npm", "4.17.21-beta.1", "4.17.21-beta.1"),
        ("julia", "5.6.1+0", "5.6.1"),
        ("", "5.6.1-1", "5.6.1"),
    ],
)
def test_packaging_is_stripped_from_a_version(purl_type: str, displayed: str, upstream: str) -> None:
    assert upstream_of(purl_type, displayed).version == upstream


def test_upstream_versions_are_ordered_as_people_expect() -> None:
    ascending = [
        "0.9",
        "1.0alpha1",
        "1.0~rc1",
        "1.0rc2",
        "1.0",
        "1.0.0.1",
        "1.0.2",
        "1.0.2b",
        "1.0.10",
        "1.1.1",
        "1.1.1k",
    ]

    assert sorted(ascending, key=upstream_key) == sorted(ascending, key=ascending.index)
    assert upstream_key("5.6") == upstream_key("5.6.0")


@given(st.text(max_size=40), st.sampled_from(["deb", "rpm", "apk", "npm", ""]))
def test_any_text_has_a_place_in_the_order(text: str, purl_type: str) -> None:
    upstream_key(upstream_of(purl_type, text).version)
    XZ.judge(purl_type, text)


@pytest.mark.parametrize(
    ("purl_type", "displayed", "outcome"),
    [
        ("conan", "5.6", IN),
        ("conan", "5.6.0", IN),
        ("deb", "5.6.1-1", IN),
        ("rpm", "1:5.6.1-1.1", IN),
        ("golang", "v5.6.1", IN),
        ("conan", "5.60", OUT),
        ("conan", "15.6", OUT),
        ("deb", "5.4.1-0.2", OUT),
        ("deb", "5.6.1+really5.4.5-1", STEPPED_BACK),
        ("rpm", "5.6.1.revertto5.4-3.2", STEPPED_BACK),
        ("rpm", "", UNKNOWN),
    ],
)
def test_a_prefix_ends_at_a_boundary_and_speaks_of_upstream(purl_type: str, displayed: str, outcome: Outcome) -> None:
    assert Prefix("5.6").judge(purl_type, displayed).outcome is outcome


@pytest.mark.parametrize("prefix", ["5.6.1+really5.4.5", "5.6.1+really5.4.5-1", "5.4", "5.4.5"])
def test_a_version_that_steps_back_is_found_as_what_it_is_or_letter_by_letter(prefix: str) -> None:
    assert Prefix(prefix).judge("deb", "5.6.1+really5.4.5-1").outcome is IN


@pytest.mark.parametrize("prefix", ["5.6.1-1", "1:5.6.1", "v5.6", "5.6.1-1ubuntu2"])
def test_a_prefix_may_name_epoch_and_packaging_release(prefix: str) -> None:
    assert Prefix(prefix).judge("deb", "1:5.6.1-1ubuntu2").outcome is IN


@given(
    st.from_regex(r"(\d:)?\d\.\d{1,2}(\.\d)?(\+really\d\.\d)?(-r?\d)?", fullmatch=True),
    st.from_regex(r"v?\d(\.\d)?", fullmatch=True),
)
def test_a_version_that_a_prefix_means_contains_it(displayed: str, prefix: str) -> None:
    constraint = Prefix(prefix)

    if constraint.judge("deb", displayed).outcome in (IN, STEPPED_BACK):
        assert constraint.contained in displayed


@pytest.mark.parametrize(
    ("purl_type", "displayed", "outcome"),
    [
        ("deb", "5.6.0-0.2", IN),
        ("deb", "5.6.1-1", IN),
        ("deb", "5.6.2-1", OUT),
        ("deb", "5.6.1+really5.4.5-1", STEPPED_BACK),
        ("rpm", "5.6.1.revertto5.4-3.2", STEPPED_BACK),
        ("rpm", "1:5.4.6-3.fc41", OUT),
        ("rpm", "5.6.0-2.fc40", IN),
        ("julia", "5.6.1+0", IN),
        ("julia", "5.6.3+0", OUT),
        ("golang", "v0.5.6", OUT),
        ("npm", "5.6.0-beta.1", OUT),
        ("pypi", "5.6.1.post1", IN),
        ("deb", "", UNKNOWN),
    ],
)
def test_a_range_speaks_of_upstream_whoever_packages_it(purl_type: str, displayed: str, outcome: Outcome) -> None:
    assert XZ.judge(purl_type, displayed).outcome is outcome


def test_a_bound_that_names_a_packaging_release_is_compared_in_its_order() -> None:
    fixed = parse_range("<5.6.1-r2")

    assert fixed.judge("apk", "5.6.1-r1").outcome is IN
    assert fixed.judge("apk", "5.6.1-r2").outcome is OUT


def test_alternatives_are_joined_by_or() -> None:
    either = parse_range("<1.0 || >=2.0, <2.3 || ==3")

    assert [either.judge("conan", v).outcome for v in ("0.9", "1.5", "2.2", "2.3", "3.0")] == [IN, OUT, IN, OUT, IN]


def test_vers_speaks_of_one_packaging_in_its_own_order() -> None:
    debian = parse_vers("vers:deb/>=5.6.0|<5.6.1%2Breally5.4.5-1")

    assert debian.judge("deb", "5.6.1-1").outcome is IN
    assert debian.judge("deb", "5.6.1+really5.4.5-1").outcome is OUT
    assert debian.judge("apk", "5.6.1-r1").outcome is OUT


def test_vers_pairs_lower_with_upper_bounds_and_takes_single_versions() -> None:
    npm = parse_vers("vers:npm/1.0.0|>=2.0.0|!=2.1.0|<3.0.0|>=4.0.0")
    wanted = {"1.0.0": IN, "1.5.0": OUT, "2.0.0": IN, "2.1.0": OUT, "3.0.0": OUT, "4.0.1": IN}

    assert {version: npm.judge("npm", version).outcome for version in wanted} == wanted
    assert parse_vers("vers:npm/*").judge("npm", "7.0.0").outcome is IN


@pytest.mark.parametrize("text", ["", "5.6", ">=", "newer than 5", ">=5.6.0 <", ">=1, foo"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(BadConstraint):
        parse_range(text)


@pytest.mark.parametrize("text", ["vers:deb", "deb/>=1", "vers:deb/>=1|>", "vers:deb/ "])
def test_what_is_no_vers_is_refused(text: str) -> None:
    with pytest.raises(BadConstraint):
        parse_vers(text)
