"""Many SBOMs at once, straight into the database: folders and archives, on all cores, as a baseline.

What was imported before is recognised by its bytes and costs next to nothing: an import that stopped is simply run
again.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import forkserver
from multiprocessing.context import BaseContext

from service.clock import utc_now
from service.db import analyse, connect
from service.errors import ServiceError, Unreadable
from service.flows.batching import Taken, receive_batch
from service.flows.finding_files import Found, read_file
from service.flows.receiving import Request
from service.heap import settle_heap
from service.sbom import TrustedKey

#: The actor of everything that an import brings about.
IMPORT = "import"
#: Batches on the way to each process: enough to keep it busy, few enough to stay small.
_AHEAD = 2
#: A batch ends at whichever comes first.
_FILES_AT_ONCE = 20
_BYTES_AT_ONCE = 16 * 2**20


@dataclass(frozen=True)
class Imported:
    """What became of one file; `error` says why it was refused, and nothing of it was stored then."""

    place: str
    product: str
    components: int = 0
    created: bool = False
    error: str | None = None
    disk_bytes: int = 0


def import_sboms(
    url: str,
    found: Iterable[Found],
    *,
    max_bytes: int,
    processes: int | None = None,
    trusted: tuple[TrustedKey, ...] = (),
) -> Generator[Imported, None, None]:
    """Import files in as many processes as there are cores; gives each result as it comes.

    Whoever stops listening, or is interrupted, stops it: the batches that are being imported are finished, no others
    begun.

    Args:
        url: The database.
        found: Read lazily: only a few files are in memory at a time.
        max_bytes: Of one SBOM.
        processes: Instead of one a core.
        trusted: Whose signatures are believed.
    """
    count = processes or os.cpu_count() or 1
    pending: set[Future[list[Imported]]] = set()
    with _pool(count, url, max_bytes, trusted) as pool:
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


@contextmanager
def _pool(count: int, url: str, max_bytes: int, trusted: tuple[TrustedKey, ...]) -> Iterator[ProcessPoolExecutor]:
    arguments = (url, max_bytes, trusted)
    pool = ProcessPoolExecutor(count, mp_context=_context(), initializer=_start, initargs=arguments)
    try:
        yield pool
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _context() -> BaseContext:
    """Choose processes that do not inherit our threads and what these hold locked, as forked ones would.

    A server that has read our modules already forks them, so that only it takes the second that reading them takes.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with _deaf_to_interrupts():  # which what is started in here inherits; else a process could die before `_start`
        forkserver.ensure_running()
    return context


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # elsewhere Python forbids it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _batches(found: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for item in found:
        batch.append(item)
        size += item.disk_bytes if item.data is None else len(item.data)
        if len(batch) == _FILES_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Process:
    """What each importing process keeps between files."""

    def __init__(self, url: str, max_bytes: int, trusted: tuple[TrustedKey, ...]) -> None:
        self.engine = connect(url, pool_size=1)
        self.max_bytes = max_bytes
        self.trusted = trusted


_process: _Process


def _start(url: str, max_bytes: int, trusted: tuple[TrustedKey, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us is interrupted too, and lets us finish a file
    settle_heap()
    global _process  # noqa: PLW0603 - set once, at the start of each process of the pool
    _process = _Process(url, max_bytes, trusted)


def _import_batch(batch: list[Found], now: datetime) -> list[Imported]:
    results: list[Imported] = []
    items: list[Found] = []
    deliveries: list[tuple[bytes, Request]] = []
    for item in batch:
        try:
            data = _bytes_of(item)
        except OSError as error:
            results.append(_refused(item, str(error)))
        except ServiceError as error:
            results.append(_refused(item, f"{error.title()}: {error.detail}"))
        else:
            items.append(item)
            request = Request(product=item.product, actor=IMPORT, baseline=True, trusted=_process.trusted)
            deliveries.append((data, request))
    taken = receive_batch(_process.engine, deliveries, now=now)
    return results + [_result(item, outcome) for item, outcome in zip(items, taken, strict=True)]


def _result(item: Found, taken: Taken) -> Imported:
    if taken.error is not None:
        return _refused(item, f"{taken.error.title()}: {taken.error.detail}")
    return Imported(item.place, item.product, taken.component_count, taken.created, disk_bytes=item.disk_bytes)


def _refused(item: Found, error: str) -> Imported:
    return Imported(item.place, item.product, error=error, disk_bytes=item.disk_bytes)


def _bytes_of(item: Found) -> bytes:
    if item.error is not None:
        raise Unreadable(item.error)
    if item.path is None:
        return item.data or b""
    return read_file(item.path, _process.max_bytes)
