"""The orderings against those who own an order, on real versions, near neighbours and mutants of them.

``MUSTER_ORACLE_PAIRS=1000000 pytest -s -m soak tests/soak/test_version_oracles.py`` prints the tables; without the
variable each judge is asked 300,000 pairs. A judge that is not to be had here is skipped, with what it would take.
"""

import os
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import version_oracles as oracles
from version_pairs import Pair, hard_pairs, listed_in_sboms, mirrored, readable

from service.versions import UnparsableVersion, compare, family_of, sort_key

Corpus = Callable[[str], Path]

PAIRS = int(os.environ.get("MUSTER_ORACLE_PAIRS", "300000"))
SEED = int(os.environ.get("MUSTER_ORACLE_SEED", "1"))
_SHOWN = 10


@dataclass(frozen=True)
class Trial:
    """An ecosystem's order before a judge.

    `differs` tells the pairs on which judge and ecosystem are known to differ, and why is said where it is defined.
    """

    ecosystem: str
    build: oracles.Builder
    differs: Callable[[Pair], bool] = lambda _: False


def either(pattern: str) -> Callable[[Pair], bool]:
    searched = re.compile(pattern)
    return lambda pair: any(map(searched.search, pair))


TRIALS = {
    "packaging": Trial("PyPI", oracles.packaging),
    "packaging-legacy": Trial("PyPI", oracles.packaging_legacy),
    "dpkg": Trial("Debian", oracles.dpkg),
    "rpm": Trial("Red Hat", oracles.rpm),
    "npm": Trial("npm", oracles.npm),
    "cargo": Trial("crates.io", oracles.cargo),
    "go": Trial("Go", oracles.golang("x/mod")),
    "maven": Trial("Maven", oracles.maven),
    "gem": Trial("RubyGems", oracles.gem),
    "php": Trial("Packagist", oracles.php),
    "cran": Trial("CRAN", oracles.cran),
    "hackage": Trial("Hackage", oracles.golang("Hackage")),
    # A translation of apk-tools 2, which takes zeros before a number, and a zero that ends a version, otherwise than
    # apk-tools 3; and its numbers overflow.
    "apk": Trial("Alpine", oracles.golang("apk"), either(r"\.0\d|\.0+$|\d{19}")),
    # It compares labels as text where .NET reads a number: zeros before it, a sign, more than 32 bits.
    "nuget": Trial("NuGet", oracles.golang("NuGet"), either(r"[-.]-?0\d|--\d|\d{10}")),
    # It compares builds as text where Dart reads numbers, and numbers that are text to Dart, beyond 64 bits.
    "pub": Trial("Pub", oracles.golang("Pub"), either(r"\+|\d{19}")),
}

#: Ecosystems of one family lend one another their versions.
_LENT = {
    "Debian": ("Ubuntu",),
    "Red Hat": ("AlmaLinux", "Rocky Linux", "SUSE", "openEuler"),
    "Alpine": ("Alpaquita", "CleanStart", "BellSoft Hardened Containers", "Wolfi"),
    **dict.fromkeys(("crates.io", "Go", "NuGet", "Pub", "CRAN", "Hackage"), ("npm", "Hex", "Bitnami", "Julia")),
}


@dataclass
class Verdicts:
    """What a trial came to. `key_alone` counts the flagged pairs that the keys would get wrong."""

    wrong: list[str] = field(default_factory=list)
    flagged_wrong: list[str] = field(default_factory=list)
    only_we_refuse: list[str] = field(default_factory=list)
    flagged: int = 0
    key_alone: int = 0
    refused: int = 0
    refused_by_oracle: int = 0
    documented: int = 0


def judged(trial: Trial, pairs: Sequence[Pair], signs: str) -> Verdicts:
    verdicts = Verdicts()
    for (a, b), sign in zip(pairs, signs, strict=True):
        try:
            (left, left_flagged), (right, right_flagged) = sort_key(trial.ecosystem, a), sort_key(trial.ecosystem, b)
        except UnparsableVersion:
            verdicts.refused += 1
            if sign != "?":
                verdicts.only_we_refuse.append(f"{a} {sign} {b}")
            continue
        if sign == "?":
            verdicts.refused_by_oracle += 1
            continue
        by_key = "=><"[(left > right) - (left < right)]
        flagged = left_flagged or right_flagged
        ours = "=><"[compare(trial.ecosystem, a, b)] if flagged else by_key
        verdicts.flagged += flagged
        verdicts.key_alone += flagged and by_key != sign
        if ours == sign:
            continue
        if trial.differs((a, b)):
            verdicts.documented += 1
        else:
            (verdicts.flagged_wrong if flagged else verdicts.wrong).append(f"{a} {sign} {b}, not {ours}")
    return verdicts


