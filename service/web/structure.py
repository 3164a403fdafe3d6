"""The pages of one product's structure: what changed between two SBOMs, and how a component came in."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from service.access.seals import Seals
from service.errors import Unreadable
from service.flows.comparing import compare, sides_named
from service.inventory.candidates import find_candidates
from service.inventory.diff import BEGINNING, KINDS, Change, relations_on
from service.inventory.diff import Position as PlaceInDiff
from service.inventory.paths import BEGINNING as FIRST_WAY
from service.inventory.paths import Position as PlaceOfWay
from service.inventory.paths import uses_in, ways_of
from service.inventory.products import find_product
from service.inventory.question import Question, ask
from service.inventory.snapshots import snapshots_at
from service.web.asking import Now, PageRoute, Read, Reader
from service.web.drawing import draw

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_CHANGES, _FINDINGS, _WAYS, _PATHS = 200, 100, 50, 5

#: Which changes a page can be narrowed to, and what it calls them.
_SHOWN = {
    "": "Everything",
    "added": "Added",
    "removed": "Removed",
    "upgrade": "Upgrades",
    "downgrade": "Downgrades",
    "licence": "Licences",
}

After = Annotated[str, Query(max_length=2000)]
Text = Annotated[str, Query(max_length=1000)]


@router.get("/products/{slug}/diff")
def diff(
    slug: str,
    request: Request,
    session: Read,
    now: Now,
    visitor: Reader,
    before: Annotated[str, Query(alias="from", max_length=500)] = "",
    after: Annotated[str, Query(alias="to", max_length=500)] = "",
    show: str = "",
    place: Annotated[str, Query(alias="after", max_length=2000)] = "",
) -> Response:
    """Show what changed between two SBOMs."""
    product = find_product(session, slug)
    older, newer = sides_named(session, product, before.strip(), after.strip())
    seals: Seals = request.app.state.seals
    start = _place_in_diff(seals, place, now) if place else BEGINNING
    compared = compare(session, older, newer, with_findings=not place)
    kind = show if show in KINDS else ""
    wanted = [one for one in compared.diff.changes if not kind or one.is_about(kind)]
    rest = [one for one in wanted if one.position > start]
    shown = rest[:_CHANGES]
    asked = {"from": before, "to": after}
    return draw(
        "diff.html",
        visitor=visitor,
        product=product,
        asked=asked,
        older=older,
        newer=newer,
        compared=compared,
        most=_FINDINGS,
        wanted=len(wanted),
        show=kind,
        tabs={key: (words, _address(slug, "diff", **asked, show=key)) for key, words in _SHOWN.items()},
        changes=list(zip(shown, relations_on(session, compared.diff, shown), strict=True)),
        is_first=not place,
        following=_after(seals, slug, {**asked, "show": kind}, shown) if len(rest) > len(shown) else "",
    )


def _after(seals: Seals, slug: str, asked: dict[str, str], shown: list[Change]) -> str:
    return _address(slug, "diff", **asked, after=seals.seal("diff", *shown[-1].position))


@router.get("/products/{slug}/paths")
def paths(
    slug: str,
    request: Request,
    session: Read,
    now: Now,
    visitor: Reader,
    purl: Text = "",
    sbom: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    after: After = "",
) -> Response:
    """Show how a component came in."""
    product = find_product(session, slug)
    candidates = find_candidates(session, _asked(purl.strip()))
    snapshots = snapshots_at(session, product, upload_id=sbom)
    used = uses_in(session, snapshots, {one.component_id: int(one.place) for one in candidates.meant})
    seals: Seals = request.app.state.seals
    start = _place_of_way(seals, after, now) if after else FIRST_WAY
    rest = [one for one in used if one.position > start]
    shown = rest[:_WAYS]
    following = ""
    if len(rest) > len(shown):
        asked = {"purl": purl, "sbom": str(sbom or ""), "after": seals.seal("paths", *shown[-1].position)}
        following = _address(slug, "paths", **asked)
    return draw(
        "paths.html",
        visitor=visitor,
        product=product,
        purl=purl,
        sbom=sbom,
        ways=ways_of(session, shown, most=_PATHS),
        following=following,
    )


def _asked(text: str) -> Question:
    return ask(purl=text) if text.lower().startswith("pkg:") else ask(name=text)


def _address(slug: str, page: str, **query: str) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"/products/{slug}/{page}" + (f"?{urlencode(given)}" if given else "")


def _place_in_diff(seals: Seals, sealed: str, now: datetime) -> PlaceInDiff:
    kind, name, before, after = _opened(seals, "diff", sealed, now)
    return kind, name, before, after


def _place_of_way(seals: Seals, sealed: str, now: datetime) -> PlaceOfWay:
    rank, stream, release, component = _opened(seals, "paths", sealed, now)
    return rank, stream, release, component


def _opened(seals: Seals, purpose: str, sealed: str, now: datetime) -> list[Any]:
    values = seals.open(purpose, sealed, now=now)
    if values is None:
        raise Unreadable("The place in this list is not one of ours; start anew.")
    return values
