"""How long a feed takes: first, and when nothing has changed; from a folder and over loopback HTTP.

``python -m benchmarks.sync [ECOSYSTEM...]``; all of the corpus's mirror without arguments.
"""

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from osv_bucket import serve_bucket
from sqlalchemy import Engine, func, select

from service import embedded
from service.advisories.feed_client import open_feed
from service.advisories.models import Advisory, Affected, Match, Vulnerability
from service.advisories.syncing import Synced, sync_ecosystem
from service.db import connect, migrate, reading

COUNTED = (Advisory, Affected, Vulnerability, Match)


def main(ecosystems: list[str] | None = None) -> None:
    """Print seconds and counts for both ways."""
    folder = Path(os.environ.get("MUSTER_CORPUS", "")) / "osv"
    if "MUSTER_CORPUS" not in os.environ or not folder.is_dir():
        raise SystemExit("set MUSTER_CORPUS to the unpacked corpus")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o711)
        with embedded.start(Path(data) / "postgres") as server, serve_bucket(folder) as bucket:
            for name, url in (("folder", folder.as_uri()), ("http", bucket.url)):
                _measure(server.url, name, url, ecosystems or [])


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
