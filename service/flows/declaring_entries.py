"""What of a declaration OSV's own words can say: packages of registries, so that everybody's scanners are told too.

Matching needs none of it. But whoever asks OSV's door about a package that no SBOM lists yet is answered by affected
entries. Distributions are left out: their versions are not upstream's, and ``<5.6.2`` would name Debian's fix.
"""

from collections.abc import Iterator
from typing import Any, Final

from service.advisories.declaration import Declaration
from service.errors import ServiceError
from service.inventory.constraints import Bound, parse_range
from service.purls import PURL_PLACE, identify, place_of_purl

_PACKAGED: Final = frozenset({"deb", "rpm", "apk", "alpm", "opkg", "yocto"})
_EVENTS: Final = {">=": "introduced", "<": "fixed", "<=": "last_affected"}


def entries_of(declaration: Declaration) -> list[dict[str, Any]]:
    """Write affected entries for the purls of registries."""
    return [entry for purl in declaration.purls if (entry := _entry(purl, declaration.ranges)) is not None]


def _entry(purl: str, ranges: tuple[str, ...]) -> dict[str, Any] | None:
    # Written canonically, a purl has its one @ before the version.
    wanted, place = identify(purl=purl, name="", version=""), place_of_purl(purl.partition("@")[0])
    if place is None or place[0].startswith(f"{PURL_PLACE}:") or wanted.type in _PACKAGED:
        return None
    package = {"ecosystem": place[0], "name": place[1]}
    if wanted.version:
        return {"package": package, "versions": [wanted.version]}
    if not ranges:
        return {"package": package, "ranges": [_range([{"introduced": "0"}])]}
    try:
        alternatives = [bounds for written in ranges for bounds in _alternatives(written)]
    except ServiceError:
        return None
    versions = [bound.version for bounds in alternatives for bound in bounds if bound.operator == "="]
    events = [list(_events(bounds)) for bounds in alternatives if bounds[0].operator != "="]
    return {"package": package, "ranges": [_range(each) for each in events], "versions": versions}


def _alternatives(written: str) -> Iterator[tuple[Bound, ...]]:
    if written.startswith("vers:"):
        return
    for bounds in parse_range(written).alternatives:
        is_one = len(bounds) == 1 and bounds[0].operator == "="
        if is_one or all(bound.operator in _EVENTS for bound in bounds):
            yield bounds


def _events(bounds: tuple[Bound, ...]) -> Iterator[dict[str, str]]:
    if not any(bound.operator == ">=" for bound in bounds):
        yield {"introduced": "0"}
    for bound in bounds:
        yield {_EVENTS[bound.operator]: bound.version}


def _range(events: list[dict[str, str]]) -> dict[str, Any]:
    return {"type": "ECOSYSTEM", "events": events}
