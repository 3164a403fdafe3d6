"""Hashes in one spelling: ``sha256`` and lower-case hex."""

import re
from collections.abc import Iterable
from functools import lru_cache

from service.sbom.texts import text

#: Those of the formats, and how many digits they give; ``None`` is any number.
ALGORITHMS: dict[str, int | None] = {
    "adler32": 8,
    **dict.fromkeys(("md2", "md4", "md5"), 32),
    "md6": None,
    "sha1": 40,
    **dict.fromkeys(("sha224", "sha3224"), 56),
    **dict.fromkeys(("sha256", "sha3256", "blake2b256", "streebog256"), 64),
    **dict.fromkeys(("sha384", "sha3384", "blake2b384"), 96),
    **dict.fromkeys(("sha512", "sha3512", "blake2b512", "streebog512"), 128),
    "blake3": None,
}
_HEX = re.compile(r"[0-9a-f]{8,128}")


def hashes(pairs: Iterable[tuple[str | None, str | None]]) -> tuple[tuple[tuple[str, str], ...], int]:
    """Spell (algorithm, digest) pairs our way, without repeats, in order.

    Returns:
        The hashes, and how many were left out because they are no hex digest, or not of their algorithm's length.
    """
    kept: dict[tuple[str, str], None] = {}
    bad = 0
    for algorithm, digest in pairs:
        name, length = _spelt(algorithm or "")
        digits = text(digest).lower()
        if name and _HEX.fullmatch(digits) and length in (None, len(digits)):
            kept[name, digits] = None
        else:
            bad += 1
    return tuple(kept), bad


@lru_cache(maxsize=256)
def _spelt(algorithm: str) -> tuple[str, int | None]:
    """Give an algorithm's name in our spelling, and how many digits it gives."""
    name = algorithm.strip().lower().replace("-", "").replace("_", "")
    return name, ALGORITHMS.get(name)
