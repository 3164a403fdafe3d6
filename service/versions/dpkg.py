"""Debian versions, ``[epoch:]upstream[-revision]``: Debian, Ubuntu, Echo, opam.

Upstream and revision are each a run of non-digits and a number, over and over. In a run ``~`` sorts below its end,
then come letters, then everything else in ASCII order. No epoch and no revision are both ``0``.

Key: epoch, upstream, revision; a part is its pairs of (run, number), with the characters of a run renumbered so that
the end of a run (0x02) stands between ``~`` and the letters.

Source: deb-version(7), and lib/dpkg/version.c for the order of characters. Like dpkg's comparison, and unlike its
installer, we accept an upstream version that begins with a letter (opam's ``v0.16``).
"""

import re
import string

from service.versions.keys import number
from service.versions.unparsable import UnparsableVersion

_END = b"\x02"
_PAIR = re.compile(r"([^0-9]*)([0-9]*)")
_READABLE = re.compile(r"(?:([0-9]+):)?([!-~]+)")


def _weights() -> bytes:
    """Map each ASCII character to its place in the order of a run of non-digits."""
    weights = [min(ord(_END) + 1 + 64 + code, 255) for code in range(256)]
    for place, letter in enumerate(string.ascii_uppercase + string.ascii_lowercase):
        weights[ord(letter)] = ord(_END) + 1 + place
    weights[ord("~")] = ord(_END) - 1
    return bytes(weights)


_WEIGHTS = _weights()


def dpkg_key(version: str) -> bytes:
    """Encode a Debian version.

    Raises:
        UnparsableVersion: The epoch is no number, no upstream version is there, or something is not printable ASCII.
    """
    match = _READABLE.fullmatch(version)
    if match is None or (match[1] is None and ":" in version):
        raise UnparsableVersion.of(version, "Debian")
    upstream, hyphen, revision = match[2].rpartition("-")
    if not hyphen:
        upstream, revision = match[2], ""
    if not upstream:
        raise UnparsableVersion.of(version, "Debian")
    return number(match[1] or "") + _part(upstream) + _part(revision or "0")


def _part(value: str) -> bytes:
    pieces: list[bytes] = []
    for run, digits in _PAIR.findall(value):
        if run or digits:
            pieces += (run.encode().translate(_WEIGHTS), _END, number(digits))
    return b"".join(pieces) + _END
