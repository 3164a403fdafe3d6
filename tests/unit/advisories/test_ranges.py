import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osv_bucket import make_affected

from service.advisories.osv_schema import OsvAffected
from service.advisories.ranges import BEGINNING, END, AffectedPackage, Interval, Unevaluated, flatten
from service.versions import ECOSYSTEMS, UnparsableVersion, compare, sort_key


def evaluate(*entries: dict[str, object]) -> tuple[list[AffectedPackage], list[Unevaluated]]:
    return flatten([msgspec.convert(entry, OsvAffected) for entry in entries])


def intervals(package: str, *events: str, versions: object = None) -> tuple[Interval, ...]:
    packages, unevaluated = evaluate(make_affected(package, *events, versions=versions))
    assert unevaluated == []
    return packages[0].intervals if packages else ()


def affects(package: str, version: str, *events: str, versions: object = None) -> bool:
    """Tell what the intervals say of a version: by keys, or by the comparator where a key is inexact."""
    ecosystem = package.partition("/")[0]
    key, flagged = sort_key(ecosystem, version)

    def contains(interval: Interval) -> bool:
        if interval.lo is None or interval.hi is None:
            return interval.exact_version == version
        if not flagged and not interval.flagged:
            return interval.lo <= key < interval.hi
        if interval.lo_version and compare(ecosystem, version, interval.lo_version) < 0:
            return False
        order = compare(ecosystem, version, interval.hi_version) if interval.hi_version else -1
        return order < 0 or (order == 0 and interval.hi_included)

    return any(contains(interval) for interval in intervals(package, *events, versions=versions))


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        (["introduced 0", "fixed 1.2.0"], ["0.0.0-0", "0.1.0", "1.2.0-rc.1"], ["1.2.0", "2.0.0"]),
        (["introduced 1.0.0", "fixed 1.2.0"], ["1.0.0", "1.1.9"], ["0.9.0", "1.0.0-rc.1", "1.2.0"]),
        (["introduced 1.0.0", "last_affected 1.2.0"], ["1.0.0", "1.2.0"], ["1.2.1", "1.2.1-rc.1", "0.1.0"]),
        (["introduced 1.0.0"], ["1.0.0", "99999999999999999999.0.0"], ["0.9.9"]),
        # Unsorted on purpose: the schema says to sort before evaluating.
        (
            ["fixed 2.1.0", "introduced 2.0.0", "fixed 1.1.0", "introduced 1.0.0"],
            ["1.0.5", "2.0.0"],
            ["1.5.0", "1.1.0", "2.1.0"],
        ),
        # A second "introduced" before any "fixed" opens nothing new, a second "fixed" closes nothing.
        (["introduced 1.0.0", "introduced 1.5.0", "fixed 2.0.0"], ["1.2.0", "1.9.0"], ["2.0.0"]),
        (["introduced 1.0.0", "fixed 1.5.0", "fixed 2.0.0"], ["1.2.0"], ["1.5.0", "1.9.0"]),
        (["introduced 1.0.0", "fixed 1.1.0", "introduced 1.2.0"], ["1.0.0", "1.2.0", "5.0.0"], ["1.1.0"]),
        (["introduced 1.0.0", "last_affected 1.0.0"], ["1.0.0"], ["1.0.1", "0.9.0"]),
        (["introduced 1.0.0", "fixed 1.0.0"], [], ["0.9.0", "1.0.0", "1.0.1"]),
        (["introduced 0", "limit 2.0.0"], ["0.1.0", "1.9.9"], ["2.0.0", "3.0.0"]),
        (["introduced 0", "fixed 3.0.0", "limit 1.0.0", "limit 2.0.0"], ["1.5.0"], ["2.0.0", "2.5.0"]),
        (["introduced 0", "limit 2.0.0", "limit *"], ["1.0.0", "5.0.0"], []),
        (["introduced 3.0.0", "limit 2.0.0"], [], ["2.5.0", "3.0.0"]),
    ],
)
def test_a_range_affects_what_the_schema_says(events: list[str], inside: list[str], outside: list[str]) -> None:
    assert [v for v in inside if not affects("npm/left-pad", v, *events)] == []
    assert [v for v in outside if affects("npm/left-pad", v, *events)] == []


