"""Which files of folders and archives may be SBOMs, what product each would be of, and what it costs to look.

Archives are read once, front to back, and a member at a time. Nothing is ever written: names only have to look decent.
"""

import bz2
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Self

import zstandard

from service.errors import ServiceError, TooLarge, Unreadable
from service.flows.unpacking import MAGIC_BYTES, MOST_MEMORY, Content, Packing, packing_of

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst", ".tzst")
_ARCHIVES = (".zip", *_TARS)
_PACKED = (".gz", ".zst", ".xz", ".bz2")
_SBOM_ENDINGS = (
    ".json", ".xml", ".spdx", ".cdx", ".sbom", ".bom", ".tv", ".tag", ".yaml", ".yml", ".rdf", ".jsonld", ".spdx3",
    ".jsonl", ".intoto", ".dsse", ".sigstore", *_PACKED,
)  # fmt: skip
_CHUNK_BYTES = 1 << 20
#: An archive that unpacks to more than so many times its size is a bomb; gzip and zip cannot even get there.
_MOST_EXPANSION = 1_100


@dataclass(frozen=True)
class Found:
    """A file that may be an SBOM: where it is, the product it would be of, and its bytes (read when wanted).

    `error` says why it cannot even be read, so that whoever counts files misses none. `disk_bytes` is how much of the
    disk had to be looked at for it: of a packed archive, its share.
    """

    place: str
    product: str
    path: Path | None
    data: bytes | None = None
    error: str | None = None
    disk_bytes: int = 0


def find_sboms(paths: Iterable[Path], *, max_bytes: int) -> Iterator[Found]:
    """Walk files, folders (sorted, hidden ones left out) and archives: zip, and tar however packed.

    A product is named after its file, without the endings that say what format it is in; a file in a folder also
    after the folder, so that ``shop/web.json`` and ``blog/web.json`` are two.
    """
    for file, name in _files(paths):
        if file.name.lower().endswith(".zip"):
            yield from _in_zip(file, max_bytes)
        elif file.name.lower().endswith(_TARS):
            yield from _in_tar(file, max_bytes)
        else:
            yield Found(str(file), product_of(name), file, disk_bytes=_size_of(file))


def disk_bytes_of(paths: Iterable[Path]) -> int:
    """Give how much `find_sboms` will look at, archives as they are packed; for a progress bar."""
    return sum(_size_of(file) for file, _ in _files(paths))


def read_file(path: Path, max_bytes: int) -> bytes:
    """Read a file, unpacked if its first bytes say that it is packed.

    Raises:
        TooLarge: It has more than *max_bytes*.
        Unreadable: It is packed and damaged.
        OSError: The disk says no.
    """
    with path.open("rb") as file:
        return _content(file, max_bytes)


def product_of(name: PurePosixPath) -> str:
    """Name a product after its file and folders."""
    bare = name.name
    while bare.lower().endswith(_SBOM_ENDINGS):
        bare = bare.rsplit(".", 1)[0]
    folders = (part for part in name.parent.parts if part not in ("/", ".."))
    joined = "-".join((*folders, bare or name.name))
    # File names may be no text at all; the database takes text.
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in joined)


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, PurePosixPath]]:
    for path in paths:
        if not path.is_dir():
            yield path, PurePosixPath(path.name)
            continue
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path)
            if file.is_file() and not any(part.startswith(".") for part in name.parts):
                yield file, PurePosixPath(name)


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # whoever reads it will say so
        return 0


#: What archives raise that are cut off, damaged, encrypted, or packed in a way that nobody here can unpack.
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
    LookupError,
    struct.error,
)


