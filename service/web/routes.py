"""The pages: search, incidents, products. They read through the same functions as the API."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Query, Request, Response

from service.access.models import FALLBACK_TEAM
from service.access.seals import Seals
from service.access.teams import team_names
from service.advisories.feeds import freshness
from service.db import ReadSession
from service.errors import Unreadable
from service.flows.checking import conformances
from service.incidents.history import timeline_of
from service.incidents.listing import Wanted, find_incident, incident_values, list_exposures, list_incidents
from service.incidents.overview import ENDED, LIVE, tallies
from service.incidents.representing import incidents_as_values, number_of
from service.inventory.history import list_uploads
from service.inventory.models import Product
from service.inventory.products import find_product, list_products, list_streams
from service.inventory.question import ask
from service.inventory.search import search
from service.inventory.sightings import Position
from service.sbom.quality import shown
from service.settings import Settings
from service.web import acknowledging, advisories, doors, feeds, structure
from service.web.asking import Now, PageRoute, Read, Reader, Responder, Visitor
from service.web.clocks import clocks_of
from service.web.drawing import draw
from service.web.visiting import Tickets

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_INCIDENTS_AT_FIRST, _INCIDENTS, _EXPOSURES, _STEPS, _PRODUCTS, _USES, _UPLOADS = 10, 50, 100, 200, 100, 50, 20

Row = TypeVar("Row")
After = Annotated[str, Query(max_length=2000)]
Question = Annotated[str, Query(max_length=500)]


def install(app: FastAPI, settings: Settings) -> None:
    """Add the pages to *app*; `settings.secret_key` must be set."""
    secret = settings.secret_key.get_secret_value() if settings.secret_key else ""
    app.state.seals = Seals(secret)
    app.state.tickets = Tickets(app.state.seals)
    app.include_router(doors.router)
    app.include_router(router)
    app.include_router(structure.router)
    app.include_router(advisories.router)
    app.include_router(feeds.router)
    app.include_router(acknowledging.router)


@router.get("/")
def first(request: Request, session: Read, now: Now, visitor: Visitor) -> Response:
    """Show the search and what is open."""
    rows = []
    if visitor.may("read_incidents"):
        rows = list_incidents(session, Wanted(statuses=LIVE), limit=_INCIDENTS_AT_FIRST + 1)
    shown = rows[:_INCIDENTS_AT_FIRST]
    counted = tallies(session, (id_ for id_, _ in shown), now=now)
    return draw(
        "first.html",
        visitor=visitor,
        now=now,
        incidents=[values for _, values in shown],
        tallies=counted,
        more=len(rows) > len(shown),
        feeds=freshness(session, now=now, sync_every=request.app.state.settings.sync_every),
    )


@router.get("/search")
def find(
    request: Request,
    session: Read,
    now: Now,
    visitor: Reader,
    q: Question = "",
    after: After = "",
    *,
    ever: Annotated[str, Query(max_length=3)] = "",
) -> Response:
    """Say who uses it."""
    page: dict[str, Any] = {"visitor": visitor, "now": now, "q": q, "ever": bool(ever), "fault": "", "answer": None}
    page |= {"following": "", "is_first": True}
    if not q.strip():
        return draw("search.html", **page)
    seals: Seals = request.app.state.seals
    try:
        position = _position(seals.open("uses", after, now=now)) if after else None
        answer = search(session, ask(q), ever=bool(ever), after=position, limit=_USES)
    except Unreadable as error:
        return draw("search.html", status=422, **page | {"fault": error.detail})
    page |= {"answer": answer, "is_first": position is None}
    if answer.next is not None:
        page["following"] = _address("/search", q=q, ever="on" if ever else "", after=seals.seal("uses", *answer.next))
    return draw("search.html", **page)


@router.get("/incidents")
def incidents(session: Read, now: Now, visitor: Responder, after: After = "", show: str = "open") -> Response:
    """List incidents, the newest first."""
    statuses = {"ended": ENDED, "all": ()}.get(show, LIVE)
    wanted = Wanted(statuses=statuses)
    rows = list_incidents(session, wanted, before=_number(after) or None, limit=_INCIDENTS + 1)
    shown, last = _cut(rows, _INCIDENTS, lambda row: row[0])
    return draw(
        "incidents.html",
        visitor=visitor,
        now=now,
        incidents=[values for _, values in shown],
        tallies=tallies(session, (id_ for id_, _ in shown), now=now),
        show=show if show in {"ended", "all"} else "open",
        following=_address("/incidents", show=show, after=last),
    )


@router.get("/incidents/{name}")
def incident(
    name: str, session: Read, now: Now, visitor: Responder, after: After = "", steps_after: After = ""
) -> Response:
    """Show one incident, its exposures and what happened."""
    row = find_incident(session, name)
    exposures = list_exposures(session, incident_id=row.id, after=_number(after), limit=_EXPOSURES + 1)
    shown, last = _cut(exposures, _EXPOSURES, lambda exposure: exposure[0])
    steps = timeline_of(session, incident_id=row.id, after=_number(steps_after), limit=_STEPS + 1)
    told, last_step = _cut(steps, _STEPS, lambda step: step[0])
    values = incident_values(session, row.id)
    products = {str(exposure["id"]): exposure["product"] for _, exposure in shown}
    return draw(
        "incident.html",
        visitor=visitor,
        now=now,
        incident=values,
        tally=tallies(session, [row.id], now=now).get(str(values["id"])),
        exposures=[exposure | {"clocks": clocks_of(exposure, now=now)} for _, exposure in shown],
        steps=[step for _, step in told],
        products=products,
        following=_address(f"/incidents/{values['id']}", after=last),
        steps_following=_address(f"/incidents/{values['id']}", steps_after=last_step),
    )


@router.get("/products")
def products(session: Read, visitor: Reader, after: After = "") -> Response:
    """List products."""
    rows = list_products(session, after=after, limit=_PRODUCTS + 1)
    shown, last = _cut(rows, _PRODUCTS, lambda product: product.slug)
    return draw(
        "products.html",
        visitor=visitor,
        products=shown,
        teams=_owners(session, shown),
        fallback=FALLBACK_TEAM,
        following=_address("/products", after=last),
    )


@router.get("/products/{slug}")
def product(slug: str, session: Read, now: Now, visitor: Reader) -> Response:
    """Show one product: its streams, its newest uploads, what it is exposed to."""
    row = find_product(session, slug)
    exposures = list_exposures(session, product_id=row.id, limit=_EXPOSURES) if visitor.may("read_incidents") else []
    numbers = {number_of(str(values["incident"]), "INC") for _, values in exposures}
    about = {str(values["id"]): values for values in incidents_as_values(session, numbers).values()}
    uploads = list_uploads(session, row.id, limit=_UPLOADS)
    return draw(
        "product.html",
        visitor=visitor,
        now=now,
        product=row,
        team=_owners(session, [row]).get(row.team_id or 0),
        fallback=FALLBACK_TEAM,
        streams=list_streams(session, row.id),
        uploads=uploads,
        quality={upload.id: shown(upload.quality) for upload, _ in uploads},
        conformance=conformances(session, (upload.document_id for upload, _ in uploads)),
        exposures=[values | {"clocks": clocks_of(values, now=now)} for _, values in exposures],
        incidents=about,
    )


def _owners(session: ReadSession, rows: Sequence[Product]) -> dict[int, str]:
    return team_names(session, (row.team_id for row in rows if row.team_id is not None))


def _cut(rows: Sequence[Row], limit: int, position: Callable[[Row], str | int]) -> tuple[Sequence[Row], str]:
    """Divide rows, of which one more than *limit* was asked for, into the page and the place of its last row."""
    if len(rows) <= limit:
        return rows, ""
    return rows[:limit], str(position(rows[limit - 1]))


def _address(path: str, **query: str) -> str:
    """Write the address of the next page; '' where there is none."""
    given = {name: value for name, value in query.items() if value}
    place = {name for name in given if name.endswith("after")}
    return f"{path}?{urlencode(given)}" if place else ""


def _number(after: str) -> int:
    return int(after) if after.isascii() and after.isdigit() and len(after) < len(str(2**63)) else 0


def _position(values: list[Any] | None) -> Position:
    if values is None:
        raise _LostPlace
    place, product_slug, stream, component, from_us, release = values
    return place, product_slug, stream, component, from_us, release


class _LostPlace(Unreadable):
    """The place in this list is not one of ours; start anew."""

    slug = "bad-cursor"
