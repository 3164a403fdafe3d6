"""Records out of an ecosystem's archive, one at a time, never unpacked to disk."""

import zipfile
import zlib
from collections.abc import Container, Iterator
from typing import IO

from service.advisories.feed_client import FeedUnavailable
from service.advisories.osv_record import MAX_RECORD_BYTES

#: What zipfile raises for archives that are cut short, damaged, encrypted or packed in a way it does not know.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError)


def archived_records(file: IO[bytes], wanted: Container[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (id by file name, bytes) of the records that are wanted.

    A record that claims to be larger than any may be is given cut short, so that it is listed as malformed.

    Raises:
        FeedUnavailable: The archive is damaged. What was yielded before was whole: checksums are compared.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                osv_id = entry.filename.rpartition("/")[2].removesuffix(".json")
                if osv_id in wanted:
                    with archive.open(entry) as packed:
                        yield osv_id, packed.read(MAX_RECORD_BYTES + 1)
    except _BROKEN as error:
        raise FeedUnavailable(f"the archive is damaged: {error}") from error
