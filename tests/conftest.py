"""What the tests share: a real PostgreSQL, the corpus of real files, and a closed door to the network."""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, cast

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service import embedded
from service.db import WriteSession, connect, migrate

REPOSITORY = Path(__file__).parent.parent

# --- network ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Refuse connections of ours to anything but this machine."""

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect_here(self: socket.socket, address: Any) -> Any:  # noqa: ANN401 - as the original
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
                raise AssertionError(f"a test tried to connect to {address[0]}; only loopback is open")
            return original(self, address)

        return connect_here

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        yield


def _is_loopback(host: str) -> bool:
    return host.startswith("127.") or host in ("localhost", "::1", "")


# --- corpus ----------------------------------------------------------------------------------------------------------


class Corpus:
    """Real files, unpacked as they are asked for: ``corpus("sbom-dev")`` or ``corpus / "sbom-dev"``."""

    #: Folders whose archive has another name.
    ARCHIVES: ClassVar = {
        "osv-prev": "osv",
        "osv-hostile": "osv",
        "scorecard": "reference",
        "kev-epss": "reference",
        "schemas": "reference",
    }

    def __init__(self, source: Path) -> None:
        self._source = source
        self._unpacker = source / "unpack"
        self._folder = source
        if self._unpacker.exists():
            self._folder = Path(tempfile.gettempdir()) / f"muster-corpus-{os.getuid()}"

    def __call__(self, name: str) -> Path:
        first, *_ = Path(name).parts
        if self._unpacker.exists():
            self._unpack(self.ARCHIVES.get(first, first))
        if not (self._folder / name).exists():
            pytest.skip(f"the corpus at {self._source} has no {name}")
        return self._folder / name

    def __truediv__(self, name: str) -> Path:
        return self(name)

    def _unpack(self, archive: str) -> None:
        self._folder.mkdir(exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run(["bash", self._unpacker, self._folder, archive], check=True)


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Give the corpus: MUSTER_CORPUS names it, unpacked or as archives; a sibling of the checkout may hold it."""
    source = Path(os.environ.get("MUSTER_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
    if not source.is_dir():
        pytest.skip(f"no corpus at {source}; set MUSTER_CORPUS to a folder that holds it")
    return Corpus(source)


# --- database --------------------------------------------------------------------------------------------------------


def make_data_folder() -> Path:
    """Make a folder for a server. Root's is left passable, since the server will run as somebody else."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-"))
    if os.getuid() == 0:
        folder.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def postgres_choice() -> dict[str, Any]:
    """Say which PostgreSQL the suite runs on: MUSTER_TEST_POSTGRES is 18 (default), 16, or a folder of programs."""
    chosen = os.environ.get("MUSTER_TEST_POSTGRES", "18")
    return {"version": int(chosen)} if chosen.isdigit() else {"binaries": Path(chosen)}


@pytest.fixture(scope="session")
def postgres(postgres_choice: dict[str, Any]) -> Iterator[embedded.Server]:
    """Start a throwaway server."""
    folder = make_data_folder()
    with embedded.start(folder / "postgres", shared_buffers="128MB", durable=False, **postgres_choice) as server:
        yield server
    embedded.remove(folder / "postgres")
    shutil.rmtree(folder)


def _run(server: embedded.Server, statement: sql.Composed) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def migrated_template(postgres: embedded.Server) -> str:
    """Give the name of a migrated database that nobody connects to, so that it can be copied."""
    name = "migrated"
    _run(postgres, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(_url(postgres, name))
    return name


def _url(server: embedded.Server, name: str) -> str:
    return server.url.replace("/muster?", f"/{name}?")


_numbers = count(1)


def _copy(server: embedded.Server, template: str) -> str:
    name = f"copy_{next(_numbers)}"
    _run(server, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    return name


@pytest.fixture(scope="session")
def database_url(postgres: embedded.Server, migrated_template: str) -> str:
    """Give the migrated database that tests share; they leave nothing in it."""
    return _url(postgres, _copy(postgres, migrated_template))


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """Connect to the shared database."""
    shared = connect(database_url)
    yield shared
    shared.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[WriteSession]:
    """Open a session whose commits are savepoints: everything is rolled back after the test."""
    with engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as inner:
            yield cast("WriteSession", inner)
        outer.rollback()


@pytest.fixture
def new_database(postgres: embedded.Server, migrated_template: str) -> Iterator[Callable[[], str]]:
    """Make migrated databases of a test's own, for real commits and several connections; each call gives a URL."""
    with _databases(postgres, migrated_template) as make:
        yield make


@pytest.fixture(scope="module")
def module_database(postgres: embedded.Server, migrated_template: str) -> Iterator[str]:
    """Give the URL of a migrated database that the tests of one module share, dropped afterwards."""
    with _databases(postgres, migrated_template) as make:
        yield make()


@contextmanager
def _databases(postgres: embedded.Server, template: str) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def make() -> str:
        made.append(_copy(postgres, template))
        return _url(postgres, made[-1])

    yield make
    for name in made:
        _run(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def fresh_database(new_database: Callable[[], str]) -> str:
    """Give the URL of a migrated database of the test's own, dropped afterwards."""
    return new_database()
