"""Packagist versions in the order of PHP's ``version_compare``, after a leading ``v`` is dropped.

Known words sort ``dev`` < ``alpha`` < ``beta`` < ``RC`` < a number or the end < ``pl``; any other word sorts below
``dev``. A version sorts below its continuation by a number and above its continuation by a word, ``pl`` excepted.
Words are recognised by their beginning, case counts, and only ``RC`` and ``rc`` are the same.

Branch names (``dev-main``) are refused: Composer places them outside the order of releases. So is what PHP itself
gives no consistent answer about: a version that begins or ends with a separator (``1.`` is lower than ``1.``), and one
with a word that begins with ``#``, its own placeholder for a number.

Source: php-src, ext/standard/versioning.c.
"""

import re
from itertools import pairwise

from service.versions.keys import number
from service.versions.unparsable import UnparsableVersion

_WORDS = (("dev", b"\x11"), ("a", b"\x12"), ("b", b"\x13"), ("RC", b"\x14"), ("rc", b"\x14"), ("p", b"\x70"))
_OTHER_WORD, _END, _NUMBER = b"\x10", b"\x50", b"\x60"
_DIGITS = frozenset("0123456789")
_SEPARATORS = frozenset("-_+")
_ORDINARY = re.compile(r"[0-9A-Za-z]+(?:[.\-_+][0-9A-Za-z]+)*")
_PART = re.compile(r"[0-9]+|[A-Za-z]+")


def packagist_key(version: str) -> bytes:
    """Encode a PHP package's version.

    Raises:
        UnparsableVersion: It is the name of a branch, has no number at all, or PHP contradicts itself about it.
    """
    bare = version[1:] if version[:1] in ("v", "V") else version
    parts: list[str] = (
        _PART.findall(bare) if _ORDINARY.fullmatch(bare) else _unusual_parts(bare.encode().decode("latin-1"))
    )
    if (
        version.startswith("dev-")
        or not any(part[0] in _DIGITS for part in parts if part)
        or any(part[:1] in ("", "#") for part in parts)
    ):
        raise UnparsableVersion.of(version, "Packagist")
    return b"".join([_NUMBER + number(part) if part[0] in _DIGITS else _word(part) for part in parts]) + _END


def _unusual_parts(version: str) -> list[str]:
    """Split as PHP does, byte by byte: other characters separate too, unless one comes straight after a number."""
    written = version[:1]
    for before, letter in pairwise(version):
        dotted = written.endswith(".")
        if letter in _SEPARATORS or not (_changes(before, letter) or _is_alphanumeric(letter)):
            written += "" if dotted else "."
        elif _changes(before, letter):
            written += letter if dotted else f".{letter}"
        else:
            written += letter
    return written.split(".")


def _changes(before: str, letter: str) -> bool:
    """Tell whether a number ends or begins between two characters; a dot is neither."""
    return "." not in (before, letter) and (before in _DIGITS) != (letter in _DIGITS)


def _is_alphanumeric(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _word(part: str) -> bytes:
    return next((tag for beginning, tag in _WORDS if part.startswith(beginning)), _OTHER_WORD)
