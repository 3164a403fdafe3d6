"""The orderings against everybody's fixtures.

``pytest -s -m soak tests/soak/test_version_fixtures.py`` prints the table.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.versions import UnparsableVersion, compare, sort_key

Corpus = Callable[[str], Path]

#: First word of a fixture file's name → the ecosystem whose versions it orders.
ECOSYSTEMS = {
    "alpine": "Alpine",
    "cran": "CRAN",
    "debian": "Debian",
    "hackage": "Hackage",
    "maven": "Maven",
    "nuget": "NuGet",
    "packagist": "Packagist",
    "pub": "Pub",
    "pypi": "PyPI",
    "redhat": "Red Hat",
    "rubygems": "RubyGems",
    "semver": "npm",
}

#: Lines that say otherwise than the ecosystem's own tool does, by the reason.
WRONG: dict[str, frozenset[str]] = {
    # They list the order of publication; Maven 3.9.9 itself answers as we do.
    "Maven": frozenset(
        {
            "1.0.0-RC16 < 1.0.0.RC8-beta",
            "1.0.0-gradle-rework-beta3 < 1.0.0.RC7-3",
            "2.9.0-1 < 2.9.0.RC1",
            "6.1.12.rc5 < 6.1.12rc1",
            "1.1.31.sec10 < 1.1.31_noneautotype",
            "1.1.34.sec10 < 1.1.34_noneautotype",
            "1.1.46.sec10 < 1.1.46_noneautotype",
            "1.2.8.sec10_noneautotype < 1.2.8_noneautotype",
            "1.2.31.sec10 < 1.2.31_noneautotype",
            "1.2.48.sec10 < 1.2.48_noneautotype",
            "1.2.50.sec10 < 1.2.50_noneautotype",
            "1.2.54.sec10 < 1.2.54_noneautotype",
            "1.2.57.sec10 < 1.2.57_noneautotype",
            "1.2.60.sec10 < 1.2.60_noneautotype",
            "1.2.67.sec10 < 1.2.67_noneautotype",
            "1.0.0rc0 < 1.0.beta8",
            "1.5.9.RC1 < 1.5.9-RC0",
            "1.1.0-01-glassfish < 1.1.0.Beta1",
            # 3.9.9 finds ``1-1`` above ``1-ga-1``.
            "1-1 = 1-ga-1",
        }
    ),
}

#: Lines with a version that has no order, by the reason.
REFUSED: dict[str, frozenset[str]] = {
    # Outside the grammar of apk-tools 3, which calls them invalid; no package is published with such a version.
    "Alpine": frozenset(
        {
            "1-r = 1-r0",
            "1-r-0 < 1-r0",
            "1-r-1 < 1-r0",
            "0.r1 < 0r2",
            "0..1..0 < 0..1..1",
            "0...1...0 < 0...1...1",
            "0...1...0.r1 < 0...1...0.r2",
            "0...1...0r1 < 0...1...0r2",
            "0..8 = 0..8",
            "0..8 > 0...8",
            "0.8.21.r2 > 0.8.21.r1",
            "10.2.24.r0 > 10.2.22.r0",
            "0.8.21.r2 < 0.8.21r2",
            "1.2.0A < 1.2.0d",
            "1.2.0D < 1.2.0d",
            "1-r2 > 1-r-1",
            "1 > 1-ruff",
            "1-r0-1 = 1-r-2",
            "1-r0-1 = 1-r0-2",
            "1-ruff2 = 1-ruff1",
            "1-ruff2 = 1--ruff1",
            "1-r0-ruff2 = 1-r0-ruff1",
            "1.2 > 1.2_blah",
            "1.2_svn1 > 1.2_csv2",
            "1.2_cvs1 > 1.2_blah",
            ".1 < 1",
            "1 > .1",
            ".2 > .1",
            "a < b",
            "c > b",
            "c = c",
            "23_foo > 4_beta",
            "1.0 < 1.0bc",
        }
    ),
    # PHP's own placeholder for a number, and the name of a branch.
    "Packagist": frozenset(
        {
            "1.2.3.# = 1.2.3",
            "1.2.3.# = 1.2.3.#",
            "1.2.3.# = 1.2.3.1",
            "dev-foo < 1.26.0",
            "1.26.0 > dev-foo",
        }
    ),
    # Five numbers.
    "Pub": frozenset({"1.1.3.4.5 = 1.1.3.4.5"}),
    # Malformed to RubyGems.
    "RubyGems": frozenset({"1 > 1beta", "1 > 1gamma"}),
}

_LINE = re.compile(r"(.+?)\s+([<=>])\s+(.+)")


@dataclass
class Row:
    """How one ecosystem's fixtures fared."""

    ecosystem: str
    passed: int = 0
    wrong: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    flagged: int = 0

    def judge(self, a: str, sign: str, b: str) -> None:
        line = f"{a} {sign} {b}"
        try:
            verdict = "=><"[compare(self.ecosystem, a, b)]
            self.flagged += sort_key(self.ecosystem, a)[1] or sort_key(self.ecosystem, b)[1]
        except UnparsableVersion:
            self.refused.append(line)
            return
        if verdict == sign:
            self.passed += 1
        else:
            self.wrong.append(line)


def fixture_pairs(file: Path) -> Iterator[tuple[str, str, str]]:
    """Read the lines ``a < b`` of a fixture file, comments left out."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith(("#", "//")):
            match = _LINE.fullmatch(line.strip())
            assert match, f"{file.name}: {line}"
            yield match[1], match[2], match[3]


def fixture_table(folder: Path, *, every: int = 1) -> list[Row]:
    """Judge each fixture file's lines, or every n-th of them, one row an ecosystem."""
    table = {ecosystem: Row(ecosystem) for ecosystem in ECOSYSTEMS.values()}
    for file in sorted(folder.glob("*.txt")):
        row = table[ECOSYSTEMS[file.name.split("-")[0]]]
        for pair in list(fixture_pairs(file))[::every]:
            row.judge(*pair)
    return list(table.values())


def written(table: list[Row]) -> str:
    lines = [f"{'ecosystem':12}{'passed':>8}{'wrong':>7}{'refused':>9}{'flagged':>9}"]
    lines += [f"{r.ecosystem:12}{r.passed:8,}{len(r.wrong):7}{len(r.refused):9}{r.flagged:9}" for r in table]
    return "\n".join(lines)


def assert_as_documented(table: list[Row], *, whole: bool) -> None:
    """Hold that nothing is wrong or refused but what is listed above, and of the whole fixtures all of that."""
    for row in table:
        for found, listed in ((row.wrong, WRONG), (row.refused, REFUSED)):
            documented = listed.get(row.ecosystem, frozenset())
            assert set(found) <= documented, row.ecosystem
            assert not whole or set(found) == documented, row.ecosystem


def test_a_sample_of_the_fixtures_is_ordered_as_written(corpus: Corpus) -> None:
    assert_as_documented(fixture_table(corpus("versions"), every=10), whole=False)


@pytest.mark.soak
def test_all_fixtures_are_ordered_as_written(corpus: Corpus) -> None:
    table = fixture_table(corpus("versions"))
    print("\n" + written(table))
    assert_as_documented(table, whole=True)
