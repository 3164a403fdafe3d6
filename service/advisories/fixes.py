"""Which versions fix a vulnerability in a component, and which of them is nearest. Pure.

A version fixes it if it is newer, some advisory names it as fixed, and no advisory about the vulnerability affects it.
The nearest is the lowest such version by the ecosystem's own order: mostly the one that ends the range that the
component lies in, so a 1.4.2 gets 1.4.5 rather than 2.0.1; where several advisories end that range differently, the
one that satisfies all of them; where one of them leaves the line open, the first version of a later line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key, partial
from typing import NamedTuple

from service.advisories.intervals import END
from service.advisories.matching import Bounds
from service.versions import UnparsableVersion, compare, sort_key


class Range(NamedTuple):
    """An interval in which an advisory affects a package; `exact` instead of bounds where versions have no order.

    `build`: which of a distribution's builds it speaks of.
    """

    advisory: str
    lo: bytes | None
    hi: bytes | None
    exact: str | None
    lo_version: str
    hi_version: str
    hi_included: bool
    fixed: str
    flagged: bool
    build: str = ""

    def holds(self, ecosystem: str, version: str) -> bool:
        """Tell whether a version lies inside."""
        if self.lo is None or self.hi is None:
            return version == self.exact
        try:
            key, flagged = sort_key(ecosystem, version)
        except UnparsableVersion:
            return False
        if flagged or self.flagged:
            bounds = Bounds(self.lo_version, self.hi_version, hi_included=self.hi_included, is_open=self.hi == END)
            return bounds.contain(ecosystem, version)
        return self.lo <= key < self.hi


@dataclass(frozen=True, slots=True)
class Fixes:
    """What fixes a vulnerability in a component.

    `every` are the newer versions that some advisory names as fixed, ascending; `hint` says what is known where
    `nearest` is None.
    """

    nearest: str | None
    every: tuple[str, ...]
    hint: str | None

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        known = self.nearest is not None
        return {"nearest": self.nearest, "all": list(self.every), "known": known, "hint": self.hint}


def fixes_in(ecosystem: str, version: str, ranges: Sequence[Range], last_known: Iterable[str] = ()) -> Fixes:
    """Find what fixes a component of one package.

    Args:
        ecosystem: The package's, with suffix.
        version: The component's, as it was matched.
        ranges: All that the advisories about the vulnerability say of this package.
        last_known: Ranges in which GitHub last knew it affected: hints, never evaluated.
    """
    every = _newer(ecosystem, version, {each.fixed for each in ranges if each.fixed})
    objections = {fix: _objecting(ecosystem, fix, ranges) for fix in every}
    nearest = next((fix for fix in every if not objections[fix]), None)
    return Fixes(nearest, tuple(every), None if nearest else _hint(ecosystem, version, ranges, objections, last_known))


def of_build(ecosystem: str, version: str, fixed: str, ranges: Sequence[Range]) -> list[Range]:
    """Keep what an advisory says of the build that a component was matched for: that of the interval it lies in."""
    builds = {each.build for each in ranges if each.fixed == fixed and each.holds(ecosystem, version)}
    return [each for each in ranges if each.build in builds or not builds]


def together(ecosystem: str, parts: Sequence[Fixes]) -> Fixes:
    """Join what fixes a component that several packages were matched for: all of them have to be fixed."""
    if len(parts) == 1:
        return parts[0]
    every = _sorted(ecosystem, {fix for part in parts for fix in part.every})
    if any(part.nearest is None for part in parts):
        return Fixes(None, tuple(every), next((part.hint for part in parts if part.hint), None))
    needed = {part.nearest for part in parts if part.nearest}
    return Fixes(_sorted(ecosystem, needed)[-1], tuple(every), None)


def _newer(ecosystem: str, version: str, fixes: set[str]) -> list[str]:
    try:
        return _sorted(ecosystem, {fix for fix in fixes if compare(ecosystem, fix, version) > 0})
    except UnparsableVersion:
        return []


def _sorted(ecosystem: str, versions: set[str]) -> list[str]:
    try:
        return sorted(sorted(versions), key=cmp_to_key(partial(compare, ecosystem)))
    except UnparsableVersion:
        return sorted(versions)


def _objecting(ecosystem: str, fix: str, ranges: Iterable[Range]) -> list[str]:
    return sorted({each.advisory for each in ranges if each.holds(ecosystem, fix)})


def _hint(
    ecosystem: str,
    version: str,
    ranges: Sequence[Range],
    objections: dict[str, list[str]],
    last_known: Iterable[str],
) -> str:
    if said := sorted(set(last_known)):
        return f"no fix is known; last known to be affected: {' or '.join(said)}"
    if objections:
        fix, against = next(iter(objections.items()))
        return f"{fix} is named as fixed, and still affected by {', '.join(against)}"
    around = (each for each in ranges if each.hi_included and each.holds(ecosystem, version))
    if last := next((each for each in around if each.lo_version != each.hi_version), None):
        return f"no fix is named; {last.advisory} knows {last.hi_version} as the last affected version"
    return "no fix is known"