def test_bounds_keep_the_texts_they_come_from() -> None:
    closed, open_ended = intervals("npm/left-pad", "introduced 1.0.0", "fixed 1.2.0", "introduced 2.0.0")

    assert (closed.lo_version, closed.hi_version, closed.fixed, closed.hi_included) == (
        "1.0.0",
        "1.2.0",
        "1.2.0",
        False,
    )
    assert (open_ended.lo_version, open_ended.hi_version, open_ended.fixed) == ("2.0.0", "", "")
    assert open_ended.hi == END


def test_what_is_introduced_at_0_begins_before_every_version() -> None:
    (interval,) = intervals("Debian:12/xz-utils", "introduced 0", "last_affected 5.4.1-0.2")

    assert interval.lo == BEGINNING
    assert (interval.hi_version, interval.hi_included, interval.fixed) == ("5.4.1-0.2", True, "")


def test_several_ranges_of_one_entry_are_united() -> None:
    entry = make_affected("PyPI/flask", "introduced 0", "fixed 1.0")
    entry["ranges"] += make_affected("PyPI/flask", "introduced 2.0", "fixed 2.1")["ranges"]

    (package,), _ = evaluate(entry)

    assert [(i.lo_version, i.fixed) for i in package.intervals] == [("", "1.0"), ("2.0", "2.1")]


def test_only_versions_that_no_range_implies_become_points() -> None:
    found = intervals("npm/left-pad", "introduced 1.0.0", "fixed 2.0.0", versions=["1.0.0", "1.5.0", "2.0.0", "3.0.0"])

    assert [(i.rule, i.lo_version, i.hi_included) for i in found[1:]] == [
        ("version", "2.0.0", True),
        ("version", "3.0.0", True),
    ]


def test_a_listed_version_is_met_however_it_is_written() -> None:
    assert affects("PyPI/flask", "1.0.0", versions=["1.0"])
    assert not affects("PyPI/flask", "1.0.post1", versions=["1.0"])


def test_a_listed_version_that_cannot_be_ordered_is_met_by_its_text() -> None:
    (interval,) = intervals("npm/left-pad", versions=["the-good-one"])

    assert (interval.lo, interval.hi, interval.exact_version) == (None, None, "the-good-one")


def test_an_ecosystem_without_order_has_its_listed_versions() -> None:
    found = intervals("OSS-Fuzz/zlib", "introduced 1", "fixed 2", versions=["v1", "v2"])

    assert [i.exact_version for i in found] == ["v1", "v2"]


def test_a_range_with_an_inexact_bound_is_flagged_and_sorted_by_the_comparator() -> None:
    # Maven's order is no order here: 1-alpha < 1 < 1.sp.1 < 1-alpha.
    version = "1.sp.1"
    assert sort_key("Maven", version)[1]

    (interval,) = intervals("Maven/org.example:lib", "introduced 0", f"fixed {version}")

    assert interval.flagged
    assert affects("Maven/org.example:lib", "1", "introduced 0", f"fixed {version}")
    assert not affects("Maven/org.example:lib", "1.1", "introduced 0", f"fixed {version}")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"versions": ["1.0"]}, "no-package"),
        ({"package": {"purl": "pkg:npm/left-pad"}, "versions": ["1.0"]}, "no-package"),
        (make_affected("npm/left-pad"), "no-versions"),
        (make_affected("npm/left-pad", versions=[]), "no-versions"),
        (
            make_affected("npm/left-pad") | {"ranges": [{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}]},
            "git-only",
        ),
        (make_affected("Homebrew/xz", "introduced 5.6.0"), "no-ordering"),
        (make_affected("crates.io/liblzma", "introduced 0", "fixed soon"), "unparsable"),
        (make_affected("crates.io/liblzma", "fixed 1.0.0"), "malformed-range"),
        (make_affected("crates.io/liblzma", "introduced " + "9" * 401), "unparsable"),
        (make_affected("npm/" + "x" * 1_001, "introduced 0"), "no-package"),
    ],
)
def test_what_cannot_be_evaluated_says_why(entry: dict[str, object], reason: str) -> None:
    packages, unevaluated = evaluate(entry)

    assert packages == []
    assert [each.reason for each in unevaluated] == [reason]


