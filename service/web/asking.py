"""What pages ask for, and how their errors look: as pages, with the headers of pages."""

from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy import exc

from service.access.roles import Actor, Permission
from service.access.visits import sight_in
from service.db import ReadSession, reading
from service.errors import Busy, Forbidden, NotFound, ServiceError, Unreadable, UpstreamUnavailable
from service.incidents.seeing import seen_by
from service.web.drawing import HEADERS, draw
from service.web.visiting import SignInNeeded, viewer

_STATUSES: tuple[tuple[type[ServiceError], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (Unreadable, 422),
    (Busy, 503),
    (UpstreamUnavailable, 503),
)


def _now(request: Request) -> datetime:
    now: datetime = request.app.state.clock()
    return now


def _read(request: Request) -> Iterator[ReadSession]:
    with reading(seen_by(request.app.state.read_engine, lambda: sight_in(request.scope))) as session:
        yield session


Now = Annotated[datetime, Depends(_now)]
Read = Annotated[ReadSession, Depends(_read, scope="function")]


def _may(permission: Permission) -> Callable[[Request], Actor]:
    def check(request: Request) -> Actor:
        actor = viewer(request)
        actor.require(permission)
        return actor

    check.permission = permission  # type: ignore[attr-defined]  # for the walk through all routes
    return check


Visitor = Annotated[Actor, Depends(viewer)]
Reader = Annotated[Actor, Depends(_may("read"))]
Responder = Annotated[Actor, Depends(_may("read_incidents"))]


class PageRoute(APIRoute):
    """A route whose errors are pages, and that sends whoever is not signed in to the door."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeeded:
                return _to_the_door(request)
            except ServiceError as error:
                return _fault(error, next((status for kind, status in _STATUSES if isinstance(error, kind)), 500))
            except RequestValidationError:
                return _fault(Unreadable("This address does not fit; start from the first page."), 422)
            except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError):
                return _fault(Busy("The database does not answer right now; try again shortly."), 503)

        return handle_page


def _to_the_door(request: Request) -> Response:
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = "" if request.method != "GET" or asked == "/" else f"?next={quote(asked, safe='')}"
    return RedirectResponse(f"/login{wanted}", 303, headers=HEADERS)


def _fault(error: ServiceError, status: int) -> Response:
    return draw("fault.html", status=status, title=error.title(), detail=error.detail, visitor=None)
