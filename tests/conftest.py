"""What the tests share: a real PostgreSQL, the corpus of real files, and a closed door to the network."""

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from data_folders import make_data_folder
from psycopg import sql
from real_files import Corpus, NoCorpus, find_corpus
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service import embedded
from service.db import WriteSession, connect, migrate

# --- signals ---------------------------------------------------------------------------------------------------------


def pytest_configure() -> None:
    """Hear Ctrl-C even when a script started us in the background: what we start inherits a signal that is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Give the corpus: MUSTER_CORPUS names it, unpacked or as archives; a sibling of the checkout may hold it."""
    try:
        return find_corpus()
    except NoCorpus as missing:
        pytest.skip(str(missing))


# --- database --------------------------------------------------------------------------------------------------------


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


@pytest.fixture
def fresh_engine(fresh_database: str) -> Iterator[Engine]:
    """Connect to a migrated database of the test's own."""
    own = connect(fresh_database)
    yield own
    own.dispose()


@pytest.fixture
def empty_database(postgres: embedded.Server) -> Iterator[str]:
    """Give the URL of a database without any tables, dropped afterwards."""
    with _databases(postgres, "template0") as make:
        yield make()
