"""What stands before an XML document's root: read by hand, so that no parser meets a DOCTYPE.

Entities (bombs, local files, foreign hosts) need a DOCTYPE; no SBOM format has one.
"""

import re

from service.sbom.refusals import Malformed, NotAnSbom, at

_DECLARATION = re.compile(rb"<\?xml\s[^>]*")
_DECLARED = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_BLANK = re.compile(rb"\s*")
#: What may stand before the root, by its beginning and its end.
_SKIPPED = ((b"<?", b"?>"), (b"<!--", b"-->"))
_ROOT = re.compile(rb"<(?:([\w.-]{1,60}):)?([\w.-]{1,60})")
# ASCII-compatible ones only: in another encoding "<!DOCTYPE" would look different and slip through.
_ALLOWED = re.compile(r"utf-?8|(us-)?ascii|iso-?8859-\d{1,2}|latin-?1|windows-125\d|cp125\d", re.IGNORECASE)
_TRANSCODED = re.compile(r"(utf|iso-10646-ucs|ucs)-?(16|32|2|4)(le|be)?", re.IGNORECASE)


def root_of(data: bytes) -> tuple[str, str]:
    """Give the root element's local name and its start tag's first 4 kB, for its namespaces.

    Raises:
        Malformed: A DOCTYPE, or no root element.
    """
    position = _after_blanks_and_comments(data)
    if data[position : position + 9].upper() == b"<!DOCTYPE":
        if data[position + 9 : position + 30].strip().lower().startswith(b"html"):
            raise NotAnSbom("This is an HTML page, perhaps a login or error page. Send the SBOM file itself.")
        raise Malformed(f"The XML has a DOCTYPE at {at(data, position)}, which is refused. Remove it.")
    root = _ROOT.match(data, position)
    if root is None:
        raise Malformed(f"The XML has no root element at {at(data, position)}. Create the SBOM again.")
    return root[2].decode(), data[position : position + 4096].partition(b">")[0].decode(errors="replace")


def _after_blanks_and_comments(data: bytes) -> int:
    position = 0
    while True:
        position = _BLANK.match(data, position).end()  # type: ignore[union-attr]  # matches always
        ending = next((end for begin, end in _SKIPPED if data.startswith(begin, position)), None)
        if ending is None:
            return position
        found = data.find(ending, position)
        if found < 0:
            raise Malformed(f"The XML has a comment at {at(data, position)} that never ends. Create the SBOM again.")
        position = found + len(ending)


def require_known_encoding(data: bytes, *, transcoded: bool) -> None:
    """Refuse a declared encoding that cannot be inspected, or that the bytes evidently do not have.

    Raises:
        Malformed: Names the encoding.
    """
    declaration = _DECLARATION.match(data)
    if declaration is None:
        return
    # All of them, should one of two be a decoy.
    declared = [name.decode() for name in _DECLARED.findall(declaration[0])]
    if len(declared) != declaration[0].count(b"encoding"):
        raise Malformed("The XML's declaration names no encoding that is read. Save it as UTF-8.")
    for name in declared:
        if not (_ALLOWED.fullmatch(name) or (transcoded and _TRANSCODED.fullmatch(name))):
            what = f"The XML declares the encoding {name}, which it does not have or is not read."
            raise Malformed(f"{what} Save it as UTF-8.")
