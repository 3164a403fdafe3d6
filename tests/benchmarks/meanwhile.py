"""Uploads while a feed opens ten thousand exposures: how long a build waits then, beside how long it usually does.

    python -m benchmarks.meanwhile [--products N] [--advisories N]

A thousand products share ten components. A feed of ten records, each about one of these, is taken in while builds of
other products go on; half of these builds have the ten components as well, and so share the very incidents that the
feed opens. A large SBOM is on its way all the time: whoever waits for it makes everybody behind wait too.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.surroundings import percentiles
from benchmarks.uploading import Builds, cyclonedx, real_purls, send, upload
from osv_bucket import make_record, serve_bucket, write_ecosystem
from sqlalchemy import func, select

from service import embedded
from service.clock import utc_now
from service.db import connect, migrate, reading
from service.flows.applying import apply_feed
from service.flows.batching import receive_batch
from service.flows.receiving import Request
from service.incidents.models import Exposure

from serving import Served, serving  # isort: skip

#: Uploaders of builds; the even ones share what the feed is about.
UPLOADERS = 2
QUIET_SECONDS = 10.0
#: Components of the large SBOM, all new each time.
LARGE = 20_000


def main(arguments: Sequence[str] = ()) -> None:
    """Fill, upload in quiet, upload beside the feed, print."""
    parser = argparse.ArgumentParser(prog="meanwhile")
    parser.add_argument("--products", type=int, default=1_000)
    parser.add_argument("--advisories", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=QUIET_SECONDS, help="of quiet")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        bucket = Path(folder) / "bucket"
        shared = [f"pkg:npm/shared-{number}@1.0.0" for number in range(asked.advisories)]
        write_ecosystem(bucket, "npm", [_record(number) for number in range(asked.advisories)])
        real_purls()  # read before anything is timed
        with embedded.start(Path(folder) / "postgres") as server:
            migrate(server.url)
            fill(server.url, shared, asked.products)
            with serving(server.url) as served, serve_bucket(bucket) as feed:
                quiet = Crowd(served, shared, "quiet")
                quiet.start()
                time.sleep(asked.seconds)
                print(f"uploads in quiet        {quiet.end()}", flush=True)
                beside = Crowd(served, shared, "beside")
                beside.start()
                seconds = sync(server.url, feed.url)
                print(f"uploads beside the feed {beside.end()}", flush=True)
                print(f"the feed took {seconds:.1f} s and opened {exposures(server.url):,} exposures", flush=True)


def _record(number: int) -> dict[str, object]:
    return make_record(f"GHSA-2222-2222-{number:04}", f"npm/shared-{number}", "introduced 0", "fixed 2.0.0")


def fill(url: str, shared: Sequence[str], products: int) -> None:
    """Give every product an SBOM that lists what they share, and something of its own."""
    engine = connect(url)
    for start in range(0, products, 50):
        deliveries = [
            (cyclonedx([*shared, f"pkg:npm/own-{number}@1.0.0"]), Request(f"product-{number}", actor="benchmark"))
            for number in range(start, min(start + 50, products))
        ]
        receive_batch(engine, deliveries, now=utc_now())
    engine.dispose()


def sync(url: str, feed: str) -> float:
    """Take in the feed, as a worker's process does; gives the seconds."""
    engine = connect(url)
    started = time.perf_counter()
    for synced in apply_feed(engine, feed, "all", now=utc_now()):
        if synced.error:
            raise SystemExit(synced.error)
    engine.dispose()
    return time.perf_counter() - started


def exposures(url: str) -> int:
    """Count the exposures there are."""
    engine = connect(url)
    with reading(engine) as session:
        count = session.scalars(select(func.count()).select_from(Exposure)).one()
    engine.dispose()
    return count


class Crowd:
    """Uploaders of builds, and one of large SBOMs, until told to end."""

    def __init__(self, served: Served, shared: Sequence[str], name: str) -> None:
        self._served, self._shared, self._name = served, shared, name
        self._ending = threading.Event()
        self._seconds: list[float] = []
        self._threads = [threading.Thread(target=self._build, args=(number,)) for number in range(UPLOADERS)]
        self._threads.append(threading.Thread(target=self._send_large))

    def start(self) -> None:
        """Let all of them begin."""
        for thread in self._threads:
            thread.start()

    def end(self) -> str:
        """Let all of them end, and say how long the builds took."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        return f"{percentiles(self._seconds)}, slowest {max(self._seconds) * 1000:.0f} ms, {len(self._seconds)} builds"

    def _build(self, number: int) -> None:
        builds = Builds(number)
        shared = list(self._shared) if number % 2 == 0 else []
        product = f"{self._name}-{number}"
        with self._served.new_client() as client:
            send(client, product, cyclonedx(builds.purls))
            while not self._ending.is_set():
                builds.next()
                content = cyclonedx([*builds.purls, *shared])
                started = time.perf_counter()
                answer = upload(client, product, content)
                self._seconds.append(time.perf_counter() - started)
                if not answer.is_success:
                    raise SystemExit(answer.text)

    def _send_large(self) -> None:
        with self._served.new_client() as client:
            edition = 0
            while not self._ending.is_set():
                edition += 1
                listed = [f"pkg:generic/{self._name}-{edition}-{number}@1" for number in range(LARGE)]
                send(client, f"{self._name}-large", cyclonedx(listed))


if __name__ == "__main__":
    main(sys.argv[1:])
