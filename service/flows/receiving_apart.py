"""Large SBOMs, each in a process of its own.

Reading and cataloguing half a million components takes minutes and gigabytes. In the server's own process everybody
else would wait for the interpreter, and the memory would stay. So one large SBOM at a time is taken in by a process
that is gone afterwards; the others wait for their turn, and what is small passes by.
"""

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BoundedSemaphore

from sqlalchemy import Engine

from service.db import connect
from service.errors import Busy, TooLarge
from service.flows.answering import Receipt
from service.flows.parcels import Parcel
from service.flows.receiving import Request, receive_upload
from service.heap import settle_heap
from service.log import configure, logger

_TURN = BoundedSemaphore(1)
#: One that is taken in, and those that wait. Each holds a thread, of which the doors have forty, and a file.
_PLACES = BoundedSemaphore(5)
#: Waited for a turn, and for the answer. A client that gave up and comes again meets what is stored by then.
_PATIENCE_SECONDS, _LONGEST_SECONDS = 300.0, 1_800.0

Outcome = Receipt | Exception | None


def receive_parcel(engine: Engine, parcel: Parcel, request: Request, *, now: datetime) -> Receipt:
    """Take in one SBOM and say what is affected; a large one in a process of its own.

    Raises:
        Busy: Other large ones are being taken in; send it again.
        TooLarge: It takes more memory or time than there is.
        Exception: As `receive_upload`.
    """
    if parcel.path is None:
        return receive_upload(engine, parcel.data(), request, now=now)
    url = engine.url.render_as_string(hide_password=False)
    with _place(), _turn():
        outcome = _apart(partial(_receive, url, parcel.path, request, now))
    if isinstance(outcome, Exception):
        raise outcome
    if outcome is None:
        raise TooLarge("This SBOM takes more memory or time than the service has. Nothing is in doubt: split it.")
    return outcome


@contextmanager
def _place() -> Iterator[None]:
    if not _PLACES.acquire(blocking=False):
        raise Busy("Several large SBOMs are waiting to be taken in. Send this one again later.", retry_after=300)
    try:
        yield
    finally:
        _PLACES.release()


@contextmanager
def _turn() -> Iterator[None]:
    if not _TURN.acquire(timeout=_PATIENCE_SECONDS):
        raise Busy("Another large SBOM is being taken in. Send this one again in a few minutes.", retry_after=120)
    try:
        yield
    finally:
        _TURN.release()


def _receive(url: str, path: str, request: Request, now: datetime) -> Receipt:
    settle_heap()
    configure(level="ERROR")
    engine = connect(url, pool_size=1)
    try:
        return receive_upload(engine, Path(path).read_bytes(), request, now=now)
    finally:
        engine.dispose()


def _apart(act: Callable[[], Receipt]) -> Outcome:
    """Run *act* in a fresh process; None when it came to nothing.

    A fork could inherit a lock that nobody gives back.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_answer, args=(theirs, act), daemon=True)
    process.start()
    theirs.close()
    try:
        outcome: Outcome = ours.recv() if ours.poll(_LONGEST_SECONDS) else None
    except EOFError:
        outcome = None
    finally:
        process.kill()
        process.join()
        ours.close()
    return outcome


def _answer(connection: Connection, act: Callable[[], Receipt]) -> None:
    try:
        connection.send(act())
    except MemoryError:
        raise  # which is an answer, too
    except Exception as error:  # noqa: BLE001 - the one who waits answers as it would have if this were its own
        connection.send(_portable(error))


def _portable(error: Exception) -> Exception:
    """Give an error that survives the way to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - some libraries' cannot be made again from their arguments
        logger("receiving").error("failed apart", exc_info=error)
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
