from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from same_app import app_as_new
from sqlalchemy import Engine, delete, text
from sqlalchemy import table as quoted
from stopped_clock import EVENING, StoppedClock

from service.access.keys import NewKey, create_key
from service.access.roles import Role
from service.db import writing
from service.log import configure
from service.settings import Settings

SITE = "https://muster.example"


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    configure(level="ERROR")


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def own_engine(engine: Engine) -> Iterator[Engine]:
    """Give the shared database, for requests that really commit; what they leave is removed afterwards."""
    yield engine
    kept = {"alembic_version", "team", "change_counter", "audit_chain"}
    with engine.begin() as connection:
        found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        connection.execute(text("SET session_replication_role = replica"))
        for table in sorted(set(found.scalars()) - kept):
            connection.execute(delete(quoted(table)))
        connection.execute(text("DELETE FROM team WHERE NOT fallback"))
        connection.execute(text("UPDATE change_counter SET last_seq = 0"))
        connection.execute(text("UPDATE audit_chain SET last_seq = 0, head = decode(repeat('00', 32), 'hex')"))
        connection.execute(text("SET session_replication_role = origin"))


@pytest.fixture
def app(own_engine: Engine, clock: StoppedClock) -> FastAPI:
    settings = Settings(secret_key=SecretStr("a secret of the tests"), public_url=SITE)
    return app_as_new(settings, engine=own_engine, clock=clock)


@pytest.fixture
def new_key(own_engine: Engine) -> Callable[..., NewKey]:
    def make(role: str = "reader") -> NewKey:
        with writing(own_engine) as session:
            return create_key(session, f"the {role}", Role(role), now=EVENING)

    return make


@pytest.fixture
def browser(app: FastAPI) -> TestClient:
    """Give something like a browser: it keeps cookies and says that its forms are from the same site."""
    return TestClient(app, base_url=SITE, headers={"Sec-Fetch-Site": "same-origin"}, raise_server_exceptions=False)


@pytest.fixture
def reader(browser: TestClient, new_key: Callable[..., NewKey]) -> TestClient:
    """Give a browser in which somebody has signed in."""
    assert browser.post("/login", data={"key": new_key().token}).status_code == 200
    return browser
