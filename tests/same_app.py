"""One application for all tests of a process: putting its routes together takes half a second, at the first request."""

from collections.abc import Callable
from datetime import datetime
from functools import cache

from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine

from service.main import create_app
from service.settings import Settings


def app_as_new(settings: Settings, *, engine: Engine, clock: Callable[[], datetime]) -> FastAPI:
    """Give the application with the state of a new one. Whoever adds routes to it makes one of their own instead."""
    app = _shared()
    counters = app.state.counters  # its middleware holds on to them
    counters.__init__()
    app.state = create_app(settings, engine=engine, clock=clock).state
    app.state.counters = counters
    return app


@cache
def _shared() -> FastAPI:
    return create_app(Settings(secret_key=SecretStr("of nobody")), engine=create_engine("postgresql+psycopg://nowhere"))
