"""RubyGems versions: numbers and words, where a word makes a prerelease.

A version that has ended goes on with zeros, and a word sorts below zero: ``1`` = ``1.0`` > ``1.0.a`` = ``1.a``. So
what a zero is worth depends on what comes after it, and a run of zeros is written together with the piece that ends
it: before a word, fewer zeros are lower; before a number, fewer zeros are higher; the end lies between the two.

Source: Gem::Version ``<=>`` and ``canonical_segments``.
"""

import re

from service.versions.keys import number, text
from service.versions.unparsable import UnparsableVersion

_WORD, _ZEROS_THEN_WORD, _END, _ZEROS_THEN_NUMBER, _NUMBER = b"\x10", b"\x20", b"\x30", b"\x40", b"\x50"
_MOST_ZEROS = 0xFFFF

_VERSION = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_SEGMENT = re.compile(r"[0-9]+|[a-zA-Z]+")


def gem_key(version: str) -> bytes:
    """Encode a gem's version.

    Raises:
        UnparsableVersion: RubyGems would call it malformed.
    """
    if not _VERSION.fullmatch(version):
        raise UnparsableVersion.of(version, "RubyGems")
    pieces: list[bytes] = []
    zeros = 0
    for segment in _canonical(_SEGMENT.findall(version.replace("-", ".pre."))):
        if not segment:
            zeros += 1
            continue
        pieces.append(_after(zeros, segment))
        zeros = 0
    return b"".join(pieces) + _END


def _canonical(segments: list[str]) -> list[str]:
    """Drop the zeros that end the numbers and those that end the prerelease; what is zero becomes empty."""
    segments = [part.lstrip("0") if part[0].isdigit() else part for part in segments]
    words = next((index for index, part in enumerate(segments) if part and not part[0].isdigit()), len(segments))
    return _without_final_zeros(segments[:words]) + _without_final_zeros(segments[words:])


def _without_final_zeros(segments: list[str]) -> list[str]:
    while segments and not segments[-1]:
        segments.pop()
    return segments


def _after(zeros: int, segment: str) -> bytes:
    if segment[0].isdigit():
        run = _ZEROS_THEN_NUMBER + (_MOST_ZEROS - zeros).to_bytes(2, "big") if zeros else b""
        return run + _NUMBER + number(segment)
    run = _ZEROS_THEN_WORD + zeros.to_bytes(2, "big") if zeros else b""
    return run + _WORD + text(segment)
