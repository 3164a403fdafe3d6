"""``/v1/vex``: what we state about vulnerabilities in our products, out; what others state whom we believe, in."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from service.access.roles import Actor
from service.api.bodies import receive
from service.api.deps import (
    Configured,
    Id,
    Listing,
    Now,
    Primary,
    Read,
    listing,
    may,
)
from service.api.problems import problems
from service.api.recording import exports
from service.api.schemas import Answer, Page
from service.flows.vex_hearing import hear
from service.flows.vex_telling import About, tell
from service.incidents.vex.reading import LARGEST_BYTES
from service.incidents.vex.statements import Format, Publisher
from service.incidents.vex_documents import content_of, find_document, list_documents
from service.incidents.vex_models import VexDocument
from service.settings import Settings

router = APIRouter(prefix="/v1", tags=["vex"])

MayManage = Annotated[Actor, Depends(may("manage_rules"))]
MayRead = Annotated[Actor, Depends(may("read_incidents"))]

_MEDIA = {
    Format.OPENVEX: "application/json",
    Format.CYCLONEDX: "application/vnd.cyclonedx+json",
    Format.CSAF: "application/json",
}
_ENDINGS = {Format.OPENVEX: "openvex.json", Format.CYCLONEDX: "cdx.json", Format.CSAF: "csaf.json"}
_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {media: {} for media in dict.fromkeys(_MEDIA.values())}},
    304: {"description": "It is what you have."},
}
_BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
_ANY = {"schema": {"type": "object", "additionalProperties": True}}
_BODY = {"requestBody": {"required": True, "content": {"application/json": _ANY, "application/xml": {"schema": {}}}}}

Reason = Literal[
    "untrusted_source",
    "not_signed",
    "beyond_trust",
    "older_than_known",
    "unknown_vulnerability",
    "unknown_product",
    "no_component",
    "component_not_in_field",
    "version_outside",
    "no_exposure",
    "contradictory",
    "partly_covered",
    "no_justification",
    "several_justifications",
    "nothing_to_do",
    "refused",
]
Outcome = Literal["applied", "noted", "ignored"]


class VexExposureOut(Answer):
    """What a statement did to one exposure."""

    exposure: str
    outcome: Outcome = Field(description="`noted`: it stands in the timeline and in `assessment`, and decides nothing")
    status: str = Field(description="the exposure's, afterwards")
    reason: Reason | None
    detail: str | None


class VexIgnoredOut(Answer):
    """Why part of a statement did nothing."""

    reason: Reason
    detail: str


class VexResultOut(Answer):
    """What came of one statement."""

    statement: str = Field(description="where it stands in the document, as a JSON pointer")
    vulnerability: str
    status: Literal["under_investigation", "affected", "fixed", "not_affected", "retracted"]
    outcome: Outcome
    exposures: list[VexExposureOut]
    ignored: list[VexIgnoredOut] = Field(description="what of it is bound to nothing here, 100 at most")
    ignored_count: int


class VexHeardOut(Answer):
    """What came of a document."""

    id: int | None = Field(description="ours, under which its bytes are kept; null after a dry run")
    format: Format
    author: str = Field(description="who says so, by the document's own word")
    document: str = Field(description="the document's own id")
    version: str
    signed_by: list[str] = Field(description="names of the configured keys that signed it")
    dry_run: bool
    applied: int
    noted: int
    ignored: int
    statements: list[VexResultOut]


class VexDocumentOut(Answer):
    """A document that came."""

    id: int
    sha256: str
    format: Format
    author: str
    document: str
    version: str
    issued_at: datetime | None
    signed_by: list[str]
    received_at: datetime
    received_by: str = Field(description="whose key brought it, which need not be the author's")
    heard: bool = Field(description="its author was believed")


class VexDocumentInFull(VexDocumentOut):
    """A document, and what came of each of its statements when it last did something."""

    statements: list[VexResultOut]


class VexDocumentPage(Page[VexDocumentOut]):
    """Documents, the last received first."""


@router.get(
    "/vex/{product}",
    dependencies=[Depends(exports("vex"))],
    response_class=Response,
    responses=_DOCUMENT | problems(404, 409),
)
def show(
    product: str,
    engine: Primary,
    actor: MayRead,
    settings: Configured,
    now: Now,
    form: Annotated[Format, Query(alias="format")] = Format.OPENVEX,
    stream: Annotated[str | None, Query(description="only as this stream has it now; absent: all in the field")] = None,
    version: Annotated[str | None, Query(description="only as this supported release has it")] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """State what stands about a product's vulnerabilities.

    The same state is the same document, byte for byte; its version rises only when statements change. What is under
    embargo is in it only for keys that may see it.
    """
    about = About(product, stream, version)
    content = tell(engine, about, form, publisher=_publisher(settings), base=_base(settings), actor=actor, now=now)
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    if if_none_match is not None and tag in [one.strip().removeprefix("W/") for one in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "-" for sign in product)
    headers["Content-Disposition"] = f'attachment; filename="{name}.{_ENDINGS[form]}"'
    return Response(content, media_type=_MEDIA[form], headers=headers)


@router.post("/vex", response_model=VexHeardOut, responses=problems(413, 415, 422), openapi_extra=_BODY)
async def bring(
    request: Request,
    engine: Primary,
    settings: Configured,
    actor: MayManage,
    now: Now,
    dry_run: Annotated[bool, Query(description="only say what would come of it")] = False,  # noqa: FBT002
) -> dict[str, Any]:
    """Take in OpenVEX, CSAF 2.0 or CycloneDX (JSON, XML), alone or in a signed envelope; it is told by its content.

    Only authors of `/v1/vex-sources` are believed, and only about components that the document names by purl. What is
    not affected is decided so, for that package and those versions; `fixed` claims a fix and no more; anything else
    stands in the timeline.
    """
    with await receive(request, max_bytes=LARGEST_BYTES) as parcel:
        data = parcel.data()
    heard = await run_in_threadpool(
        hear,
        engine,
        data,
        trusted=request.app.state.trusted,
        base=_base(settings),
        actor=actor,
        now=now,
        dry_run=dry_run,
    )
    claims = heard.received.claims
    outcomes = [one["outcome"] for one in heard.results]
    return {
        "id": heard.row_id,
        "format": claims.format,
        "author": claims.author,
        "document": heard.document_id,
        "version": claims.version,
        "signed_by": list(heard.received.signed_by),
        "dry_run": dry_run,
        **{name: outcomes.count(name) for name in ("applied", "noted", "ignored")},
        "statements": heard.results,
    }


@router.get("/vex-documents", dependencies=[Depends(may("manage_rules"))])
def documents(session: Read, place: Annotated[Listing, Depends(listing("vex documents"))]) -> VexDocumentPage:
    """List the documents that came, the last received first."""
    rows = list_documents(session, before=place.after(None), limit=place.limit + 1)
    page, following = place.cut(rows, lambda row: row.id)
    return VexDocumentPage(items=[VexDocumentOut(**_document(row)) for row in page], next=following)


@router.get("/vex-documents/{document}", dependencies=[Depends(may("manage_rules"))], responses=problems(404))
def document(document: Id, session: Read) -> VexDocumentInFull:
    """Give a document's record, and what came of each statement."""
    row = find_document(session, document)
    return VexDocumentInFull.model_validate({**_document(row), "statements": row.result})


@router.get(
    "/vex-documents/{document}/content",
    dependencies=[Depends(may("manage_rules")), Depends(exports("vex"))],
    response_class=Response,
    responses=_BYTES | problems(404),
)
def content(document: Id, session: Read) -> Response:
    """Give the bytes as they came."""
    row = find_document(session, document)
    headers = {"Content-Disposition": f'attachment; filename="vex-{row.id}"', "X-Content-Type-Options": "nosniff"}
    return Response(content_of(row), media_type="application/octet-stream", headers=headers)


def _document(row: VexDocument) -> dict[str, Any]:
    kept = ("id", "format", "author", "version", "issued_at", "signed_by", "received_at", "received_by", "heard")
    return {name: getattr(row, name) for name in kept} | {"document": row.document_id, "sha256": row.sha256.hex()}


def _base(settings: Settings) -> str:
    """Give the address that documents are known by: not the one that a request happens to use."""
    return (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")


def _publisher(settings: Settings) -> Publisher:
    base = _base(settings)
    return Publisher(settings.organisation or urlsplit(base).hostname or "muster", base)
