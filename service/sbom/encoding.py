"""From the bytes that came to UTF-8 without a byte order mark.

Postgres stores neither NUL nor lone surrogates, so neither leaves this room: both become U+FFFD.
"""

import codecs
import re

from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, at

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Every text format we read begins with an ASCII character, so zeros around it give the width away (RFC 4627, 3).
_WITHOUT_MARK = (
    (re.compile(rb"[^\0]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[^\0]"), "utf-32-be"),
    (re.compile(rb"[^\0]\0[^\0]\0"), "utf-16-le"),
    (re.compile(rb"\0[^\0]\0[^\0]"), "utf-16-be"),
)
# Small: decoded, a chunk may take four times its size.
_CHUNK_BYTES = 1 << 16

# NUL, a high surrogate without its low one, a low one without its high one. The pattern itself passes over pairs, so
# that a text of emoji costs nothing.
_BAD_ESCAPE = re.compile(
    rb"\\u(?:0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})"
)
#: A document with more of them is no text, and replacing them one by one takes long.
MOST_REPLACED = 10_000


def as_utf8(data: bytes) -> tuple[bytes, bool]:
    """Drop a byte order mark and turn UTF-16 and UTF-32 into UTF-8.

    Returns:
        The bytes, and whether they were in another encoding than UTF-8 or left open.

    Raises:
        Malformed: The mark promises an encoding that the bytes do not keep.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return (data[len(mark) :], False) if name == "utf-8" else (_transcoded(data[len(mark) :], name), True)
    for zeros, name in _WITHOUT_MARK:
        if zeros.match(data):
            return _transcoded(data, name), True
    return data, False


def _transcoded(data: bytes, name: str) -> bytes:
    try:
        return data.decode(name).encode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The file is not valid {name.upper()} at byte {error.start}. Send it as UTF-8.") from error


def note_encoding(data: bytes, oddities: Oddities) -> None:
    """Note an encoding that no JSON, YAML or tag-value document should have: UTF-16, UTF-32, or a byte order mark."""
    if data.startswith(codecs.BOM_UTF8):
        oddities.note("byte-order-mark", "byte 0")
    elif any(data.startswith(mark) for mark, _ in _MARKS) or any(zeros.match(data) for zeros, _ in _WITHOUT_MARK):
        oddities.note("other-encoding", "byte 0")


def require_utf8(data: bytes) -> None:
    """Refuse bytes that are not UTF-8; in pieces, so that a large document is not held twice.

    Raises:
        Malformed: With the place of the first wrong byte.
    """
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _CHUNK_BYTES):
        carried = len(decoder.getstate()[0])
        chunk = data[start : start + _CHUNK_BYTES]
        try:
            decoder.decode(chunk, final=start + _CHUNK_BYTES >= len(data))
        except UnicodeDecodeError as error:
            place = at(data, start - carried + error.start)
            raise Malformed(f"The file is not UTF-8 at {place}. Save it as UTF-8 and send it again.") from error


def without_bad_escapes(data: bytes, oddities: Oddities) -> bytes:
    r"""Replace the JSON escapes that no database stores (``\u0000``, lone surrogates) by the replacement character.

    Raises:
        Malformed: There are more than `MOST_REPLACED`.
    """
    changed: list[int] = []

    def replace(match: re.Match[bytes]) -> bytes:
        if _is_escaped(data, match.start()):
            return match[0]
        changed.append(match.start())
        if len(changed) > MOST_REPLACED:
            raise Malformed(f"More than {MOST_REPLACED:,} characters are NUL or broken. Create the SBOM again.")
        return b"\\ufffd"

    clean = _BAD_ESCAPE.sub(replace, data)
    if changed:
        oddities.note("replaced-characters", at(data, changed[0]), count=len(changed))
    return clean


def _is_escaped(data: bytes, backslash: int) -> bool:
    """Tell whether the backslash is itself escaped: an odd number of them stands before it."""
    start = backslash
    while start and data[start - 1] == 0x5C:  # noqa: PLR2004 - a backslash
        start -= 1
    return (backslash - start) % 2 == 1
