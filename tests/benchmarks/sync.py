"""How long a feed takes: first, and when nothing has changed; from a folder and over loopback HTTP.

``python -m benchmarks.sync [ECOSYSTEM...]``; all of the corpus's mirror without arguments.
"""

import os
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from osv_bucket import Bucket, serve_bucket
from sqlalchemy import Engine, func, select

from service import embedded
from service.advisories.feed_client import open_feed
from service.advisories.models import Advisory, Affected, Match, Vulnerability
from service.advisories.syncing import Synced, sync_ecosystem
from service.db import connect, migrate, reading
from service.flows.bundling import make_bundle

COUNTED = (Advisory, Affected, Vulnerability, Match)


def main(ecosystems: list[str] | None = None) -> None:
    """Print seconds and counts for both ways."""
    folder = Path(os.environ.get("MUSTER_CORPUS", "")) / "osv"
    if "MUSTER_CORPUS" not in os.environ or not folder.is_dir():
        raise SystemExit("set MUSTER_CORPUS to the unpacked corpus")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o711)
        with embedded.start(Path(data) / "postgres") as server, serve_bucket(folder) as bucket:
            _measure_download(bucket, Path(data), ecosystems or [])
            for name, url in (("folder", folder.as_uri()), ("http", bucket.url)):
                _measure(server.url, name, url, ecosystems or [])


def _measure_download(bucket: Bucket, data: Path, ecosystems: list[str]) -> None:
    """Print how fast archives come and bundles are made, without a database."""
    with open_feed(bucket.url) as client:
        names = ecosystems or client.ecosystems()
        started, size = time.perf_counter(), 0
        for name in names:
            with client.archive(name) as file:
                size += file.seek(0, 2)
        seconds = time.perf_counter() - started
    print(
        f"http    archives {seconds:5.2f} s  {size / 2**20:7,.1f} MiB  {size / 2**20 / seconds:,.0f} MiB/s", flush=True
    )
    started = time.perf_counter()
    made = make_bundle(bucket.url, data / "osv.tar", names, signals={}, now=datetime.now(UTC))
    seconds = time.perf_counter() - started
    records = sum(each.records for each in made.manifest.ecosystems.values())
    print(f"bundle  made     {seconds:5.2f} s  {made.size_bytes / 2**20:7,.1f} MiB  {records:,} records", flush=True)
    _measure_records(bucket, data)


def _measure_records(bucket: Bucket, data: Path) -> None:
    """Print how fast single records come, ten at a time, from a server in this very process."""
    with open_feed(bucket.url) as client, client.archive("Go") as file, zipfile.ZipFile(file) as archive:
        folder = data / "singles" / "Go"
        folder.mkdir(parents=True)
        names = [name for name in archive.namelist() if name.startswith("GO-")][:1_000]
        for name in names:
            (folder / name).write_bytes(archive.read(name))
    with serve_bucket(data / "singles") as singles, open_feed(singles.url) as client:
        started = time.perf_counter()
        came = sum(raw is not None for _, raw in client.records("Go", (name.removesuffix(".json") for name in names)))
        print(f"http    singles  {time.perf_counter() - started:5.2f} s  {came:7,} records", flush=True)


def _measure(server_url: str, name: str, url: str, ecosystems: list[str]) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE sync_{name}".encode())
    database = server_url.replace("/muster?", f"/sync_{name}?")
    migrate(database)
    engine = connect(database)
    for edition in ("first", "idle"):
        started = time.perf_counter()
        synced = _sync(engine, url, ecosystems)
        seconds = time.perf_counter() - started
        stored = sum(each.stored for each in synced)
        failed = [each.ecosystem for each in synced if each.error or each.trouble]
        print(f"{name:7} {edition:6} {seconds:7.2f} s  {stored:7,} stored  failed: {failed or 'none'}", flush=True)
        if edition == "first":
            for each in sorted(synced, key=lambda each: -each.stored)[:5]:
                print(f"          {each.ecosystem:12} {each.stored:7,} stored  {each.merged:5,} merged")
    with reading(engine) as session:
        counts = {model.__tablename__: session.scalar(select(func.count()).select_from(model)) for model in COUNTED}
    print("        ", ", ".join(f"{count:,} {table}" for table, count in counts.items()), flush=True)
    engine.dispose()


def _sync(engine: Engine, url: str, ecosystems: list[str]) -> list[Synced]:
    now = datetime.now(UTC)
    with open_feed(url) as client:
        return [sync_ecosystem(engine, client, name, now=now) for name in ecosystems or client.ecosystems()]


if __name__ == "__main__":
    main(sys.argv[1:])
