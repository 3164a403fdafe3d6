"""What several scanners say of one image, identified by us: where they agree, and why they do not."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from service.errors import ServiceError
from service.inventory.entries import Entry, entries_of
from service.sbom import read

TOOLS = ("bom", "syft", "tern", "trivy")

_FILE = re.compile(r"spdx-(?P<tool>[a-z]+)-(?P<image>.+)\.json")
_LAYER = re.compile(r"(?:sha256:)?[0-9a-f]{64}(?:/layer\.tar)?")
_WRAPPINGS = frozenset({"oci", "docker"})
#: trivy lists what it found packages in: SPDXRef-Application-…, named for the kind of lock file.
_FINDS = "SPDXRef-Application-"
_DISTRIBUTIONS = frozenset({"deb", "rpm", "apk", "alpm"})

#: Of one cause; enough to choose from.
MAX_EXAMPLES = 300

Package = tuple[str, str, str]


class Thing(NamedTuple):
    """A component of one tool's SBOM: what it is called raw, and who we say it is."""

    raw: str
    digest: UUID
    package: Package
    version: str
    entry: Entry


@dataclass
class Tally:
    """The comparison of two tools over many images; counts are of distinct components per image."""

    images: int = 0
    left: int = 0
    right: int = 0
    raw: int = 0
    agree: int = 0
    other_version: int = 0
    only_left: int = 0
    only_right: int = 0


@dataclass
class Comparison:
    """All of it. `causes` say why a component of one tool is none of another's, with examples."""

    pairs: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    union_raw: int = 0
    union: int = 0
    everywhere_raw: int = 0
    everywhere: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def images_of(folder: Path, *, tools: Iterable[str] = TOOLS) -> dict[str, dict[str, Path]]:
    """Find the images that all of *tools* describe: image → tool → file, sorted by image."""
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for file in sorted(folder.rglob("spdx-*.json")):
        if named := _FILE.fullmatch(file.name):
            found[named["image"]][named["tool"]] = file
    return {image: files for image, files in sorted(found.items()) if files.keys() >= set(tools)}


def things_of(file: Path) -> dict[UUID, Thing]:
    """Read an SBOM and identify what it lists; images, layers and operating systems are left out."""
    try:
        document = read(file.read_bytes())
    except ServiceError:
        return {}
    things: dict[UUID, Thing] = {}
    for ref, entry in entries_of(document):
        if not _is_wrapping(ref, entry):
            who, listed = entry.identity, entry.listed
            raw = listed.purl or f"{listed.name} {listed.version}"
            thing = Thing(raw, entry.digest, (who.type, who.namespace, who.name), who.version, entry)
            things.setdefault(entry.digest, thing)
    return things


def _is_wrapping(ref: str, entry: Entry) -> bool:
    listed = entry.listed
    if entry.identity.type in _WRAPPINGS or listed.type == "operating-system" or ref.startswith(_FINDS):
        return True
    return not listed.purl and not listed.version


def compare(images: Iterable[dict[str, Path]], tools: tuple[str, ...] = TOOLS) -> Comparison:
    """Compare every pair of tools, and all of them, over *images*."""
    result = Comparison()
    for files in images:
        lists = {tool: things_of(files[tool]) for tool in tools}
        _add_all(result, list(lists.values()))
        for left, right in combinations(tools, 2):
            _add_pair(result.pairs[left, right], lists[left], lists[right])
        for one, other in ((a, b) for a in tools for b in tools if a != b):
            for cause, thing in _causes(lists[one], lists[other]):
                result.causes[cause] += 1
                if len(result.examples[cause]) < MAX_EXAMPLES:
                    result.examples[cause].append(f"{one} says {thing.raw}; {other}: {_nearest(thing, lists[other])}")
    return result


def _add_all(result: Comparison, lists: list[dict[UUID, Thing]]) -> None:
    raw = [{thing.raw for thing in things.values()} for things in lists]
    result.union_raw += len(set.union(*raw))
    result.everywhere_raw += len(set.intersection(*raw))
    digests = [set(things) for things in lists]
    result.union += len(set.union(*digests))
    result.everywhere += len(set.intersection(*digests))


def _add_pair(tally: Tally, left: dict[UUID, Thing], right: dict[UUID, Thing]) -> None:
    tally.images += 1
    tally.left += len(left)
    tally.right += len(right)
    tally.raw += len({t.raw for t in left.values()} & {t.raw for t in right.values()})
    tally.agree += len(left.keys() & right.keys())
    only_left = [t for digest, t in left.items() if digest not in right]
    only_right = [t for digest, t in right.items() if digest not in left]
    packages = {t.package for t in only_left} & {t.package for t in only_right}
    tally.other_version += len(packages)
    tally.only_left += sum(t.package not in packages for t in only_left)
    tally.only_right += sum(t.package not in packages for t in only_right)


def _causes(ours: dict[UUID, Thing], theirs: dict[UUID, Thing]) -> Iterator[tuple[str, Thing]]:
    """Say of each of *ours* that is not among *theirs* why not."""
    by_name: dict[str, list[Thing]] = defaultdict(list)
    kinds = set()
    for thing in theirs.values():
        by_name[_bare(thing)].append(thing)
        kinds.add(thing.package[0])
    for digest, thing in ours.items():
        if digest not in theirs:
            yield _cause(thing, by_name.get(_bare(thing), []), kinds), thing


def _cause(thing: Thing, namesakes: list[Thing], kinds: set[str]) -> str:
    kind = thing.package[0]
    if thing.entry.listed.scope == "excluded" or thing.entry.listed.ref.endswith("-src"):
        return "a source package, listed beside what was built from it"
    if not namesakes:
        if not kind:
            return "nobody says what kind of package it is"
        if kind in kinds:
            return "not listed, though the tool lists others of its kind"
        return "the other tool lists no packages of this kind" if kinds else "the other tool lists no packages at all"
    same = [other for other in namesakes if other.package == thing.package]
    if not same:
        known = all(other.package[0] for other in namesakes) and kind
        return "same name, another kind of package" if known else "same name; one of the two does not say its kind"
    return _versions_differ(thing, same)


def _versions_differ(thing: Thing, same: list[Thing]) -> str:
    equal = [other for other in same if other.version == thing.version]
    if not equal:
        if any(_without_release(thing.version, other.version) for other in same):
            return "same package; one of the two leaves the release out of the version"
        return "same package, another version"
    ours, theirs = thing.entry.identity, equal[0].entry.identity
    if ours.distribution != theirs.distribution:
        return "same package and version; the distribution's release differs or is missing"
    if (ours.source_name, ours.source_version) != (theirs.source_name, theirs.source_version):
        return "same package and version; the source package differs or is missing"
    return "same package and version; qualifiers differ"


def _without_release(one: str, other: str) -> bool:
    return one.rpartition("-")[0] == other or other.rpartition("-")[0] == one


def _bare(thing: Thing) -> str:
    return (
        thing.package[2].lower()
        if thing.package[0] in _DISTRIBUTIONS
        else "/".join(thing.package[1:]).strip("/").lower()
    )


def _nearest(thing: Thing, theirs: dict[UUID, Thing]) -> str:
    return next((other.raw for other in theirs.values() if _bare(other) == _bare(thing)), "-")
