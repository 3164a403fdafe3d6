"""What the files of KEV and EPSS have in common once they are read. Pure."""

import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from service.errors import UpstreamUnavailable

_GZIP_MAGIC = b"\x1f\x8b"
#: Of the files that are read; both sources' are smaller by far.
MAX_UNPACKED_BYTES = 256 * 2**20
#: Rows that cannot be read and are named.
MOST_NAMED = 20
#: With more rows than this share unreadable, it is the file that is wrong, not some rows.
_MALFORMED_SHARE = 0.1

CVE = re.compile(r"CVE-\d{4}-\d{4,19}")


class MalformedSignals(UpstreamUnavailable):
    """The source of signals sent something else than its format."""

    slug = "malformed-signals"


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's rows, and its own word on which edition it is.

    `rows` are as `COPY` takes them in CSV, in the order of their table's columns: 300,000 of them need no objects of
    their own. `malformed` says of rows that could not be read where they are and what is wrong with them.
    """

    version: str | None
    released_at: datetime | None
    rows: bytes
    row_count: int
    malformed: Sequence[str]


def checked(reading: Reading) -> Reading:
    """Refuse a file that is empty, or of which too much cannot be read.

    Raises:
        MalformedSignals: It is so.
    """
    every = reading.row_count + len(reading.malformed)
    if not every:
        raise MalformedSignals("it lists nothing at all")
    if len(reading.malformed) > _MALFORMED_SHARE * every:
        raise MalformedSignals(f"{len(reading.malformed)} rows cannot be read: {reading.malformed[0]}")
    return reading


def unpacked(content: bytes) -> bytes:
    """Unpack gzip if it is some; a mirror, or the way here, may have done so already.

    Raises:
        MalformedSignals: It is damaged, cut short, or larger than `MAX_UNPACKED_BYTES`.
    """
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        with gzip.GzipFile(fileobj=BytesIO(content)) as file:
            plain = file.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MalformedSignals(f"its gzip is damaged: {error}") from error
    if len(plain) > MAX_UNPACKED_BYTES:
        raise MalformedSignals(f"it is larger than {MAX_UNPACKED_BYTES} bytes unpacked")
    return plain


def beginning(content: bytes) -> str:
    """Show how something begins that is not what was expected."""
    return repr(content[:60].decode("utf-8", errors="replace"))
