"""Semantic versions as OSV meets them: npm, crates.io, Go, Hex, Swift and others; Julia and Bitnami beside them.

Stricter than nobody: a leading ``v`` or ``go`` and missing parts are read, as in OSV's own comparators. Where SemVer
itself has no opinion, the order is the one people mean:

- further numbers (``3.5.1.2``) extend the version upwards, trailing zeros are nothing;
- a qualifier without hyphen is a prerelease (``1.21rc2``, ``1.0.0.RC1``), its number counts as a number.

Key: major, minor, patch, any further numbers, then PRERELEASE and its identifiers, or RELEASE. SemVer ignores what
stands behind ``+``; two ecosystems, and Pub in a module of its own, do not stop there:

- **Julia** orders builds too: advisories end with ``fixed: 1.1.1+2``. No build equals ``+0``, because a binary wrapper
  without build number is its first build, while Julia's own VersionNumber would put it below.
- **Bitnami** writes its packaging revision as ``-3`` or ``-r3``: not below, but above ``-0``, which equals no revision.
  A Go pseudo-version and every qualifier that begins with a letter stays a prerelease.
"""

import re

from service.versions.keys import number, text
from service.versions.unparsable import UnparsableVersion

# What may follow patch.
_PRERELEASE, _RELEASE, _FURTHER = b"\x01", b"\x02", b"\x03"
# What an identifier may be; the end of the list comes first, so a list sorts before its continuations.
_END, _NUMERIC, _ALPHANUMERIC = b"\x00", b"\x01", b"\x02"

_STRICT = re.compile(r"(?:v|go)?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([^+]*))?(?:\+(.*))?", re.ASCII | re.DOTALL)
_LENIENT = re.compile(r"(?:v|go)?(\d+)(?:\.(\d+))?(?:\.(\d+))?((?:\.\d+)*)([^+]*)(?:\+.*)?", re.ASCII | re.DOTALL)
# A commit's name begins with a digit more often than not, and means no number.
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LETTER_DIGIT = re.compile(r"(?<=[A-Za-z])(?=[0-9])")
_REVISION = re.compile(r"r?(\d+)(?:[.-](.*))?", re.ASCII | re.DOTALL)
_PSEUDO_VERSION = re.compile(r"(?:.*\.)?\d{14}-[0-9a-f]{12}", re.ASCII)


def identifiers(dotted: str) -> bytes:
    """Encode dot-separated identifiers (SemVer 2.0.0, clause 11.4): numbers by value, below any text."""
    pieces = [
        _NUMERIC + number(part) if part.isascii() and part.isdigit() else _ALPHANUMERIC + text(part)
        for part in dotted.split(".")
    ]
    return b"".join(pieces) + _END


def _tail(prerelease: str | None) -> bytes:
    return _RELEASE if prerelease is None else _PRERELEASE + identifiers(prerelease)


def semver_key(version: str) -> bytes:
    """Encode a version whose build metadata does not count."""
    strict = _STRICT.fullmatch(version)
    if strict is None:
        return _lenient_key(version)
    major, minor, patch, prerelease, _ = strict.groups("")
    return number(major) + number(minor) + number(patch) + _tail(prerelease if strict.start(4) >= 0 else None)


def _lenient_key(version: str) -> bytes:
    match = _LENIENT.fullmatch(version)
    if match is None or _COMMIT.fullmatch(version):
        raise UnparsableVersion.of(version, "semantic")
    major, minor, patch, further, rest = match.groups("")
    numbers = [part.lstrip("0") for part in further.split(".")[1:]]
    while numbers and not numbers[-1]:
        numbers.pop()
    qualifier = _LETTER_DIGIT.sub(".", rest.lstrip(".-_")) or None
    core = number(major) + number(minor) + number(patch)
    return core + b"".join(_FURTHER + number(part) for part in numbers) + _tail(qualifier)


def julia_key(version: str) -> bytes:
    """Encode a Julia version: builds ordered, no build the same as ``+0``."""
    return semver_key(version) + identifiers(version.partition("+")[2] or "0")


def bitnami_key(version: str) -> bytes:
    """Encode a Bitnami version: ``-N`` and ``-rN`` are packaging revisions, none is the same as ``-0``."""
    upstream, hyphen, qualifier = version.partition("+")[0].partition("-")
    revision = _REVISION.fullmatch(qualifier)
    if not hyphen or (revision and not _PSEUDO_VERSION.fullmatch(qualifier)):
        count, further = revision.groups("") if revision else ("0", "")
        return semver_key(upstream) + number(count) + identifiers(further or "0")
    return semver_key(version) + number("0") + identifiers("0")
