"""The largest SBOM that is taken: 500,000 components, 256 MiB; what it costs, and what others notice meanwhile.

    python -m benchmarks.giant [COMPONENTS]

Beside it a build system sends a small SBOM again and again. Then the giant comes again, once the same, once changed.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from benchmarks.surroundings import memory_of, percentiles, resident_megabytes
from benchmarks.uploading import cyclonedx
from benchmarks.uploading import send as send_small

from service import embedded
from service.db import migrate

from serving import Served, serving  # isort: skip

COMPONENTS = 500_000
SIZE_BYTES = 256 * 2**20
#: What a listed component needs beside its padding; the rest of the size is spread over hashes and descriptions.
_SMALL = 200


def main(arguments: list[str]) -> None:
    """Measure, print."""
    count = int(arguments[0]) if arguments else COMPONENTS
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with embedded.start(Path(folder) / "postgres") as server:
            migrate(server.url)
            with serving(server.url) as served:
                measure(served, count)


def measure(served: Served, count: int) -> None:
    """Send the giant three times, and one that is too large."""
    padding = SIZE_BYTES // COMPONENTS
    for name, version in (("new", 1), ("the same bytes", 1), ("one in a hundred changed", 2)):
        content = giant(count, version=version, bytes_each=padding)
        report(served, name, lambda content=content: send(served, content))  # type: ignore[misc]
    report(served, "1 GiB announced", lambda: too_large(served))


def report(served: Served, name: str, act: Callable[[], str]) -> None:
    """Do something while a small SBOM is sent over and over; print both."""
    done = threading.Event()
    waits: list[float] = []
    held: list[float] = []
    beside = threading.Thread(target=keep_uploading, args=(served, done, waits))
    watching = threading.Thread(target=watch_memory, args=(served.pid, done, held))
    beside.start()
    watching.start()
    started = time.perf_counter()
    said = act()
    seconds = time.perf_counter() - started
    done.set()
    beside.join()
    watching.join()
    together = f"{max(held):,.0f} MB with the processes it started"
    print(f"giant, {name}: {seconds:.1f} s, {said}; server {memory_of(served.pid)}, {together}", flush=True)
    if len(waits) > 1:
        print(f"    small uploads beside it: {percentiles(waits)}", flush=True)


def send(served: Served, content: bytes) -> str:
    """Upload; gives what the server said."""
    with served.new_client() as client:
        answer = client.post("/v1/products/giant/sboms", content=content, timeout=600)
    body = answer.json()
    counts = body.get("components", {})
    return f"{answer.status_code}, {len(content) / 2**20:.0f} MiB, {counts.get('total', body.get('detail'))} components"


def too_large(served: Served) -> str:
    """Announce a gibibyte; gives how early it is refused."""

    def endless() -> Iterator[bytes]:
        block = b" " * 2**20
        for _ in range(1024):
            yield block

    with served.new_client() as client:
        try:
            answer = client.post("/v1/products/giant/sboms", content=endless(), headers={"Content-Length": str(2**30)})
        except httpx.TransportError as error:
            return f"connection ended: {error!r}"
    return f"{answer.status_code} {answer.json()['type'].rpartition('/')[2]}"


def watch_memory(pid: int, done: threading.Event, held: list[float]) -> None:
    """Write down what the server and the processes that read for it hold, ten times a second."""
    held.append(resident_megabytes(pid))
    while not done.wait(0.1):
        held.append(resident_megabytes(pid))


def keep_uploading(served: Served, done: threading.Event, waits: list[float]) -> None:
    """Send a small SBOM, each time a little different, until told to stop."""
    purls = [f"pkg:npm/small-{place}@1.0.0" for place in range(100)]
    with served.new_client() as client:
        while not done.is_set():
            purls[len(waits) % len(purls)] += "0"
            started = time.perf_counter()
            send_small(client, "small", cyclonedx(purls))
            waits.append(time.perf_counter() - started)
            done.wait(0.2)


def giant(count: int, *, version: int, bytes_each: int) -> bytes:
    """Write a CycloneDX document of so many components, each of about *bytes_each*."""
    filler = "x" * max(0, bytes_each - _SMALL)
    parts = []
    for place in range(count):
        minor = version if place % 100 == 0 else 1
        parts.append(
            f'{{"type":"library","bom-ref":"c{place}","name":"lib-{place}","version":"1.{minor}.{place % 7}",'
            f'"purl":"pkg:npm/lib-{place}@1.{minor}.{place % 7}","description":"{filler}"}}'
        )
    edges = ",".join(f'{{"ref":"c{place}","dependsOn":["c{place * 2 + 1}"]}}' for place in range(count // 2 - 1))
    head = '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":['
    return f'{head}{",".join(parts)}],"dependencies":[{edges}]}}'.encode()


if __name__ == "__main__":
    main(sys.argv[1:])
