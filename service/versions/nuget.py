"""NuGet versions: SemVer 2.0.0 with a fourth number, missing numbers are zero, case does not count.

Source: NuGet.Versioning, VersionComparer.Default (build metadata ignored).
"""

import re

from service.versions.keys import number
from service.versions.semver import identifiers
from service.versions.unparsable import UnparsableVersion

_PRERELEASE, _RELEASE = b"\x01", b"\x02"
_VERSION = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:-([^+]*))?(?:\+.*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


def nuget_key(version: str) -> bytes:
    """Encode a NuGet version.

    Raises:
        UnparsableVersion: It does not begin with one to four numbers.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UnparsableVersion.of(version, "NuGet")
    *numbers, prerelease = match.groups()
    tail = _RELEASE if prerelease is None else _PRERELEASE + identifiers(prerelease.lower())
    return b"".join([number(part or "") for part in numbers]) + tail
