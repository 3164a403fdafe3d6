"""Large SBOMs, each in a process of its own.

Reading and cataloguing half a million components takes minutes and gigabytes. In the server's own process everybody
else would wait for the interpreter, and the memory would stay. So one large SBOM at a time is taken in by a process
that is gone afterwards; the others wait for their turn, and what is small passes by.
"""

import multiprocessing
from collections.abc import Callable
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BoundedSemaphore

from sqlalchemy import Engine

from service.db import connect
from service.errors import Busy, ServiceError, TooLarge
from service.flows.answering import Receipt
from service.flows.parcels import Parcel
from service.flows.receiving import Request, receive_upload
from service.heap import settle_heap
from service.log import configure

_TURN = BoundedSemaphore(1)
#: Waited for a turn, and for the answer. A client that gave up and comes again meets what is stored by then.
_PATIENCE_SECONDS, _LONGEST_SECONDS = 300.0, 1_800.0

Outcome = Receipt | ServiceError | None


def receive_parcel(engine: Engine, parcel: Parcel, request: Request, *, now: datetime) -> Receipt:
    """Take in one SBOM and say what is affected; a large one in a process of its own.

    Raises:
        Busy: Other large ones are being taken in; send it again.
        TooLarge: It takes more memory or time than there is.
        ServiceError: As `receive_upload`.
    """
    if parcel.path is None:
        return receive_upload(engine, parcel.data(), request, now=now)
    if not _TURN.acquire(timeout=_PATIENCE_SECONDS):
        raise Busy("Another large SBOM is being taken in. Send this one again in a few minutes.", retry_after=120)
    try:
        url = engine.url.render_as_string(hide_password=False)
        outcome = _apart(partial(_receive, url, parcel.path, request, now))
    finally:
        _TURN.release()
    if isinstance(outcome, ServiceError):
        raise outcome
    if outcome is None:
        raise TooLarge("This SBOM takes more memory or time than the service has. Nothing is in doubt: split it.")
    return outcome


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
    except ServiceError as error:
        connection.send(error)
