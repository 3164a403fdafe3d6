"""OSV's evaluation as its schema writes it down: plain, slow, obviously right.

No sort keys, no intervals, no SQL: records are walked as they were published, and versions are only ever compared by
``service.versions.compare``. What the service does beside the schema (README.md of advisories, ADR 0010) is spelled out
here a second time, each in a function of its own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cmp_to_key
from typing import Any, Literal, NamedTuple

from service.purls import canonical_ecosystem, normalise_name
from service.versions import UnparsableVersion, compare

Json = Mapping[str, Any]
Certainty = Literal["certain", "possible"]
Answer = Literal["affected", "unaffected", "unevaluated"]

_KINDS = ("introduced", "last_affected", "fixed", "limit")


class Package(NamedTuple):
    """What a component is in one ecosystem; `name` is normalised."""

    ecosystem: str
    name: str
    version: str


def answer(package: Package, entry: Json) -> Answer:
    """Say what one entry of ``affected[]``, of this very package, says of its version."""
    if is_affected(package, entry):
        return "affected"
    return "unaffected" if is_version(package.ecosystem, package.version) else "unevaluated"


def is_affected(package: Package, entry: Json) -> bool:
    """``return version in versions || IncludedInRanges(version, ranges)``."""
    return is_listed(package, entry) or any(is_in(package, each) for each in deciding_ranges(package, entry))


def is_listed(package: Package, entry: Json) -> bool:
    """``IncludedInVersions``: the same text, or one that the ecosystem does not tell apart."""
    return any(is_same(package.ecosystem, package.version, listed) for listed in entry.get("versions") or ())


def is_same(ecosystem: str, version: str, listed: str) -> bool:
    if version == listed:
        return True
    return is_version(ecosystem, version) and is_version(ecosystem, listed) and compare(ecosystem, version, listed) == 0


@cache
def is_version(ecosystem: str, text: str) -> bool:
    """Tell whether the ecosystem can order this text."""
    try:
        compare(ecosystem, text, text)
    except UnparsableVersion:
        return False
    return True


def is_in(package: Package, each: Json) -> bool:
    """``IncludedInRanges`` for one range: ``BeforeLimits``, then the walk over the sorted events.

    A range that holds a version which its ecosystem cannot read says nothing.
    """
    ecosystem, version = package.ecosystem, package.version
    events = [(kind, event[kind]) for event in each["events"] for kind in _KINDS if event.get(kind) is not None]
    if each["type"] == "GIT" or not is_version(ecosystem, version):
        return False
    if not all(is_version(ecosystem, at) for kind, at in events if not is_sign(kind, at)):
        return False
    if not is_before_limits(ecosystem, version, [at for kind, at in events if kind == "limit"]):
        return False
    vulnerable = False
    for kind, at in in_order(ecosystem, [event for event in events if event[0] != "limit"]):
        difference = 1 if is_sign(kind, at) else compare_releases(ecosystem, version, at)
        if kind == "introduced" and difference >= 0:
            vulnerable = True
        elif kind == "fixed" and difference >= 0:  # noqa: SIM114 - as the schema writes it
            vulnerable = False
        elif kind == "last_affected" and difference > 0:
            vulnerable = False
    return vulnerable


def is_sign(kind: str, at: str) -> bool:
    """``introduced: "0"`` precedes every version, and ``limit: "*"`` follows every one; they are no versions."""
    return (kind, at) in (("introduced", "0"), ("limit", "*"))


def is_before_limits(ecosystem: str, version: str, limits: Sequence[str]) -> bool:
    """``BeforeLimits``: no limit at all, or below some limit."""
    return not limits or any(limit == "*" or compare_releases(ecosystem, version, limit) < 0 for limit in limits)


def compare_releases(ecosystem: str, version: str, bound: str) -> int:
    """Compare, in Maven, releases: what differs is the runtime they are for (``.jre8``), or who built them."""
    if not ecosystem.startswith(("Maven", "Echo:Maven", "Root:Maven")):
        return compare(ecosystem, version, bound)
    (release, kind), (bounds_release, bounds_kind) = release_and_kind(version), release_and_kind(bound)
    # Nearly every release that names a runtime is a plain -jre, and sorts as if it did not.
    if kind == bounds_kind or {kind, bounds_kind} == {"", "jre"}:
        return compare(ecosystem, version, bound)
    return compare(ecosystem, release, bounds_release)


def release_and_kind(version: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*\d.*?)[.-](jre\d*|jdk\d+|java\d+|android|redhat)(-\d+)?", version, re.IGNORECASE)
    if found is None or (found[2].lower() == "redhat") is (found[3] is None):
        return version, ""
    return found[1], found[2].lower()


def in_order(ecosystem: str, events: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort by version, then introduced before last_affected before fixed."""

    def order(one: tuple[str, str], other: tuple[str, str]) -> int:
        if is_sign(*one) or is_sign(*other):
            return is_sign(*other) - is_sign(*one)
        return compare(ecosystem, one[1], other[1]) or _KINDS.index(one[0]) - _KINDS.index(other[0])

    return sorted(events, key=cmp_to_key(order))


