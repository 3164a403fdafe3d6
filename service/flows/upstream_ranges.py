"""An advisory's versions as upstream would number them, to look at packages that it does not name. Pure.

The advisory speaks of Debian's ``5.6.1-1``; whether Conan's ``5.6.1`` is the same code can only be said in upstream's
numbers. What comes out is a hint for people, never a match.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from service.inventory.upstream import Key, upstream_key, upstream_of

#: A packaging's first build of a version: a fix there came with upstream's version, a later one was put on top of it.
_FIRST_BUILD: Final = re.compile(r"-(?:r?0|0?1)(?:[^\d].*)?$")


class Listed(NamedTuple):
    """Versions that an advisory lists for one kind of packaging; empty bounds are open, equal ones are one version."""

    purl_type: str
    lo: str
    hi: str
    hi_included: bool


class _Interval(NamedTuple):
    lo: Key | None
    hi: Key | None
    hi_included: bool


class UpstreamRanges:
    """The same in upstream's numbers."""

    def __init__(self, listed: Iterable[Listed], matched: Iterable[tuple[str, str]]) -> None:
        """Read what is listed.

        Args:
            listed: By the advisory.
            matched: Purl type and version of components that match it: their upstream versions are affected.
        """
        self._intervals = list(dict.fromkeys(_interval(one) for one in listed))
        self._affected = {upstream_key(upstream_of(kind, version).version) for kind, version in matched if version}

    def hold(self, purl_type: str, version: str) -> bool | None:
        """Tell whether a packaging's version looks affected; None where nothing can be said."""
        if not version or not any(sign.isdigit() for sign in version):
            return None
        key = upstream_key(upstream_of(purl_type, version).version)
        return key in self._affected or any(_holds(one, key) for one in self._intervals)


def _interval(one: Listed) -> _Interval:
    lo = upstream_key(upstream_of(one.purl_type, one.lo).shown) if one.lo else None
    if not one.hi:
        return _Interval(lo, None, hi_included=False)
    # Fixed in a later build of the same version: upstream's version as such is affected.
    is_later_build = upstream_of(one.purl_type, one.hi).stepped_back or _is_later_build(one.hi)
    hi = upstream_key(upstream_of(one.purl_type, one.hi).shown)
    return _Interval(lo, hi, one.hi_included or is_later_build)


def _is_later_build(version: str) -> bool:
    return (
        "-" in version
        and any(sign.isdigit() for sign in version.rpartition("-")[2])
        and not _FIRST_BUILD.search(version)
    )


def _holds(interval: _Interval, key: Key) -> bool:
    if interval.lo is not None and key < interval.lo:
        return False
    if interval.hi is None:
        return True
    return key < interval.hi or (interval.hi_included and key == interval.hi)
