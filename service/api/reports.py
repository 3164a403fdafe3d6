"""``/v1/incidents/{id}/report``: what happened, for whoever was not there, and what proves it."""

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Response

from service.access.roles import Actor
from service.api.deps import Read, may
from service.api.problems import problems
from service.api.recording import exports
from service.api.schemas import Instant
from service.errors import Forbidden, Unreadable
from service.incidents.listing import find_incident
from service.incidents.report import report_of
from service.incidents.report_writing import as_html, as_markdown

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

Format = Literal["json", "md", "html"]

_MEDIA = {"json": "application/json", "md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8"}
#: The page stands alone: nothing is loaded, nothing runs, nothing is sent.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_CONTENT: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/json": {}, "text/markdown": {}, "text/html": {}}}
}


@router.get(
    "/{incident}/report",
    dependencies=[Depends(exports("report"))],
    response_class=Response,
    responses=problems(404) | _CONTENT,
)
def report(
    incident: str,
    session: Read,
    actor: Annotated[Actor, Depends(may("read_incidents"))],
    form: Annotated[Format, Query(alias="format")] = "json",
    since: Annotated[Instant | None, Query(description="of the list for forensics: what was in use after that")] = None,
) -> Response:
    """Report on an incident: timeline, decisions, clocks, who was told, exposures with their proof, numbers.

    The same state gives the same bytes; the ETag is their content's digest. That it was taken is recorded.
    """
    if since is not None and since.tzinfo is None:
        raise Unreadable("since= needs a time zone: 2024-02-24T00:00:00Z.")
    row = find_incident(session, incident)
    if row.restricted and not actor.may("declare"):
        raise Forbidden("Under embargo the CERT alone takes reports: they tell what every team does.")
    made = report_of(session, row, since=since)
    headers = {**_HEADERS, "ETag": f'"{made["digest"].removeprefix("sha256:")}"'}
    return Response(_written(made, form), media_type=_MEDIA[form], headers=headers)


def _written(made: dict[str, object], form: Format) -> bytes:
    if form == "json":
        return orjson.dumps(made, option=orjson.OPT_SORT_KEYS)
    return (as_markdown if form == "md" else as_html)(made).encode()
