"""Whether single values are what they claim to be. Pure; cheap enough to be asked of every component.

What is not sound is kept as it is written: these answers only decide whether a reader warns.
"""

import re
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote

from service.purls.canonical import BadPurl, parse

# Nearly every purl, so that it need not be taken apart: no @ or escape where it could change what the name is. The
# group is the version. Tests hold it together with `parse`.
_ESCAPES = r"(?:%%(?:[2-6][0-9A-Fa-f]|7[0-9A-Ea-e])[%s]*)*"
_IN_VERSION = r"\w.+~:-"
_IN_QUALIFIERS = r"!-$&-?A-~"
_PLAIN_PURL = re.compile(
    r"pkg:[a-z][a-z0-9.+-]*/(?:%40[\w.-]+/)?[A-Za-z0-9][\w.+~:/-]*(?:%2[Bb][\w.+~:/-]*)*"
    rf"(?:@([{_IN_VERSION}]+{_ESCAPES % _IN_VERSION}))?"
    rf"(?:[?#][{_IN_QUALIFIERS}]*{_ESCAPES % _IN_QUALIFIERS})?",
    re.ASCII,
)
# An image's purl has its digest for a version, which says nothing about the tag.
_DIGEST = ("sha256:", "sha256%3A", "sha256%3a")
_EPOCH = re.compile(r"\d+:")
_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# "foo@1.2", "@scope/foo@1.2"; "xz-5.6.1", "foo-1.0-SNAPSHOT".
_AT_VERSION = re.compile(r"(.*[^@/\s])@(v?\d[\w.+~-]*)")
_DASH_VERSION = re.compile(r"(.*[A-Za-z][\w+.]*)-(v?\d+(?:\.\d+)+(?:[-.+~](?:\d+|[A-Za-z]{1,8}\d*))*)")
_FILE_NAME = re.compile(r".*\.(?:jar|war|tar|gz|tgz|xz|bz2|zip|whl|exe|dll|so|deb|rpm|apk|iso)", re.IGNORECASE)

_LICENCE = re.compile(r"[A-Za-z0-9.:+-]+")
_LICENCE_TOKEN = re.compile(r"\s*([()]|[A-Za-z0-9.:+-]+)")
_JOINS = frozenset({"AND", "OR", "WITH"})


def is_purl(purl: str) -> bool:
    """Tell whether a package URL names a package."""
    if _PLAIN_PURL.fullmatch(purl):
        return True
    try:
        parse(purl)
    except BadPurl:
        return False
    return True


def purl_oddity(purl: str, version: str) -> str:
    """Name what is odd about a component's purl: ``bad-purl``, or how its version differs from the component's own.

    Returns:
        A warning's code, or ``""``. An epoch or a leading ``v`` on one side only is no difference.
    """
    plain = _PLAIN_PURL.fullmatch(purl)
    if plain is not None:
        theirs = plain[1]
        if not version or not theirs or theirs == version or theirs.startswith(_DIGEST):
            return ""
        return _difference(version, unquote(theirs) if "%" in theirs else theirs)
    try:
        theirs = parse(purl).version
    except BadPurl:
        return "bad-purl"
    return _difference(version, theirs) if version and theirs and not theirs.startswith(_DIGEST) else ""


def _difference(ours: str, theirs: str) -> str:
    ours, theirs = _EPOCH.sub("", ours, count=1), _EPOCH.sub("", theirs, count=1)
    if ours.removeprefix("v") == theirs.removeprefix("v"):
        return ""
    return "shortened-version" if theirs.startswith(f"{ours}-") else "version-differs"


def version_in(name: str) -> tuple[str, str] | None:
    """Split ``xz-5.6.1`` and ``foo@1.2`` into name and version; ``None`` where the name is only a name, or a file's."""
    if _FILE_NAME.fullmatch(name):
        return None
    found = _AT_VERSION.fullmatch(name) or _DASH_VERSION.fullmatch(name)
    return (found[1], found[2]) if found else None


def is_path(name: str) -> bool:
    r"""Tell whether a name is an absolute path: ``/usr/lib/x``, ``C:\x``."""
    return name.startswith("/") or (name[1:3] in (":\\", ":/") and name[0].isalpha())


def is_instant(said: str) -> bool:
    """Tell whether *said* is a date and a time, as RFC 3339 and XML Schema write them."""
    try:
        datetime.fromisoformat(said)
    except ValueError:
        return False
    return "T" in said.upper()


def is_serial(said: str) -> bool:
    """Tell whether *said* is a CycloneDX serial number: ``urn:uuid:`` and a UUID."""
    return _SERIAL.fullmatch(said) is not None


@lru_cache(maxsize=16_384)
def is_licence(said: str) -> bool:
    """Tell whether *said* has the form of an SPDX expression: ids joined by AND, OR, WITH, in any case, nested.

    Whether the ids exist is asked by the schema report, not here: it would need their list at every start.
    """
    if _LICENCE.fullmatch(said):
        return said.upper() not in _JOINS
    return _is_expression(said.rstrip())


def _is_expression(said: str) -> bool:
    position = depth = 0
    wants_operand = True
    while position < len(said):
        token = _LICENCE_TOKEN.match(said, position)
        if token is None:
            return False
        position, word = token.end(), token[1]
        is_operator = word.upper() in _JOINS
        if word == "(" or not (is_operator or word == ")"):
            if not wants_operand:
                return False
            depth += word == "("
            wants_operand = word == "("
            continue
        if wants_operand:
            return False
        depth -= word == ")"
        wants_operand = is_operator
        if depth < 0:
            return False
    return not (wants_operand or depth)
