"""A small honest OSV bucket: records of our own, the files a bucket makes of them, and a server that can misbehave."""

import json
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Record = dict[str, Any]

MODIFIED = "2024-04-01T12:00:00Z"


def make_record(osv_id: str, package: str = "", *events: str, modified: str = MODIFIED, **fields: object) -> Record:
    """Write a record: ``make_record("GHSA-…", "npm/lodash", "introduced 0", "fixed 4.17.21")``.

    Further fields go in as they are; `versions` goes into the affected entry.
    """
    record: Record = {"schema_version": "1.7.3", "id": osv_id, "modified": modified}
    if package:
        record["affected"] = [make_affected(package, *events, versions=fields.pop("versions", None))]
    return record | fields


def make_affected(package: str, *events: str, versions: object = None) -> Record:
    """Write one affected entry."""
    ecosystem, _, name = package.partition("/")
    entry: Record = {"package": {"ecosystem": ecosystem, "name": name}}
    if events:
        pairs = [dict([event.split(" ", 1)]) for event in events]
        entry["ranges"] = [{"type": "ECOSYSTEM", "events": pairs}]
    if versions is not None:
        entry["versions"] = versions
    return entry


def to_bytes(record: Record) -> bytes:
    return json.dumps(record).encode()


def write_ecosystem(bucket: Path, ecosystem: str, records: Iterable[Record | bytes], *, singles: bool = False) -> None:
    """Write an ecosystem's folder anew, in the bucket's layout."""
    folder = bucket / ecosystem
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records:
            raw = record if isinstance(record, bytes) else to_bytes(record)
            described = json.loads(raw)
            rows.append(f"{described['modified']},{described['id']}\n")
            archive.writestr(f"{described['id']}.json", raw)
            if singles:
                (folder / f"{described['id']}.json").write_bytes(raw)
    (folder / "modified_id.csv").write_text("".join(sorted(rows, reverse=True)))
    listed = sorted(path.parent.name for path in bucket.glob("*/modified_id.csv"))
    (bucket / "ecosystems.txt").write_text("\n".join(listed) + "\n")


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong: an error status, or a body cut after a share of it (0: not even headers)."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0


@dataclass
class Bucket:
    """A running server. `faults` are used up, one a request, before a path is served properly."""

    url: str
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    requests: list[tuple[str, int]] = field(default_factory=list)

    def asked(self, path: str) -> list[int]:
        """Give the statuses with which requests for *path* were answered."""
        return [status for asked, status in self.requests if asked == path]


@contextmanager
def serve_bucket(folder: Path) -> Iterator[Bucket]:
    """Serve a folder on loopback, with entity tags, as the bucket does."""
    bucket = Bucket("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(self.path).lstrip("/")
            waiting = bucket.faults.get(path)
            self._answer(path, waiting.pop(0) if waiting else Fault())

        def _answer(self, path: str, fault: Fault) -> None:
            file = folder / path
            body = file.read_bytes() if file.is_file() else b""
            etag = f'"{sha256(body).hexdigest()[:16]}"'
            status = fault.status if fault.status != 200 else 200 if file.is_file() else 404
            if status == 200 and self.headers.get("If-None-Match") == etag:
                status = 304
            bucket.requests.append((path, status))
            self.close_connection = fault.share < 1
            if fault.share == 0:
                return
            body = body if status == 200 else b""
            self.send_response(status)
            for name, value in {"ETag": etag, "Content-Length": str(len(body)), **fault.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: int(len(body) * fault.share)])

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
