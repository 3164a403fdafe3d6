"""The two questions one can ask of versions: which is higher, and what bytes sort like it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from service.versions.alpm import alpm_key
from service.versions.apk import apk_key
from service.versions.dpkg import dpkg_key
from service.versions.families import family_of
from service.versions.gem import gem_key
from service.versions.maven import maven_compare, maven_key
from service.versions.nuget import nuget_key
from service.versions.numbers import cran_key, hackage_key
from service.versions.packagist import packagist_key
from service.versions.pep440 import pep440_key
from service.versions.pub import pub_key
from service.versions.rpm import rpm_key
from service.versions.semver import bitnami_key, julia_key, semver_key
from service.versions.unparsable import SHOWN, UnparsableVersion
from service.versions.variants import compare_releases, needs_comparing

#: Stored beside keys. Raise it with any change of their bytes or of an ecosystem's family, so that they are rebuilt.
KEY_VERSION: Final = 2

#: Longer versions are refused. A key takes at most nine bytes a character, and PostgreSQL's index rows at most 2,704.
MAX_CHARACTERS: Final = 256

#: The same strings come back with every upload; this many keys are some ten megabytes.
_REMEMBERED: Final = 65_536


@dataclass(frozen=True)
class Ordering:
    """How one family orders its versions."""

    key: Callable[[str], tuple[bytes, bool]]
    compare: Callable[[str, str], int]


def _by_key(key: Callable[[str], bytes]) -> Ordering:
    """Make an ordering of a key that is exact: comparing means comparing keys."""

    def compare(a: str, b: str) -> int:
        left, right = key(a), key(b)
        return (left > right) - (left < right)

    return Ordering(lambda version: (key(version), False), compare)


def _maven_key(version: str) -> tuple[bytes, bool]:
    key, flagged = maven_key(version)
    return key, flagged or needs_comparing(version)


_ORDERINGS: Final = {
    "semver": _by_key(semver_key),
    "julia": _by_key(julia_key),
    "bitnami": _by_key(bitnami_key),
    "pypi": _by_key(pep440_key),
    "maven": Ordering(_maven_key, maven_compare),
    "nuget": _by_key(nuget_key),
    "gem": _by_key(gem_key),
    "packagist": _by_key(packagist_key),
    "pub": _by_key(pub_key),
    "cran": _by_key(cran_key),
    "hackage": _by_key(hackage_key),
    "dpkg": _by_key(dpkg_key),
    "alpm": _by_key(alpm_key),
    "apk": _by_key(apk_key),
    "rpm": _by_key(rpm_key),
}


def sort_key(ecosystem: str, version: str) -> tuple[bytes, bool]:
    """Encode a version so that memcmp on the keys is the ecosystem's order.

    Args:
        ecosystem: As OSV writes it, with or without suffix. Keys of different ecosystems must not be compared.
        version: As published; white space around it is ignored. OSV's opening ``"0"`` is a version like any other
            here; the caller gives a range that opens with it the empty key.

    Returns:
        The key, at most 2,400 bytes and never empty; and whether it is only approximate, in which case `compare`
        decides every pair it takes part in.

    Raises:
        UnparsableVersion: The ecosystem cannot read it, or has no order at all.
    """
    return _remembered_key(_family(ecosystem), version)


def compare(ecosystem: str, a: str, b: str) -> int:
    """Compare two versions exactly as the ecosystem does.

    Returns:
        -1 where *a* is lower, 1 where it is higher, 0 where the ecosystem does not tell them apart
        (``1.0`` and ``1.0.0`` in many).

    Raises:
        UnparsableVersion: The ecosystem cannot read one of them, or has no order at all.
    """
    family = _family(ecosystem)
    (left, left_flagged), (right, right_flagged) = _remembered_key(family, a), _remembered_key(family, b)
    if left_flagged or right_flagged:
        return _ORDERINGS[family].compare(a.strip(), b.strip())
    return (left > right) - (left < right)


def compare_to_bound(ecosystem: str, version: str, bound: str) -> int:
    """Compare a version with the bound of a range.

    As `compare` does, but one release for several runtimes, or as a vendor rebuilt it, stands where the release itself
    does (`service.versions.variants`).

    Raises:
        UnparsableVersion: As `compare`.
    """
    order = compare(ecosystem, version, bound)
    if _family(ecosystem) != "maven" or not (needs_comparing(version) or needs_comparing(bound)):
        return order
    return compare_releases(version.strip(), bound.strip())


def _family(ecosystem: str) -> str:
    family = family_of(ecosystem)
    if family is None:
        raise UnparsableVersion(f"{ecosystem[:SHOWN]!r} has no order of versions; compare them as text only.")
    return family


@lru_cache(maxsize=_REMEMBERED)
def _remembered_key(family: str, version: str) -> tuple[bytes, bool]:
    version = version.strip()
    if not version or len(version) > MAX_CHARACTERS or not _is_text(version):
        raise UnparsableVersion.of(version, family)
    return _ORDERINGS[family].key(version)


def _is_text(version: str) -> bool:
    """Refuse what UTF-8 cannot hold, and NUL, which ends a text inside a key."""
    return version.isprintable() or ("\0" not in version and version.encode(errors="ignore").decode() == version)
