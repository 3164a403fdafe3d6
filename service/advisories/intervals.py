"""From OSV's events to half-open intervals of sort keys. Pure.

The schema evaluates a version by walking a range's sorted events; intervals answer the same question by comparison
alone, which an index can do. ``[lo, hi)`` holds a version if ``lo <= key < hi``:

- ``introduced: 0`` precedes every version: `lo` is `BEGINNING`;
- ``last_affected`` includes its version: `hi` is its key followed by a zero byte, the next possible key;
- what nothing closes ends at `END`, above every key;
- ``limit`` cuts the range; of several the highest counts, since a version has to be below *some* limit.

Where a bound is `flagged` its key is inexact, and the interval is to be decided by comparing `lo_version` and
`hi_version` ('' = unbounded), `hi_included` telling whether the upper one belongs to it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cmp_to_key
from typing import Literal

from service.advisories.osv_schema import OsvRange
from service.versions import UnparsableVersion, compare, sort_key

BEGINNING = b""
END = b"\xff\xff\xff\xff"

# An index row holds both bounds of an interval, or a name, in at most 2,704 bytes.
_MAX_KEY_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Versions that are affected; `exact_version` instead of bounds where versions cannot be ordered."""

    lo: bytes | None
    hi: bytes | None
    rule: Literal["range", "version"]
    exact_version: str | None = None
    lo_version: str = ""
    hi_version: str = ""
    hi_included: bool = False
    fixed: str = ""
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class _Bound:
    """An event with its place in the order; `rank` breaks ties.

    What is fixed where it was last affected is fixed there: the schema's walk says so in either order.
    """

    rank: int
    version: str
    key: bytes
    flagged: bool


_INTRODUCED, _FIXED, _LAST_AFFECTED, _LIMIT = range(4)


class MalformedRangeError(Exception):
    """A range that no version can be asked about."""


def range_intervals(ecosystem: str, each: OsvRange) -> list[Interval]:
    """Turn one range into its intervals, in order; none where it is empty, as ``introduced`` = ``fixed`` is.

    Raises:
        UnparsableVersion: The ecosystem cannot read one of the versions; half a range would be a wrong one.
    """
    bounds = _sorted(ecosystem, list(_bounds(ecosystem, each)))
    if not any(bound.rank == _INTRODUCED for bound in bounds):
        raise MalformedRangeError("nothing is introduced")
    limit = next((bound for bound in reversed(bounds) if bound.rank == _LIMIT), None)
    if any(event.limit == "*" for event in each.events):
        limit = None
    intervals = []
    opened: _Bound | None = None
    for bound in bounds:
        if bound.rank == _INTRODUCED:
            opened = opened or bound
        elif bound.rank != _LIMIT and opened:
            intervals.append(_interval(opened, bound))
            opened = None
    if opened:
        intervals.append(_interval(opened, None))
    if limit:
        intervals = [_cut(ecosystem, interval, limit) for interval in intervals]
    return [interval for interval in intervals if not _is_empty(ecosystem, interval)]


def _bounds(ecosystem: str, each: OsvRange) -> Iterator[_Bound]:
    for event in each.events:
        if event.introduced is not None:
            if event.introduced == "0":
                yield _Bound(_INTRODUCED, "", BEGINNING, flagged=False)
            else:
                yield _Bound(_INTRODUCED, event.introduced, *_key(ecosystem, event.introduced))
        if event.last_affected is not None:
            yield _Bound(_LAST_AFFECTED, event.last_affected, *_key(ecosystem, event.last_affected))
        if event.fixed is not None:
            yield _Bound(_FIXED, event.fixed, *_key(ecosystem, event.fixed))
        if event.limit is not None and event.limit != "*":
            yield _Bound(_LIMIT, event.limit, *_key(ecosystem, event.limit))


def _key(ecosystem: str, version: str) -> tuple[bytes, bool]:
    key, flagged = sort_key(ecosystem, version)
    if len(key) > _MAX_KEY_BYTES:
        raise UnparsableVersion.of(version, ecosystem)
    return key, flagged


