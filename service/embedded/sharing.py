"""Using the embedded server together: the first user starts it, the last one to leave stops it."""

import atexit
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from psycopg import sql

from service.embedded import binaries as programs
from service.embedded import postmaster
from service.embedded.cluster import BELONGS_TO, STATE, USER, Cluster, open_cluster, prepare
from service.embedded.failures import EmbeddedError
from service.embedded.locks import exclusively, is_held, open_lock, try_lock
from service.log import logger
from service.settings import Settings

DATABASE = "muster"
_WATCH_SECONDS = 1.0

_log = logger("embedded")


class Server:
    """One user's hold on the embedded server; make it with `start`.

    While it is open, a server that dies is started again within about a second.
    """

    def __init__(self, cluster: Cluster, users: int, *, shared_buffers: str, durable: bool) -> None:
        self._cluster = cluster
        self._users = users
        self._shared_buffers = shared_buffers
        self._durable = durable
        self._closing = threading.Event()
        self._owner = os.getpid()
        self._watch = threading.Thread(target=self._keep_running, name="embedded-postgres", daemon=True)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self._cluster.data

    @property
    def version(self) -> int:
        """Major version of PostgreSQL."""
        return self._cluster.binaries.version

    @property
    def url(self) -> str:
        """Where the database is; changes only if somebody else takes the port while the server is down."""
        cluster = self._cluster
        return f"postgresql://{USER}:{cluster.password}@127.0.0.1:{cluster.port}/{DATABASE}?sslmode=disable"

    def ensure_running(self) -> None:
        """Start the server again if it died. For whoever had a connection refused; waits for its recovery.

        Raises:
            CannotStart: it does not start any more.
        """
        with exclusively(self.data / "lock"):
            if self._closing.is_set():
                return
            postmaster.bring_up(
                self._cluster,
                shared_buffers=self._shared_buffers,
                durable=self._durable,
                cancelled=self._closing.is_set,
            )

    def close(self) -> None:
        """Leave; the last user stops the server. Safe to call twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        atexit.unregister(self.close)
        # A forked child shares our lock: taking it further there would stop the server under our feet.
        if os.getpid() == self._owner:
            with exclusively(self.data / "lock"):
                self._leave()
            if self._watch.is_alive():
                self._watch.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _leave(self) -> None:
        """Let go of the server, stopping it if nobody else has hold of it. Under the lock."""
        if try_lock(self._users):
            postmaster.stop(self._cluster)
        os.close(self._users)

    def _begin(self) -> None:
        """Start the server, make our database, and watch over it. Under the lock."""
        try:
            self._make_ready()
        except BaseException:
            self._leave()
            raise
        atexit.register(self.close)
        self._watch.start()

    def _make_ready(self) -> None:
        postmaster.bring_up(self._cluster, shared_buffers=self._shared_buffers, durable=self._durable)
        with postmaster.connect(self._cluster, self._cluster.port) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _keep_running(self) -> None:
        while not self._closing.wait(_WATCH_SECONDS):
            try:
                if is_held(self.data / "alive"):
                    continue
                _log.warning("the database server died; starting it again")
                self.ensure_running()
            except (EmbeddedError, OSError) as failure:
                _log.error("the database server does not start", reason=str(failure))


def start(
    data: Path,
    *,
    version: int = 18,
    binaries: Path | None = None,
    shared_buffers: str = "512MB",
    durable: bool = True,
    state: Path = STATE,
) -> Server:
    """Use the server of a data folder, starting it if nobody else has.

    Args:
        data: Its folder, made if need be. Any path will do, spaces and other scripts included.
        version: Major version out of the wheel.
        binaries: A ``bin`` folder of an installed PostgreSQL instead.
        shared_buffers: As PostgreSQL writes it.
        durable: False forgoes every safeguard against a crash, for tests.
        state: Where root keeps the cluster and a copy of the programs if the account that runs the server cannot
            reach *data* or them.

    Raises:
        EmbeddedError: one of its leaves says what is wrong and what to do.
    """
    data = data.absolute()
    found = programs.find(version, binaries)
    prepare(data)
    with exclusively(data / "lock"):
        cluster = open_cluster(data, found, state=state)
        users = open_lock(data / "users")
        try_lock(users, shared=True)  # free, since only a process that stops the server takes it whole, under the lock
        server = Server(cluster, users, shared_buffers=shared_buffers, durable=durable)
        server._begin()  # noqa: SLF001 - construction continued
    return server


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Give the URL of the database that was configured, or of the embedded one for as long as it is used."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with start(settings.data / "postgres") as server:
        yield server.url


def remove(data: Path) -> None:
    """Remove a data folder, and its cluster where that lies elsewhere. Nobody may be using it."""
    home = (data / "cluster").resolve().parent
    if (home / BELONGS_TO).exists():
        shutil.rmtree(home)
    if data.exists():
        shutil.rmtree(data)
