"""Many SBOMs at once, straight into the database: folders and archives, on all cores, as a baseline.

What was imported before is recognised by its bytes and costs next to nothing: an import that stopped is simply run
again.
"""

import lzma
import os
import signal
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath

from service.clock import utc_now
from service.db import analyse, connect
from service.errors import ServiceError, TooLarge, Unreadable
from service.flows.batching import Taken, receive_batch
from service.flows.receiving import Request
from service.heap import settle_heap

#: The actor of everything that an import brings about.
IMPORT = "import"
#: Batches on the way to each process: enough to keep it busy, few enough to stay small.
_AHEAD = 2
#: A batch ends at whichever comes first.
_FILES_AT_ONCE = 20
_BYTES_AT_ONCE = 16 * 2**20

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
_SBOM_ENDINGS = (".json", ".xml", ".spdx", ".cdx", ".sbom", ".bom", ".tv", ".tag")


@dataclass(frozen=True)
class Found:
    """A file that may be an SBOM: where it is, the product it would be of, and its bytes (read when wanted).

    `error` says why it cannot even be read, so that whoever counts files misses none.
    """

    place: str
    product: str
    path: Path | None
    data: bytes | None = None
    error: str | None = None


@dataclass(frozen=True)
class Imported:
    """What became of one file; `error` says why it was refused, and nothing of it was stored then."""

    place: str
    product: str
    components: int = 0
    created: bool = False
    error: str | None = None


def find_sboms(paths: Iterable[Path], *, max_bytes: int) -> Iterator[Found]:
    """Walk files, folders (sorted, hidden ones left out) and zip and tar archives.

    A product is named after its file, without the endings that say what format it is in; a file in a folder also
    after the folder, so that ``shop/web.json`` and ``blog/web.json`` are two.
    """
    for path in paths:
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if p.is_file() and not _hidden(p.relative_to(path)))
            for file in inside:
                yield from _one(file, PurePosixPath(file.relative_to(path)), max_bytes)
        else:
            yield from _one(path, PurePosixPath(path.name), max_bytes)


def count_sboms(paths: Iterable[Path]) -> int | None:
    """Count what `find_sboms` will find, for a progress bar; None where that would mean reading archives twice."""
    total = 0
    for path in paths:
        files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
        if any(file.name.endswith(_ARCHIVES) for file in files):
            return None
        total += len([file for file in files if not path.is_dir() or not _hidden(file.relative_to(path))])
    return total


def import_sboms(
    url: str, found: Iterable[Found], *, max_bytes: int, processes: int | None = None
) -> Iterator[Imported]:
    """Import files in as many processes as there are cores; gives each result as it comes.

    Args:
        url: The database.
        found: Read lazily: only a few files are in memory at a time.
        max_bytes: Of one SBOM.
        processes: Instead of one a core.
    """
    count = processes or os.cpu_count() or 1
    pending: set[Future[list[Imported]]] = set()
    with ProcessPoolExecutor(count, initializer=_start, initargs=(url, max_bytes)) as pool:
        for batch in _batches(found):
            pending.add(pool.submit(_import_batch, batch, utc_now()))
            if len(pending) >= count * _AHEAD:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (result for future in done for result in future.result())
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (result for future in done for result in future.result())
    engine = connect(url, pool_size=1)
    analyse(engine)
    engine.dispose()


def _batches(found: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for item in found:
        batch.append(item)
        size += _size_of(item)
        if len(batch) == _FILES_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _size_of(item: Found) -> int:
    if item.data is not None:
        return len(item.data)
    try:
        return item.path.stat().st_size if item.path else 0
    except OSError:  # whoever reads it will say so
        return 0


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _one(file: Path, name: PurePosixPath, max_bytes: int) -> Iterator[Found]:
    if file.name.endswith(".zip"):
        yield from _in_zip(file, max_bytes)
    elif file.name.endswith(_ARCHIVES):
        yield from _in_tar(file, max_bytes)
    else:
        yield Found(str(file), _product(name), file)


def _in_zip(file: Path, max_bytes: int) -> Iterator[Found]:
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield _member(file, info.filename, info.file_size, max_bytes, partial(archive.read, info))
    except _BROKEN as error:
        yield Found(str(file), _product(PurePosixPath(file.name)), None, error=_broken(error))


def _in_tar(file: Path, max_bytes: int) -> Iterator[Found]:
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                if member.isfile():
                    read = partial(_extract, archive, member)
                    yield _member(file, member.name, member.size, max_bytes, read)
    except _BROKEN as error:
        yield Found(str(file), _product(PurePosixPath(file.name)), None, error=_broken(error))


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    return content.read() if content else b""


def _member(file: Path, name: str, size: int, max_bytes: int, read: Callable[[], bytes]) -> Found:
    place, product = f"{file}!{name}", _product(PurePosixPath(name))
    if size > max_bytes:
        return Found(place, product, None, error=_over_limit(max_bytes))
    try:
        return Found(place, product, None, read())
    except _BROKEN as error:
        return Found(place, product, None, error=_broken(error))


#: What archives raise that are cut off, damaged, encrypted, or packed in a way that nobody here can unpack.
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    RuntimeError,
    NotImplementedError,
)


def _broken(error: Exception) -> str:
    return f"The archive cannot be read: {error or type(error).__name__}."


def _over_limit(max_bytes: int) -> str:
    return f"An SBOM may have {max_bytes:,} bytes."


def _product(name: PurePosixPath) -> str:
    """Name a product after its file and folders. Nothing is ever written there, so ``..`` only has to look decent."""
    bare = name.name
    while bare.lower().endswith(_SBOM_ENDINGS):
        bare = bare.rsplit(".", 1)[0]
    folders = (part for part in name.parent.parts if part not in ("/", ".."))
    joined = "-".join((*folders, bare or name.name))
    # File names may be no text at all; the database takes text.
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in joined)


class _Process:
    """What each importing process keeps between files."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self.engine = connect(url, pool_size=1)
        self.max_bytes = max_bytes


_process: _Process


def _start(url: str, max_bytes: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us is interrupted too, and lets us finish a file
    settle_heap()
    global _process  # noqa: PLW0603 - set once, at the start of each process of the pool
    _process = _Process(url, max_bytes)


def _import_batch(batch: list[Found], now: datetime) -> list[Imported]:
    results: list[Imported] = []
    items: list[Found] = []
    deliveries: list[tuple[bytes, Request]] = []
    for item in batch:
        try:
            data = _bytes_of(item)
        except OSError as error:
            results.append(Imported(item.place, item.product, error=str(error)))
        except ServiceError as error:
            results.append(Imported(item.place, item.product, error=f"{error.title()}: {error.detail}"))
        else:
            items.append(item)
            deliveries.append((data, Request(product=item.product, actor=IMPORT, baseline=True)))
    taken = receive_batch(_process.engine, deliveries, now=now)
    return results + [_result(item, outcome) for item, outcome in zip(items, taken, strict=True)]


def _result(item: Found, taken: Taken) -> Imported:
    error = f"{taken.error.title()}: {taken.error.detail}" if taken.error else None
    return Imported(item.place, item.product, taken.component_count, taken.created, error)


def _bytes_of(item: Found) -> bytes:
    if item.error is not None:
        raise Unreadable(item.error)
    if item.data is not None:
        return item.data
    if item.path is None:
        return b""
    if item.path.stat().st_size > _process.max_bytes:
        raise TooLarge(_over_limit(_process.max_bytes))
    return item.path.read_bytes()
