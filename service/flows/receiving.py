"""An upload, from bytes to answer: parse, catalogue, usage, exposures; one request, two transactions.

The first transaction adds what all products share (document, components, their matches) and is harmless if left
behind. The second locks the stream and does the rest; what it commits is acknowledged, what is not acknowledged is not
there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256

from msgspec import structs
from sqlalchemy import Engine, exists, select, update

from service.access import audit
from service.access.roles import Actor, Role
from service.advisories.findings import EvidenceBook
from service.advisories.matching import match_components
from service.db import ReadSession, WriteSession
from service.errors import NotFound
from service.flows.answering import Gate, Outcome, Receipt, answer
from service.flows.private_names import hear_origins
from service.flows.settling import settle
from service.flows.traffic import hold_off_feeds, in_transaction
from service.incidents.assessing import Assessed, Cause, Question, assess
from service.incidents.presence import Absence
from service.incidents.reading import proved_by, vulnerabilities_touched
from service.inventory.catalogue import Resolved, resolve, resolve_all
from service.inventory.documents import store_documents, store_graphs
from service.inventory.graph import SUBJECT, Packed, pack
from service.inventory.life import hear_again, would_settle
from service.inventory.models import Product, Release, Stream, Upload
from service.inventory.products import (
    DEFAULT_STREAM,
    ensure_product,
    ensure_stream,
    find_product,
    lock_live_stream,
    lock_stream,
)
from service.inventory.releases import label_upload, supported_uploads, unlabel_upload
from service.inventory.slugs import slugify
from service.inventory.uploads import (
    Delivery,
    Placed,
    find_upload,
    newest_like,
    place,
    void,
)
from service.inventory.usage import contents
from service.sbom import TrustedKey, read
from service.sbom.document import Document


@dataclass(frozen=True)
class Request:
    """What comes with an SBOM.

    Attributes:
        product: Name or slug; made if missing.
        actor: Who sends it, for the record.
        stream: Which line of builds; made if missing.
        version: A label that makes the upload a release.
        at: When it became true; None = on receipt.
        preview: A branch or pull request: answered, but not in the field.
        replaces: Id of the upload that this one corrects.
        baseline: Part of a first import: what it finds is nobody's emergency yet.
        gate: When the verdict is `fail` or `unknown`.
        products: Ids of the products that the sender may touch; None = any, new ones too.
        trusted: Keys whose signatures on envelopes are believed; none: nothing is verified.
        by: Whose key it is, for the audit; None: `actor` is a part of the service.
    """

    product: str
    actor: str
    stream: str = DEFAULT_STREAM
    version: str | None = None
    at: datetime | None = None
    preview: bool = False
    replaces: int | None = None
    baseline: bool = False
    gate: Gate = field(default_factory=Gate)
    products: frozenset[int] | None = None
    trusted: tuple[TrustedKey, ...] = ()
    by: Actor | None = None


@dataclass(frozen=True)
class Shared:
    """What an upload has in common with all others that list the same.

    `unsettled` are advisories to be looked at again, in view of what documents say of where components came from.
    """

    document: Document
    document_id: int
    graph_id: int | None
    resolved: Resolved
    unsettled: frozenset[int] = frozenset()


def receive_upload(engine: Engine, data: bytes, request: Request, *, now: datetime) -> Receipt:
    """Take in one SBOM and say what is affected.

    Raises:
        Unreadable: It is no SBOM, or not a sound one; nothing is stored.
        TooLarge: It is over a limit; nothing is stored.
        Conflict: It contradicts what is stored; nothing changes.
        Busy: The database could not take it now; send it again.
    """
    repeated = in_transaction(engine, partial(_repeated, data=data, request=request, now=now))
    if repeated is not None:
        return repeated
    document = read(data, trusted=request.trusted)
    received = [(data, document)]
    unsettled: set[int] = set()
    for part in _parts(document):
        unsettled |= in_transaction(engine, partial(_introduce, part=part))
    (shared,) = in_transaction(engine, partial(share, received=received, now=now))
    unsettled |= shared.unsettled
    if unsettled:  # it says more of where components came from than was known, and that decides about some malware
        settle(engine, actor=request.actor, now=now, only=unsettled)
    return in_transaction(engine, partial(_apply, shared=shared, request=request, now=now))


#: Components that one transaction adds: a feed that waits for it, and whoever waits for the feed, wait seconds at most.
_INTRODUCED_AT_ONCE = 20_000


def _parts(document: Document) -> Iterator[Document]:
    """Divide a document that is too large for one transaction; the others need no such preparation."""
    count = len(document.components)
    if count > _INTRODUCED_AT_ONCE:
        for start in range(0, count, _INTRODUCED_AT_ONCE):
            some = document.components[start : start + _INTRODUCED_AT_ONCE]
            yield structs.replace(document, components=some, dependencies=())


def _introduce(session: WriteSession, part: Document) -> set[int]:
    hold_off_feeds(session)
    resolved = resolve(session, part)
    match_components(session, resolved.new)
    return hear_origins(session, resolved.heard)


def _repeated(session: WriteSession, data: bytes, request: Request, now: datetime) -> Receipt | None:
    """Answer at once, without reading the SBOM, where its stream's newest upload is of the same bytes and label."""
    found = repeats(session, data, request)
    if found is None:
        return None
    stream, upload = found
    if would_settle(stream, upload):
        return None  # the long way, which locks the stream and looks at its exposures
    hear_again(stream, upload, now=now)
    product = session.get_one(Product, stream.product_id)
    scopes = contents(session, stream.id, upload.at_us)
    nothing: frozenset[int] = frozenset()
    placed = Placed(upload, duplicate=True, added=nothing, removed=nothing, contents=frozenset(scopes), is_head=True)
    return answer(session, Outcome(product, stream, placed, scopes, Assessed()), request.gate, now=now)


