"""Versions as they are really written, and pairs of them that are hard to tell apart."""

import random
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from service.versions import UnparsableVersion, sort_key

Pair = tuple[str, str]

#: Ecosystems of the purl types that SBOMs of containers name most.
_PURL_TYPES = {
    "apk": "Alpine",
    "deb": "Debian",
    "rpm": "Red Hat",
    "npm": "npm",
    "pypi": "PyPI",
    "gem": "RubyGems",
    "maven": "Maven",
    "golang": "Go",
    "composer": "Packagist",
    "nuget": "NuGet",
    "cargo": "crates.io",
}
_PURL = re.compile(rb'"pkg:(\w+)/[^"@]+@([^"?#]+)')
_NUMBER = re.compile(r"\d+")
_SEPARATORS = ".-_+~^:!"
#: What the ecosystems give a meaning to, and what none expects.
_PIECES = (
    *("alpha", "beta", "rc", "RC", "pre", "dev", "post", "final", "ga", "sp", "snapshot", "a", "b", "c", "p", "x", "Z"),
    *("_git", "_p", "-r1", ".el8", "+deb12u1", "~bpo", "ubuntu", "really", "v", "go", "#", "é", "１", " ", "1:", "0:"),  # noqa: RUF001
    *(".0", ".00", "-0", "-", ".", "..", "--", "~", "~~", "^", "+", "_"),
)
_HUGE = ("4294967296", "9007199254740993", "18446744073709551616", "9" * 30)


def mirrored(folder: Path) -> dict[str, set[str]]:
    """Give every version that a mirror's records list or bound their ranges with, by ecosystem without suffix."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in folder.glob("*/all.zip"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                for ecosystem, version in _versions_of(orjson.loads(archive.read(name))):
                    found[ecosystem].add(version)
    return found


def _versions_of(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for affected in record.get("affected") or ():
        ecosystem = (affected.get("package") or {}).get("ecosystem", "").partition(":")[0]
        for each in affected.get("ranges") or ():
            if each["type"] != "GIT":
                bounds = (version for event in each["events"] for version in event.values())
                yield from ((ecosystem, version) for version in bounds if version not in ("0", "*"))
        yield from ((ecosystem, version) for version in affected.get("versions") or ())


def listed_in_sboms(folder: Path) -> dict[str, set[str]]:
    """Give every version that SBOMs name in purls, by ecosystem."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in folder.glob("*.json"):
        for kind, version in set(_PURL.findall(path.read_bytes())):
            ecosystem = _PURL_TYPES.get(kind.decode())
            if ecosystem:
                found[ecosystem].add(unquote(version.decode(errors="replace")))
    return found


def readable(ecosystem: str, versions: Iterable[str]) -> list[str]:
    """Keep what one line and we can hold, in the ecosystem's order."""
    kept = []
    for version in versions:
        if _is_one_line(version):
            try:
                kept.append((sort_key(ecosystem, version)[0], version))
            except UnparsableVersion:
                continue
    return [version for _, version in sorted(kept)]


def _is_one_line(version: str) -> bool:
    return (
        bool(version)
        and version == version.strip()
        and not set(version) & set("\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\0")
    )


def hard_pairs(ordered: Sequence[str], count: int, chance: random.Random) -> list[Pair]:
    """Pair versions: a quarter at random, a quarter near neighbours, half with mutants of themselves."""
    pairs = [(chance.choice(ordered), chance.choice(ordered)) for _ in range(count // 4)]
    for _ in range(count // 4):
        place = chance.randrange(len(ordered) - 3)
        pairs.append((ordered[place], ordered[place + chance.randint(1, 3)]))
    while len(pairs) < count:
        version = chance.choice(ordered)
        one = mutant(version, chance) if chance.random() < 0.5 else version
        other = mutant(version, chance)
        if _is_one_line(one) and _is_one_line(other):
            pairs.append((one, other) if chance.random() < 0.5 else (other, one))
    return pairs


def mutant(version: str, chance: random.Random) -> str:
    """Change one to three things of a version."""
    for _ in range(chance.randint(1, 3)):
        version = chance.choice(_CHANGES)(version, chance) or version
    return version[:200].strip()


def _put(version: str, chance: random.Random) -> str:
    place = chance.randint(0, len(version))
    return version[:place] + chance.choice(_PIECES) + version[place:]


def _appended(version: str, chance: random.Random) -> str:
    return version + chance.choice(_PIECES) + chance.choice(("", "", "0", "1", "2"))


def _deleted(version: str, chance: random.Random) -> str:
    place = chance.randrange(len(version)) if version else 0
    return version[:place] + version[place + 1 :]


def _separated(version: str, chance: random.Random) -> str:
    places = [place for place, letter in enumerate(version) if letter in _SEPARATORS]
    if not places:
        return version
    place = chance.choice(places)
    return version[:place] + chance.choice(_SEPARATORS) + version[place + 1 :]


def _counted(version: str, chance: random.Random) -> str:
    numbers = list(_NUMBER.finditer(version))
    if not numbers:
        return version
    number = chance.choice(numbers)
    value = chance.choice(
        (str(int(number[0]) + 1), str(max(int(number[0]) - 1, 0)), "0" + number[0], "0", "00", number[0] + "0", "10")
        + ((chance.choice(_HUGE),) if chance.random() < 0.2 else ())
    )
    return version[: number.start()] + value + version[number.end() :]


def _cut(version: str, chance: random.Random) -> str:
    return version[: chance.randint(1, len(version))] if version else version


def _recased(version: str, chance: random.Random) -> str:
    return version.swapcase() if chance.random() < 0.5 else version.upper()


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    *(_put, _appended, _deleted, _separated, _counted, _counted, _counted, _cut, _recased),
)
