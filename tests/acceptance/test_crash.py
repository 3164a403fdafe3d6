"""The server and its embedded PostgreSQL are killed in the middle of uploads: what was acknowledged is there, once."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock

import httpx
import pytest
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine, select
from story import Story

from service import embedded
from service.db import connect, writing
from service.inventory.models import Document, Stream, Upload
from service.inventory.replay import recorded, replayed

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LODASH = make_record("OURS-1", "npm/lodash", "introduced 0", "fixed 4.17.21")
CLIENTS = 4


class Alone:
    """A server with nothing but a folder: PostgreSQL is its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        own = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
        self._environment = own | {
            "MUSTER_DATA": str(folder),
            "MUSTER_PORT": str(self.port),
            "MUSTER_OSV_URL": "none",
            "MUSTER_KEV_URL": "none",
            "MUSTER_EPSS_URL": "none",
        }
        self.start()

    def client(self) -> httpx.Client:
        token = (self.folder / "admin.key").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def start(self) -> None:
        with (self.folder / "serve.log").open("ab") as log:
            command = [sys.executable, "-m", "service", "serve"]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == httpx.codes.OK:
                    return
            time.sleep(0.05)
        raise TimeoutError((self.folder / "serve.log").read_text()[-2000:])

    def crash(self) -> None:
        """Kill both, without a word to either."""
        cluster = (self.folder / "postgres" / "cluster").resolve()
        [pid_file] = cluster.rglob("postmaster.pid")
        os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


@dataclass
class Sent:
    """What the clients sent, and what they were told is there."""

    acknowledged: list[bytes] = field(default_factory=list)
    lost: list[tuple[int, int, bytes]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


@pytest.fixture
def alone() -> Iterator[Alone]:
    folder = Path(tempfile.mkdtemp(prefix="muster-test-"))
    folder.chmod(0o711)
    server = Alone(folder)
    yield server
    server.stop()
    embedded.remove(folder / "postgres")
    shutil.rmtree(folder)


def _sbom(client: int, number: int) -> bytes:
    """Let components come and go, the vulnerable one too."""
    version = "4.17.20" if number % 3 else "4.17.21"
    shared = (f"pkg:npm/shared-{n}@{number}.0.0" for n in range(20))
    return make_sbom(f"pkg:npm/lodash@{version}", f"pkg:npm/own-{client}@{number}.0.0", *shared)


def _post(http: httpx.Client, client: int, number: int, data: bytes) -> int:
    at = BEGAN + timedelta(minutes=number)
    where = {"stream": f"client-{client}", "at": at.isoformat()}
    return http.post("/v1/products/shop/sboms", params=where, content=data).status_code


def _client(server: Alone, client: int, count: int, sent: Sent, enough: Callable[[], None]) -> None:
    with server.client() as http:
        for number in range(count):
            data = _sbom(client, number)
            status = 0
            with suppress(httpx.TransportError):
                status = _post(http, client, number, data)
            with sent.lock:
                if status in (httpx.codes.CREATED, httpx.codes.OK):
                    sent.acknowledged.append(sha256(data).digest())
                else:
                    sent.lost.append((client, number, data))
            enough()


def _crash_amid(server: Alone, count: int) -> None:
    with server.client() as http:
        assert http.put(f"/v1/advisories/{LODASH['id']}", json=LODASH).is_success
    sent, halfway = Sent(), Event()

    def enough() -> None:
        if len(sent.acknowledged) >= CLIENTS * count // 2:
            halfway.set()

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(_client, server, n, count, sent, enough) for n in range(CLIENTS)]
        assert halfway.wait(120)
        server.crash()
        for each in running:
            each.result()
    assert sent.lost, "the crash came too late to lose anything"
    server.start()
    engine = _engine(server)
    _check(engine, sent, whole=False)
    with server.client() as http:
        for client, number, data in sent.lost:
            assert _post(http, client, number, data) in (httpx.codes.CREATED, httpx.codes.OK)
            sent.acknowledged.append(sha256(data).digest())
    _check(engine, sent, whole=True)
    engine.dispose()


def _engine(server: Alone) -> Engine:
    # A second user of the embedded server, as any command beside it is.
    with embedded.start(server.folder / "postgres") as beside:
        return connect(beside.url)


def _check(engine: Engine, sent: Sent, *, whole: bool) -> None:
    with writing(engine) as session:
        rows = select(Document.sha256).join(Upload, Upload.document_id == Document.id)
        stored = Counter(session.scalars(rows.where(Upload.voided_at.is_(None))))
        for stream_id in session.scalars(select(Stream.id)).all():
            assert recorded(session, stream_id) == replayed(session, stream_id)
    assert [digest for digest in sent.acknowledged if stored[digest] != 1] == []
    assert max(stored.values()) == 1
    if whole:
        assert len(stored) == len(sent.acknowledged)
    assert Story(engine).differences() == []


@pytest.mark.soak
def test_what_was_acknowledged_before_a_crash_is_there_once(alone: Alone) -> None:
    _crash_amid(alone, 5)


@pytest.mark.soak
@pytest.mark.parametrize("_again", range(5))
def test_what_was_acknowledged_before_a_crash_is_there_once_after_many(alone: Alone, _again: int) -> None:
    _crash_amid(alone, 50)
