"""``/v1/products/{product}/sboms`` and ``/v1/sboms``: one call per build, answered at once with what is affected."""

from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from service.access.roles import Actor
from service.access.visits import note_recorded
from service.api.bodies import receive
from service.api.deps import Configured, CurrentActor, Id, Listing, Now, Primary, Read, Write, listing, may
from service.api.known import KnownOut
from service.api.problems import problems
from service.api.recording import exports
from service.api.schemas import Answer, Instant, Page, Reason
from service.db import ReadSession
from service.errors import Conflict, NotFound, Unreadable
from service.flows.answering import Gate, Receipt, record_values, upload_values
from service.flows.checking import conformance_of
from service.flows.receiving import Request as Delivery
from service.flows.receiving import void_upload
from service.flows.receiving_apart import receive_parcel
from service.inventory.documents import bytes_of
from service.inventory.history import document_facts, list_uploads
from service.inventory.models import Product, Stream, Upload
from service.inventory.products import DEFAULT_STREAM, find_product
from service.inventory.uploads import find_upload
from service.sbom.quality import shown

router = APIRouter(tags=["sboms"])

Severity = Literal["critical", "high", "medium", "low"]
#: A feed is believed for so many of its syncs.
_SYNCS_TO_BELIEVE = 4


class AttestedOut(Answer):
    """What a statement is about."""

    name: str
    digest: str = Field(description="algorithm and value: sha256:…")


class SignerOut(Answer):
    """Who signed, by the envelope's own word."""

    key_id: str
    identity: str = Field(description="of the certificate, unproven")
    issuer: str = Field(description="who vouched for the identity, unproven")


class EnvelopeOut(Answer):
    """What was around the SBOM."""

    kind: Literal["dsse", "sigstore-bundle", "in-toto-statement", "wrapper"]
    payload_sha256: str
    payload_type: str
    predicate_type: str
    subjects: list[AttestedOut]
    signers: list[SignerOut]
    verification: Literal["unverified", "verified", "failed"] = Field(description="with the configured keys")
    verified_by: list[str] = Field(description="names of the configured keys that signed it")


class SbomOut(Answer):
    """The document itself."""

    id: int
    sha256: str
    format: str
    spec_version: str
    size_bytes: int
    received_at: datetime
    tool: str
    envelope: EnvelopeOut | None


class ComponentCounts(Answer):
    """How many components, and how many nobody can identify."""

    total: int = Field(description="distinct ones")
    listed: int = Field(description="entries of the document; the same component may be listed several times")
    added: int
    removed: int
    unidentified: int


class WarningOut(Answer):
    """Something odd that was read anyway."""

    code: str
    count: int
    first: str = Field(description="JSON pointer or line of the first, inside of an envelope if there is one")


class VoidedOut(Answer):
    """When and why an upload was taken back."""

    at: datetime
    reason: str


class UploadOut(Answer):
    """An upload's record."""

    sbom: SbomOut
    product: str
    stream: str
    version: str | None
    sequence: int
    at: datetime
    late: bool = Field(description="a newer SBOM was here already")
    voided: VoidedOut | None
    components: ComponentCounts
    warnings: list[WarningOut]


class FindingOut(KnownOut):
    """One component with one vulnerability, however many advisories say so."""

    new: bool


class StepOut(Answer):
    """An exposure that this upload ended, or that it could not end."""

    incident: str
    exposure: str
    vulnerability: str
    reason: str


class UnevaluatedOut(Answer):
    """A component about which no advisory can be matched with certainty."""

    purl: str
    name: str
    version: str
    reason: str
    sentence: str = Field(description="the reason for people")


class ElementOut(Answer):
    """One thing a profile asks for, and how many of the components (or whether the document) have it."""

    element: str
    required: bool
    present: int
    of: int = Field(description="components listed; 1 where it is about the document")


class ProfileOut(Answer):
    """A published list of what SBOMs have to say."""

    met: bool = Field(description="every required element is there, for every component")
    score: int = Field(description="0 to 100: the mean share of its required elements, rounded down")
    elements: list[ElementOut]


class AdviceOut(Answer):
    """What to change in the build."""

    element: str
    change: str
    gains: dict[str, int] = Field(description="points of `score` and of each profile's score")


class QualityOut(Answer):
    """How complete the SBOM is: information, never a gate."""

    score: int = Field(description="0 to 100: the mean share of name, version, identifier... `missing` counts")
    missing: dict[str, int] = Field(description="components that lack a field; 1 for what the document itself lacks")
    profiles: dict[str, ProfileOut] = Field(
        description="ntia, cisa-2025, bsi-tr-03183; empty for uploads from before they were counted"
    )
    advice: list[AdviceOut] = Field(description="the most gainful first, six at most")


class FaultOut(Answer):
    """What a schema objects to."""

    pointer: str = Field(description="JSON pointer, line or SPDX id; empty for the whole document")
    message: str


class ConformanceOut(Answer):
    """What the schema of its format says of a document: information, never a gate."""

    verdict: Literal["valid", "invalid", "unchecked"]
    checked_by: str
    schema_: str = Field(alias="schema")
    error_count: int | None = Field(description="null where nobody could count")
    first: list[FaultOut] = Field(description="five at most")
    reason: str = Field(description="why it is unchecked, or uncounted")


class RecordOut(UploadOut):
    """An upload's record, with what is known of its document."""

    quality: QualityOut
    conformance: ConformanceOut | None = Field(description="null until it was checked, within minutes")


class ReceiptOut(UploadOut):
    """The answer to an upload."""

    duplicate: bool
    verdict: Literal["pass", "fail", "unknown"]
    gate: str
    findings: list[FindingOut]
    resolved: list[StepOut]
    held: list[StepOut]
    unevaluated: list[UnevaluatedOut]
    missing_feeds: list[str] = Field(description="ecosystems whose advisories were never loaded, or are stale")
    rekeying: bool = Field(description="after an upgrade, what is stored is being read again; the answer may change")
    quality: QualityOut
    next: str | None


