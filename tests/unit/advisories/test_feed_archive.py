"""Archives that are whole, cut short anywhere, written by others, or meant to do harm."""

import zipfile
from collections.abc import Callable
from io import BytesIO, RawIOBase

import pytest

from service.advisories.feed_archive import archived_records
from service.advisories.feed_source import FeedUnavailable
from service.advisories.osv_record import MAX_RECORD_BYTES

RECORDS = {f"GO-2024-{number:04}": f'{{"id": {number}, "details": "{"x" * number}"}}'.encode() for number in range(60)}


class _OneWay(RawIOBase):
    """A stream that cannot be rewound: what writes to it puts sizes behind each entry instead of before."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.written += bytes(memoryview(data))  # type: ignore[arg-type]
        return len(memoryview(data))  # type: ignore[arg-type]


def whole(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for osv_id, raw in RECORDS.items():
                archive.writestr(f"{osv_id}.json", raw)
        return file.getvalue()


def streamed() -> bytes:
    sink = _OneWay()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for osv_id, raw in RECORDS.items():
            archive.writestr(f"{osv_id}.json", raw)
    return bytes(sink.written)


def read(raw: bytes) -> tuple[dict[str, bytes], bool]:
    """Give what came, and whether the archive was whole."""
    came: dict[str, bytes] = {}
    try:
        for osv_id, record in archived_records(BytesIO(raw), RECORDS):
            came[osv_id] = record  # noqa: PERF403 - what came before a failure counts
    except FeedUnavailable:
        return came, False
    return came, True


@pytest.mark.parametrize(
    "make", [whole, lambda: whole(zipfile.ZIP_STORED), streamed], ids=["packed", "stored", "streamed"]
)
def test_an_archive_gives_what_is_wanted(make: Callable[[], bytes]) -> None:
    assert read(make()) == (RECORDS, True)


@pytest.mark.parametrize(
    "make", [whole, lambda: whole(zipfile.ZIP_STORED), streamed], ids=["packed", "stored", "streamed"]
)
def test_wherever_an_archive_is_cut_what_comes_is_whole(make: Callable[[], bytes]) -> None:
    raw, most = make(), 0
    for length in range(0, len(raw) - 1, 97):
        seen, is_whole = read(raw[:length])
        assert not is_whole
        assert seen.items() <= RECORDS.items()
        assert len(seen) >= most, "the longer, the more"
        most = len(seen)
    assert most == len(RECORDS), "only the table of contents was missing"


def test_an_archive_that_unpacks_without_end_is_left_alone() -> None:
    with BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for osv_id in RECORDS:
                archive.writestr(f"{osv_id}.json", bytes(2**20))
        with pytest.raises(FeedUnavailable, match="far more than advisories do"):
            list(archived_records(file, RECORDS, always_fine_bytes=2**22))


def test_a_record_larger_than_any_may_be_comes_cut_short() -> None:
    with BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("GO-2024-0001.json", bytes(MAX_RECORD_BYTES + 2**20))
        ((_, raw),) = archived_records(file, RECORDS)
    assert len(raw) == MAX_RECORD_BYTES + 1
