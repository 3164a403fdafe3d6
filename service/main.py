"""The one place that knows every part: it puts the application together."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from sqlalchemy import Engine

from service import web
from service.api import (
    acknowledgements,
    advisories,
    audit,
    batches,
    broadcasts,
    changes,
    components,
    declarations,
    deliveries,
    diffs,
    embargoes,
    explanations,
    exports,
    exposures,
    feeds,
    health,
    incidents,
    keys,
    links,
    namespaces,
    numbers,
    owners,
    ownership,
    paths,
    pauses,
    products,
    releases,
    reports,
    sboms,
    search,
    situations,
    snapshots,
    streams,
    teams,
    ticket_systems,
    vex,
    vex_sources,
    webhooks,
)
from service.api.cursors import Cursors
from service.api.heads import Heads
from service.api.lengths import Lengths
from service.api.problems import Problem, install, problems
from service.api.recording import Recorded
from service.api.traffic import Counters, Traffic
from service.clock import utc_now
from service.compat import dependency_track, osv
from service.db import WriteSession, connect
from service.errors import Refused
from service.flows.trusting import trusted_keys
from service.heap import settle_heap
from service.jobs.queue import enqueue, enqueue_tick
from service.jobs.running import running
from service.log import configure
from service.settings import Settings

ROUTERS = (
    health.router,
    products.router,
    streams.router,
    releases.router,
    components.router,
    paths.router,
    diffs.router,
    sboms.router,
    exports.router,
    vex.router,
    vex_sources.router,
    search.router,
    advisories.router,
    explanations.router,
    feeds.router,
    incidents.router,
    batches.router,
    exposures.router,
    embargoes.router,
    declarations.router,
    broadcasts.router,
    acknowledgements.router,
    situations.router,
    reports.router,
    pauses.router,
    owners.router,
    links.router,
    ticket_systems.router,
    changes.router,
    snapshots.router,
    webhooks.router,
    deliveries.router,
    teams.router,
    namespaces.router,
    ownership.router,
    numbers.router,
    keys.router,
    audit.router,
    dependency_track.router,
    osv.router,
)


def create_app(
    settings: Settings,
    *,
    engine: Engine,
    read_engine: Engine | None = None,
    clock: Callable[[], datetime] = utc_now,
    jobs: bool = False,
) -> FastAPI:
    """Put the application together.

    Args:
        settings: `secret_key` must be set.
        engine: Stays the caller's; it may be unconnected until the first request.
        read_engine: A replica for reads; absent: *engine*.
        clock: Gives the time of each request.
        jobs: Run the scheduler and jobs beside it, from startup to shutdown.
    """
    if settings.secret_key is None:
        raise Refused("MUSTER_SECRET_KEY is not set; cookies and cursors are signed with it.")
    app = FastAPI(
        title="muster",
        version=version("muster"),
        description="Who uses it, who owns it, is it really fixed.",
        lifespan=_lifespan(running(engine, settings, clock=clock) if jobs else nullcontext()),
        responses=problems(400, 401, 403, 422, 503),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings, app.state.clock = settings, clock
    app.state.engine, app.state.read_engine = engine, read_engine or engine
    app.state.cursors = Cursors(settings.secret_key.get_secret_value())
    app.state.counters = Counters()
    app.state.trusted = trusted_keys(settings.trusted_keys)
    app.state.ask_for_sync, app.state.ask_for_export = _ask_for_sync, _ask_for_export
    app.state.ask_for_tickets = _ask_for_tickets
    install(app)
    for router in ROUTERS:
        app.include_router(router)
    web.install(app, settings)
    app.add_middleware(Lengths)
    app.add_middleware(Recorded, of=app)
    app.add_middleware(Traffic, counters=app.state.counters)
    app.add_middleware(Heads)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def from_environment() -> FastAPI:
    """Make the application of one of several server processes; everything it needs is in the environment."""
    settings = Settings()
    configure(json=settings.log_json)
    if settings.database_url is None:
        raise Refused("MUSTER_DATABASE_URL is not set.")
    engine = connect(settings.database_url.get_secret_value())
    replica = settings.read_database_url
    read_engine = connect(replica.get_secret_value()) if replica else None
    return create_app(settings, engine=engine, read_engine=read_engine, jobs=True)


def _ask_for_sync(session: WriteSession, now: datetime, accepted: Mapping[str, int]) -> bool:
    if accepted:  # what waits already has not heard of it
        payload = {"accepted": dict(accepted)}
        return enqueue(session, "sync", f"agreed {now.isoformat()}", run_at=now, payload=payload)
    return enqueue_tick(session, "sync", f"asked {now.isoformat()}", run_at=now)


def _ask_for_export(session: WriteSession, export_id: int, now: datetime) -> bool:
    return enqueue(session, "export", f"export {export_id}", run_at=now, payload={"export": export_id})


def _ask_for_tickets(session: WriteSession, now: datetime) -> bool:
    return enqueue_tick(session, "tickets", f"asked {now.isoformat()}", run_at=now)


def _lifespan(beside: AbstractContextManager[Any]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        settle_heap()
        with beside:
            yield

    return lifespan


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Describe the API, with the schema of problems, which routes refer to by name."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        app.openapi_schema = document
    return app.openapi_schema