def _sorted(ecosystem: str, bounds: list[_Bound]) -> list[_Bound]:
    """Sort by version, then as the schema breaks ties. Keys order them unless one is inexact."""
    bounds.sort(key=lambda bound: (bound.key, bound.rank))
    if any(bound.flagged for bound in bounds):
        bounds.sort(key=cmp_to_key(lambda a, b: _compared(ecosystem, a.version, b.version) or a.rank - b.rank))
    return bounds


def _compared(ecosystem: str, a: str, b: str) -> int:
    """Compare versions of which '' precedes all."""
    if a and b:
        return compare(ecosystem, a, b)
    return bool(a) - bool(b)


def _interval(opened: _Bound, closed: _Bound | None) -> Interval:
    if closed is None:
        return Interval(opened.key, END, "range", lo_version=opened.version, flagged=opened.flagged)
    included = closed.rank == _LAST_AFFECTED
    return Interval(
        opened.key,
        closed.key + b"\x00" if included else closed.key,
        "range",
        lo_version=opened.version,
        hi_version=closed.version,
        hi_included=included,
        fixed=closed.version if closed.rank == _FIXED else "",
        flagged=opened.flagged or closed.flagged,
    )


def _cut(ecosystem: str, interval: Interval, limit: _Bound) -> Interval:
    flagged = interval.flagged or limit.flagged
    ends_above = (
        not interval.hi_version or _compared(ecosystem, limit.version, interval.hi_version) <= 0
        if flagged
        else limit.key < _hi(interval)
    )
    if not ends_above:
        return interval
    return Interval(
        interval.lo,
        limit.key,
        "range",
        lo_version=interval.lo_version,
        hi_version=limit.version,
        flagged=flagged,
    )


def _is_empty(ecosystem: str, interval: Interval) -> bool:
    if not interval.flagged:
        return _lo(interval) >= _hi(interval)
    if not interval.hi_version:
        return False
    difference = _compared(ecosystem, interval.lo_version, interval.hi_version)
    return difference > 0 or (difference == 0 and not interval.hi_included)


def _lo(interval: Interval) -> bytes:
    return interval.lo or BEGINNING


def _hi(interval: Interval) -> bytes:
    return interval.hi or BEGINNING


def points(ecosystem: str, versions: Iterable[str], intervals: Sequence[Interval]) -> Iterator[Interval]:
    """Yield the listed versions that the record's own ranges do not imply; a point too many would do no harm."""
    merged = _merged(interval for interval in intervals if not interval.flagged)
    starts = [lo for lo, _ in merged]
    seen = set()
    for version in versions:
        try:
            key, flagged = _key(ecosystem, version)
        except UnparsableVersion:
            yield exactly(version)
            continue
        place = bisect_right(starts, key) - 1
        implied = place >= 0 and key < merged[place][1]
        if not flagged and (implied or key in seen):
            continue
        seen.add(key)
        yield Interval(
            key,
            key + b"\x00",
            "version",
            lo_version=version,
            hi_version=version,
            hi_included=True,
            flagged=flagged,
        )


def _merged(intervals: Iterable[Interval]) -> list[tuple[bytes, bytes]]:
    """Join overlapping intervals, so that one look at the one that starts before a key decides."""
    merged: list[tuple[bytes, bytes]] = []
    for lo, hi in sorted((_lo(interval), _hi(interval)) for interval in intervals):
        if merged and lo <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], hi))
        else:
            merged.append((lo, hi))
    return merged


def between(ecosystem: str, intervals: Iterable[Interval], low: str, high: str) -> list[Interval]:
    """Keep of exact intervals what lies at or above *low* and below *high*; '' is unbounded."""
    lowest, highest = (_key(ecosystem, low)[0] if low else BEGINNING), (_key(ecosystem, high)[0] if high else END)
    kept = []
    for interval in intervals:
        if _lo(interval) < lowest:
            interval = replace(interval, lo=lowest, lo_version=low)  # noqa: PLW2901 - the same one, shorter
        if highest < _hi(interval):
            interval = replace(interval, hi=highest, hi_version=high, hi_included=False, fixed="")  # noqa: PLW2901
        if _lo(interval) < _hi(interval):
            kept.append(interval)
    return kept


def exactly(version: str) -> Interval:
    """Affect a version by its text alone."""
    return Interval(None, None, "version", exact_version=version)