def test_an_unreadable_range_spoils_neither_its_sisters_nor_the_listed_versions() -> None:
    entry = make_affected("npm/left-pad", "introduced 0", "fixed soon", versions=["7.0.0"])
    entry["ranges"] += make_affected("npm/left-pad", "introduced 1.0.0", "fixed 2.0.0")["ranges"]

    (package,), (unevaluated,) = evaluate(entry)

    assert [(i.rule, i.lo_version) for i in package.intervals] == [("range", "1.0.0"), ("version", "7.0.0")]
    assert (unevaluated.package, unevaluated.reason) == ("npm/left-pad", "unparsable")
    assert "soon" in unevaluated.detail


def test_git_ranges_are_left_to_the_listed_versions() -> None:
    entry = make_affected("npm/left-pad", versions=["1.0.0"])
    entry["ranges"] = [{"type": "GIT", "repo": "r", "events": [{"introduced": "abc"}, {"fixed": "def"}]}]

    (package,), unevaluated = evaluate(entry)

    assert [i.rule for i in package.intervals] == ["version"]
    assert unevaluated == []


def test_names_are_normalised_as_their_ecosystem_does() -> None:
    (pypi, nuget, npm), _ = evaluate(
        make_affected("PyPI/Foo.Bar_baz", "introduced 0"),
        make_affected("NuGet/Newtonsoft.Json", "introduced 0"),
        make_affected("npm/JSONStream", "introduced 0"),
    )

    assert (pypi.name, nuget.name, npm.name) == ("foo-bar-baz", "newtonsoft.json", "JSONStream")


@given(ecosystem=st.sampled_from(sorted(ECOSYSTEMS)), version=st.text(max_size=40))
def test_every_key_lies_between_the_beginning_and_the_end(ecosystem: str, version: str) -> None:
    try:
        key, _ = sort_key(ecosystem, version)
    except UnparsableVersion:
        return
    assert BEGINNING < key < END


_VERSIONS = [f"{major}.{minor}.0" for major in range(3) for minor in range(3)]
_EVENTS = st.lists(
    st.tuples(st.sampled_from(["introduced", "fixed"]), st.sampled_from(_VERSIONS)), min_size=1, max_size=6
)


@given(events=_EVENTS, kind=st.sampled_from(["fixed", "last_affected"]), version=st.sampled_from(_VERSIONS))
def test_intervals_say_what_walking_the_events_says(events: list[tuple[str, str]], kind: str, version: str) -> None:
    events = [("introduced", "0"), *((kind if name == "fixed" else name, at) for name, at in events)]
    walked = _walk(events, version)

    assert affects("npm/left-pad", version, *(f"{name} {at}" for name, at in events)) is walked


def _walk(events: list[tuple[str, str]], version: str) -> bool:
    """Evaluate as the OSV schema's pseudocode does."""
    ranks = ["introduced", "last_affected", "fixed"]
    affected = False

    def at_least(text: str) -> list[int]:
        return [] if text == "0" else [int(number) for number in text.split(".")]

    for name, at in sorted(events, key=lambda event: (at_least(event[1]), ranks.index(event[0]))):
        reached = at == "0" or compare("npm", version, at) >= 0
        if name == "introduced" and reached:
            affected = True
        elif reached and (name == "fixed" or at != version):
            affected = False
    return affected
