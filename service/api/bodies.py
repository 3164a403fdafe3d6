"""Receiving a body: streamed, unpacked as it comes, and never larger than allowed, packed or not."""

import zlib
from collections.abc import Callable

import zstandard
from fastapi import Request

from service.errors import TooLarge, Unreadable, Unsupported

#: Packed bytes that are unpacked at a time: what a bomb can make of one bite stays small.
_BITE = 16 * 1024
#: zstd cannot be told to stop, and makes 128 KiB of four bytes: of so many it makes 16 MiB at most.
_ZSTD_BITE = 512

#: Takes packed bytes and how many unpacked ones are still welcome; -1 asks whether the stream was whole.
Unpack = Callable[[bytes, int], bytes]


async def receive(request: Request, *, max_bytes: int) -> bytes:
    """Read a request's body, unpacked.

    Args:
        request: ``Content-Encoding`` may be absent, gzip, deflate or zstd.
        max_bytes: Of the unpacked body; more is refused as soon as it shows.

    Raises:
        TooLarge: Announced or found to be over *max_bytes*.
        Unreadable: It is not packed as announced, or breaks off.
        Unsupported: Another encoding.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in _UNPACKERS:
        raise Unsupported(f"Content-Encoding {encoding} is not supported; use gzip, zstd, deflate or none.")
    unpack = _UNPACKERS[encoding]()
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        for start in range(0, len(chunk), _BITE):
            part = unpack(chunk[start : start + _BITE], max_bytes - size + 1)
            size += len(part)
            if size > max_bytes:
                raise _too_large(max_bytes)
            parts.append(part)
    unpack(b"", -1)
    return b"".join(parts)


def _plain() -> Unpack:
    return lambda data, _room: data


def _zlib(window_bits: int) -> Unpack:
    stream = zlib.decompressobj(window_bits)

    def unpack(data: bytes, room: int) -> bytes:
        if room < 0:
            return _ended(whole=stream.eof, more=bool(stream.unused_data))
        try:
            return stream.decompress(stream.unconsumed_tail + data, room)
        except zlib.error as error:
            raise Unreadable(f"The body is not packed as Content-Encoding says: {error}.") from error

    return unpack


def _zstd() -> Unpack:
    # Frames may ask for a window of up to 128 MiB; what tools write by default stays far below.
    stream = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
    more = False

    def unpack(data: bytes, room: int) -> bytes:
        nonlocal more
        if room < 0:
            return _ended(whole=stream.eof, more=more or bool(stream.unused_data))
        parts: list[bytes] = []
        try:
            for start in range(0, len(data), _ZSTD_BITE):
                if stream.eof:
                    more = True
                if more or room <= 0:
                    break
                parts.append(stream.decompress(data[start : start + _ZSTD_BITE]))
                room -= len(parts[-1])
        except zstandard.ZstdError as error:
            raise Unreadable(f"The body is not packed as Content-Encoding says: {error}.") from error
        return b"".join(parts)

    return unpack


def _ended(*, whole: bool, more: bool) -> bytes:
    """Refuse half a body, and one of which only the first of several parts was unpacked."""
    if not whole:
        raise Unreadable("The packed body breaks off; send it again.")
    if more:
        raise Unreadable("Something follows the packed body; pack it in one piece.")
    return b""


_UNPACKERS: dict[str, Callable[[], Unpack]] = {
    "identity": _plain,
    "": _plain,
    "gzip": lambda: _zlib(zlib.MAX_WBITS | 16),
    "x-gzip": lambda: _zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: _zlib(zlib.MAX_WBITS),
    "zstd": _zstd,
}


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        f"An SBOM may have {max_bytes:,} bytes unpacked. Split it by component, or raise MUSTER_MAX_UPLOAD_BYTES.",
        max_bytes=max_bytes,
    )