class _Archive:
    """Keeps the books of one archive: what its members unpack to, and how much of the file is behind us."""

    def __init__(self, file: Path, max_bytes: int) -> None:
        self.file, self.max_bytes = file, max_bytes
        self.size = _size_of(file)
        self._looked_at = 0
        self._room = self.size * _MOST_EXPANSION + max_bytes

    def advance(self, position: int) -> int:
        """Say how much of the file was looked at since the last time."""
        before, self._looked_at = self._looked_at, max(position, self._looked_at)
        return self._looked_at - before

    def spend(self, size: int) -> None:
        """Count what a member unpacks to, wanted or passed over.

        Raises:
            TooLarge: The whole archive is a bomb.
        """
        self._room -= size
        if self._room < 0:
            raise TooLarge(f"It unpacks to more than {_MOST_EXPANSION:,} times its size. Unpack it, then import that.")

    def member(self, name: str, size: int, position: int, read: Callable[[], IO[bytes] | None]) -> Found:
        """Read one member.

        Args:
            name: Its path in the archive.
            size: Which its header announces.
            position: Where it lies in the file.
            read: Opens it.

        Raises:
            TooLarge: The whole archive is a bomb.
        """
        data, error = None, None
        try:
            data = self._read(name, size, read)
        except _BROKEN as broken:
            error = _broken(broken)
        except ServiceError as refusal:
            error = refusal.detail
        return Found(f"{self.file}!{name}", product_of(PurePosixPath(name)), None, data, error, self.advance(position))

    def _read(self, name: str, size: int, read: Callable[[], IO[bytes] | None]) -> bytes:
        if name.lower().endswith(_ARCHIVES):
            raise Unreadable("An archive in an archive is not opened. Unpack the outer one, then import that.")
        if size > self.max_bytes:
            raise TooLarge(f"An SBOM may have {self.max_bytes:,} bytes.")
        content = read()
        if content is None:  # a link to nothing
            return b""
        with content:
            return _content(content, self.max_bytes)

    def failed(self, error: Exception) -> Found:
        """Say why the rest of the archive is left out."""
        said = error.detail if isinstance(error, ServiceError) else _broken(error)
        return Found(str(self.file), product_of(PurePosixPath(self.file.name)), None, None, said, self.rest())

    def rest(self) -> int:
        """Give what was not looked at, and take it as done."""
        return self.advance(self.size)


def _in_zip(file: Path, max_bytes: int) -> Iterator[Found]:
    archive = _Archive(file, max_bytes)
    position = 0
    try:
        with zipfile.ZipFile(file) as zipped:
            for info in zipped.infolist():
                if info.is_dir():
                    continue
                position = min(position + info.compress_size, archive.size)
                found = archive.member(info.filename, info.file_size, position, partial(zipped.open, info))
                archive.spend(len(found.data or b""))
                yield found
    except (*_BROKEN, TooLarge) as error:
        yield archive.failed(error)


def _in_tar(file: Path, max_bytes: int) -> Iterator[Found]:
    archive = _Archive(file, max_bytes)
    try:
        with file.open("rb") as packed, _unpacked(packed) as stream:
            for tar, member in _members(stream):
                archive.spend(member.size)
                if member.isfile():
                    yield archive.member(member.name, member.size, packed.tell(), partial(tar.extractfile, member))
    except (*_BROKEN, TooLarge) as error:
        yield archive.failed(error)


def _unpacked(packed: BinaryIO) -> AbstractContextManager[Any]:
    """Undo what a tar archive is packed with, by its first bytes; several streams in one file are read as one."""
    head = packed.read(MAGIC_BYTES)
    packed.seek(0)
    packing = packing_of(head)
    if packing is Packing.GZIP:
        return gzip.open(packed)
    if packing is Packing.BZIP2:
        return bz2.open(packed)
    if packing is Packing.XZ:
        return lzma.open(packed)
    if packing is Packing.ZSTD:
        return zstandard.ZstdDecompressor(max_window_size=MOST_MEMORY).stream_reader(packed, read_across_frames=True)
    return nullcontext(packed)


#: Headers that only say more about the next member, which Python reads whole, however long they say they are.
_ABOUT_THE_NEXT = frozenset(
    (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
)
_LONGEST_HEADER_BYTES = 1 << 20


#: Known to tarfile's own loop, and to no one else by its stubs.
_DAMAGED: tuple[type[Exception], ...] = (
    tarfile.InvalidHeaderError,  # type: ignore[attr-defined]
    tarfile.TruncatedHeaderError,  # type: ignore[attr-defined]
)


class _StrictInfo(tarfile.TarInfo):
    """A header that cannot be read is an error, and not the end of the archive, as it is to Python."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _ABOUT_THE_NEXT and info.size > _LONGEST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {info.size:,} bytes")
        return info

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except _DAMAGED as error:
            raise tarfile.ReadError(f"damaged at byte {tarfile_.offset:,}") from error


def _members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Walk a tar archive front to back, without ever going back: in a packed one that would start all over."""
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictInfo) as tar:
        for member in tar:
            yield tar, member
            tar.members = []  # type: ignore[attr-defined]  # a million names are not needed again


def _content(file: IO[bytes], max_bytes: int) -> bytes:
    content = Content(max_bytes)
    while chunk := file.read(_CHUNK_BYTES):
        content.feed(chunk)
    with content.end() as parcel:
        return parcel.data()


def _broken(error: Exception) -> str:
    return f"The archive cannot be read: {error or type(error).__name__}."
