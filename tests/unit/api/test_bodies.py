"""Bodies as they come in: what they may be packed in, and what a bomb costs before it is refused."""

import asyncio
import bz2
import gc
import lzma
import os
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from gzip import compress
from pathlib import Path

import pytest
import zstandard
from starlette.requests import Request
from starlette.types import Message

from service.api.bodies import receive
from service.errors import ServiceError, TooLarge, Unreadable, Unsupported
from service.flows.parcels import LARGE_BYTES

MEBIBYTE = 2**20
Pack = Callable[[bytes], bytes]
zstd: Pack = zstandard.ZstdCompressor(level=19).compress
ENCODINGS = [pytest.param("gzip", compress, id="gzip"), pytest.param("zstd", zstd, id="zstd")]
MAGIC = [
    pytest.param(compress, id="gzip"),
    pytest.param(zstd, id="zstd"),
    pytest.param(bz2.compress, id="bzip2"),
    pytest.param(lzma.compress, id="xz"),
]


def received(body: bytes, *, most: int = MEBIBYTE, bite: int = 0, **headers: str) -> bytes:
    """Send a body with headers (underscores for dashes), whole or in bites."""
    return asyncio.run(receive(request_of(body, bite or len(body) or 1, headers), max_bytes=most)).data()


def request_of(body: bytes, bite: int, headers: dict[str, str]) -> Request:
    pieces = iter([body[start : start + bite] for start in range(0, len(body), bite)])

    async def give() -> Message:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, give)


def form(*parts: tuple[str, bytes], boundary: str = "edge") -> bytes:
    """Write a form of parts: the parameters of Content-Disposition, and the content."""
    written = (
        f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"
        for disposition, content in parts
    )
    return b"".join(written) + f"--{boundary}--\r\n".encode()


def received_form(*parts: tuple[str, bytes], most: int = MEBIBYTE, bite: int = 0) -> bytes:
    return received(form(*parts), most=most, bite=bite, content_type="multipart/form-data; boundary=edge")


@pytest.mark.parametrize("pack", MAGIC)
def test_a_bomb_takes_little_memory_before_it_is_refused(pack: Pack) -> None:
    bomb = pack(bytes(100 * MEBIBYTE))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            received(bomb)
        with pytest.raises(TooLarge):
            received_form(("name=bom", bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * MEBIBYTE


@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS)
def test_an_announced_bomb_takes_no_more(encoding: str, pack: Pack) -> None:
    bomb = pack(bytes(100 * MEBIBYTE))
    for body, named in ((bomb, encoding), (pack(bomb), f"{encoding}, {encoding}")):
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                received(body, content_encoding=named)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 40 * MEBIBYTE


@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS)
def test_what_is_packed_comes_out_whole(encoding: str, pack: Pack) -> None:
    body = bytes(range(256)) * 10_000
    assert received(pack(body), most=len(body), content_encoding=encoding) == body


@pytest.mark.parametrize("pack", MAGIC)
@pytest.mark.parametrize("bite", [1, 7, 0])
def test_what_is_packed_without_saying_so_comes_out_too(pack: Pack, bite: int) -> None:
    body = b'{"a": "' + os.urandom(2_000).hex().encode() + b'"}'
    assert received(pack(body), bite=bite, content_type="application/json") == body
    assert received_form(("name=bom; filename=a.json.gz", pack(body)), bite=bite) == body


@pytest.mark.parametrize("pack", MAGIC)
def test_several_streams_in_one_are_one_body(pack: Pack) -> None:
    for bite in (1, 0):
        assert received(pack(b"one") + pack(b"") + pack(b"two") + bytes(8), bite=bite) == b"onetwo"


@pytest.mark.parametrize("pack", MAGIC)
@pytest.mark.parametrize("size", [10, 100_000])
def test_what_follows_the_packed_body_is_not_dropped_in_silence(pack: Pack, size: int) -> None:
    for bite in (1_000, 0):
        with pytest.raises(Unreadable, match=r"in one piece|breaks off"):
            received(pack(b"one") + b"?" + os.urandom(size), bite=bite)


