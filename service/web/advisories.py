"""The pages of what is known: an advisory and whom it hits, a product's findings, and why anything is said."""

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response

from service.access.seals import Seals
from service.advisories.reading import find_advisory, intervals_of, spoken_of
from service.advisories.reservations import reservations
from service.errors import Unreadable
from service.flows.explaining import Asked, explain
from service.flows.field_findings import findings_in_field
from service.flows.reach import reach_of
from service.incidents.listing import incidents_about
from service.inventory.products import find_product
from service.web.asking import Now, PageRoute, Read, Reader, Responder
from service.web.drawing import draw

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_FINDINGS, _INTERVALS = 100, 100

After = Annotated[str, Query(max_length=2000)]
Text = Annotated[str, Query(max_length=4000)]


@router.get("/advisories/{name}")
def advisory(name: str, session: Read, visitor: Responder) -> Response:
    """Show one advisory: what it names, whom it hits and hit, and what it nearly names."""
    row = find_advisory(session, name)
    spoken = spoken_of(session, row.id)
    return draw(
        "advisory.html",
        visitor=visitor,
        advisory=row,
        spoken=spoken,
        incidents=incidents_about(session, (one.vulnerability_id for one in spoken)),
        affected=intervals_of(session, row.id)[:_INTERVALS],
        reservations=reservations(row.record)[:_INTERVALS],
        reach=reach_of(session, row),
    )


@router.get("/advisories/{name}/explanation")
def explanation(name: str, session: Read, visitor: Reader, purl: Text = "", distro: Text = "") -> Response:
    """Show whether an advisory affects a package, and why, or why not."""
    page: dict[str, Any] = {"visitor": visitor, "name": name, "purl": purl, "distro": distro}
    if not purl.strip():
        return draw("explanation.html", **page, told=None, fault="")
    try:
        told = explain(session, Asked(purl.strip(), distro.strip()), name)
    except Unreadable as error:
        return draw("explanation.html", status=422, **page, told=None, fault=error.detail)
    return draw("explanation.html", **page, told=told, fault="")


@router.get("/products/{slug}/findings")
def findings(slug: str, request: Request, session: Read, now: Now, visitor: Reader, after: After = "") -> Response:
    """Show what is known of all that a product has in the field, the worst first, and why."""
    product = find_product(session, slug)
    seals: Seals = request.app.state.seals
    place: list[Any] = (seals.open("findings", after, now=now) or []) if after else []
    if after and not place:
        raise _LostPlace
    rows = findings_in_field(session, product.id, after=tuple(place), limit=_FINDINGS + 1)
    shown = rows[:_FINDINGS]
    following = ""
    if len(rows) > len(shown):
        query = urlencode({"after": seals.seal("findings", *shown[-1].rank)})
        following = f"/products/{quote(slug, safe='')}/findings?{query}"
    items = [one.as_values() for one in shown]
    return draw("findings.html", visitor=visitor, product=product, findings=items, following=following)


class _LostPlace(Unreadable):
    """The place in this list is not one of ours; start anew."""

    slug = "bad-cursor"
