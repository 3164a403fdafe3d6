"""Packagist versions in the order of PHP's ``version_compare``, after a leading ``v`` is dropped.

Known words sort ``dev`` < ``alpha`` < ``beta`` < ``RC`` < a number or the end < ``pl``; any other word sorts below
``dev``. A version sorts below its continuation by a number and above its continuation by a word, ``pl`` excepted.
Words are recognised by their beginning, case counts, and only ``RC`` and ``rc`` are the same.

Branch names (``dev-main``) are refused: Composer places them outside the order of releases.

Source: php-src, ext/standard/versioning.c.
"""

import re

from service.versions.keys import number
from service.versions.unparsable import UnparsableVersion

_WORDS = (("dev", b"\x11"), ("a", b"\x12"), ("b", b"\x13"), ("RC", b"\x14"), ("rc", b"\x14"), ("p", b"\x70"))
_OTHER_WORD, _END, _NUMBER = b"\x10", b"\x50", b"\x60"
_PART = re.compile(r"[0-9]+|[^0-9.\-_+]+")


def packagist_key(version: str) -> bytes:
    """Encode a PHP package's version.

    Raises:
        UnparsableVersion: It is the name of a branch, or has no number at all.
    """
    parts: list[str] = _PART.findall(version[1:] if version[:1] in ("v", "V") else version)
    if version.startswith("dev-") or not any(part[0].isdigit() for part in parts):
        raise UnparsableVersion.of(version, "Packagist")
    return b"".join([_NUMBER + number(part) if part[0].isdigit() else _word(part) for part in parts]) + _END


def _word(part: str) -> bytes:
    return next((tag for beginning, tag in _WORDS if part.startswith(beginning)), _OTHER_WORD)
