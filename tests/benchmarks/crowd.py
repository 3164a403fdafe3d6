"""Build systems that upload at the same time, over HTTP: 500 real components each, two in a hundred changed per build.

    python -m benchmarks.crowd [--mirror] [--seconds N]

First each has a product of its own, then all share one stream and queue, then two server processes take them in.
``--mirror`` loads all of the corpus's advisories before. The uploaders share the machine with what they measure.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
from benchmarks.surroundings import corpus, memory_of, percentiles
from benchmarks.uploading import Builds, cyclonedx, send, upload

from service import embedded
from service.clock import utc_now
from service.db import connect, migrate
from service.flows.applying import apply_feed

from serving import Served, serving  # isort: skip

LEVELS = (1, 2, 4, 8)
MOST = max(LEVELS)
#: How long each level is held.
SECONDS = 8.0


class Sent(NamedTuple):
    """What one uploader, or all of them, saw."""

    seconds: list[float]
    errors: Counter[str]


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="crowd")
    parser.add_argument("--mirror", action="store_true", help="load the corpus's advisories first")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each level is held")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with embedded.start(Path(folder) / "postgres") as server:
            migrate(server.url)
            if asked.mirror:
                load_mirror(server.url)
            measure(server.url, asked.seconds)


def load_mirror(url: str) -> None:
    """Take in every advisory of the corpus."""
    engine = connect(url)
    synced = apply_feed(engine, (corpus() / "osv").as_uri(), "all", now=utc_now())
    print(f"{sum(each.stored for each in synced):,} advisories loaded", flush=True)
    engine.dispose()


def measure(url: str, seconds: float) -> None:
    """Run every level on one server process, then the last one on two."""
    with serving(url) as served:
        for level in LEVELS:
            products = [f"crowd-{level}-{number}" for number in range(level)]
            run(served, f"{level} uploaders", products, seconds)
        run(served, f"{MOST} uploaders, one stream", ["crowd-together"] * MOST, seconds)
    with serving(url, {"MUSTER_WORKERS": "2"}) as served:
        run(served, f"{MOST} uploaders, 2 workers", [f"crowd-workers-{number}" for number in range(MOST)], seconds)


def run(served: Served, title: str, products: Sequence[str], seconds: float) -> None:
    """Let an uploader for each product send builds until the time is up; print what they saw."""
    builds = [Builds(seed) for seed in range(len(products))]
    for product, build in zip(products, builds, strict=True):
        send(served.client, product, cyclonedx(build.purls))
    uploaders = [_Uploader(served, *one, seconds) for one in zip(products, builds, strict=True)]
    started = time.perf_counter()
    for uploader in uploaders:
        uploader.start()
    for uploader in uploaders:
        uploader.join()
    elapsed = time.perf_counter() - started
    times = [one for uploader in uploaders for one in uploader.sent.seconds]
    errors = sum((uploader.sent.errors for uploader in uploaders), Counter[str]())
    print(
        f"{title:26} {len(times) / elapsed:6.1f} uploads/s  {percentiles(times) if len(times) > 1 else 'too few'}  "
        f"errors {dict(errors) or 'none'}; server {memory_of(served.pid)}",
        flush=True,
    )


class _Uploader(threading.Thread):
    def __init__(self, served: Served, product: str, builds: Builds, seconds: float) -> None:
        super().__init__(name=product)
        self.sent = Sent([], Counter())
        self._served, self._product, self._builds, self._lasting = served, product, builds, seconds

    def run(self) -> None:
        end = time.monotonic() + self._lasting
        with self._served.new_client() as client:
            while time.monotonic() < end:
                content = self._builds.next()
                started = time.perf_counter()
                error = _error(client, self._product, content)
                if error:
                    self.sent.errors[error] += 1
                else:
                    self.sent.seconds.append(time.perf_counter() - started)


def _error(client: httpx.Client, product: str, content: bytes) -> str:
    try:
        answer = upload(client, product, content)
    except httpx.TransportError as error:
        return type(error).__name__
    return "" if answer.is_success else str(answer.status_code)


if __name__ == "__main__":
    main(sys.argv[1:])
