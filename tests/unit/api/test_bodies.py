"""Bodies as they come in: what a bomb costs before it is refused."""

import asyncio
import os
import tracemalloc
from collections.abc import Callable
from gzip import compress

import pytest
import zstandard
from starlette.requests import Request
from starlette.types import Message

from service.api.bodies import receive
from service.errors import TooLarge, Unreadable

MEBIBYTE = 2**20
PACKERS = [
    pytest.param("gzip", compress, id="gzip"),
    pytest.param("zstd", zstandard.ZstdCompressor(level=19).compress, id="zstd"),
]


def request_of(body: bytes, encoding: str) -> Request:
    async def give() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": [(b"content-encoding", encoding.encode())]}, give)


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_a_bomb_takes_little_memory_before_it_is_refused(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(200 * MEBIBYTE))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            asyncio.run(receive(request_of(bomb, encoding), max_bytes=MEBIBYTE))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * MEBIBYTE


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_what_is_packed_comes_out_whole(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    body = bytes(range(256)) * 10_000
    assert asyncio.run(receive(request_of(pack(body), encoding), max_bytes=len(body))) == body


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
@pytest.mark.parametrize("size", [1, 100_000])
def test_what_follows_the_packed_body_is_not_dropped_in_silence(
    encoding: str, pack: Callable[[bytes], bytes], size: int
) -> None:
    two = pack(b"one") + pack(os.urandom(size))
    with pytest.raises(Unreadable, match="in one piece"):
        asyncio.run(receive(request_of(two, encoding), max_bytes=10 * MEBIBYTE))
