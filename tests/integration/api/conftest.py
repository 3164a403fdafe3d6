from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from same_app import app_as_new
from sqlalchemy import Engine, delete, text
from sqlalchemy import table as quoted
from stopped_clock import StoppedClock

from service.access.keys import create_key
from service.access.roles import Role
from service.db import writing
from service.log import configure
from service.main import create_app
from service.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """Log as the service does; unconfigured, structlog draws every variable of a traceback, which takes seconds."""
    configure(level="ERROR")


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOON)


@pytest.fixture
def own_engine(engine: Engine) -> Iterator[Engine]:
    """Give the shared database, for requests that really commit; what they leave is removed afterwards."""
    yield engine
    kept = {"alembic_version", "team", "change_counter", "audit_chain"}
    with engine.begin() as connection:
        found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        # Deleting from what has rows is ten times as fast as truncating all.
        connection.execute(text("SET session_replication_role = replica"))
        for table in sorted(set(found.scalars()) - kept):
            connection.execute(delete(quoted(table)))
        connection.execute(text("DELETE FROM team WHERE NOT fallback"))
        connection.execute(text("UPDATE change_counter SET last_seq = 0"))
        connection.execute(text("UPDATE audit_chain SET last_seq = 0, head = decode(repeat('00', 32), 'hex')"))
        connection.execute(text("SET session_replication_role = origin"))


@pytest.fixture
def app(own_engine: Engine, clock: StoppedClock, request: pytest.FixtureRequest) -> FastAPI:
    settings = Settings(secret_key=SecretStr("a secret of the tests"), public_url="https://muster.example")
    make = create_app if "app_of_its_own" in request.fixturenames else app_as_new
    return make(settings, engine=own_engine, clock=clock)


@pytest.fixture
def app_of_its_own(app: FastAPI) -> FastAPI:
    """Give an application that nobody shares, to add routes to."""
    return app


@pytest.fixture
def client_as(app: FastAPI, own_engine: Engine) -> Callable[..., TestClient]:
    """Give a client whose key has a role."""

    def make(role: str, *, team_id: int | None = None) -> TestClient:
        with writing(own_engine) as session:
            token = create_key(session, f"the {role}", Role(role), team_id=team_id, now=NOON).token
        return TestClient(app, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)

    return make


@pytest.fixture
def admin(client_as: Callable[..., TestClient]) -> TestClient:
    return client_as("admin")


@pytest.fixture
def nobody(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)
