"""A real ``muster serve`` in a process of its own, on a database that is there, spoken to over loopback HTTP."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from service.access.keys import create_key
from service.access.roles import Role
from service.clock import utc_now
from service.db import connect, writing

_PATIENCE_SECONDS = 60


class Served:
    """A server process and a client that has an admin's key."""

    def __init__(self, database: str, **settings: str) -> None:
        self.database = database
        self.token = make_key(database)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        own = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
        self._environment = own | {
            "MUSTER_DATABASE_URL": database,
            "MUSTER_SECRET_KEY": "for tests",
            "MUSTER_OSV_URL": "none",
            "MUSTER_KEV_URL": "none",
            "MUSTER_EPSS_URL": "none",
            "MUSTER_PORT": str(self.port),
            **settings,
        }
        descriptor, name = tempfile.mkstemp(prefix="muster-serve-", suffix=".log")
        os.close(descriptor)
        self._log = Path(name)
        self.client = self.new_client()
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def new_client(self) -> httpx.Client:
        """Give a further client, for another thread."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=120)

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        command = [sys.executable, "-m", "service", "serve"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stderr=log, stdout=log)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if self.client.get("/readyz").status_code == httpx.codes.OK:
                    return
            time.sleep(0.1)
        raise TimeoutError(f"the server did not come up: {self.log()[-2000:]}")

    def log(self) -> str:
        """Give what the process has said so far."""
        return self._log.read_text()

    def kill(self) -> None:
        """Kill it as a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it as an operator would."""
        self.client.close()
        self._process.terminate()
        self._process.wait(timeout=_PATIENCE_SECONDS)
        self._log.unlink()


@contextmanager
def serving(database: str, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve a migrated database until the end of the block."""
    served = Served(database, **(settings or {}))
    try:
        yield served
    finally:
        served.stop()


def make_key(database: str) -> str:
    """Make an admin's key."""
    engine = connect(database)
    with writing(engine) as session:
        token = create_key(session, "tests", Role.ADMIN, now=utc_now()).token
    engine.dispose()
    return token