def deciding_ranges(package: Package, entry: Json) -> list[Json]:
    """Give the ranges that decide: the entry's own; Go's custom ones for ``+incompatible`` versions left open."""
    ranges = entry.get("ranges") or []
    custom = (entry.get("ecosystem_specific") or {}).get("custom_ranges")
    if package.ecosystem != "Go" or not custom or re.search(r"[/.]v\d+$", package.name):
        return ranges
    if any(
        kind in event for each in ranges for event in each["events"] for kind in ("fixed", "last_affected", "limit")
    ):
        return ranges
    if not all(
        is_sign(kind, at) or is_version("Go", at)
        for each in custom
        for event in each["events"]
        for kind, at in event.items()
    ):
        return ranges
    incompatible = is_version("Go", package.version) and compare("Go", package.version, "2.0.0-0") >= 0
    return custom if incompatible else ranges


def is_condemned(package: Package, entry: Json) -> bool:
    """Tell whether only a range without beginning and end affects a version."""
    if is_listed(package, entry) and not any(is_in(package, each) for each in entry.get("ranges") or ()):
        return False
    return all(is_everything(each) for each in deciding_ranges(package, entry) if is_in(package, each))


def is_everything(each: Json) -> bool:
    kinds = {(kind, at) for event in each["events"] for kind, at in event.items() if (kind, at) != ("limit", "*")}
    return ("introduced", "0") in kinds and {kind for kind, _ in kinds} == {"introduced"}


def packages_in(entry: Json) -> tuple[str, str] | None:
    """Give (ecosystem, normalised name) of an entry's package."""
    package = entry.get("package") or {}
    if not package.get("ecosystem") or not package.get("name"):
        return None
    ecosystem = canonical_ecosystem(package["ecosystem"])
    return ecosystem, normalise_name(ecosystem, package["name"])


def repositories_in(entry: Json) -> Iterator[tuple[str, set[str]]]:
    """Yield the repositories of an entry, each with the tags and commits that are affected, as they are compared."""
    ranges = [each for each in entry.get("ranges") or () if each["type"] == "GIT" and each.get("repo")]
    lists_tags = (entry.get("package") or {}).get("ecosystem", "") in ("", "GIT", "OSS-Fuzz")
    tags = set(entry.get("versions") or ()) if lists_tags else set()
    fixed = {event["fixed"] for each in ranges for event in each["events"] if event.get("fixed")}
    for name in sorted({normalise_name("GIT", each["repo"]) for each in ranges}):
        commits = {
            event[kind]
            for each in ranges
            if normalise_name("GIT", each["repo"]) == name
            for event in each["events"]
            for kind in ("introduced", "last_affected")
            if event.get(kind) not in (None, "0")
        }
        yield name, {as_revision(text) for text in (tags | commits) - fixed}


def as_revision(text: str) -> str:
    """Write tags without the v before a number, commits in lower case."""
    return text.lower() if re.fullmatch("[0-9a-fA-F]{40}", text) else re.sub(r"^v(?=\d)", "", text)
