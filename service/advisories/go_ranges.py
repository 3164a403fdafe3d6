"""Go's own ranges, which Go's versions cannot always express. Pure.

A module that was tagged v2 and more without saying so in its path has versions that only exist as ``+incompatible``,
and Go's vulnerability database leaves their ranges open: ``introduced: 0``, and nothing fixed. What is really affected
stands in ``ecosystem_specific.custom_ranges``, in the numbers of the module's tags. Those are the very numbers of its
``+incompatible`` versions, so for them the custom ranges decide. Everything below v2, pseudo-versions of untagged
commits above all, cannot be told by tags and stays in the open range.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from service.advisories.intervals import Interval, between
from service.advisories.osv_schema import OsvAffected, OsvRange

#: At and above this, a module whose path names no major version has ``+incompatible`` versions only.
_INCOMPATIBLE: Final = "2.0.0-0"

_MAJOR_IN_PATH = re.compile(r"/v\d+$|\.v\d+$")


def custom_ranges(ecosystem: str, name: str, entry: OsvAffected) -> list[OsvRange]:
    """Give the ranges that decide about ``+incompatible`` versions; empty where the entry's own ones do."""
    specific: Any = entry.ecosystem_specific
    if ecosystem != "Go" or not isinstance(specific, dict) or not specific.get("custom_ranges"):
        return []
    if _MAJOR_IN_PATH.search(name) or any(_ends(each) for each in entry.ranges or ()):
        return []
    try:
        return msgspec.convert(specific["custom_ranges"], list[OsvRange])
    except msgspec.ValidationError:
        return []


def _ends(each: OsvRange) -> bool:
    return any(event.introduced is None for event in each.events)


def joined(open_ended: Sequence[Interval], custom: Sequence[Interval]) -> list[Interval]:
    """Let the custom ranges decide from v2 on, and the open ones below."""
    return between("Go", open_ended, "", _INCOMPATIBLE) + between("Go", custom, _INCOMPATIBLE, "")
