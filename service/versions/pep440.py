"""Python versions: PEP 440, and below all of them the legacy versions of setuptools.

Key of a PEP 440 version: 0x02, epoch, release without trailing zeros, prerelease, post, dev, local. A version without
prerelease sorts above those with one, except that a development release of the final version (``1.0.dev1``) sorts
below ``1.0a1``; no post sorts below post, no dev above dev, no local below local.

Key of any other version: 0x01 and the parts that setuptools made of it. Advisories of old packages still use them.

Source: PEP 440, "Summary of permitted suffixes and relative ordering"; packaging up to 21 for the legacy order.
"""

import re
from collections.abc import Iterator

from packaging.version import VERSION_PATTERN

from service.versions.keys import number, text

_LEGACY, _STANDARD = b"\x01", b"\x02"
_END, _MORE = b"\x00", b"\x01"
_ONLY_DEV, _NO_PRERELEASE = b"\x00", b"\xff"
_NO_POST, _POST = b"\x00", b"\x01"
_DEV, _NO_DEV = b"\x01", b"\xff"
_LOCAL_TEXT, _LOCAL_NUMBER = b"\x01", b"\x02"
_PHASE = {
    "a": b"\x01",
    "alpha": b"\x01",
    "b": b"\x02",
    "beta": b"\x02",
    "c": b"\x03",
    "rc": b"\x03",
    "pre": b"\x03",
    "preview": b"\x03",
}

_PATTERN = re.compile(rf"\s*{VERSION_PATTERN}\s*", re.VERBOSE | re.IGNORECASE | re.ASCII)
_LOCAL_SEPARATOR = re.compile(r"[._-]")
# Digits of any script make a part, as in setuptools; only ASCII ones are padded.
_LEGACY_PART = re.compile(r"(\d+|[a-z]+|\.|-)")
_LEGACY_ALIAS = {"pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"}


def pep440_key(version: str) -> bytes:
    """Encode any Python version; nothing is refused, what PEP 440 cannot read is legacy."""
    match = _PATTERN.fullmatch(version)
    if match is None:
        return _legacy_key(version)
    part = match.groupdict()
    return b"".join(
        (
            _STANDARD,
            number(part["epoch"] or ""),
            _release(part["release"]),
            _prerelease(part),
            _POST + number(part["post_n1"] or part["post_n2"] or "") if part["post"] else _NO_POST,
            _DEV + number(part["dev_n"] or "") if part["dev"] else _NO_DEV,
            _local(part["local"]),
        )
    )


def _release(dotted: str) -> bytes:
    numbers = [part.lstrip("0") for part in dotted.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return b"".join([_MORE + number(part) for part in numbers]) + _END


def _prerelease(part: dict[str, str | None]) -> bytes:
    letter = part["pre_l"]
    if letter:
        return _PHASE[letter.lower()] + number(part["pre_n"] or "")
    return _ONLY_DEV if part["dev"] and not part["post"] else _NO_PRERELEASE


def _local(label: str | None) -> bytes:
    if not label:
        return _END
    pieces = [
        _LOCAL_NUMBER + number(part) if part.isdigit() else _LOCAL_TEXT + text(part)
        for part in _LOCAL_SEPARATOR.split(label.lower())
    ]
    return b"".join(pieces) + _END


def _legacy_key(version: str) -> bytes:
    """Encode setuptools' tuple of parts: qualifiers are starred, numbers padded to eight digits."""
    parts: list[str] = []
    for part in _legacy_parts(version):
        if part.startswith("*"):
            if part < "*final":  # a hyphen before a prerelease does not count
                while parts and parts[-1] == "*final-":
                    parts.pop()
            while parts and parts[-1] == "00000000":
                parts.pop()
        parts.append(part)
    return _LEGACY + b"".join(text(part) for part in parts) + _END


def _legacy_parts(version: str) -> Iterator[str]:
    for raw in _LEGACY_PART.split(version.lower()):
        part = _LEGACY_ALIAS.get(raw, raw)
        if not part or part == ".":
            continue
        yield part.zfill(8) if part[0] in "0123456789" else "*" + part
    yield "*final"
