"""Kernel locks on files: they belong to an open file and vanish with the last process that has it open."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.log import logger

_POLL_SECONDS = 0.05
#: A wait shorter than this is not worth a line in the log.
PATIENCE_SECONDS = 5.0

_log = logger("embedded")


def open_lock(path: Path) -> int:
    """Open a lock file, making it if need be. The descriptor is not inherited by programs we start."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if it is free; False if somebody else holds it. A lock held already is converted."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock exclusively."""
    descriptor = open_lock(path)
    try:
        return not try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold the lock for a while. Waits without limit: its holder may be waiting for a recovery."""
    descriptor = open_lock(path)
    said = Reminder("waiting for another process that starts or stops the database")
    try:
        while not try_lock(descriptor):
            said.again()
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


class Reminder:
    """Logs a sentence every few seconds while we wait, so that a long wait does not look like a hang."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self._began = time.monotonic()
        self._next = self._began + PATIENCE_SECONDS

    def again(self, **facts: object) -> None:
        """Log once the next few seconds have passed."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PATIENCE_SECONDS
        _log.info(self._sentence, seconds=round(now - self._began), **facts)
