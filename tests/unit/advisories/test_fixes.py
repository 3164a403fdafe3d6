"""The nearest fix: newer, named as fixed, and affected by nobody."""

from typing import Any

import pytest

from service.advisories.fixes import Fixes, Range, fixes_in, of_build, together
from service.advisories.intervals import Interval, range_intervals
from service.advisories.osv_schema import OsvEvent, OsvRange


def ranges(ecosystem: str, **said: str) -> list[Range]:
    """Write ranges as ``A="0..1.4.5 2.0.0..2.0.1"``: introduced and fixed; ``1.0..=1.9`` last affected; ``3.0..``."""
    found = []
    for advisory, text in said.items():
        for each in text.split():
            introduced, _, end = each.partition("..")
            events = [OsvEvent(introduced=introduced)]
            if end:
                events.append(OsvEvent(last_affected=end[1:]) if end.startswith("=") else OsvEvent(fixed=end))
            found += [
                Range(advisory, *bounds(one))
                for one in range_intervals(ecosystem, OsvRange(type="ECOSYSTEM", events=events))
            ]
    return found


def bounds(one: Interval) -> tuple[Any, ...]:
    of_versions = (one.lo_version, one.hi_version, one.hi_included)
    return (one.lo, one.hi, one.exact_version, *of_versions, one.fixed, one.flagged)


@pytest.mark.parametrize(
    ("ecosystem", "version", "said", "nearest", "every"),
    [
        # The same line first, whatever the order in which lines are written.
        ("npm", "1.4.2", {"A": "2.0.0..2.0.1 0..1.4.5"}, "1.4.5", ["1.4.5", "2.0.1"]),
        ("npm", "2.0.0", {"A": "2.0.0..2.0.1 0..1.4.5"}, "2.0.1", ["2.0.1"]),
        # The version that fixes all of them.
        ("npm", "1.4.2", {"A": "0..1.4.5", "B": "0..1.4.7"}, "1.4.7", ["1.4.5", "1.4.7"]),
        # One advisory leaves the line open: the next line that all agree on, not merely the later of two fixes.
        ("npm", "1.4.2", {"A": "0..1.4.5 2.0.0..2.0.5", "B": "0..2.0.3"}, "2.0.5", ["1.4.5", "2.0.3", "2.0.5"]),
        # Its own line ends without a fix; a later line has one.
        ("npm", "1.4.2", {"A": "1.0.0..=1.9.9 2.0.0..2.0.1"}, "2.0.1", ["2.0.1"]),
        # One knows only the last affected version, another the fix after it.
        ("PyPI", "1.2", {"A": "0..=1.2.3", "B": "0..1.2.4"}, "1.2.4", ["1.2.4"]),
        # By the ecosystem's own order.
        ("npm", "1.9.0", {"A": "0..1.10.0", "B": "0..1.9.1"}, "1.10.0", ["1.9.1", "1.10.0"]),
        ("Debian:12", "5.6.1-1", {"A": "5.5.0..5.6.1+really5.4.5-1"}, "5.6.1+really5.4.5-1", ["5.6.1+really5.4.5-1"]),
        # Keys of these are inexact; the comparator decides.
        ("Maven", "1", {"A": "0..1.sp.1", "B": "0..1.sp.2"}, "1.sp.2", ["1.sp.1", "1.sp.2"]),
    ],
)
def test_the_nearest_fix_is_the_lowest_that_no_advisory_affects(
    ecosystem: str, version: str, said: dict[str, str], nearest: str, every: list[str]
) -> None:
    fixes = fixes_in(ecosystem, version, ranges(ecosystem, **said))

    assert fixes == Fixes(nearest, tuple(every), None)


@pytest.mark.parametrize(
    ("said", "last_known", "hint"),
    [
        ({"A": "0.."}, [], "no fix is known"),
        ({"A": "0.."}, ["< 2.3.1"], "no fix is known; last known to be affected: < 2.3.1"),
        ({"A": "0..=1.9"}, [], "no fix is named; A knows 1.9 as the last affected version"),
        ({"A": "0..1.5", "B": "0.."}, [], "1.5 is named as fixed, and still affected by B"),
        ({"A": "1.4.2..=1.4.2"}, [], "no fix is known"),
    ],
)
def test_where_nothing_fixes_it_the_hint_says_what_is_known(
    said: dict[str, str], last_known: list[str], hint: str
) -> None:
    fixes = fixes_in("PyPI", "1.4.2", ranges("PyPI", **said), last_known)

    assert (fixes.nearest, fixes.hint, fixes.as_values()["known"]) == (None, hint, False)


def test_a_version_that_nobody_can_order_has_no_nearest_fix() -> None:
    assert fixes_in("npm", "unreadable!", ranges("npm", A="0..1.5.0")) == Fixes(None, (), "no fix is known")


def test_other_builds_fixes_do_not_count() -> None:
    mine = [one._replace(build="el8/nodejs:16") for one in ranges("npm", A="0..1.5.0")]
    other = [one._replace(build="el8/nodejs:14") for one in ranges("npm", A="0..1.4.0")]

    assert of_build("npm", "1.0.0", "1.5.0", mine + other) == mine
    assert of_build("npm", "9.0.0", "1.5.0", mine + other) == mine + other


def test_a_component_of_several_packages_needs_the_latest_of_their_fixes() -> None:
    one, other = Fixes("1.9", ("1.9",), None), Fixes("1.10", ("1.10",), None)
    assert together("PyPI", [one, other]) == Fixes("1.10", ("1.9", "1.10"), None)
    assert together("PyPI", [one, Fixes(None, (), "no fix is known")]).nearest is None
