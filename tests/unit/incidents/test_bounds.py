"""What a decision covers: its packages, its versions, the ranges and the urgency by which it was judged."""

from typing import Any

import pytest

from service.incidents.bounds import (
    Bound,
    Grounds,
    Rating,
    Said,
    Used,
    bounds_of,
    exactly,
    grounds_of,
    outgrown,
    uncovered,
    within,
)

CALM = Rating("medium", "track", None)
LODASH, CORE = 1, 2


def said(advisory: str = "GHSA-1", low: str = "", high: str = "4.17.21", *, included: bool = False) -> Said:
    return Said(advisory, 10, "npm", low, high, included)


def used(version: str = "4.17.20", *words: Said, package: int = LODASH) -> Used:
    name = {LODASH: "pkg:npm/lodash", CORE: "pkg:npm/lodash.core"}[package]
    return Used(len(version), package, name, "npm", version, ((10, version),), words or (said(),))


def judged(then: Used, now: Used, rating: Rating = CALM, narrowed: str = "") -> Any:  # noqa: ANN401
    """Decide about one component, and ask whether that covers another."""
    missing = uncovered(bounds_of([then], narrowed), grounds_of([then], CALM), [now], rating)
    return missing and missing.reason


def test_a_decision_holds_for_the_range_of_the_advisory() -> None:
    assert judged(used("4.17.20"), used("4.17.20")) is None
    assert judged(used("4.17.20"), used("3.0.0")) is None
    outside = judged(used("4.17.20"), used("4.17.22", said(high="4.18.0")))
    assert outside == "pkg:npm/lodash 4.17.22: a version that it was not decided for"


def test_another_package_is_not_covered() -> None:
    reason = judged(used(), used("4.17.20", package=CORE))
    assert reason == "pkg:npm/lodash.core 4.17.20: a package that it was not decided for"


def test_versions_that_are_listed_one_by_one_are_covered_one_by_one() -> None:
    listed = used("1.0.0", said("MAL-1", "1.0.0", "1.0.0", included=True))
    assert judged(listed, listed) is None
    assert judged(listed, used("1.0.1", said("MAL-1", "1.0.1", "1.0.1", included=True))) is not None


def test_without_any_range_the_very_version_is_covered() -> None:
    bare = Used(1, LODASH, "liblzma", "", "5.6.1", (), ())
    assert bounds_of([bare]) == [exactly(bare)]
    assert judged(bare, bare) is None
    assert judged(bare, bare._replace(version="5.6.0")) is not None


def test_a_version_that_cannot_be_read_is_never_covered() -> None:
    assert judged(used("4.17.20"), used("not a version")) is not None


def test_a_last_affected_version_belongs_to_the_range() -> None:
    last = said(high="4.17.20", included=True)
    assert judged(used("4.17.19", last), used("4.17.20", last)) is None


def test_a_range_that_moved_is_not_what_was_judged() -> None:
    reason = judged(used(), used("4.17.20", said(high="5.0.0")))
    assert reason == "GHSA-1 named vers:npm/<4.17.21 when it was decided, and names vers:npm/<5.0.0 now"


def test_another_advisory_that_says_the_same_changes_nothing() -> None:
    assert judged(used(), used("4.17.20", said(), said("PYSEC-1"))) is None
    assert judged(used(), used("4.17.20", said("PYSEC-1"))) is None, "the first was withdrawn, its range stands"
    assert judged(used(), used("4.17.20", said(), said("OTHER", high="9"))) is None, "what was judged is said still"


def test_what_nobody_says_any_more_was_judged_by_something_else() -> None:
    reason = judged(used(), used("4.17.20", said("OTHER", high="9")))
    assert reason == "no advisory names any more what pkg:npm/lodash 4.17.20 was judged by"


@pytest.mark.parametrize(
    ("then", "now", "worse"),
    [
        (CALM, CALM, False),
        (CALM, Rating("high", "track*", None), True),
        (CALM, Rating("low", "track", None), False),
        (Rating("unscored", "track*", None), Rating("high", "track*", None), False),
        (Rating("unscored", "track*", None), Rating("medium", "track", None), False),
        (Rating("unscored", "track*", None), Rating("critical", "attend", None), True),
        (CALM, CALM._replace(known_exploited="CVE-2021-1"), True),
        (CALM._replace(known_exploited="CVE-2021-1"), CALM._replace(known_exploited="CVE-2021-1"), False),
        (CALM, CALM._replace(priority="attend"), False),
        (CALM, CALM._replace(priority="act"), True),
        (CALM._replace(priority="act"), CALM._replace(priority="act"), False),
    ],
)
def test_a_decision_ends_when_it_becomes_worse_than_anybody_knew(then: Rating, now: Rating, worse: bool) -> None:  # noqa: FBT001
    assert (outgrown(then, now) is not None) == worse
    grounds = Grounds(then, frozenset())
    assert (uncovered(bounds_of([used()]), grounds, [used()], now) is not None) == worse


@pytest.mark.parametrize(
    ("text", "version", "inside"),
    [
        (">=4.17.0,<4.17.21", "4.17.20", True),
        (">=4.17.0,<4.17.21", "4.16.6", False),
        ("vers:npm/>=4.17.0|<4.17.21", "4.17.20", True),
        ("vers:npm/4.17.20", "4.17.20", True),
        ("vers:npm/4.17.20", "4.17.19", False),
        ("vers:pypi/>=1", "4.17.20", False),
        ("<3 || >=4.17", "4.17.20", True),
        ("<3 || >=4.17", "3.5.0", False),
        ("=4.17.20", "4.17.20", True),
        (">=4", "nonsense", False),
    ],
)
def test_a_decision_can_be_narrowed(text: str, version: str, inside: bool) -> None:  # noqa: FBT001
    assert within(text, used(version), "npm") == inside
    narrowed = judged(used("4.17.20"), used(version), narrowed=text)
    assert (narrowed is None) == inside


def test_grounds_survive_the_database() -> None:
    grounds = grounds_of([used(), used("1.0.0", said("OTHER", "1", "2"))], Rating("high", "act", "CVE-2021-1"))
    assert Grounds.read(grounds.as_json()) == grounds


def test_ranges_are_written_as_vers() -> None:
    written = [bound.range for bound in bounds_of([
        used("1", said(low="1", high="2")), used("2", said(low="1.0+b 1", high="", included=False)),
        used("3", said(high="")), used("4", said(high="4", included=True)),
    ])]  # fmt: skip
    assert written == [
        "vers:npm/*", "vers:npm/<=4", "vers:npm/>=1.0+b%201", "vers:npm/>=1|<2",
    ]  # fmt: skip


def test_bounds_are_told_apart_by_all_that_they_say() -> None:
    one = Bound(1, "pkg:npm/a", 10, "npm", "", "2", False, "", "vers:npm/<2")
    assert len({one, one._replace(narrowed="<1"), one._replace(osv_package_id=11)}) == 3
