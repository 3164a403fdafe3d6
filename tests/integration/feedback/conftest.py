from collections.abc import Iterator

import pytest
from mail_sink import Sink, mail_sink
from offices import People
from sqlalchemy import Engine
from story import empty

from service.db import connect


@pytest.fixture(scope="module")
def engine_of_module(module_database: str) -> Iterator[Engine]:
    engine = connect(module_database)
    yield engine
    engine.dispose()


@pytest.fixture
def own(engine_of_module: Engine) -> Iterator[Engine]:
    yield engine_of_module
    empty(engine_of_module)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with mail_sink() as started:
        yield started


@pytest.fixture
def people(own: Engine, sink: Sink) -> People:
    return People(own, sink)
