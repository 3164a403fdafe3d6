import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interval_answers import answer
from osv_bucket import make_affected
from slow_evaluator import Package

from service.advisories.osv_schema import OsvAffected
from service.advisories.ranges import BEGINNING, END, AffectedPackage, Interval, Unevaluated, flatten
from service.versions import ECOSYSTEMS, UnparsableVersion, sort_key


def evaluate(*entries: dict[str, object]) -> tuple[list[AffectedPackage], list[Unevaluated]]:
    return flatten([msgspec.convert(entry, OsvAffected) for entry in entries])


def intervals(package: str, *events: str, versions: object = None) -> tuple[Interval, ...]:
    packages, unevaluated = evaluate(make_affected(package, *events, versions=versions))
    assert unevaluated == []
    return packages[0].intervals if packages else ()


def affects(package: str, version: str, *events: str, versions: object = None) -> bool:
    """Tell what the intervals say of a version."""
    ecosystem, _, name = package.partition("/")
    affected, _ = evaluate(make_affected(package, *events, versions=versions))
    return answer(Package(ecosystem, name, version), affected) == "affected"


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


def make_git_range(repo: str, *events: str) -> dict[str, object]:
    return {"type": "GIT", "repo": repo, "events": [dict([event.split(" ", 1)]) for event in events]}


def test_a_repository_is_affected_beside_the_package_that_comes_from_it() -> None:
    entry = make_affected("npm/left-pad", versions=["1.0.0"])
    entry["ranges"] = [make_git_range("https://github.com/Left/Pad.git", "introduced abc", "fixed def")]

    (repository, package), unevaluated = sorted(evaluate(entry)[0], key=lambda each: each.ecosystem), evaluate(entry)[1]

    assert (repository.ecosystem, repository.name) == ("GIT", "github.com/left/pad")
    assert [i.exact_version for i in repository.intervals] == ["abc"]
    assert [i.rule for i in package.intervals] == ["version"]
    assert unevaluated == []


def test_a_record_without_package_affects_its_repositories_by_tag_and_commit() -> None:
    ranges = [
        make_git_range("https://git.example/curl.git", "introduced abc", "fixed def"),
        make_git_range("git://mirror.example/curl", "introduced 0", "last_affected fed"),
    ]

    affected, unevaluated = evaluate({"ranges": ranges, "versions": ["v8.0"]})

    assert {each.name: [i.exact_version for i in each.intervals] for each in affected} == {
        "git.example/curl": ["8.0", "abc"],
        "mirror.example/curl": ["8.0", "fed"],
    }
    assert unevaluated == []


def test_a_repository_of_which_nothing_is_known_but_its_fix_affects_nothing() -> None:
    affected, (unevaluated,) = evaluate(
        {"ranges": [make_git_range("https://git.example/a", "introduced 0", "fixed d")]}
    )

    assert affected == []
    assert unevaluated.reason == "no-package"


@pytest.mark.parametrize(
    ("written", "ecosystem"),
    [
        ("kubernetes/k8s.io/kubernetes", "Kubernetes"),
        ("purl-type:swift/github.com/apple/swift-nio", "SwiftURL"),
        ("Echo:PyPi/Flask", "Echo:PyPI"),
    ],
)
def test_what_a_feed_calls_by_another_name_stands_under_its_own(written: str, ecosystem: str) -> None:
    (package,), _ = evaluate(make_affected(written, "introduced 0", "fixed 2.0"))

    assert package.ecosystem == ecosystem
    assert package.name == written.partition("/")[2].lower()


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
