"""``/osv/v1``: questions, batches of them, records."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, NotRequired

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from typing_extensions import TypedDict

from service.access.seals import Seals
from service.compat.asking import Now, Read, Source, asks_only
from service.compat.osv.answers import Answering, Pages, answer_batch, answer_query, find_record
from service.compat.osv.callers import reads
from service.compat.osv.queries import MOST_QUERIES, read_batch, read_query
from service.compat.osv.wording import OsvRoute, refusals
from service.db import reading

router = APIRouter(prefix="/osv/v1", tags=["osv"], route_class=OsvRoute, dependencies=reads)

#: Scanners know no third answer beside affected and not; this header has one.
_UNEVALUATED = "X-Muster-Unevaluated"

Possible = Annotated[bool, Query(description="what is only possible, too; the records say so")]


class VulnsOut(TypedDict):
    """Full OSV records; without `vulns` where there are none."""

    vulns: NotRequired[list[dict[str, Any]]]
    next_page_token: NotRequired[str]


class VulnOut(TypedDict):
    """An advisory by its id."""

    id: str
    modified: str


class ResultOut(TypedDict):
    """The answer to one question of a batch."""

    vulns: NotRequired[list[VulnOut]]
    next_page_token: NotRequired[str]


class BatchOut(TypedDict):
    """Answers in the order of the questions."""

    results: list[ResultOut]


_QUERY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "package": {
            "type": "object",
            "properties": {
                "purl": {"type": "string", "description": "with or without version; instead of name and ecosystem"},
                "name": {"type": "string"},
                "ecosystem": {"type": "string", "description": "as OSV writes it: PyPI, Debian:13"},
            },
        },
        "version": {"type": "string", "description": "absent: every advisory of the package"},
        "commit": {"type": "string", "description": "taken, and not evaluated"},
        "page_token": {"type": "string", "description": "next_page_token of the answer before"},
    },
}
_BATCH: dict[str, Any] = {
    "type": "object",
    "properties": {"queries": {"type": "array", "maxItems": MOST_QUERIES, "items": _QUERY}},
}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_REFUSALS = refusals(_400="The question cannot be read", _413="The body is too large")


@router.post(
    "/query", dependencies=[asks_only], response_model=VulnsOut, responses=_REFUSALS, openapi_extra=_body(_QUERY)
)
async def query(request: Request, engine: Source, now: Now, *, possible: Possible = False) -> Response:
    """Give the records of what affects a package; a page ends after 1,000 records or 10 MB."""
    asked = await read_query(request.stream())
    pages = _pages(request, now)

    def answer() -> tuple[bytes, str]:
        with reading(engine) as session:
            return answer_query(Answering(session, pages, possible), asked)

    body, unevaluated = await run_in_threadpool(answer)
    return Response(body, media_type="application/json", headers=_unevaluated([unevaluated]))


@router.post(
    "/querybatch", dependencies=[asks_only], response_model=BatchOut, responses=_REFUSALS, openapi_extra=_body(_BATCH)
)
async def querybatch(request: Request, engine: Source, now: Now, *, possible: Possible = False) -> Response:
    """Give the ids of what affects up to 1,000 packages. One question that cannot be read fails all."""
    asked = await read_batch(request.stream())
    pages = _pages(request, now)

    def answer() -> tuple[dict[str, object], list[str]]:
        with reading(engine) as session:
            return answer_batch(Answering(session, pages, possible), asked)

    body, unevaluated = await run_in_threadpool(answer)
    return JSONResponse(body, headers=_unevaluated(unevaluated))


@router.get("/vulns/{id:path}", response_model=dict[str, Any], responses=refusals(_404="There is no such record"))
def record(id: str, session: Read) -> Response:  # noqa: A002 - as OSV names it
    """Give a record by its id, withdrawn ones too."""
    return Response(find_record(session, id), media_type="application/json")


def _pages(request: Request, now: datetime) -> Pages:
    return Pages(Seals(request.app.state.settings.secret_key.get_secret_value()), now)


def _unevaluated(reasons: Iterable[str]) -> dict[str, str]:
    counts = Counter(reason for reason in reasons if reason)
    return {_UNEVALUATED: ", ".join(f"{why}={count}" for why, count in sorted(counts.items()))} if counts else {}
