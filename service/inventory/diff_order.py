"""Which of two versions of one package is the later one, where anybody can tell. Pure.

The packaging's own order decides, as it does for advisories. Components outside every ecosystem (an OpenSSL found in a
firmware image) follow upstream's numbering where both versions are numbered; hashes and dates in words have no order.
"""

import re
from collections.abc import Iterable
from functools import cmp_to_key, partial

from service.inventory.upstream import upstream_key
from service.purls.ecosystems import ECOSYSTEMS
from service.versions import UnparsableVersion, compare, sort_key

#: Distributions of one package format share its order; pacman's vercmp is derived from rpm's.
_PACKAGED = {"deb": "Debian", "rpm": "Red Hat", "apk": "Alpine", "alpm": "Red Hat"}
_ORDERED_BY = ECOSYSTEMS | _PACKAGED
_NUMBERED = re.compile(r"[vV]?\d+(?:\.\d+)+.*")


def compare_versions(purl_type: str, one: str, other: str) -> int | None:
    """Compare two versions of a package.

    Returns:
        Less than, equal to or greater than 0; None where they have no order.
    """
    ecosystem = _ORDERED_BY.get(purl_type)
    try:
        if ecosystem is not None:
            return compare(ecosystem, one, other)
    except UnparsableVersion:
        pass  # published nowhere under this name, and yet perhaps numbered
    if not (_NUMBERED.fullmatch(one) and _NUMBERED.fullmatch(other)):
        return None
    left, right = upstream_key(one), upstream_key(other)
    return (left > right) - (left < right)


def in_order(purl_type: str, versions: Iterable[str]) -> list[str]:
    """Sort versions, the earliest first; those without a place in the ecosystem's order stand behind, as text.

    The order of *versions* does not matter.
    """
    ecosystem = _ORDERED_BY.get(purl_type)
    distinct = sorted(set(versions))
    if ecosystem is None:
        return sorted(distinct, key=lambda version: (not _NUMBERED.fullmatch(version), upstream_key(version)))
    native = [version for version in distinct if _is_ordered(ecosystem, version)]
    foreign = sorted(set(distinct).difference(native))
    return sorted(native, key=cmp_to_key(partial(compare, ecosystem))) + foreign


def _is_ordered(ecosystem: str, version: str) -> bool:
    try:
        sort_key(ecosystem, version)
    except UnparsableVersion:
        return False
    return True
