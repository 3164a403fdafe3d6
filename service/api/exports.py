"""Out again: what a stream contained, as CycloneDX or SPDX. The original bytes are at ``/v1/sboms/{id}/document``."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.api.deps import Id, Now, Read, Source, Write, may
from service.api.problems import problems
from service.api.recording import exports
from service.api.schemas import Answer, Body, Instant
from service.clock import from_micros
from service.db import ReadSession
from service.errors import Unreadable
from service.flows.exporting import View, content_of, export_at_once, find_export, request_export
from service.inventory.models import Export, Product, Stream
from service.sbom.export import ExportFormat

router = APIRouter(tags=["exports"])

_DOCUMENT: dict[int | str, dict[str, object]] = {
    200: {"content": {one: {} for one in dict.fromkeys(form.media_type for form in ExportFormat)}}
}


class ExportIn(Body):
    """What to export."""

    stream: str | None = Field(None, description="absent: `main`, or the release's")
    release: str | None = None
    # JSON has no times and no enumerations of its own, so strictness would refuse every text.
    as_of: Instant | None = Field(None, strict=False, description="absent: now")
    format: ExportFormat = Field(ExportFormat.CYCLONEDX_1_6_JSON, strict=False)


class ExportOut(Answer):
    """An export: being written, to be fetched, or failed."""

    id: int
    product: str
    stream: str
    as_of: datetime | None
    format: str
    state: Literal["waiting", "done", "failed"]
    detail: str | None = Field(description="why it failed")
    components: int
    size_bytes: int | None
    document: str = Field(description="where the document is, once it is done")
    requested_at: datetime
    finished_at: datetime | None


@router.get(
    "/v1/products/{product}/sbom",
    dependencies=[Depends(may("read")), Depends(exports("sbom"))],
    responses=_DOCUMENT | problems(404, 409, 413),
    response_class=Response,
)
def at_once(
    product: str,
    engine: Source,
    now: Now,
    stream: Annotated[str | None, Query(description="absent: `main`, or the release's")] = None,
    release: Annotated[str | None, Query(description="what was uploaded under this label")] = None,
    as_of: Annotated[Instant | None, Query(description="what the stream contained then; absent: now")] = None,
    format: ExportFormat = ExportFormat.CYCLONEDX_1_6_JSON,  # noqa: A002 - the parameter's name
) -> Response:
    """Give our merged view of a stream as a document; from 5,000 components on, ask for an export instead."""
    view = _view(product, stream, release, as_of)
    content = export_at_once(engine, view, format, now=now)
    return _document(content, format, product)


@router.post(
    "/v1/products/{product}/exports",
    status_code=202,
    dependencies=[Depends(may("read"))],
    responses=problems(404, 409),
)
def create(
    product: str,
    body: ExportIn,
    request: Request,
    response: Response,
    session: Write,
    actor: Annotated[Actor, Depends(may("read"))],
    now: Now,
) -> ExportOut:
    """Have a view of any size written; `GET /v1/exports/{id}` tells when it is done."""
    view = _view(product, body.stream, body.release, body.as_of)
    export = request_export(session, view, body.format, actor=actor.name, now=now)
    audit.record(session, actor, "export.request", product, body.model_dump(mode="json", exclude_none=True), now=now)
    request.app.state.ask_for_export(session, export.id, now)
    response.headers["Location"] = f"/v1/exports/{export.id}"
    return _shape(session, export)


@router.get("/v1/exports/{export}", dependencies=[Depends(may("read"))], responses=problems(404))
def show(export: Id, session: Read) -> ExportOut:
    """Tell how far an export is."""
    return _shape(session, find_export(session, export))


@router.get(
    "/v1/exports/{export}/document",
    dependencies=[Depends(may("read")), Depends(exports("sbom"))],
    responses=_DOCUMENT | problems(404, 409),
    response_class=Response,
)
def document(export: Id, session: Read) -> Response:
    """Give the document that was written."""
    row = find_export(session, export)
    product = session.get_one(Product, session.get_one(Stream, row.stream_id).product_id)
    return _document(content_of(row), ExportFormat(row.format), product.slug)


def _view(product: str, stream: str | None, release: str | None, as_of: datetime | None) -> View:
    if as_of is not None and as_of.tzinfo is None:
        raise Unreadable("as_of= needs a time zone: 2024-03-29T15:38:00Z.")
    if as_of is not None and release is not None:
        raise Unreadable("A release is at one time; leave out as_of= or release=.")
    return View(product, stream, release, as_of)


def _document(content: bytes, form: ExportFormat, name: str) -> Response:
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "-" for sign in name)
    return Response(
        content,
        media_type=form.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{safe}.{form.ending}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def _shape(session: ReadSession, export: Export) -> ExportOut:
    stream = session.get_one(Stream, export.stream_id)
    return ExportOut(
        id=export.id,
        product=session.get_one(Product, stream.product_id).slug,
        stream=stream.name,
        as_of=from_micros(export.at_us),
        format=export.format,
        state=export.state,  # type: ignore[arg-type]  # the table's check says so
        detail=export.detail,
        components=export.component_count,
        size_bytes=export.size_bytes,
        document=f"/v1/exports/{export.id}/document",
        requested_at=export.requested_at,
        finished_at=export.finished_at,
    )
