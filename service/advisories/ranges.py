"""From a record's affected entries to intervals of packages and of repositories. Pure.

An entry's package is affected by its ranges or its listed versions (`intervals`). A repository that an entry names is
affected by text alone, since the graph of commits is not at hand: by the tags that the entry lists, and by the commits
that it says introduced the flaw or still had it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from service.advisories.distributions import spelled_out
from service.advisories.go_ranges import custom_ranges, joined
from service.advisories.intervals import (
    BEGINNING,
    END,
    Interval,
    MalformedRangeError,
    exactly,
    points,
    range_intervals,
)
from service.advisories.osv_schema import OsvAffected, OsvRange
from service.purls import GIT, canonical_ecosystem, normalise_name, repository_name, revision
from service.versions import UnparsableVersion, family_of

__all__ = ["BEGINNING", "END", "AffectedPackage", "Interval", "Reason", "Unevaluated", "flatten"]

# An index row holds a name, or both bounds of an interval, in at most 2,704 bytes.
_MAX_NAME_BYTES = 1_000

#: Ecosystems whose listed versions are tags of the repository; elsewhere they are the package's own.
_LIST_TAGS: Final = frozenset({"", GIT, "OSS-Fuzz"})

#: Why an affected entry, or a part of it, matches nothing.
Reason = Literal["no-package", "no-versions", "git-only", "no-ordering", "unparsable", "malformed-range"]


@dataclass(frozen=True, slots=True)
class Unevaluated:
    """What of an advisory could not be turned into intervals; `package` is ``ecosystem/name``."""

    package: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AffectedPackage:
    """One affected entry: its package, the name normalised, the versions that are affected, and in which builds."""

    ecosystem: str
    name: str
    intervals: tuple[Interval, ...]
    build: str = ""


def flatten(affected: Iterable[OsvAffected], summary: str = "") -> tuple[list[AffectedPackage], list[Unevaluated]]:
    """Flatten a record's affected entries. What cannot be evaluated is listed, and spoils nothing else."""
    packages: list[AffectedPackage] = []
    unevaluated: list[Unevaluated] = []
    for entry, build in spelled_out(affected, summary):
        found, problems = _flatten(entry)
        packages += [replace(one, build=build) for one in found] if build else found
        unevaluated += problems
    return packages, unevaluated


def _flatten(entry: OsvAffected) -> tuple[list[AffectedPackage], list[Unevaluated]]:
    ecosystem, name = _named(entry)
    repositories = list(_in_repositories(ecosystem, entry))
    if not name:
        if entry.package and entry.package.name and entry.package.ecosystem:
            return repositories, [Unevaluated("", "no-package")]
        return repositories, [] if repositories else [Unevaluated("", "no-package")]
    intervals, problems = _evaluate(ecosystem, name, entry)
    label = f"{ecosystem}/{name}"
    unevaluated = [Unevaluated(label, reason, detail) for reason, detail in dict.fromkeys(problems)]
    if intervals:
        repositories.insert(0, AffectedPackage(ecosystem, normalise_name(ecosystem, name), tuple(intervals)))
    return repositories, unevaluated


def _named(entry: OsvAffected) -> tuple[str, str]:
    """Give ecosystem and name as the record writes them; '' where it names no package, or none that can be stored."""
    if entry.package is None or not _is_name(entry.package.ecosystem) or not _is_name(entry.package.name):
        return "", ""
    return canonical_ecosystem(entry.package.ecosystem), entry.package.name


def _is_name(text: str) -> bool:
    return 0 < len(text.encode()) <= _MAX_NAME_BYTES


def _versions(entry: OsvAffected) -> dict[str, None]:
    return dict.fromkeys(version for version in entry.versions or () if _is_name(version))


def _evaluate(ecosystem: str, name: str, entry: OsvAffected) -> tuple[list[Interval], list[tuple[Reason, str]]]:
    versions = _versions(entry)
    ranges = [each for each in entry.ranges or () if each.type != "GIT"]
    if not versions and not ranges:
        return [], [("git-only" if entry.ranges else "no-versions", "")]
    if family_of(ecosystem) is None:
        problems: list[tuple[Reason, str]] = [] if versions else [("no-ordering", ecosystem)]
        return [exactly(version) for version in versions], problems
    intervals, problems = _of_ranges(ecosystem, ranges)
    if custom := custom_ranges(ecosystem, name, entry):
        decided, unread = _of_ranges(ecosystem, custom)
        # A custom range that cannot be read would close what is open: then nothing is closed.
        intervals = intervals if unread else joined(intervals, decided)
    intervals = list(dict.fromkeys(intervals))
    return intervals + list(points(ecosystem, versions, intervals)), problems


def _of_ranges(ecosystem: str, ranges: Iterable[OsvRange]) -> tuple[list[Interval], list[tuple[Reason, str]]]:
    intervals: list[Interval] = []
    problems: list[tuple[Reason, str]] = []
    for each in ranges:
        try:
            intervals += range_intervals(ecosystem, each)
        except UnparsableVersion as error:
            problems.append(("unparsable", error.detail))
        except MalformedRangeError as error:
            problems.append(("malformed-range", str(error)))
    return intervals, problems


def _in_repositories(ecosystem: str, entry: OsvAffected) -> Iterator[AffectedPackage]:
    """Yield the repositories that an entry names, each with the tags and commits that are affected."""
    commits: dict[str, dict[str, None]] = {}
    fixed: set[str] = set()
    for each in entry.ranges or ():
        if each.type == "GIT" and each.repo and _is_name(each.repo):
            affected = commits.setdefault(repository_name(each.repo), {})
            affected |= dict.fromkeys(_affected_commits(each))
            fixed |= {event.fixed for event in each.events if event.fixed}
    tags = _versions(entry) if commits and ecosystem in _LIST_TAGS else {}
    for name, affected in commits.items():
        revisions = dict.fromkeys(revision(text) for text in [*tags, *affected] if text not in fixed)
        if "/" in name and revisions:
            yield AffectedPackage(GIT, name, tuple(map(exactly, revisions)))


def _affected_commits(each: OsvRange) -> Iterator[str]:
    for event in each.events:
        for commit in (event.introduced, event.last_affected):
            if commit and commit != "0" and _is_name(commit):
                yield commit
