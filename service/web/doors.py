"""Signing in with a key or a ticket, signing out, and the few files that pages need."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from service.errors import NotFound, ServiceError, TooLarge
from service.web.asking import Now, PageRoute
from service.web.drawing import HEADERS, STATIC, draw
from service.web.visiting import check_origin, close_session, key_of_token, note_sign_in, open_session

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MAX_FORM_BYTES = 8 * 1024
_KEPT_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

Next = Annotated[str, Query(alias="next", max_length=2000)]


@router.get("/login")
def door(
    request: Request, now: Now, ticket: Annotated[str, Query(max_length=1000)] = "", wanted: Next = "/"
) -> Response:
    """Show the form; a ticket opens the pages at once."""
    if not ticket:
        return draw("login.html", wanted=own_address(wanted), fault="", visitor=None)
    key_id = request.app.state.tickets.redeem(ticket, now=now)
    if key_id is None:
        fault = "This link was used already, or is too old. Sign in with an API key."
        return draw("login.html", status=401, wanted="/", fault=fault, visitor=None)
    note_sign_in(request, key_id)
    return _enter(request, key_id, "/")


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Take a key and open a session."""
    check_origin(request)
    form = await _form(request)
    wanted = own_address(form.get("next", "/"))
    try:
        key_id = await run_in_threadpool(key_of_token, request, form.get("key", "").strip())
    except ServiceError as error:
        return draw("login.html", status=401, wanted=wanted, fault=error.detail, visitor=None)
    return _enter(request, key_id, wanted)


@router.post("/logout")
def sign_out(request: Request) -> Response:
    """Close the session."""
    check_origin(request)
    answer = RedirectResponse("/login", 303, headers=HEADERS)
    close_session(request, answer)
    return answer


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Give a file that pages need."""
    if name not in STATIC:
        raise NotFound(f"There is no file {name}.")
    content, media_type = STATIC[name]
    return Response(content, media_type=media_type, headers=_KEPT_FOR_EVER)


def own_address(wanted: str) -> str:
    """Give where to go after signing in: a page of ours, or the first one."""
    harmless = wanted.isprintable() and wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if harmless and "\\" not in wanted else "/"


def _enter(request: Request, key_id: str, wanted: str) -> Response:
    answer = RedirectResponse(wanted, 303, headers=HEADERS)
    open_session(request, answer, key_id)
    return answer


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise TooLarge("This form is too large.")
    fields = parse_qs(body.decode("utf-8", errors="replace"), max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}
