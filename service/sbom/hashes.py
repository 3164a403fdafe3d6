"""Hashes in one spelling: ``sha256`` and lower-case hex."""

import re
from collections.abc import Iterable

from service.sbom.texts import text

# The formats' own algorithms give between 32 (MD5) and 128 (SHA-512) digits; SPDX 2.3 adds ADLER32 with 8.
_HEX = re.compile(r"[0-9a-f]{8,128}")


def hashes(pairs: Iterable[tuple[str | None, str | None]]) -> tuple[tuple[tuple[str, str], ...], int]:
    """Spell (algorithm, digest) pairs our way, without repeats, in order.

    Returns:
        The hashes, and how many were left out because they are no hex digest.
    """
    kept: dict[tuple[str, str], None] = {}
    bad = 0
    for algorithm, digest in pairs:
        name, digits = text(algorithm).lower().replace("-", "").replace("_", ""), text(digest).lower()
        if name and _HEX.fullmatch(digits):
            kept[name, digits] = None
        else:
            bad += 1
    return tuple(kept), bad
