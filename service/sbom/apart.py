"""Run a function on bytes in a process of its own, under limits: what hangs, crashes or swells does so alone.

For libraries that cannot be bounded from inside: they get the bytes, a clean environment and no network, and are gone
afterwards. A process is started anew each time (a third of a second with spdx-tools): a fork of a threaded server
could inherit a held lock, and a worker that has met a hostile document should not meet the next one.
"""

import gc
import importlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from service.errors import Busy, ServiceError, TooLarge, Unreadable

_ROOT = Path(__file__).resolve().parents[2]
_BOOT = "import sys; sys.path[:] = sys.argv[1].split(chr(10)); from service.sbom.apart import serve; serve()"
#: What a process may need to start at all; nothing of the service's own settings and secrets goes along.
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
#: Each holds a core and up to its limit of memory, so more at once would only make all of them late.
_TURNS = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))
#: Whoever waits for a turn holds a thread, of which the doors have forty; beyond these it is told at once.
_PLACES = threading.BoundedSemaphore(max(2, os.cpu_count() or 2) + 12)
_NO_MEMORY = 77
_MEGABYTE = 1 << 20
#: Asked of the interpreter before it acts (PEP 578); none is needed to turn bytes into other bytes.
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "ctypes.")


class TookTooLong(TooLarge):
    """The document takes too long to read."""

    slug = "took-too-long"


class TookTooMuchMemory(TooLarge):
    """The document takes too much memory to read."""

    slug = "took-too-much-memory"


class Failed(Unreadable):
    """The document breaks the library that reads it."""

    slug = "reader-failed"


def run_apart(module: str, function: str, data: bytes, *, seconds: float = 60.0, megabytes: int = 1024) -> bytes:
    """Give what *function* of *module* makes of *data*, in a process of its own.

    Args:
        module: Importable by its full name; *function* is at its top level and maps bytes to bytes.
        function: Its name.
        data: Given to it whole.
        seconds: Of wall time, start included; CPU time is bounded alike, should this process end first.
        megabytes: What it may take beyond what the process needs before it begins (where the system can bound it).

    Raises:
        TookTooLong, TookTooMuchMemory: Over a limit; the process is gone.
        Failed: It raised something or crashed.
        ServiceError: The very refusal it raised, if it raised one of ours.
        Busy: Others have held every turn for as long as this one may take, or many are waiting for theirs.
    """
    found_at = "\n".join([*filter(None, sys.path), str(_ROOT)])
    command = [sys.executable, "-I", "-c", _BOOT, found_at, module, function, str(seconds), str(megabytes)]
    with _turn(seconds), _started(command) as process:
        try:
            said, complaint = process.communicate(data, timeout=seconds)
        except subprocess.TimeoutExpired as late:
            raise TookTooLong(f"The document takes more than {seconds:.0f} seconds to read. Split it.") from late
    return _answer(process.returncode, said, complaint, seconds, megabytes)


@contextmanager
def _turn(seconds: float) -> Iterator[None]:
    if not _PLACES.acquire(blocking=False):
        raise Busy("Too many documents are waiting to be read. Send it again shortly.", retry_after=30)
    try:
        if not _TURNS.acquire(timeout=seconds):
            raise Busy("Too many documents are being read at once. Send it again shortly.", retry_after=30)
        try:
            yield
        finally:
            _TURNS.release()
    finally:
        _PLACES.release()


@contextmanager
def _started(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process as a group of its own, and leave nothing of it behind."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    pipe = subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own words
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # all three are pipes
        process.wait()


def _answer(code: int, said: bytes, complaint: bytes, seconds: float, megabytes: int) -> bytes:
    if code == -signal.SIGXCPU:
        raise TookTooLong(f"The document takes more than {seconds:.0f} seconds to read. Split it.")
    if code in (_NO_MEMORY, -signal.SIGKILL):  # we killed none that got this far, so the system did
        raise TookTooMuchMemory(f"The document takes more than {megabytes:,} MB of memory to read. Split it.")
    if code:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise Failed(f"The reading process ended with {code}. {last[:500]}".strip())
    outcome, content = said[:1], said[1:]
    if outcome == b"=":
        return content
    raise _refusal(content)


def _refusal(content: bytes) -> ServiceError:
    module, name, detail = orjson.loads(content)
    kind = getattr(sys.modules.get(module), name, None)
    if isinstance(kind, type) and issubclass(kind, ServiceError):
        return kind(detail)
    return Failed(f"{name}: {detail}")


# --- the other side --------------------------------------------------------------------------------------------------


def serve() -> None:
    """Answer one question: the process's whole life, from its arguments and standard input to standard output.

    The answer is ``=`` and what the function gave, or ``!`` and [module, class, message] of what it raised.
    """
    module, function, seconds, megabytes = sys.argv[2:6]
    answer, quiet = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # whatever a library prints must not come between
    target = getattr(importlib.import_module(module), function)
    os.dup2(quiet, 2)  # nor fill the pipe with a line for each oddity of the document
    _limit(float(seconds), int(megabytes))
    gc.disable()  # all it makes lives as long as it does; looking for what does not costs a sixth
    sys.addaudithook(_forbid)
    with open(answer, "wb") as out:  # noqa: PTH123 - a descriptor
        try:
            out.writelines(_outcome(target))
            out.flush()
        except MemoryError:
            os._exit(_NO_MEMORY)
    os._exit(0)  # taking a large document apart again would take as long as reading it


def _outcome(target: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    try:
        return b"=", target(sys.stdin.buffer.read())
    except MemoryError:
        os._exit(_NO_MEMORY)  # at once: there may be none left to say more
    except BaseException as error:  # noqa: BLE001 - libraries raise all sorts, SystemExit among them
        kind = type(error)
        detail = error.detail if isinstance(error, ServiceError) else str(error)[:1000]
        return b"!", orjson.dumps([kind.__module__, kind.__qualname__, _storable(detail)])


def _storable(words: str) -> str:
    return words.encode(errors="replace").decode()


def _limit(seconds: float, megabytes: int) -> None:
    """Bound this process; what a system cannot bound is left to the wall clock of the one that waits."""
    with suppress(ImportError):
        resource: Any = importlib.import_module("resource")
        memory_bytes = _address_space_bytes() + megabytes * _MEGABYTE
        processor_seconds = int(seconds) + 1
        for name, bounds in (
            ("RLIMIT_CORE", (0, 0)),
            ("RLIMIT_FSIZE", (0, 0)),
            ("RLIMIT_CPU", (processor_seconds, processor_seconds + 5)),  # at the second one it is a bare SIGKILL
            ("RLIMIT_AS", (memory_bytes, memory_bytes)),
        ):
            with suppress(ValueError, OSError, AttributeError):
                resource.setrlimit(getattr(resource, name), bounds)


def _address_space_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return _MEGABYTE << 10  # unknown, so more than any interpreter takes


def _forbid(event: str, _: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} is not for a process that reads a document")
