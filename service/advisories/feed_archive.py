"""Records out of an ecosystem's archive, one at a time, never unpacked to disk.

An archive that is damaged gives what is whole in it, by checksum, and only then is a failure.
"""

import zipfile
import zlib
from collections.abc import Container, Iterator
from typing import IO

from service.advisories.feed_salvage import salvaged_entries
from service.advisories.feed_source import FeedUnavailable
from service.advisories.osv_record import MAX_RECORD_BYTES

#: What zipfile raises for archives that are cut short, damaged, encrypted or packed in a way it does not know.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError)
#: An archive that unpacks to more than this many times its size (and to more than this anyway) is a bomb. Real ones
#: unpack to two to ten times their size.
_MOST_RATIO, _ALWAYS_FINE_BYTES = 100, 2**30
_NAMED = 3


def archived_records(
    file: IO[bytes], wanted: Container[str], *, always_fine_bytes: int = _ALWAYS_FINE_BYTES
) -> Iterator[tuple[str, bytes]]:
    """Yield (id by file name, bytes) of the records that are wanted; of entries of one name the last, as zip has it.

    A record that claims to be larger than any may be is given cut short, so that it is listed as malformed. Folders in
    names mean nothing: nothing is written anywhere.

    Raises:
        FeedUnavailable: The archive is damaged. What was yielded before was whole: checksums are compared.
    """
    left = _Budget(max(always_fine_bytes, _MOST_RATIO * file.seek(0, 2)))
    file.seek(0)
    try:
        archive = zipfile.ZipFile(file)
    except _BROKEN as error:
        # Its table of contents stands at the end, so one that is cut short has none.
        file.seek(0)
        for name, raw in salvaged_entries(file, most_bytes=MAX_RECORD_BYTES + 1):
            if _id_of(name) in wanted:
                left.spend(len(raw))
                yield _id_of(name), raw
        raise FeedUnavailable(f"the archive is damaged: {error}; what is whole was taken") from error
    damaged = []
    with archive:
        entries = {_id_of(entry.filename): entry for entry in archive.infolist()}
        for osv_id, entry in entries.items():
            if osv_id not in wanted:
                continue
            try:
                with archive.open(entry) as packed:
                    raw = packed.read(MAX_RECORD_BYTES + 1)
            except _BROKEN:
                damaged.append(osv_id)
                continue
            left.spend(len(raw))
            yield osv_id, raw
    if damaged:
        some = ", ".join(damaged[:_NAMED]) + (" and others" if len(damaged) > _NAMED else "")
        raise FeedUnavailable(f"the archive is damaged: {len(damaged)} records in it cannot be read ({some})")


class _Budget:
    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise FeedUnavailable("the archive unpacks to far more than advisories do, and is left alone")


def _id_of(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".json")
