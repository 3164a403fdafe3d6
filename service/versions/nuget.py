"""NuGet versions: SemVer 2.0.0 with a fourth number, missing numbers are zero, case does not count.

A label is a number where .NET reads one of 32 bits, sign included: ``-02`` in ``1.0.0--02`` is a number, and the
date and time of ``1.0.0-beta.20230825131015`` is text.

Source: NuGet.Versioning, VersionComparer.Default (build metadata ignored).
"""

import re

from service.versions.keys import integer, number, text
from service.versions.unparsable import UnparsableVersion

_PRERELEASE, _RELEASE = b"\x01", b"\x02"
# What a label may be; the end of the list comes first, so a list sorts before its continuations.
_END, _NUMERIC, _ALPHANUMERIC = b"\x00", b"\x01", b"\x02"
_LOWEST, _HIGHEST = -(2**31), 2**31 - 1

_VERSION = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:-([^+]*))?(?:\+.*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_INTEGER = re.compile(r"-?[0-9]+")


def nuget_key(version: str) -> bytes:
    """Encode a NuGet version.

    Raises:
        UnparsableVersion: It does not begin with one to four numbers.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UnparsableVersion.of(version, "NuGet")
    *numbers, prerelease = match.groups()
    tail = _RELEASE if prerelease is None else _PRERELEASE + _labels(prerelease)
    return b"".join([number(part or "") for part in numbers]) + tail


def _labels(dotted: str) -> bytes:
    return b"".join(map(_label, dotted.upper().split("."))) + _END


def _label(label: str) -> bytes:
    if _INTEGER.fullmatch(label) and _LOWEST <= int(label) <= _HIGHEST:
        return _NUMERIC + integer(int(label), 4)
    return _ALPHANUMERIC + text(label)
