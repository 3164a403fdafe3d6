"""Measuring in a process of its own: memory that nobody used before, and a limit on what does not end. Linux only."""

import ctypes
import gc
import multiprocessing
import re
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

#: Repeated reading makes short times believable; it ends after this, or this many times.
_LONG_ENOUGH_SECONDS = 0.25
_MOST_TIMES = 5


class Reading(NamedTuple):
    """What an act did: the number it gave, processor seconds (children's included), how far memory grew."""

    number: int
    seconds: float
    growth_bytes: int


class TooSlowError(Exception):
    """It did not end in time, and was ended."""


class RefusedError(Exception):
    """It raised something."""


def measure_apart(
    path: Path, act: Callable[[bytes], int], *, warm_up: Sequence[bytes], limit_seconds: float
) -> Reading:
    """Measure what *act* makes of a file's bytes; the bytes themselves count as growth.

    Memory is that of the first time, seconds are the quickest of a few where there is time for a few.

    Raises:
        TooSlowError: It took longer than the limit.
        RefusedError: It raised, or its process died.
    """
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(sending, path, act, warm_up))
    child.start()
    sending.close()
    try:
        if not receiving.poll(limit_seconds):
            raise TooSlowError(path.name)
        answer: Reading | str = receiving.recv()
    except EOFError:
        raise RefusedError("died") from None
    finally:
        child.kill()
        child.join()
        receiving.close()
    if isinstance(answer, str):
        raise RefusedError(answer)
    return answer


def _measure(sending: Connection, path: Path, act: Callable[[bytes], int], warm_up: Sequence[bytes]) -> None:
    for data in warm_up:  # a forked process has a copy of a page only once it writes there
        with suppress(Exception):
            act(data)
    gc.collect()
    gc.freeze()
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what the parent read and let go must not hide what this reading takes
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before, began = _high_water_bytes(), _processor_seconds()
    try:
        number = act(path.read_bytes())
    except Exception as error:  # noqa: BLE001 - libraries raise all sorts
        sending.send(f"{type(error).__name__}: {error}"[:200])
        return
    times = [_processor_seconds() - began]
    growth = _high_water_bytes() - before
    until = time.monotonic() + _LONG_ENOUGH_SECONDS - times[0]
    while len(times) < _MOST_TIMES and time.monotonic() < until:
        began = _processor_seconds()
        act(path.read_bytes())
        times.append(_processor_seconds() - began)
    sending.send(Reading(number, min(times), growth))


def _processor_seconds() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _high_water_bytes() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0
