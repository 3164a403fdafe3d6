from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest
import uvicorn
from command_line import Ran, run_muster
from pydantic import SecretStr
from sqlalchemy import Engine, text
from story import empty

from service.access.keys import create_key
from service.access.roles import Role
from service.clock import utc_now
from service.db import connect, writing
from service.log import configure
from service.main import create_app
from service.settings import Settings

Muster = Callable[..., Ran]


@pytest.fixture(scope="module")
def shared_engine(module_database: str) -> Iterator[Engine]:
    engine = connect(module_database)
    yield engine
    engine.dispose()


@pytest.fixture
def own_engine(shared_engine: Engine) -> Engine:
    """Give the module's database as if it were new: the first incident is INC-1 again."""
    empty(shared_engine)
    begun = "FROM pg_sequences WHERE last_value IS NOT NULL AND sequencename <> 'team_id_seq'"  # cert-triage stays
    with shared_engine.begin() as connection:
        connection.execute(text(f"SELECT setval(sequencename::regclass, start_value, false) {begun}"))
    return shared_engine


@pytest.fixture(scope="module")
def service_url(shared_engine: Engine) -> Iterator[str]:
    """Serve the whole application on loopback."""
    configure(level="ERROR")
    settings = Settings(secret_key=SecretStr("a secret of the tests"), osv_url="none")
    app = create_app(settings, engine=shared_engine)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = Thread(target=server.run)
    thread.start()
    too_late = monotonic() + 30
    while not server.started and thread.is_alive() and monotonic() < too_late:
        sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def muster_as(service_url: str, own_engine: Engine, tmp_path: Path) -> Callable[[str], Muster]:
    """Give the command with a key of some role."""

    def make(role: str) -> Muster:
        with writing(own_engine) as session:
            token = create_key(session, f"the {role}", Role(role), team_id=None, now=utc_now()).token
        environment = {"MUSTER_URL": service_url, "MUSTER_API_KEY": token, "MUSTER_DATA": str(tmp_path / "data")}

        def run(*arguments: str, stdin: bytes = b"") -> Ran:
            return run_muster(*arguments, environment=environment, stdin=stdin)

        return run

    return make


@pytest.fixture
def muster(muster_as: Callable[[str], Muster]) -> Muster:
    """Give the command as the CERT uses it."""
    return muster_as("cert")
