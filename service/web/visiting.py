"""Who looks at the pages: a session cookie that stands for an API key, for as long as both are valid.

The cookie holds the key's public id and an end, sealed with the service's secret; the key is looked up on each request,
so that revoking it ends every session. `SameSite=Strict` keeps other sites' requests without it, and forms are taken
from our own pages only.
"""

from datetime import datetime, timedelta
from secrets import token_hex
from threading import Lock
from urllib.parse import urlsplit

from fastapi import Request, Response

from service.access import audit
from service.access.keys import actor_of_key, authenticate
from service.access.roles import Actor
from service.access.seals import Seals
from service.access.visits import admit
from service.db import reading, writing
from service.errors import Forbidden, NotFound, Unauthenticated
from service.inventory.bindings import with_bindings

COOKIE = "muster_session"
SESSION_LIFE = timedelta(hours=12)


class SignInNeeded(Unauthenticated):
    """Sign in to see this page."""

    slug = "sign-in-needed"


class Tickets:
    """Addresses that open the pages once, so that no key has to stand in an address.

    What was used is remembered in this process: one who serves with several processes uses keys instead.
    """

    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self._used: set[str] = set()
        self._lock = Lock()

    def write(self, key_id: str, *, until: datetime) -> str:
        """Write a ticket for the key with this public id."""
        return self._seals.seal("ticket", key_id, token_hex(8), until=until)

    def redeem(self, ticket: str, *, now: datetime) -> str | None:
        """Give the key's public id, this once; None where the ticket is used, over, or none of ours."""
        values = self._seals.open("ticket", ticket, now=now)
        if values is None:
            return None
        key_id, number = (str(value) for value in values)
        with self._lock:
            fresh = number not in self._used
            self._used.add(number)
        return key_id if fresh else None


def viewer(request: Request) -> Actor:
    """Tell who looks.

    Raises:
        SignInNeeded: No session, or it is over, or its key is not valid any more.
    """
    now = request.app.state.clock()
    values = request.app.state.seals.open("session", request.cookies.get(COOKIE, ""), now=now)
    if values is None:
        raise SignInNeeded
    return admit(request.scope, _actor(request, str(values[0]), now))


def _actor(request: Request, key_id: str, now: datetime) -> Actor:
    with reading(request.app.state.engine) as session:
        try:
            actor = with_bindings(session, actor_of_key(session, key_id, now=now))
        except (Unauthenticated, NotFound) as error:
            raise SignInNeeded from error
    if not (actor.may("read") or actor.may("read_incidents")):
        raise Forbidden(f"A key with the role {actor.role} reads no pages; use one that reads.")
    return actor


def key_of_token(request: Request, token: str) -> str:
    """Give the public id of a key that was typed in, if it is valid and may read pages."""
    now = request.app.state.clock()
    with writing(request.app.state.engine) as session:
        authenticate(session, token, now=now)
    key_id = token.split("_")[1]
    note_sign_in(request, key_id)
    return key_id


def note_sign_in(request: Request, key_id: str) -> None:
    """Record that somebody opens the pages."""
    now = request.app.state.clock()
    actor = admit(request.scope, _actor(request, key_id, now))
    with writing(request.app.state.engine) as session:
        audit.record(session, actor, "session.open", key_id, now=now)


def open_session(request: Request, response: Response, key_id: str) -> None:
    """Set the cookie."""
    until = request.app.state.clock() + SESSION_LIFE
    response.set_cookie(
        COOKIE,
        request.app.state.seals.seal("session", key_id, until=until),
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=_is_secure(request),
        path="/",
    )


def close_session(request: Request, response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_is_secure(request), path="/")


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https" or (request.app.state.settings.public_url or "").startswith("https://")


def check_origin(request: Request) -> None:
    """Take forms from our own pages only.

    Raises:
        Forbidden: The browser says that another site sent it.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(request.app.state.settings.public_url or "").netloc} - {""}
    by_origin = origin is None or urlsplit(origin).netloc in ours
    if not (site in {"same-origin", "none"} if site else by_origin):
        raise Forbidden("This form was sent from another site.")
