"""Versions that are lists of numbers and nothing else: CRAN and Hackage.

A list sorts before its continuations, so ``1.0`` < ``1.0.0``. CRAN separates with dots or hyphens alike.

Source: R's ``package_version``; Haskell's ``Data.Version``.
"""

import re

from service.versions.keys import number
from service.versions.unparsable import UnparsableVersion

_END, _MORE = b"\x00", b"\x01"
_CRAN = re.compile(r"[0-9]+(?:[.-][0-9]+)*")
_HACKAGE = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def cran_key(version: str) -> bytes:
    """Encode an R package's version; anything but numbers is refused."""
    if not _CRAN.fullmatch(version):
        raise UnparsableVersion.of(version, "CRAN")
    return _list(version.replace("-", "."))


def hackage_key(version: str) -> bytes:
    """Encode a Haskell package's version; anything but numbers, the old tags included, is refused."""
    if not _HACKAGE.fullmatch(version):
        raise UnparsableVersion.of(version, "Hackage")
    return _list(version)


def _list(dotted: str) -> bytes:
    return b"".join([_MORE + number(part) for part in dotted.split(".")]) + _END
