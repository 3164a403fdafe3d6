from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from story import Story, empty

from service.log import configure


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """Log as the service does; unconfigured, structlog draws every variable of a traceback, which takes seconds."""
    configure(level="CRITICAL")


@pytest.fixture
def story(engine: Engine) -> Iterator[Story]:
    """Give an empty database for acts that really commit; what they leave is removed afterwards."""
    yield Story(engine)
    empty(engine)
