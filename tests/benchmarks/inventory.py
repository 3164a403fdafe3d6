"""Sync, bulk import, an own advisory, uploads over HTTP and what they take on disk, with the whole mirror.

    python -m benchmarks.inventory            a server of our own, all of it
    python -m benchmarks.inventory DATABASE_URL

Uploads go through ``muster serve`` in a process of its own, over loopback HTTP, as a build system would send them.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from benchmarks import storage
from benchmarks.surroundings import corpus, memory_of, percentiles
from benchmarks.uploading import Builds, cyclonedx, send

from service import embedded
from service.access.roles import SYSTEM
from service.clock import utc_now
from service.db import connect, migrate
from service.flows.applying import apply_feed
from service.flows.finding_files import find_sboms
from service.flows.importing import import_sboms
from service.flows.publishing import publish_advisory

from serving import serving  # isort: skip

MAX_BYTES = 256 * 2**20


def main(arguments: Sequence[str]) -> None:
    """Measure, print."""
    if arguments:
        measure(arguments[0])
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with embedded.start(Path(folder) / "postgres") as server:
            measure(server.url)


def measure(url: str) -> None:
    """Run all four on an empty database."""
    migrate(url)
    files = corpus()
    sync(url, (files / "osv").as_uri())
    bulk_import(url, files / "sbom-bench")
    publish(url)
    with serving(url) as served:
        upload_changes(served.client)
        upload_new(served.client)
        print(f"server process: {memory_of(served.pid)}", flush=True)
        storage.measure(url, served.client)


def sync(url: str, feed: str) -> None:
    """Take the whole mirror, twice, with matching."""
    engine = connect(url)
    for edition in ("first", "nothing changed"):
        started = time.perf_counter()
        synced = apply_feed(engine, feed, "all", now=utc_now())
        seconds = time.perf_counter() - started
        print(f"sync, {edition}: {seconds:.1f} s, {sum(each.stored for each in synced):,} records", flush=True)
    engine.dispose()


def bulk_import(url: str, folder: Path) -> None:
    """Import real container SBOMs as a baseline, on all cores, matched; then the same again."""
    for edition in ("first", "again"):
        started = time.perf_counter()
        results = list(import_sboms(url, find_sboms([folder], max_bytes=MAX_BYTES), max_bytes=MAX_BYTES))
        seconds = time.perf_counter() - started
        count = sum(each.components for each in results)
        refused = sum(each.error is not None for each in results)
        print(
            f"bulk import, {edition}: {seconds:.1f} s, {len(results):,} SBOMs ({refused} refused), "
            f"{count:,} components, {count / seconds:,.0f}/s",
            flush=True,
        )


def publish(url: str) -> None:
    """Publish an own advisory on a package that about a thousand products use; all exposures are open after."""
    engine = connect(url)
    record = {
        "id": "x_BENCH-2026-0001",
        "summary": "A benchmark's advisory",
        "affected": [
            {
                "package": {"ecosystem": "Go", "name": "golang.org/x/sys"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
            }
        ],
    }
    started = time.perf_counter()
    published = publish_advisory(engine, "x_BENCH-2026-0001", record, actor=SYSTEM, now=utc_now())
    seconds = time.perf_counter() - started
    print(
        f"own advisory: {seconds:.2f} s until all exposures are open, {published.product_count:,} products", flush=True
    )
    engine.dispose()


# --- uploads ---------------------------------------------------------------------------------------------------------


def upload_changes(client: httpx.Client, builds: int = 300) -> None:
    """Send builds of one product, each with two in a hundred of its components changed."""
    product = Builds(seed=7)
    send(client, "bench-changes", cyclonedx(product.purls))
    seconds = [_timed(client, "bench-changes", product.next()) for _ in range(builds)]
    print(f"upload, {len(product.purls)} components, 2 % changed: {percentiles(seconds)}", flush=True)


def upload_new(client: httpx.Client, products: int = 10, size: int = 5_000) -> None:
    """Send products whose components nobody has listed before."""
    seconds = []
    for product in range(products):
        components = [f"pkg:npm/bench-{product}-{number}@1.{number}.0" for number in range(size)]
        seconds.append(_timed(client, f"bench-new-{product}", cyclonedx(components)))
    print(f"upload, {size:,} new components: {percentiles(seconds)}", flush=True)


def _timed(client: httpx.Client, product: str, content: bytes) -> float:
    started = time.perf_counter()
    send(client, product, content)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1:])