def row(name: str, version: str, count: int, verdicts: Verdicts) -> str:
    return (
        f"{name:17}{count:11,}{len(verdicts.wrong):9}{verdicts.flagged:9,}{len(verdicts.flagged_wrong):9}"
        f"{verdicts.key_alone:9}{verdicts.documented:9,}"
        f"{verdicts.refused:10,}{verdicts.refused_by_oracle:10,}  {version}"
    )


HEADING = (
    f"{'judge':17}{'pairs':>11}{'wrong':>9}{'flagged':>9}{'wrong':>9}{'by key':>9}{'known':>9}"
    f"{'we refuse':>10}{'it does':>10}"
)


@pytest.fixture(scope="module")
def real(corpus: Corpus) -> dict[str, set[str]]:
    """Give every version in the mirror and in the container SBOMs, by ecosystem."""
    found = mirrored(corpus("osv"))
    for ecosystem, versions in listed_in_sboms(corpus("sbom-bench")).items():
        found[ecosystem] |= versions
    return found


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", TRIALS)
def test_no_judge_disagrees(name: str, real: dict[str, set[str]], tmp_path: Path) -> None:
    trial = TRIALS[name]
    oracle = built(trial, tmp_path)
    lent = [real[ecosystem] for ecosystem in _LENT.get(trial.ecosystem, ())]
    versions = readable(trial.ecosystem, real[trial.ecosystem].union(*lent))
    pairs = hard_pairs(versions, PAIRS, random.Random(SEED))  # noqa: S311 - a sample, no secret
    verdicts = judged(trial, pairs, oracle.ask(pairs))
    print(f"\n{HEADING}\n{row(name, oracle.version, len(pairs), verdicts)}")
    assert not verdicts.wrong[:_SHOWN]
    assert not verdicts.flagged_wrong[:_SHOWN]
    assert verdicts.refused + verdicts.refused_by_oracle < len(pairs) * 0.8


@pytest.mark.parametrize("name", ["packaging", "dpkg"])
def test_the_judges_that_are_nearly_always_there_agree_on_a_sample(name: str, tmp_path: Path) -> None:
    trial = TRIALS[name]
    oracle = built(trial, tmp_path)
    pairs = hard_pairs(readable(trial.ecosystem, _SOME[name].split()), 2_000, random.Random(SEED))  # noqa: S311
    verdicts = judged(trial, pairs, oracle.ask(pairs))
    assert not verdicts.wrong


_SOME = {
    "packaging": "0.1 1.0.dev1 1.0a1 1.0b2.post1.dev3 1.0rc1 1.0 1.0+local.1 1.0.post1 1!2.0 2024.1.15 v3.0 0.0.1a0",
    "dpkg": "5.6.1+really5.4.5-1 1:9.2p1-2+deb12u3 2.36-9+deb12u4 1.0~rc1-1 3.0.11-1~deb12u2 2:8.39-15 20230311",
}


def built(trial: Trial, folder: Path) -> oracles.Oracle:
    try:
        return trial.build(folder)
    except oracles.Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.soak
def test_hardly_a_real_version_is_left_without_order(real: dict[str, set[str]]) -> None:
    lines = [f"{'ecosystem':30}{'versions':>10}{'unparsable':>12}{'flagged':>9}  examples"]
    unparsable, ordered = 0, 0
    for ecosystem in sorted(filter(family_of, real)):
        versions = real[ecosystem]
        kept = set(readable(ecosystem, versions))
        flagged = sum(sort_key(ecosystem, version)[1] for version in kept)
        left = sorted(versions - kept)
        unparsable, ordered = unparsable + len(left), ordered + len(kept)
        lines.append(f"{ecosystem:30}{len(versions):10,}{len(left):12,}{flagged:9,}  {' '.join(map(ascii, left[:6]))}")
    print("\n" + "\n".join(lines))
    assert unparsable < ordered / 1_000
