"""Hashes in one spelling: ``sha256`` and lower-case hex."""

import re
from collections.abc import Iterable
from functools import lru_cache

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
#: No algorithm's name is longer; cut, since the spelling of each is remembered.
_LONGEST_NAME = 100
_HEX = re.compile(r"[0-9a-f]+")
_SHORTEST, _LONGEST = 8, 128


def hashes(pairs: Iterable[tuple[str | None, str | None]]) -> tuple[tuple[tuple[str, str], ...], int]:
    """Spell (algorithm, digest) pairs our way, without repeats, in order.

    Returns:
        The hashes, and how many were left out because they are no hex digest, or not of their algorithm's length.
    """
    kept: list[tuple[str, str]] = []
    bad = 0
    for algorithm, digest in pairs:
        name, length = _spelt(algorithm[:_LONGEST_NAME] if algorithm else "")
        digits = digest.strip().lower() if digest else ""
        fits = len(digits) == length if length else _SHORTEST <= len(digits) <= _LONGEST
        if fits and name and _is_hex(digits):
            kept.append((name, digits))
        else:
            bad += 1
    return tuple(kept if len(kept) < 2 else dict.fromkeys(kept)), bad  # noqa: PLR2004 - one cannot repeat


def _is_hex(digits: str) -> bool:
    try:
        return len(bytes.fromhex(digits)) * 2 == len(digits)  # a fifth of what the expression takes; it skips blanks
    except ValueError:  # or an odd number of digits
        return _HEX.fullmatch(digits) is not None


@lru_cache(maxsize=256)
def _spelt(algorithm: str) -> tuple[str, int | None]:
    """Give an algorithm's name in our spelling, and how many digits it gives."""
    name = algorithm.strip().lower().replace("-", "").replace("_", "")
    return name, ALGORITHMS.get(name)
