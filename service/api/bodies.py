"""Receiving an SBOM: as a body or in a form, unpacked as it comes, and never larger than allowed, packed or not."""

from collections.abc import Sequence
from typing import Protocol

from fastapi import Request

from service.api.forms import FORM_BYTES, Form
from service.errors import Unreadable, Unsupported
from service.flows.parcels import Parcel
from service.flows.unpacking import Content, Packing, Unpacker, too_large

_ENCODINGS = {
    "gzip": Packing.GZIP,
    "x-gzip": Packing.GZIP,
    "deflate": Packing.DEFLATE,
    "zstd": Packing.ZSTD,
}
_MOST_ENCODINGS = 2
_FORM, _FIELDS = "multipart/form-data", "application/x-www-form-urlencoded"
#: Where a tar archive says what it is, and how.
_TAR_AT, _TAR = 257, b"ustar"


class _Sink(Protocol):
    def feed(self, data: bytes) -> None: ...
    def end(self) -> Parcel: ...
    def close(self) -> None: ...


async def receive(request: Request, *, max_bytes: int) -> Parcel:
    """Read a request's SBOM, unpacked; the caller closes it.

    Args:
        request: The SBOM is its body, or a part of its form. ``Content-Encoding`` may be absent or name gzip, deflate
            and zstd, two at most; what is packed without saying so (gzip, zstd, bzip2, xz) is unpacked too.
        max_bytes: Of the unpacked SBOM; more is refused as soon as it shows, and no more is read.

    Raises:
        TooLarge: Announced or found to be over *max_bytes*.
        Unreadable: It is not packed as announced, or breaks off.
        Unsupported: Another encoding, an archive, or the fields of a web form.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    most = max_bytes + FORM_BYTES if kind == _FORM else max_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise too_large(max_bytes)
    unpackers = _unpackers(request.headers.getlist("content-encoding"))
    sink: _Sink = Form(content_type, max_bytes) if kind == _FORM else Content(max_bytes)
    try:
        parcel = await _fill(request, unpackers, sink, most, max_bytes)
        return _plausible(parcel, kind)
    except BaseException as error:  # also when the client is gone; the form's parser would keep its file for a while
        sink.close()
        if kind == _FIELDS and isinstance(error, Unreadable):
            raise Unreadable(f"{error.detail} {_AS_FIELDS}") from error
        raise


async def _fill(request: Request, unpackers: Sequence[Unpacker], sink: _Sink, most: int, max_bytes: int) -> Parcel:
    packed = size = 0
    async for chunk in request.stream():
        packed += len(chunk)
        if packed > most:  # streams of nothing, one after the other, never show as too large once unpacked
            raise too_large(max_bytes)
        data, room = chunk, most - size + 1
        for unpacker in unpackers:
            data = unpacker.feed(data, room)
            if len(data) >= room:
                break
        if len(data) >= room:
            raise too_large(max_bytes)
        size += len(data)
        sink.feed(data)
    for unpacker in unpackers:
        unpacker.end()
    return sink.end()


def _unpackers(headers: Sequence[str]) -> list[Unpacker]:
    """Give what undoes the encodings, the last one first, as RFC 9110 lists them."""
    listed = [name.strip().lower() for header in headers for name in header.split(",")]
    names = [name for name in listed if name not in ("", "identity")]
    for name in names:
        if name not in _ENCODINGS:
            raise Unsupported(f"Content-Encoding {name[:40]} is not supported; use gzip, zstd, deflate or none.")
    if len(names) > _MOST_ENCODINGS:
        raise Unsupported(f"The body is packed {len(names)} times over; once is enough.")
    return [Unpacker(_ENCODINGS[name], "Content-Encoding") for name in reversed(names)]


_AS_FIELDS = (
    "The body came as the fields of a web form, as curl -d sends it, without its line breaks. "
    "Send it as it is: curl --data-binary @FILE."
)


def _plausible(parcel: Parcel, kind: str) -> Parcel:
    """Refuse at the door what no reader can know: that it is one of many files, or that its lines were joined."""
    data = parcel.head()
    if data.startswith(b"PK\3\4") or data[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        raise Unsupported("This is an archive. Send one SBOM at a time; `muster import` takes archives and folders.")
    if kind == _FIELDS and data.lstrip()[:1] not in (b"{", b"<"):
        raise Unsupported(_AS_FIELDS)
    return parcel
