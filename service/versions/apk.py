"""Alpine versions: ``numbers[letter][_suffix[number]]…[~hash][-rN]``, for every distribution that uses apk.

``_alpha _beta _pre _rc`` sort below the plain version, ``_cvs _svn _git _hg _p`` above it. A number after the first
that begins with ``0`` is a fraction: it is compared as text and sorts below the others (``1.05`` < ``1.5``).

Only the documented grammar is read, and a number after the letter (``6.6.4p1-r0``), which apk-tools 2 reads and
Alpine's packages had; apk-tools 3 calls those invalid and tells none of them apart. Where both read a version we follow
apk-tools 3; apk-tools 2 differs on zeros before a number, and only there (``1.0`` > ``1.00``). Other implementations
differ on ``X`` against ``X-r0``; in apk itself ``X`` is lower.

Source: apk-package(5); src/version.c of apk-tools.
"""

import re

from service.versions.keys import number, text
from service.versions.unparsable import UnparsableVersion

# What may follow a piece, in order. A prerelease suffix is the only thing below the end.
_PRE_SUFFIX, _END, _REVISION, _HASH, _SUFFIX_NUMBER, _POST_SUFFIX, _LETTER, _NUMBER = (
    bytes((tag,)) for tag in range(1, 9)
)
_FRACTION, _WHOLE = b"\x01", b"\x02"
_SUFFIXES = {
    name: tag + bytes((place,))
    for tag, names in ((_PRE_SUFFIX, ("alpha", "beta", "pre", "rc")), (_POST_SUFFIX, ("cvs", "svn", "git", "hg", "p")))
    for place, name in enumerate(names, start=1)
}

_VERSION = re.compile(
    r"(?P<first>\d+)(?P<further>(?:\.\d+)*)(?P<letter>[a-z])?(?P<patch>(?<=[a-z])\d+)?"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)"
    r"(?:~(?P<hash>[0-9a-f]+))?(?:-r(?P<revision>\d+))?",
    re.ASCII,
)
_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")


def apk_key(version: str) -> bytes:
    """Encode an apk version.

    Raises:
        UnparsableVersion: It does not follow the grammar.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UnparsableVersion.of(version, "apk")
    first, further, letter, patch, suffixes, commit, revision = match.groups()
    pieces = [number(first)]
    pieces += [_NUMBER + _component(digits) for digits in further.split(".")[1:]]
    if letter:
        pieces.append(_LETTER + letter.encode())
    if patch:
        pieces.append(_NUMBER + _WHOLE + number(patch))
    for name, digits in _SUFFIX.findall(suffixes):
        pieces.append(_SUFFIXES[name] + (_SUFFIX_NUMBER + number(digits) if digits else b""))
    if commit:
        pieces.append(_HASH + text(commit))
    if revision is not None:
        pieces.append(_REVISION + number(revision))
    return b"".join(pieces) + _END


def _component(digits: str) -> bytes:
    return _FRACTION + text(digits) if digits[0] == "0" else _WHOLE + number(digits)
