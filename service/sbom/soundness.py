"""Whether single values are what they claim to be. Pure; cheap enough to be asked of every component.

What is not sound is kept as it is written: these answers only decide whether a reader warns.
"""

import re
from datetime import datetime
from urllib.parse import unquote

from service.purls.canonical import MAX_PATH, BadPurl, parse
from service.sbom.texts import remembering

# How nearly every purl begins. What follows cannot spoil it unless it has an escape or a segment that opens with @.
_FRONT = re.compile(r"pkg:[a-z][a-z0-9.-]{0,63}/(?:(?:@|%40)[\w-][\w.-]*/)?[A-Za-z0-9]", re.ASCII)
#: Matches a purl as most of them are, with nothing escaped, and gives its version; what it does not match may be sound.
PLAIN_PURL = re.compile(
    r"pkg:[a-z]{1,64}/(?:[A-Za-z0-9][\w.+-]*/)*[A-Za-z0-9][\w.+-]*@([\w.+~:-]*)(?:\?[\w=&.+~:/-]*)?", re.ASCII
).fullmatch
_HARMLESS_ESCAPE = re.compile(r"%(?:2[0-9A-EAa-e]|3[0-9A-Fa-f]|40|7[Ee])")
_EPOCH = re.compile(r"\d+:")
_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# "foo@1.2", "@scope/foo@1.2"; "xz-5.6.1", "foo-1.0-SNAPSHOT". What was matched is not given back (``++``, ``*+``): else
# a name of 600 characters takes a second.
_AT_VERSION = re.compile(r"(.*[^@/\s])@(v?\d[\w.+~-]*)")
_DASH_VERSION = re.compile(
    r"(.*[A-Za-z](?:(?![A-Za-z])[\w+.])*+)-(v?\d++(?:\.\d++)++(?:[-.+~](?:\d++|[A-Za-z]{1,8}+\d*+))*+)"
)
_FILE_ENDINGS = (
    ".apk", ".bz2", ".deb", ".dll", ".exe", ".gz", ".iso", ".jar", ".rpm", ".so", ".tar", ".tgz", ".war", ".whl", ".xz",
    ".zip",
)  # fmt: skip

_LICENCE = re.compile(r"[A-Za-z0-9.:+-]+")
_LICENCE_TOKEN = re.compile(r"\s*([()]|[A-Za-z0-9.:+-]+)")
_JOINS = frozenset({"AND", "OR", "WITH"})


def is_purl(purl: str) -> bool:
    """Tell whether a package URL names a package: as `purls.canonical.parse` does, but faster."""
    front = _FRONT.match(purl)
    if front is not None and len(purl) <= MAX_PATH and purl.isprintable():
        start = front.end()
        opens_oddly = purl.find("/@", start) >= 0 or purl.find("/ ", start) >= 0
        if not opens_oddly and ("%" not in purl or _is_harmless(purl, start)):
            return True
    try:
        parse(purl)
    except BadPurl:
        return False
    return True


def _is_harmless(purl: str, start: int) -> bool:
    """Tell that escapes are of printable characters, and that none opens a segment with @ or a space after *start*."""
    opens_oddly = purl.find("/%40", start) >= 0 or purl.find("/%20", start) >= 0
    return not opens_oddly and "%" not in _HARMLESS_ESCAPE.sub("", purl)


def purl_oddity(purl: str, version: str) -> str:
    """Name what is odd about a component's purl: ``bad-purl``, or how its version differs from the component's own.

    Returns:
        A warning's code, or ``""``. An epoch or a leading ``v`` on one side only is no difference.
    """
    if not is_purl(purl):
        return "bad-purl"
    if not version or _ends_in(purl, version):
        return ""
    theirs = _version_of(purl)
    return _difference(version, theirs) if theirs and not theirs.startswith("sha256:") else ""


def _version_of(purl: str) -> str:
    """Give a sound purl's version."""
    path, at, version = purl.partition("#")[0].partition("?")[0].rpartition("@")
    if not at or path.endswith("/"):
        return ""
    return unquote(version) if "%" in version else version


def _ends_in(purl: str, version: str) -> bool:
    """Tell whether the version is plainly the purl's, or the purl has none."""
    found = purl.find("@" + version)
    if found < 0:
        return "@" not in purl
    end = found + 1 + len(version)
    return end == len(purl) or purl[end] in "?#"


def _difference(ours: str, theirs: str) -> str:
    ours, theirs = _EPOCH.sub("", ours, count=1), _EPOCH.sub("", theirs, count=1)
    if ours.removeprefix("v") == theirs.removeprefix("v"):
        return ""
    return "shortened-version" if theirs.startswith(f"{ours}-") else "version-differs"


def version_in(name: str) -> tuple[str, str] | None:
    """Split ``xz-5.6.1`` and ``foo@1.2`` into name and version; ``None`` where the name is only a name, or a file's."""
    if name.lower().endswith(_FILE_ENDINGS):
        return None
    found = _AT_VERSION.fullmatch(name) if "@" in name else None
    if found is None and "-" in name and "." in name:
        found = _DASH_VERSION.fullmatch(name)
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


@remembering(16_384)
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
