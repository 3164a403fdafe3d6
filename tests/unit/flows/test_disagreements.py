"""Which documented difference explains what only one side says."""

from datetime import UTC, datetime

import pytest

from service.advisories.asking import Hit
from service.flows.disagreements import (
    EXPLANATIONS,
    Interval,
    Record,
    names_in,
    of_their_record,
    only_ours,
    only_theirs,
)
from service.purls import Coordinate

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
OURS = Record("A-1", "osv", MARCH, None)
SAME, LATER = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00.123456789Z"


def at(ecosystem: str, name: str = "xz", build: str = "") -> Coordinate:
    return Coordinate(ecosystem, name, "1.0", "package", True, build)


def hit(certainty: str = "certain") -> Hit:
    return Hit(1, certainty, "package:range", 1, "", "2.0", "2.0")


@pytest.mark.parametrize(
    ("coordinate", "certainty", "names", "explanation"),
    [
        (at("npm"), "certain", ["xz"], ""),
        (at("npm"), "certain", ["XZ"], "name-rule"),
        (at("PyPI"), "certain", ["XZ"], ""),
        (at("npm"), "possible", ["xz"], "possible"),
        (at("ConanCenter"), "certain", ["xz"], "not-ordered-there"),
        (at("Ubuntu"), "possible", ["xz"], "bare-ranges"),
        (at("Ubuntu:22.04:LTS"), "certain", ["xz"], ""),
    ],
)
def test_what_only_we_say(coordinate: Coordinate, certainty: str, names: list[str], explanation: str) -> None:
    assert only_ours(coordinate, hit(certainty), names) == ("package:range [0, 2.0), fixed in 2.0", explanation)


@pytest.mark.parametrize(
    ("raw", "explanation"),
    [
        (None, "gone-there"),
        (b'{"modified": "2026-03-01T00:00:00Z", "withdrawn": "2026-03-01T00:00:00Z"}', "withdrawn-there"),
        (b'{"modified": "2026-03-02T00:00:00Z"}', "changed-there"),
        (b'{"modified": "2026-03-01T00:00:00Z"}', ""),
    ],
)
def test_their_record_may_say_why_they_do_not(raw: bytes | None, explanation: str) -> None:
    assert of_their_record(raw, OURS) == explanation


IN_12 = Interval("Debian:12", "xz", "", "[0, 5)")
IN_13 = Interval("Debian:13", "xz", "", "[3, 5)")
OF_MODULE = Interval("AlmaLinux:8", "xz", "nodejs:18/18.", "[0, 5)")


@pytest.mark.parametrize(
    ("coordinate", "modified", "ours", "intervals", "explanation"),
    [
        (at("Debian:13"), SAME, None, [], "newer-than-mirror"),
        (at("Debian:13"), SAME, OURS._replace(withdrawn_at=MARCH), [], "withdrawn-here"),
        (at("Debian:13"), LATER, OURS, [IN_13], "changed-there"),
        (at("Debian:13"), SAME, OURS, [IN_12], "other-release"),
        (at("Debian:13"), SAME, OURS, [IN_12, IN_13], ""),
        (at("Debian:13"), SAME, OURS, [], ""),
        (at("Debian:13"), "nonsense", OURS, [IN_13], ""),
        (at("AlmaLinux:8"), SAME, OURS, [OF_MODULE], "other-build"),
        (at("AlmaLinux:8", build="nodejs:18/18."), SAME, OURS, [OF_MODULE], ""),
    ],
)
def test_what_only_they_say(
    coordinate: Coordinate, modified: str, ours: Record | None, intervals: list[Interval], explanation: str
) -> None:
    assert only_theirs(coordinate, modified, ours, intervals, is_ordered=True)[1] == explanation


def test_what_cannot_be_ordered_is_compared_as_text_there() -> None:
    because, explanation = only_theirs(at("Debian:13"), SAME, OURS, [IN_13, IN_13], is_ordered=False)

    assert (because, explanation) == ("outside of [3, 5)", "compared-as-text")


def test_names_are_those_of_the_ecosystem_as_written() -> None:
    record = {
        "affected": [
            {"package": {"ecosystem": "NuGet", "name": "Newtonsoft.Json"}},
            {"package": {"ecosystem": "npm", "name": "x"}},
            {"ranges": []},
        ]
    }

    assert names_in(record, "NuGet") == ["Newtonsoft.Json"]
    assert names_in({}, "npm") == []


def test_every_explanation_has_its_words() -> None:
    assert all(words and not words.endswith(".") for words in EXPLANATIONS.values())
