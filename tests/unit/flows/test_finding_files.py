"""Folders and archives: what is found in them, what is refused, and what a hostile one costs."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
import zstandard

from service.flows.finding_files import Found, disk_bytes_of, find_sboms, product_of, read_file

MEBIBYTE = 2**20
Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


def find(*paths: Path, most: int = MEBIBYTE) -> list[Found]:
    return list(find_sboms(paths, max_bytes=most))


def contents(found: list[Found]) -> dict[str, bytes | None]:
    return {one.product: one.data if one.path is None else read_file(one.path, MEBIBYTE) for one in found}


def errors(found: list[Found]) -> dict[str, str]:
    return {one.place.rpartition("/")[2]: one.error for one in found if one.error}


def make_tar(members: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return written.getvalue()


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("ending", PACKS)
def test_a_packed_file_is_its_content_wherever_it_lies(tmp_path: Path, ending: str) -> None:
    packed = PACKS[ending](b"{}")
    (tmp_path / f"web.cdx.json{ending}").write_bytes(packed)
    (tmp_path / "no-ending.json").write_bytes(packed)
    make_zip(tmp_path / "z.zip", {f"zipped.json{ending}": packed})
    (tmp_path / "t.tar").write_bytes(make_tar({f"tarred.json{ending}": packed}))
    assert contents(find(tmp_path)) == dict.fromkeys(("web", "no-ending", "zipped", "tarred"), b"{}")


@pytest.mark.parametrize("ending", ["", *PACKS])
def test_a_tar_is_read_however_it_is_packed_and_whatever_it_is_called(tmp_path: Path, ending: str) -> None:
    # 512 bytes and multiples of it are where a tar reader that goes back would have to start all over.
    members = {f"{number}/a.json": b"x" * 512 * number for number in range(50)}
    packed = PACKS.get(ending, bytes)(make_tar(members))
    (tmp_path / f"all.tar{ending}").write_bytes(packed)
    wanted = {f"{number}-a": data for number, data in enumerate(members.values())}
    assert contents(find(tmp_path)) == wanted
    (tmp_path / "misnamed.tar.gz").write_bytes(packed)
    assert contents(find(tmp_path / "misnamed.tar.gz")) == wanted


def test_parallel_packers_several_streams_are_one_archive(tmp_path: Path) -> None:
    tar = make_tar({"a.json": b"a" * 5_000, "b.json": b"b" * 5_000})
    for ending, pack in PACKS.items():
        (tmp_path / f"x.tar{ending}").write_bytes(pack(tar[:3_000]) + pack(tar[3_000:]))
        assert contents(find(tmp_path / f"x.tar{ending}")) == {"a": b"a" * 5_000, "b": b"b" * 5_000}


def test_an_archive_in_an_archive_is_refused_by_name_and_the_rest_is_found(tmp_path: Path) -> None:
    members = {"in.zip": b"PK", "in.tar.gz": b"", "in.TZST": b"", "a.json": b"{}"}
    make_zip(tmp_path / "z.zip", members)
    (tmp_path / "t.tar").write_bytes(make_tar(members))
    found = find(tmp_path)
    assert [one.product for one in found if not one.error] == ["a", "a"]
    refused = errors(found)
    assert set(refused) == {f"{archive}!{name}" for archive in ("z.zip", "t.tar") for name in list(members)[:3]}
    assert all("Unpack the outer one" in reason for reason in refused.values())


def test_a_member_that_is_larger_than_allowed_is_refused_and_the_rest_is_found(tmp_path: Path) -> None:
    members = {"huge.json": bytes(MEBIBYTE + 1), "bomb.json.gz": gzip.compress(bytes(50 * MEBIBYTE)), "a.json": b"{}"}
    make_zip(tmp_path / "z.zip", members)
    (tmp_path / "t.tar.gz").write_bytes(gzip.compress(make_tar(members)))
    found = find(tmp_path)
    assert [one.product for one in found if not one.error] == ["a", "a"]
    assert len(errors(found)) == 4
    assert all("1,048,576 bytes" in reason for reason in errors(found).values())


def test_a_bomb_of_an_archive_is_left_after_little_work(tmp_path: Path) -> None:
    tar = make_tar({f"{number}.json": bytes(MEBIBYTE) for number in range(12)})
    (tmp_path / "bomb.tar.xz").write_bytes(lzma.compress(tar))
    (tmp_path / "one.tar.xz").write_bytes(lzma.compress(make_tar({"a.json": bytes(12 * MEBIBYTE)})))
    tracemalloc.start()
    try:
        last = {}
        for one in find_sboms([tmp_path], max_bytes=MEBIBYTE):
            last[one.place.rpartition("/")[2].partition("!")[0]] = one.error
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert last.keys() == {"bomb.tar.xz", "one.tar.xz"}
    assert all("times its size" in (reason or "") for reason in last.values())
    assert peak < 20 * MEBIBYTE


def test_a_tar_that_is_damaged_in_the_middle_does_not_just_end(tmp_path: Path) -> None:
    tar = bytearray(make_tar({"a.json": b"{}", "b.json": b"{}", "c.json": b"{}"}))
    tar[1024:1100] = b"?" * 76
    (tmp_path / "x.tar").write_bytes(tar)
    (tmp_path / "cut.tar").write_bytes(make_tar({"a.json": b"{}", "b.json": b"{}"})[: 1024 + 100])
    for name in ("x.tar", "cut.tar"):
        good, bad = find(tmp_path / name)
        assert (good.data, bad.error) == (b"{}", "The archive cannot be read: damaged at byte 1,024.")


def test_an_encrypted_or_lying_member_is_refused_and_the_rest_is_found(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z.zip", {"a.json": b"{}" * 100, "b.json": b"{}" * 90})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    found = find(path)
    assert [one.error is None for one in found] == [False, True]
    assert "encrypted" in errors(found)["z.zip!a.json"]


def test_progress_adds_up_to_what_lies_on_the_disk(tmp_path: Path) -> None:
    members = {f"{number}.json": bytes(range(256)) * number for number in range(60)}
    for ending, pack in (("", bytes), *PACKS.items()):
        (tmp_path / f"t.tar{ending}").write_bytes(pack(make_tar(members)))
        (tmp_path / f"cut.tar{ending}").write_bytes(pack(make_tar(members))[:-1_500])
    make_zip(tmp_path / "z.zip", members)
    (tmp_path / "a.json").write_bytes(b"{}")
    looked_at, total = sum(one.disk_bytes for one in find(tmp_path)), disk_bytes_of([tmp_path])
    assert 0.9 * total < looked_at <= total


NAMES = (
    ("shop.cdx.json", "shop"),
    ("shop.spdx.json.zst", "shop"),
    ("shop.spdx.rdf.xml", "shop"),
    ("shop.intoto.jsonl", "shop"),
    ("shop-1.2.json", "shop-1.2"),
    ("team/web.yaml", "team-web"),
    ("../../etc/web.json", "etc-web"),
    (".json", ".json"),
)


@pytest.mark.parametrize(("name", "product"), NAMES)
def test_a_product_is_called_as_its_file_without_the_endings(name: str, product: str) -> None:
    assert product_of(PurePosixPath(name)) == product


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_tar_header_that_says_it_is_endless_is_not_read(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 64 * MEBIBYTE
    file = tmp_path / "bomb.tgz"
    file.write_bytes(gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(header.size)))
    tracemalloc.start()
    try:
        (found,) = find(file)
        assert tracemalloc.get_traced_memory()[1] < 16 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert found.error == "The archive cannot be read: a header of 67,108,864 bytes."
