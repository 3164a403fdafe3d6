"""Is the process alive, can it serve, what has it counted. The only calls of the API that need no key."""

from functools import cache

from alembic.script import ScriptDirectory
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from sqlalchemy import func, select, text
from sqlalchemy.pool import QueuePool

from service.advisories.feeds import freshness
from service.api.deps import Configured, Now, Read
from service.api.feed_metrics import feed_lines
from service.api.number_metrics import number_lines
from service.api.problems import problems
from service.changes.models import Change, ChangeCounter
from service.db import ReadSession, migrations_folder, reading
from service.errors import Busy

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A word, for probes."""

    status: str


class WrongSchema(Busy):
    """The database has another schema than this version needs."""

    slug = "wrong-schema"


@cache
def _head() -> str | None:
    return ScriptDirectory(str(migrations_folder())).get_current_head()


@router.get("/healthz")
def healthz() -> Health:
    """Tell that the process answers."""
    return Health(status="ok")


@router.get("/readyz", responses=problems(503))
def readyz(request: Request) -> Health:
    """Tell that the database and its replica answer and have the schema this version needs."""
    for engine in dict.fromkeys((request.app.state.engine, request.app.state.read_engine)):
        with reading(engine) as session:
            _check_schema(session)
    return Health(status="ready")


def _check_schema(session: ReadSession) -> None:
    table = session.scalar(select(func.to_regclass("alembic_version")))
    found = session.scalar(text("SELECT version_num FROM alembic_version")) if table else None
    if found != _head():
        raise WrongSchema(f"The schema is at {found or 'nothing'}, needed is {_head()}: run `muster migrate`.")


@router.get("/metrics", response_class=PlainTextResponse, responses=problems(503))
def metrics(request: Request, session: Read, settings: Configured, now: Now) -> PlainTextResponse:
    """Give counters in Prometheus' text format."""
    pool = request.app.state.engine.pool
    lines = request.app.state.counters.lines()
    if isinstance(pool, QueuePool):
        lines += ["# TYPE muster_db_connections_in_use gauge", f"muster_db_connections_in_use {pool.checkedout()}"]
    unnumbered = session.scalar(select(func.count()).select_from(Change).where(Change.seq.is_(None)))
    last = session.scalar(select(ChangeCounter.last_seq))
    lines += ["# TYPE muster_changes_unnumbered gauge", f"muster_changes_unnumbered {unnumbered}"]
    lines += ["# TYPE muster_changes_total counter", f"muster_changes_total {last or 0}"]
    lines += number_lines(request.app, session, now=now)
    lines += feed_lines(freshness(session, now=now, sync_every=settings.sync_every), now=now)
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
