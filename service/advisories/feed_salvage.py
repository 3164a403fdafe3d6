"""What is whole in a zip file that is cut short or has lost its table of contents. Pure.

Entries stand one after the other, each behind a header of its own. They are read in that order until one is not whole.

Source: APPNOTE.TXT 6.3, sections 4.3.7 (local header) and 4.3.9 (data descriptor).
"""

import struct
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

_LOCAL = struct.Struct("<4s5H3L2H")
_SIGNATURE, _DESCRIPTOR = b"PK\x03\x04", b"PK\x07\x08"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZES_FOLLOW = 0x1, 0x8
#: In place of a size that stands in an extra field, as for entries beyond 4 GiB: none of ours.
_ELSEWHERE = 0xFFFFFFFF


class _Header(NamedTuple):
    flags: int
    method: int
    crc: int
    packed_bytes: int
    name: str


def salvaged_entries(file: IO[bytes], *, most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of entries whose checksum is right; one that unpacks to more is given cut to *most_bytes*.

    Ends at the first entry that is not whole, silently: that it is reached is why this is called.
    """
    while (header := _next_header(file)) is not None:
        start = file.tell()
        raw = _deflated(file, header, most_bytes) if header.method == _DEFLATED else _stored(file, header)
        if raw is None:
            return
        yield header.name, raw
        if not header.flags & _SIZES_FOLLOW:
            file.seek(start + header.packed_bytes)


def _next_header(file: IO[bytes]) -> _Header | None:
    fixed = file.read(_LOCAL.size)
    if len(fixed) < _LOCAL.size or fixed[:4] != _SIGNATURE:
        return None
    _, _, flags, method, _, _, crc, packed, _, name_length, extra_length = _LOCAL.unpack(fixed)
    name = file.read(name_length)
    file.seek(extra_length, 1)
    if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED) or packed == _ELSEWHERE:
        return None
    return _Header(flags, method, crc, packed, name.decode("utf-8", errors="replace"))


def _stored(file: IO[bytes], header: _Header) -> bytes | None:
    if header.flags & _SIZES_FOLLOW:
        return None  # where it ends is anybody's guess
    raw = file.read(header.packed_bytes)
    return raw if len(raw) == header.packed_bytes and zlib.crc32(raw) == header.crc else None


def _deflated(file: IO[bytes], header: _Header, most_bytes: int) -> bytes | None:
    """Unpack until the stream says that it ends; the checksum stands before or behind it."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    kept, crc = bytearray(), 0
    try:
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail or file.read(2**16)
            if not packed:
                return None
            piece = unpacker.decompress(packed, 2**20)
            crc = zlib.crc32(piece, crc)
            kept += piece[: most_bytes - len(kept)]
            if len(kept) >= most_bytes:
                return bytes(kept) if not header.flags & _SIZES_FOLLOW else None
    except zlib.error:
        return None
    file.seek(-len(unpacker.unused_data), 1)
    expected = _crc_behind(file) if header.flags & _SIZES_FOLLOW else header.crc
    return bytes(kept) if crc == expected else None


def _crc_behind(file: IO[bytes]) -> int | None:
    """Read a data descriptor: (signature,) checksum, two sizes."""
    start = file.read(4)
    rest = file.read(12 if start == _DESCRIPTOR else 8)
    crc = rest[:4] if start == _DESCRIPTOR else start
    return int.from_bytes(crc, "little") if len(crc) == len(_DESCRIPTOR) else None
