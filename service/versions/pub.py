"""Pub versions: SemVer that orders builds too, none first.

Identifiers of a prerelease or a build are numbers where Dart reads one of 64 bits, sign and hexadecimal digits
included. A leading ``v`` and missing numbers are read.

Source: pub_semver, Version.compareTo and its `_splitParts`.
"""

import re

from service.versions.keys import integer, number, text
from service.versions.unparsable import UnparsableVersion

_PRERELEASE, _RELEASE = b"\x01", b"\x02"
_NO_BUILD, _BUILD = b"\x00", b"\x01"
# What an identifier may be; the end of the list comes first, so a list sorts before its continuations.
_END, _NUMERIC, _ALPHANUMERIC = b"\x00", b"\x01", b"\x02"
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

_IDENTIFIERS = r"([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)"
_VERSION = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?")
_INTEGER = re.compile(r"-?(?:[0-9]+|(0[xX])[0-9a-fA-F]+)")


def pub_key(version: str) -> bytes:
    """Encode a Dart package's version.

    Raises:
        UnparsableVersion: It is not of SemVer's form.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UnparsableVersion.of(version, "Pub")
    *numbers, prerelease, build = match.groups()
    core = b"".join([number(part or "") for part in numbers])
    qualified = _RELEASE if prerelease is None else _PRERELEASE + _identifiers(prerelease)
    return core + qualified + (_NO_BUILD if build is None else _BUILD + _identifiers(build))


def _identifiers(dotted: str) -> bytes:
    return b"".join(map(_identifier, dotted.split("."))) + _END


def _identifier(part: str) -> bytes:
    match = _INTEGER.fullmatch(part)
    value = int(part, 16 if match[1] else 10) if match else None
    if value is not None and _LOWEST <= value <= _HIGHEST:
        return _NUMERIC + integer(value, 8)
    return _ALPHANUMERIC + text(part)