def repeats(session: ReadSession, data: bytes, request: Request) -> tuple[Stream, Upload] | None:
    """Find the upload that a request would only repeat: its stream's newest, of the same bytes and label."""
    if request.at is not None or request.replaces is not None:
        return None
    product = session.scalar(select(Product).where(Product.slug == slugify(request.product)[0]))
    if product is None or not (request.products is None or product.id in request.products):
        return None
    found = newest_like(session, product.id, request.stream, sha256(data).digest(), request.version)
    return found if found and (found[0].kind == "preview") == request.preview else None


def share(session: WriteSession, received: Sequence[tuple[bytes, Document]], now: datetime) -> list[Shared]:
    """Put into the catalogue what documents list, and match what is new there. Harmless if left behind."""
    hold_off_feeds(session)
    document_ids = store_documents(session, received, now=now)
    documents = [document for _, document in received]
    resolved = resolve_all(session, documents)
    graph_ids = store_graphs(session, list(map(_graph, documents, resolved)))
    match_components(session, [id_ for each in resolved for id_ in each.new])
    unsettled = frozenset(hear_origins(session, {id_ for each in resolved for id_ in each.heard}))
    return [Shared(*each, unsettled) for each in zip(documents, document_ids, graph_ids, resolved, strict=True)]


def _graph(document: Document, resolved: Resolved) -> Packed | None:
    subject = document.subject.ref if document.subject else None
    ids = resolved.refs if subject is None else {**resolved.refs, subject: SUBJECT}
    edges = {(ids[above], ids[below]) for above, below in document.dependencies if above in ids and below in ids}
    if not edges:
        return None
    nodes = [SUBJECT, *sorted({node for edge in edges for node in edge} - {SUBJECT})]
    position = {node: index for index, node in enumerate(nodes)}
    return pack(nodes, ((position[above], position[below]) for above, below in edges))


def _apply(session: WriteSession, shared: Shared, request: Request, now: datetime) -> Receipt:
    hold_off_feeds(session)
    arrival = arrive(session, shared, request, now)
    placed, book = arrival.placed, EvidenceBook(session)
    book.look_up(placed.contents | arrival.changed)
    cause = Cause(
        actor=request.actor,
        at=now,
        baseline=frozenset([arrival.product.id]) if arrival.baseline else frozenset(),
        unproved=frozenset(arrival.unproved),
        evidence={"sbom": placed.upload.id, "stream": arrival.stream.name},
    )
    assessed = Assessed()
    if arrival.in_field:
        unproved = arrival.unproved.values()
        assessed = reassess_product(session, arrival.product.id, arrival.changed, cause, book, unproved)
    known = shared.resolved.components.values()
    outcome = Outcome(
        product=arrival.product,
        stream=arrival.stream,
        placed=placed,
        scopes={component.id: component.scope for component in known},
        assessed=assessed,
        unevaluated=frozenset(component.id for component in known if component.unevaluated),
    )
    return answer(session, outcome, request.gate, book=book, now=now)


@dataclass(frozen=True)
class Arrival:
    """An upload in its place.

    Attributes:
        product: Whose it is.
        stream: Where it went.
        placed: What that changed in the stream.
        in_field: It touches what is in the field, if only by confirming what an upload before it left in doubt.
        changed: The components that came to or left the field with it.
        baseline: What it finds was there before anybody looked.
        unproved: The exposures that the upload before its correction had proved clean: id to vulnerability.
    """

    product: Product
    stream: Stream
    placed: Placed
    in_field: bool
    changed: frozenset[int]
    baseline: bool
    unproved: Mapping[int, int]


