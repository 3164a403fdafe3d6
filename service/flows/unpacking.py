"""Unpacking bodies and files piece by piece, as announced or by their first bytes, and never more than is welcome."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol

import zstandard

from service.errors import TooLarge, Unreadable
from service.flows.parcels import Parcel

#: Packed bytes that are unpacked at a time: what a bomb can make of one bite stays small.
_BITE = 16 * 1024
#: zstd cannot be told to stop, and makes 128 KiB of four bytes: of so many it makes 16 MiB at most.
_ZSTD_BITE = 512
#: What a frame may ask for; what tools write by default stays far below (zstd --ultra -22 and xz -9 need 128 MiB).
MOST_MEMORY = 2**27


class Packing(StrEnum):
    """How bytes are packed."""

    GZIP = "gzip"
    DEFLATE = "deflate"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"


_MAGIC = (
    (b"\x1f\x8b\x08", Packing.GZIP),
    (b"\x28\xb5\x2f\xfd", Packing.ZSTD),
    (b"BZh", Packing.BZIP2),
    (b"\xfd7zXZ\0", Packing.XZ),
)
#: So many first bytes tell.
MAGIC_BYTES = 6


def packing_of(head: bytes) -> Packing | None:
    """Tell by its first bytes whether something is packed; deflate has none that tell."""
    return next((packing for magic, packing in _MAGIC if head.startswith(magic)), None)


class _Stream(Protocol):
    """One packed stream; some tools write several, one after the other."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=MOST_MEMORY).decompressobj()
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return self._stream.eof

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        parts: list[bytes] = []
        for start in range(0, len(data), _ZSTD_BITE):
            parts.append(self._stream.decompress(data[start : start + _ZSTD_BITE]))
            max_length -= len(parts[-1])
            if self._stream.eof:
                self.unused_data = self._stream.unused_data + data[start + _ZSTD_BITE :]
                break
            if max_length <= 0:
                break
        return b"".join(parts)


_STREAMS: dict[Packing, Callable[[], _Stream]] = {
    Packing.GZIP: lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    Packing.DEFLATE: lambda: zlib.decompressobj(zlib.MAX_WBITS),
    Packing.ZSTD: _Zstd,
    Packing.BZIP2: bz2.BZ2Decompressor,
    Packing.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY),
}
_BROKEN = (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, ValueError, EOFError)


class Unpacker:
    """Unpacks a body that comes in pieces; `said` is where it was said how (for whoever sent something else)."""

    def __init__(self, packing: Packing, said: str) -> None:
        self._packing, self._said = packing, said
        self._stream = _STREAMS[packing]()
        self._more = False

    def feed(self, data: bytes, room: int) -> bytes:
        """Unpack the next bytes, at most about *room*; whoever gets as much must not go on.

        Raises:
            Unreadable: They are not packed in this way, or something else follows.
        """
        parts: list[bytes] = []
        for start in range(0, len(data), _BITE):
            for part in self._bite(data[start : start + _BITE], room):
                parts.append(part)
                room -= len(part)
            if room <= 0:
                break
        return b"".join(parts)

    def _bite(self, data: bytes, room: int) -> Iterable[bytes]:
        while data and room > 0:
            if self._stream.eof:  # parallel packers write several streams, and some pad them with zeros
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._stream, self._more = _STREAMS[self._packing](), True
            part = self._decompress(data, room)
            room -= len(part)
            yield part
            data = self._stream.unused_data if self._stream.eof else b""

    def _decompress(self, data: bytes, room: int) -> bytes:
        try:
            return self._stream.decompress(data, room)
        except _BROKEN as error:
            if self._more:
                raise Unreadable(f"Something follows that is not {self._packing}; pack it in one piece.") from error
            raise Unreadable(f"It is not {self._packing}, as {self._said} says: {error}.") from error

    def end(self) -> None:
        """Refuse what breaks off.

        Raises:
            Unreadable: The last stream has no end.
        """
        if not self._stream.eof:
            raise Unreadable("What is packed breaks off; send it again.")


class Content:
    """Takes the pieces of one document, packed or not, and gives it whole."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._size = max_bytes, 0
        self._head: bytes | None = b""
        self._unpacker: Unpacker | None = None
        self._parcel = Parcel()

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            TooLarge: The document has more than *max_bytes*.
            Unreadable: Its first bytes say that it is packed, and it is not.
        """
        if self._head is not None:
            data = self._head + data
            if len(data) < MAGIC_BYTES:
                self._head = data
                return
            self._begin(data)
        self._take(data)

    def end(self) -> Parcel:
        """Give the document; raises as `feed` does."""
        if self._head is not None:
            head = self._head
            self._begin(head)
            self._take(head)
        if self._unpacker is not None:
            self._unpacker.end()
        return self._parcel

    def close(self) -> None:
        """Leave nothing behind of what nobody will take."""
        self._parcel.close()

    def _begin(self, head: bytes) -> None:
        self._head = None
        packing = packing_of(head)
        self._unpacker = Unpacker(packing, "its beginning") if packing else None

    def _take(self, data: bytes) -> None:
        if self._unpacker is not None:
            data = self._unpacker.feed(data, self._max_bytes - self._size + 1)
        self._size += len(data)
        if self._size > self._max_bytes:
            raise too_large(self._max_bytes)
        self._parcel.add(data)


def too_large(max_bytes: int) -> TooLarge:
    """Say how much an SBOM may have."""
    return TooLarge(
        f"An SBOM may have {max_bytes:,} bytes unpacked. Split it by component, or raise MUSTER_MAX_UPLOAD_BYTES.",
        max_bytes=max_bytes,
    )
