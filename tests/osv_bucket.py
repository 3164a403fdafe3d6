"""A small honest OSV bucket: records of our own, the files a bucket makes of them, and a server that can misbehave."""

import json
import ssl
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

Record = dict[str, Any]

_TYPES = {".csv": "text/csv", ".json": "application/json", ".zip": "application/zip"}

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
    """How one request goes wrong.

    An error status, a body cut after a share of it (0: not even headers), another body, or silence for so many seconds
    before anything is said.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    body: bytes | None = None
    silence_seconds: float = 0


@dataclass
class Bucket:
    """A running server. `faults` are used up, one a request, before a path is served properly.

    `tags`: gives entity tags; without them, as some mirrors, only dates. `ranges`: gives parts of files.
    """

    url: str
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    requests: list[tuple[str, int]] = field(default_factory=list)
    sent_bytes: int = 0
    at_once: int = 0
    most_at_once: int = 0
    tags: bool = True
    ranges: bool = True

    def asked(self, path: str) -> list[int]:
        """Give the statuses with which requests for *path* were answered."""
        return [status for asked, status in self.requests if asked == path]


class _Handler(BaseHTTPRequestHandler):
    folder: ClassVar[Path]
    bucket: ClassVar[Bucket]
    closing: ClassVar[threading.Event]
    lock: ClassVar = threading.Lock()
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        file = self.folder / unquote(self.path).lstrip("/")
        self.send_response(200 if file.is_file() else 404)
        self.send_header("Content-Length", str(file.stat().st_size if file.is_file() else 0))
        self.end_headers()

    def do_GET(self) -> None:
        bucket = self.bucket
        path = unquote(self.path).lstrip("/")
        with self.lock:
            bucket.at_once += 1
            bucket.most_at_once = max(bucket.most_at_once, bucket.at_once)
            waiting = bucket.faults.get(path)
            fault = waiting.pop(0) if waiting else Fault()
        try:
            self.closing.wait(fault.silence_seconds)
            self._answer(path, fault)
        finally:
            with self.lock:
                bucket.at_once -= 1

    def _answer(self, path: str, fault: Fault) -> None:
        file = self.folder / path
        body = file.read_bytes() if file.is_file() else b""
        tags = self._tags_of(file, body)
        status = fault.status if fault.status != 200 else 200 if file.is_file() else 404
        if status == 200 and (
            self.headers.get("If-None-Match", "") == tags.get("ETag")
            or self.headers.get("If-Modified-Since", "") == tags["Last-Modified"]
        ):
            status = 304
        headers = {"Content-Type": _TYPES.get(file.suffix, "text/plain"), **tags}
        start = self._start(tags) if status == 200 and fault.body is None else 0
        if start:
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.bucket.requests.append((path, status))
        self.close_connection = fault.share < 1 or bool(fault.silence_seconds)
        if fault.share == 0:
            return
        body = fault.body if fault.body is not None else body[start:] if status in (200, 206) else b""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), **fault.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        sent = body[: int(len(body) * fault.share)]
        self.bucket.sent_bytes += len(sent)
        self.wfile.write(sent)

    def _tags_of(self, file: Path, body: bytes) -> dict[str, str]:
        changed = file.stat().st_mtime if file.is_file() else 0
        dated = {"Last-Modified": formatdate(changed, usegmt=True)}
        return dated | {"ETag": f'"{sha256(body).hexdigest()[:16]}"'} if self.bucket.tags else dated

    def _start(self, tags: Mapping[str, str]) -> int:
        wanted = self.headers.get("Range", "")
        same = self.headers.get("If-Range") in tags.values()
        return int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and same and self.bucket.ranges else 0

    def log_message(self, *_args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """Say nothing of clients that gave up."""


@contextmanager
def serve_bucket(folder: Path, context: ssl.SSLContext | None = None) -> Iterator[Bucket]:
    """Serve a folder on loopback, with entity tags and parts, as the bucket does."""
    bucket, closing = Bucket(""), threading.Event()
    handler = type("Handler", (_Handler,), {"folder": folder, "bucket": bucket, "closing": closing})
    server = _Server(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    bucket.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield bucket
    finally:
        closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