@pytest.mark.parametrize("pack", MAGIC)
def test_half_a_body_is_refused(pack: Pack) -> None:
    packed = pack(os.urandom(1000))
    with pytest.raises(Unreadable, match="breaks off"):
        received(packed[: len(packed) // 2])


def test_a_body_of_a_few_bytes_is_that() -> None:
    for body in (b"", b"{}", b"\x1f\x8b"):
        assert received(body) == body


def test_encodings_are_undone_from_the_last() -> None:
    body = b"{}" * 1_000
    both = zstd(compress(body))
    assert received(both, content_encoding="gzip, zstd") == body
    assert received(zlib.compress(body), content_encoding="Deflate") == body
    assert received(both, content_encoding="identity, zstd") == body  # what is inside says itself that it is packed
    with pytest.raises(Unreadable, match="Content-Encoding says"):
        received(both, content_encoding="zstd, gzip")


def test_what_an_inner_encoding_may_hold_is_bounded_too() -> None:
    padded = compress(compress(b"{}") + bytes(3 * MEBIBYTE))
    with pytest.raises(TooLarge):
        received(padded, content_encoding="gzip, gzip")


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, br", "gzip, gzip, gzip"])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(Unsupported, match=r"use gzip, zstd|3 times over"):
        received(b"{}", content_encoding=encoding)


FILE = ('name="x"; filename="a.json"', b'{"x": 1}')
FORMS: list[Sequence[tuple[str, bytes]]] = [
    [FILE],
    [("name=stream", b"main"), FILE, ("name=note", b"x" * 1_000)],
    [("name=bom", b'{"x": 1}')],
    [("name=other; filename=b.json", b"?"), ("name=SBOM; filename=a.json", b'{"x": 1}'), FILE],
    [FILE, ("name=y; filename=b.json", b"?"), ("name=file; filename=c", b'{"x": 1}')],
    [("filename=a.json; name=bom", b'{"x": 1}')],
]


@pytest.mark.parametrize("parts", FORMS)
@pytest.mark.parametrize("bite", [1, 0])
def test_a_form_gives_its_sbom(parts: Sequence[tuple[str, bytes]], bite: int) -> None:
    assert received_form(*parts, bite=bite) == b'{"x": 1}'


TWO = [FILE, ("name=y; filename=b.json", b"?")]
WRONG_FORMS: list[tuple[bytes, str]] = [
    (form(*TWO), "has 2 files"),
    (form(("name=version", b"1")), "has 0 files"),
    (form(("name=bom", b"1"), ("name=sbom", b"2")), "two parts"),
    (form(FILE)[:-8], "breaks off"),
    (form(*[("name=a", b"")] * 65), "more than 64 parts"),
    (b'{"bomFormat": "CycloneDX"}', "cannot be read"),
    (b"", "breaks off"),
]


@pytest.mark.parametrize(("body", "says"), WRONG_FORMS)
def test_a_form_that_does_not_say_which_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        received(body, content_type='multipart/form-data; boundary="edge"')


def test_a_form_without_a_boundary_is_refused() -> None:
    for content_type, says in (
        ("multipart/form-data", "no boundary"),
        (f"multipart/form-data; boundary={'x' * 300}", "exceeds maximum"),
    ):
        with pytest.raises(Unreadable, match=says):
            received(form(FILE), content_type=content_type)


def test_a_form_is_bounded_as_a_body_is() -> None:
    most = 1_000_000
    assert len(received_form(("name=bom", b" " * most), most=most)) == most
    for parts in ([("name=bom", b" " * (most + 1))], [("name=note", b" " * 2 * most), FILE]):
        with pytest.raises(TooLarge):
            received_form(*parts, most=most)


FIELDS = "application/x-www-form-urlencoded"
AS_FIELDS: list[tuple[bytes, type[ServiceError]]] = [
    (b"SPDXVersion: SPDX-2.3DataLicense: CC0-1.0", Unsupported),
    (b"bom=%7B%7D", Unsupported),
    (compress(b"{}")[:-3], Unreadable),
]


def test_curl_d_is_understood_or_explained() -> None:
    assert received(b' {"a": 1}', content_type=FIELDS) == b' {"a": 1}'
    for body, kind in AS_FIELDS:
        with pytest.raises(kind, match="--data-binary"):
            received(body, content_type=FIELDS)


def test_an_archive_is_sent_to_the_import() -> None:
    for body in (b"PK\3\4and so on", bytes(257) + b"ustar\x0000" + bytes(300), compress(bytes(257) + b"ustar  ")):
        with pytest.raises(Unsupported, match="muster import"):
            received(body)


@pytest.mark.parametrize("pack", MAGIC[:2])
def test_no_end_of_nothing_is_read(pack: Pack) -> None:
    nothing, name = pack(b""), "gzip" if pack is compress else "zstd"
    with pytest.raises(TooLarge):
        received(nothing * (MEBIBYTE // len(nothing) + 1), bite=4096, content_encoding=name)


@pytest.mark.parametrize("in_form", [True, False])
def test_what_is_not_taken_leaves_no_file(in_form: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    body = b"{" * (LARGE_BYTES + MEBIBYTE)
    headers = {"content_type": "multipart/form-data; boundary=edge"} if in_form else {"content_encoding": "gzip"}
    body = form(('name="bom"', body)).removesuffix(b"--edge--\r\n") if in_form else compress(body, 1)[:-8]
    gc.disable()
    try:
        with pytest.raises(Unreadable, match="breaks off"):
            received(body, most=2 * LARGE_BYTES, bite=MEBIBYTE, **headers)
        assert not list(tmp_path.iterdir())
    finally:
        gc.enable()