def arrive(session: WriteSession, shared: Shared, request: Request, now: datetime) -> Arrival:
    """Put one upload into its product and stream; exposures are the caller's to bring up to date."""
    product = _product(session, request, now)
    stream = ensure_stream(session, product.id, request.stream, preview=request.preview, now=now)
    stream = lock_live_stream(session, stream.id)
    is_first = not _has_uploads(session, product)
    delivery = Delivery(
        document_id=shared.document_id,
        graph_id=shared.graph_id,
        at=request.at,
        version_label=request.version,
        replaces=request.replaces,
        actor=request.actor,
        received_at=now,
    )
    placed = place(session, stream, shared.document, shared.resolved, delivery)
    relabelled = frozenset() if placed.duplicate else _label(session, stream, placed, request)
    if not placed.duplicate:
        _record(session, request, product, stream, placed, now)
    changed = relabelled | (placed.changed if placed.is_head else frozenset())
    says_more = placed.settles or (not placed.duplicate and (placed.is_head or bool(relabelled)))
    in_field = stream.kind == "tracked" and says_more
    unproved = proved_by(session, product.id, request.replaces) if request.replaces is not None else {}
    return Arrival(product, stream, placed, in_field, changed, baseline=is_first or request.baseline, unproved=unproved)


def _record(
    session: WriteSession, request: Request, product: Product, stream: Stream, placed: Placed, now: datetime
) -> None:
    by = request.by or Actor(request.actor, Role.UPLOADER)
    said = {"product": product.slug, "stream": stream.name, "version": request.version, "replaces": request.replaces}
    detail = {name: value for name, value in said.items() if value is not None}
    audit.record(session, by, "sbom.upload", f"sbom {placed.upload.id}", detail, now=now)


def _product(session: WriteSession, request: Request, now: datetime) -> Product:
    if request.products is None:
        return ensure_product(session, request.product, now=now)
    product = find_product(session, slugify(request.product)[0])
    if product.id not in request.products:
        raise NotFound(f"There is no product {request.product}.")  # in the words of `find_product`: unknown, invisible
    return ensure_product(session, product.slug, now=now)


def _has_uploads(session: WriteSession, product: Product) -> bool:
    tracked = (Stream.product_id == product.id) & (Stream.kind == "tracked")
    uploads = exists().where(Upload.stream_id == Stream.id, tracked)
    return bool(session.scalar(select(uploads)))


def _label(session: WriteSession, stream: Stream, placed: Placed, request: Request) -> frozenset[int]:
    """Let releases follow the upload; gives the components of which that changes what is in the field."""
    if request.replaces is None and request.version is None:
        return frozenset()
    before = supported_uploads(session, stream.id)
    if request.replaces is not None:
        moved = update(Release).where(Release.upload_id == request.replaces).values(upload_id=placed.upload.id)
        session.execute(moved)
    if request.version is not None:
        label_upload(session, stream.id, placed.upload.id, request.version)
    after = supported_uploads(session, stream.id)
    if before == after:
        return frozenset()
    return placed.contents | placed.removed | _contents_of(session, stream.id, before, after)


def _contents_of(session: WriteSession, stream_id: int, *uploads: dict[int, int]) -> frozenset[int]:
    """Give the components of uploads that some of the given sets of supported ones have and others lack."""
    times = {id_: at_us for each in uploads for id_, at_us in each.items()}
    moved = [at_us for id_, at_us in times.items() if not all(id_ in each for each in uploads)]
    return frozenset().union(*(contents(session, stream_id, at_us) for at_us in moved))


def reassess_product(
    session: WriteSession,
    product_id: int,
    component_ids: Iterable[int],
    cause: Cause,
    book: EvidenceBook | None = None,
    unproved: Iterable[int] = (),
) -> Assessed:
    """Look at one product again after some of its components came to, or left, the field.

    *unproved* are vulnerabilities of which something taken back just now had proved it clean.
    """
    changed = frozenset(component_ids)
    book = book or EvidenceBook(session)
    concerned = {item.vulnerability_id for item in book.about(changed)}
    concerned |= vulnerabilities_touched(session, product_id, changed).union(unproved)
    return assess(session, Question(frozenset([product_id]), frozenset(concerned), changed), cause, book)


def void_upload(engine: Engine, upload_id: int, *, reason: str, actor: Actor, now: datetime) -> Placed:
    """Take an upload back: usage is cut anew, what it opened is withdrawn, what it closed is reopened."""
    return in_transaction(engine, partial(_void, upload_id=upload_id, reason=reason, actor=actor, now=now))


def _void(session: WriteSession, upload_id: int, reason: str, actor: Actor, now: datetime) -> Placed:
    hold_off_feeds(session)
    upload = find_upload(session, upload_id)
    stream = lock_stream(session, upload.stream_id)
    session.refresh(upload)
    before = supported_uploads(session, stream.id)
    placed = void(session, stream, upload, reason=reason, now=now)
    unlabel_upload(session, upload)
    after = supported_uploads(session, stream.id)
    if stream.kind == "tracked" and (placed.is_head or before != after):
        changed = placed.changed | placed.contents | _contents_of(session, stream.id, before, after)
        evidence: dict[str, object] = {"voided": upload_id, "reason": reason}
        unproved = proved_by(session, stream.product_id, upload_id)
        cause = Cause(actor.name, now, departure=Absence.TAKEN_BACK, unproved=frozenset(unproved), evidence=evidence)
        reassess_product(session, stream.product_id, changed, cause, unproved=unproved.values())
    audit.record(session, actor, "sbom.void", f"sbom {upload_id}", {"reason": reason}, now=now)
    return placed