class GateSaidNo(Conflict):
    """The SBOM is stored, and the gate says no."""

    slug = "gate-failed"


@router.post(
    "/v1/products/{product}/sboms",
    status_code=201,
    response_model=ReceiptOut,
    responses={200: {"model": ReceiptOut, "description": "nothing new"}, **problems(404, 409, 413, 415)},
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
async def upload(
    product: str,
    request: Request,
    actor: Annotated[Actor, Depends(may("upload"))],
    now: Now,
    settings: Configured,
    *,
    stream: str = DEFAULT_STREAM,
    version: Annotated[str | None, Query(min_length=1, max_length=200, description="makes it a release")] = None,
    at: Annotated[Instant | None, Query(description="when it became true; absent: now")] = None,
    preview: Annotated[bool, Query(description="a branch or pull request")] = False,
    gate: Annotated[Severity, Query(description="the verdict is fail from this severity on")] = "high",
    on_fail: Annotated[Literal["200", "409"], Query(description="status when the gate says no")] = "200",
    replaces: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="the SBOM that this one corrects")] = None,
) -> Response:
    """Take in one SBOM in any format, as it is, and say what is affected."""
    if at is not None and at.tzinfo is None:
        raise Unreadable("at= needs a time zone: 2024-03-29T15:38:00Z.")
    parcel = await receive(request, max_bytes=settings.max_upload_bytes)
    delivery = Delivery(
        product=product,
        actor=actor.name,
        stream=stream,
        version=version,
        at=at,
        preview=preview,
        replaces=replaces,
        gate=Gate(gate, fresh_within=settings.sync_every * _SYNCS_TO_BELIEVE),
        products=actor.products,
        trusted=request.app.state.trusted,
        by=actor,
    )
    with parcel:
        engine = request.app.state.engine
        receipt: Receipt = await run_in_threadpool(receive_parcel, engine, parcel, delivery, now=now)
    if receipt.created:
        note_recorded(request.scope)  # in a process of its own, perhaps
    if receipt.verdict == "fail" and on_fail == "409":
        same_fields = ReceiptOut.model_validate(receipt.values).model_dump(mode="json")
        raise GateSaidNo(f"Findings at or above {gate} are undecided. The SBOM is stored.", **same_fields)
    # Written as it is: validating a thousand findings again costs more than finding them. A test holds the shape.
    return Response(
        orjson.dumps(receipt.values, option=orjson.OPT_UTC_Z),
        status_code=201 if receipt.created else 200,
        media_type="application/json",
    )


class UploadPage(Page[UploadOut]):
    """Uploads, the last received first."""


@router.get("/v1/products/{product}/sboms", dependencies=[Depends(may("read"))], responses=problems(404))
def index(
    product: str,
    session: Read,
    place: Annotated[Listing, Depends(listing("sboms"))],
    stream: Annotated[str | None, Query(description="only this stream's")] = None,
) -> UploadPage:
    """List a product's uploads, the last received first; those taken back are marked."""
    row = find_product(session, product)
    rows = list_uploads(session, row.id, stream=stream, before=place.after(None), limit=place.limit + 1)
    page, following = place.cut(rows, lambda listed: listed[0].id)
    facts = document_facts(session, (upload.document_id for upload, _ in page))
    items = [record_values(row.slug, name, upload, facts[upload.document_id]) for upload, name in page]
    return UploadPage(items=[UploadOut.model_validate(item) for item in items], next=following)


@router.get("/v1/sboms/{sbom}", dependencies=[Depends(may("read_answer"))], responses=problems(404))
def show(sbom: Id, session: Read, actor: CurrentActor) -> RecordOut:
    """Give an upload's record."""
    return _shape(session, _visible(session, sbom, actor))


@router.get(
    "/v1/sboms/{sbom}/document",
    dependencies=[Depends(may("read")), Depends(exports("sbom"))],
    responses={200: {"content": {"application/octet-stream": {}}}, **problems(404)},
    response_class=Response,
)
def document(sbom: Id, session: Read, actor: CurrentActor) -> Response:
    """Give the bytes as they were received."""
    row = _visible(session, sbom, actor)
    return Response(
        bytes_of(session, row),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="sbom-{row.id}"', "X-Content-Type-Options": "nosniff"},
    )


@router.post("/v1/sboms/{sbom}:void", responses=problems(404, 409))
def take_back(
    sbom: Id,
    body: Reason,
    engine: Primary,
    session: Write,
    actor: Annotated[Actor, Depends(may("manage_products"))],
    now: Now,
) -> RecordOut:
    """Take an upload back: usage is cut anew, what it opened is withdrawn, what it closed is reopened."""
    if not body.reason.strip():
        raise Unreadable("Taking an SBOM back needs a reason.")
    void_upload(engine, sbom, reason=body.reason.strip(), actor=actor, now=now)
    return _shape(session, find_upload(session, sbom))


def _visible(session: ReadSession, sbom: int, actor: Actor) -> Upload:
    row = find_upload(session, sbom)
    if not actor.sees(session.get_one(Stream, row.stream_id).product_id):
        raise NotFound(f"There is no SBOM {sbom}.")
    return row


def _shape(session: ReadSession, row: Upload) -> RecordOut:
    stream = session.get_one(Stream, row.stream_id)
    product = session.get_one(Product, stream.product_id)
    values = upload_values(session, product, stream, row)
    known = {"quality": shown(row.quality), "conformance": conformance_of(session, row.document_id)}
    return RecordOut.model_validate(values | known)
