"""The orderings against everybody's fixtures, and against the tools that own an order, where they are installed.

``pytest -s -m soak tests/soak/test_version_fixtures.py`` prints the table.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.version import InvalidVersion, Version

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

#: Lines that may be wrong and refused, each with its reason; elsewhere none may.
TOLERATED = {
    "Alpine": (0, 94),  # outside the grammar
    "Maven": (19, 0),  # Maven 3.9.9 itself answers so: fixtures list publication, not order
    "Packagist": (4, 2),  # a literal "#", PHP's internal placeholder; the branch dev-foo
    "Pub": (0, 1),  # five numbers
    "RubyGems": (0, 2),  # malformed for RubyGems
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


def assert_tolerable(table: list[Row]) -> None:
    for row in table:
        wrong, refused = TOLERATED.get(row.ecosystem, (0, 0))
        assert len(row.wrong) <= wrong, row.wrong
        assert len(row.refused) <= refused, row.refused


def versions_in(folder: Path, name: str) -> list[str]:
    return sorted({v for file in folder.glob(f"{name}-*.txt") for a, _, b in fixture_pairs(file) for v in (a, b)})


def chosen_pairs(versions: list[str], count: int) -> list[tuple[str, str]]:
    """Half at random, half near neighbours, which differ late; the same ones each run."""
    chance = random.Random(1)  # noqa: S311 - a sample, no secret
    anywhere = [(chance.choice(versions), chance.choice(versions)) for _ in range(count // 2)]
    places = [chance.randrange(len(versions) - 1) for _ in range(count // 2)]
    return anywhere + [(versions[place], versions[place + 1]) for place in places]


def test_a_sample_of_the_fixtures_is_ordered_as_written(corpus: Corpus) -> None:
    assert_tolerable(fixture_table(corpus("versions"), every=10))


@pytest.mark.soak
def test_all_fixtures_are_ordered_as_written(corpus: Corpus) -> None:
    table = fixture_table(corpus("versions"))
    print("\n" + written(table))
    assert_tolerable(table)


@pytest.mark.soak
def test_python_versions_agree_with_packaging(corpus: Corpus) -> None:
    compared = 0
    for a, b in chosen_pairs(versions_in(corpus("versions"), "pypi"), 50_000):
        try:
            left, right = Version(a), Version(b)
        except InvalidVersion:
            continue
        compared += 1
        assert compare("PyPI", a, b) == (left > right) - (left < right), f"{a} and {b}"
    assert compared > 10_000


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
def test_debian_versions_agree_with_dpkg(corpus: Corpus) -> None:
    def asked(pair: tuple[str, str]) -> str | None:
        a, b = pair
        relation = ("eq", "gt", "lt")[compare("Debian", a, b)]
        finished = subprocess.run(["dpkg", "--compare-versions", a, relation, b], check=False)
        return None if finished.returncode == 0 else f"dpkg denies {a} {relation} {b}"

    pairs = chosen_pairs(versions_in(corpus("versions"), "debian"), 2_000)
    with ThreadPoolExecutor(2) as pool:
        assert not [answer for answer in pool.map(asked, pairs) if answer]
