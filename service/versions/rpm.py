"""RPM versions, ``[epoch:]version[-release]``: Red Hat and its rebuilds, SUSE, openEuler, Mageia, Azure, Photon.

Letters and digits form segments, everything else only separates. At each place ``~`` sorts below the end, then ``^``,
then letters, then numbers. No epoch is ``0``. A version without release sorts below the same version with any
release, as OSV's fixtures have it (rpm itself calls them equal, which no order can).

Source: rpm's rpmvercmp(); "Dependencies: versions" in the rpm manual for ``~`` and ``^``.
"""

import re

from service.versions.keys import number, text

_TILDE, _END, _CARET, _LETTERS, _DIGITS = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
_NO_RELEASE, _RELEASE = b"\x00", b"\x01"
_SEGMENT = re.compile(r"~|\^|[0-9]+|[A-Za-z]+")
_EPOCH = re.compile(r"([0-9]+):(.*)", re.DOTALL)


def rpm_key(version: str) -> bytes:
    """Encode epoch, version and release; any text has an order, so nothing is refused."""
    epoch = _EPOCH.fullmatch(version)
    rest = epoch[2] if epoch else version
    upstream, hyphen, release = rest.rpartition("-")
    if not hyphen:
        return number(epoch[1] if epoch else "") + _part(rest) + _NO_RELEASE
    return number(epoch[1] if epoch else "") + _part(upstream) + _RELEASE + _part(release)


def _part(value: str) -> bytes:
    pieces: list[bytes] = []
    for segment in _SEGMENT.findall(value):
        if segment == "~":
            pieces.append(_TILDE)
        elif segment == "^":
            pieces.append(_CARET)
        elif segment[0].isdigit():
            pieces.append(_DIGITS + number(segment))
        else:
            pieces.append(_LETTERS + text(segment))
    return b"".join(pieces) + _END
