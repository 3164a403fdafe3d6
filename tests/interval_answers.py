"""What stored intervals say of a version, decided as the database decides it: by keys, by text, or by comparator."""

from collections.abc import Iterable

from slow_evaluator import Answer, Package

from service.advisories.matching import Bounds
from service.advisories.ranges import END, AffectedPackage, Interval
from service.versions import UnparsableVersion, sort_key


def answer(package: Package, affected: Iterable[AffectedPackage]) -> Answer:
    """Say what the intervals of this very package say of its version."""
    key, flagged = key_of(package)
    intervals = (
        interval
        for each in affected
        if (each.ecosystem, each.name) == (package.ecosystem, package.name)
        for interval in each.intervals
    )
    if any(holds(interval, package, key, flagged=flagged) for interval in intervals):
        return "affected"
    return "unevaluated" if key is None else "unaffected"


def key_of(package: Package) -> tuple[bytes | None, bool]:
    try:
        return sort_key(package.ecosystem, package.version)
    except UnparsableVersion:
        return None, False


def holds(interval: Interval, package: Package, key: bytes | None, *, flagged: bool) -> bool:
    if interval.lo is None or interval.hi is None or key is None:
        return key is None and interval.exact_version == package.version
    if flagged or interval.flagged:
        bounds = Bounds(
            interval.lo_version, interval.hi_version, hi_included=interval.hi_included, is_open=interval.hi == END
        )
        return bounds.contain(package.ecosystem, package.version)
    return interval.lo <= key < interval.hi
