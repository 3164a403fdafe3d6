"""A feed on this machine: a folder of the bucket's layout, or a bundle, in a folder or as one tar file."""

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from service.advisories.feed_bundle import MANIFEST, MAX_MANIFEST_BYTES, Manifest, read_manifest
from service.advisories.feed_source import (
    ARCHIVE,
    ECOSYSTEMS,
    INDEX,
    MAX_INDEX_BYTES,
    UNKNOWN,
    Arriving,
    FeedUnavailable,
    Fetched,
    Tags,
    listed,
    nobody,
    segment,
)
from service.advisories.osv_record import MAX_RECORD_BYTES

_PIECE = 2**20


class _Files(Protocol):
    """Files by their path inside the feed."""

    name: str

    def open(self, path: str) -> IO[bytes] | None:
        """Open a file; None if there is none."""
        ...

    def size(self, path: str) -> int | None:
        """Tell how large a file is; None if there is none."""
        ...

    def indexed(self) -> list[str]:
        """Name the folders that have an index."""
        ...


class _InFolder:
    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def open(self, path: str) -> IO[bytes] | None:
        place = self._folder / path
        return place.open("rb") if place.is_file() else None

    def size(self, path: str) -> int | None:
        place = self._folder / path
        return place.stat().st_size if place.is_file() else None

    def indexed(self) -> list[str]:
        return sorted(path.parent.name for path in self._folder.glob(f"*/{INDEX}"))


class _InTar:
    def __init__(self, name: str, tar: tarfile.TarFile) -> None:
        self.name = name
        self._tar = tar
        self._members = {member.name.removeprefix("./"): member for member in tar.getmembers() if member.isreg()}

    def open(self, path: str) -> IO[bytes] | None:
        member = self._members.get(path)
        return None if member is None else self._tar.extractfile(member)

    def size(self, path: str) -> int | None:
        member = self._members.get(path)
        return None if member is None else member.size

    def indexed(self) -> list[str]:
        return sorted(path.removesuffix(f"/{INDEX}") for path in self._members if path.endswith(f"/{INDEX}"))


class FolderFeed:
    """Reads files; those that a manifest names are compared with it before they are used, the others are not there."""

    def __init__(self, url: str, files: _Files, manifest: Manifest | None = None) -> None:
        self.url = manifest.origin if manifest else url
        self.as_of: datetime | None = manifest.as_of if manifest else None
        self.is_complete = manifest is None or manifest.complete
        self._files, self._manifest = files, manifest

    @classmethod
    def opened(cls, url: str, folder: Path) -> "FolderFeed":
        """Open a folder. One with a manifest is a bundle."""
        if not folder.is_dir():
            raise FeedUnavailable(f"there is no folder {folder}")
        return cls(url, files := _InFolder(folder), _whole_manifest(files))

    def ecosystems(self) -> list[str]:
        """Read ``ecosystems.txt``; a folder without one has the ecosystems it has folders for."""
        raw = self._read(ECOSYSTEMS, MAX_INDEX_BYTES)
        return self._files.indexed() if raw is None else listed(raw)

    def index(self, ecosystem: str, *, known: Tags = UNKNOWN) -> Fetched | None:  # noqa: ARG002 - reading is as cheap
        """Read the ecosystem's index."""
        raw = self._read(path := _path(ecosystem, INDEX), MAX_INDEX_BYTES)
        if raw is None:
            raise FeedUnavailable(f"{self._files.name} has no {path}")
        return Fetched(raw)

    def archive_bytes(self, ecosystem: str) -> int | None:
        """Tell how large the archive is."""
        return self._files.size(_path(ecosystem, ARCHIVE))

    @contextmanager
    def archive(self, ecosystem: str, *, arriving: Arriving = nobody) -> Iterator[IO[bytes]]:  # noqa: ARG002 - it is here
        """Open the ecosystem's archive."""
        with self.file(path := _path(ecosystem, ARCHIVE)) as file:
            if file is None:
                raise FeedUnavailable(f"{self._files.name} has no {path}")
            yield file

    def record(self, ecosystem: str, osv_id: str) -> bytes | None:
        """Read one record's file."""
        return self._read(_path(ecosystem, f"{osv_id}.json"), MAX_RECORD_BYTES)

    def records(self, ecosystem: str, osv_ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Read records' files."""
        return ((osv_id, self.record(ecosystem, osv_id)) for osv_id in osv_ids)

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes] | None]:
        """Open a file; None if there is none."""
        with ExitStack() as stack:
            file = self._files.open(name) if self._manifest is None or name in self._manifest.files else None
            if file is not None:
                stack.enter_context(file)
                self._verify(name, file)
            yield file

    def _read(self, name: str, limit: int) -> bytes | None:
        with self.file(name) as file:
            raw = None if file is None else file.read(limit + 1)
        if raw is not None and len(raw) > limit:
            raise FeedUnavailable(f"{self._files.name}/{name} is larger than {limit} bytes")
        return raw

    def _verify(self, name: str, file: IO[bytes]) -> None:
        if self._manifest is None:
            return
        digest = hashlib.sha256()
        try:
            while piece := file.read(_PIECE):
                digest.update(piece)
        except (OSError, tarfile.TarError) as error:
            raise FeedUnavailable(f"{self._files.name}/{name} cannot be read: {error}") from error
        if digest.hexdigest() != self._manifest.files[name].sha256:
            raise FeedUnavailable(f"{self._files.name}/{name} is damaged: it is not what the manifest says")
        file.seek(0)


class BundleInTar:
    """The way into a bundle that is one file."""

    @staticmethod
    @contextmanager
    def opened(place: Path) -> Iterator[FolderFeed]:
        """Open a tar file on this machine."""
        with place.open("rb") as file, BundleInTar.read(file, place.name) as feed:
            yield feed

    @staticmethod
    @contextmanager
    def read(file: IO[bytes], name: str) -> Iterator[FolderFeed]:
        """Read an open tar file.

        Raises:
            FeedUnavailable: It is none, is cut short, or has no manifest.
        """
        with ExitStack() as stack:
            try:
                files = _InTar(name, stack.enter_context(tarfile.open(fileobj=file, mode="r:")))
            except (tarfile.TarError, OSError, EOFError) as error:
                raise FeedUnavailable(f"{name} is no bundle, or not all of one: {error}") from error
            manifest = _whole_manifest(files)
            if manifest is None:
                raise FeedUnavailable(f"{name} is no bundle: it has no {MANIFEST}")
            yield FolderFeed(manifest.origin, files, manifest)


def _whole_manifest(files: _Files) -> Manifest | None:
    """Read the manifest, if there is one, and see that all it names is there, in its length."""
    file = files.open(MANIFEST)
    if file is None:
        return None
    with file:
        manifest = read_manifest(file.read(MAX_MANIFEST_BYTES))
    for path, described in manifest.files.items():
        if files.size(path) != described.bytes:
            raise FeedUnavailable(f"{files.name} is not a whole bundle: {path} is missing or cut short")
    return manifest


def _path(ecosystem: str, name: str) -> str:
    return f"{segment(ecosystem)}/{segment(name)}"
