"""Views of a stream as documents: at once where that is quick, else as a job. Written in a process of their own.

The libraries that write take a millisecond a component and hold the interpreter meanwhile; no upload should wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version

import msgspec
import zstandard
from sqlalchemy import Engine, delete, func, select, update

from service.clock import to_micros
from service.db import ReadSession, WriteSession, reading, writing
from service.errors import Busy, Conflict, NotFound, ServiceError, TooLarge
from service.flows.traffic import in_transaction
from service.inventory.merging import count_at, merged
from service.inventory.models import Export, Product, Stream
from service.inventory.products import DEFAULT_STREAM, find_product, find_stream
from service.inventory.releases import find_release
from service.sbom.apart import run_apart
from service.sbom.document import Document, Tool
from service.sbom.export import ExportFormat, Order

#: An answer waits for so many components at most; more are a job.
AT_ONCE = 5_000
#: Exports are fetched soon, or asked for anew.
KEPT = timedelta(days=7)
#: After so long no worker is coming back to it.
_GIVEN_UP_AFTER = timedelta(days=1)
#: One is written after the other, so more would only make people wait who could be told.
_MOST_WAITING = 50
_WAIT_SECONDS = 60.0
_JOB_SECONDS = 1_800.0
_MEGABYTES = 4_096


class ExportTooLarge(TooLarge):
    """The export is too large to wait for."""

    slug = "export-too-large"


class NotReady(Conflict):
    """The export is not there yet, or will not be."""

    slug = "export-not-ready"


@dataclass(frozen=True)
class View:
    """What to export: a stream at a time (None: now), or a release (its stream only where several have it)."""

    product: str
    stream: str | None = None
    release: str | None = None
    as_of: datetime | None = None


def export_at_once(engine: Engine, view: View, form: ExportFormat, *, now: datetime) -> bytes:
    """Write a view as a document. No connection is held while it is written.

    Raises:
        ExportTooLarge: It has more than `AT_ONCE` components.
        Busy: Others are being written.
    """
    with reading(engine) as session:
        document = _small(session, view, now)
    return _write(document, form, now, _WAIT_SECONDS)


def _small(session: ReadSession, view: View, now: datetime) -> Document:
    product, stream, at_us = _find(session, view, now)
    count = count_at(session, stream.id, at_us)
    if count > AT_ONCE:
        raise ExportTooLarge(
            f"{count:,} components take a while. POST the same to /v1/products/{product.slug}/exports and fetch it."
        )
    return merged(session, product, stream, at_us, _ours())


def request_export(session: WriteSession, view: View, form: ExportFormat, *, actor: str, now: datetime) -> Export:
    """Note that a view is wanted as a document; the job writes it.

    Raises:
        Busy: Many are waiting already.
    """
    waiting = select(func.count()).select_from(Export).where(Export.state == "waiting")
    if (session.scalar(waiting) or 0) >= _MOST_WAITING:
        raise Busy("Many exports are waiting to be written. Ask again in some minutes.", retry_after=300)
    _, stream, at_us = _find(session, view, now)
    count = count_at(session, stream.id, at_us)
    export = Export(
        stream_id=stream.id, at_us=at_us, format=form.value, component_count=count, actor=actor, requested_at=now
    )
    session.add(export)
    session.flush()
    return export


def make_export(engine: Engine, export_id: int, *, now: datetime) -> None:
    """Write an export that waits; does nothing to one that is done."""
    with reading(engine) as session:
        export = find_export(session, export_id)
        if export.state != "waiting":
            return
        stream = session.get_one(Stream, export.stream_id)
        product = session.get_one(Product, stream.product_id)
        document = merged(session, product, stream, export.at_us, _ours())
    try:
        content, detail = _write(document, ExportFormat(export.format), now, _JOB_SECONDS), None
    except Busy:  # the job is tried again
        raise
    except ServiceError as error:
        content, detail = None, error.detail
    in_transaction(engine, partial(_finish, export_id=export_id, content=content, detail=detail, now=now))


def _finish(session: WriteSession, export_id: int, content: bytes | None, detail: str | None, now: datetime) -> None:
    export = session.scalar(select(Export).where(Export.id == export_id).with_for_update())
    if export is None or export.state != "waiting":
        return
    export.state, export.detail, export.finished_at = "failed" if content is None else "done", detail, now
    if content is not None:
        export.size_bytes = len(content)
        export.content = zstandard.ZstdCompressor(level=3).compress(content)


def find_export(session: ReadSession, export_id: int) -> Export:
    """Give an export by id."""
    export = session.get(Export, export_id)
    if export is None:
        raise NotFound(f"There is no export {export_id}; they are kept for {KEPT.days} days.")
    return export


def content_of(export: Export) -> bytes:
    """Give the document that was made."""
    if export.content is None:
        raise NotReady(export.detail or "The export is still being written; ask again in a moment.")
    return zstandard.ZstdDecompressor().decompress(export.content)


def purge_exports(engine: Engine, *, now: datetime) -> None:
    """Forget exports that nobody will fetch any more, and say of those whose writers died that they failed."""
    lost = update(Export).where(Export.state == "waiting", Export.requested_at < now - _GIVEN_UP_AFTER)
    with writing(engine) as session:
        detail = "Whoever was writing it did not come back. Ask for it again."
        session.execute(lost.values(state="failed", detail=detail, finished_at=now))
        session.execute(delete(Export).where(Export.requested_at < now - KEPT))


def _find(session: ReadSession, view: View, now: datetime) -> tuple[Product, Stream, int]:
    product = find_product(session, view.product)
    if view.release is not None:
        labelled = find_release(session, product, view.release, stream=view.stream)
        return product, find_stream(session, product.id, labelled.stream), labelled.at_us
    stream = find_stream(session, product.id, view.stream or DEFAULT_STREAM)
    return product, stream, to_micros(view.as_of or now)


def _ours() -> Tool:
    return Tool(name="muster", version=version("muster"))


def _write(document: Document, form: ExportFormat, now: datetime, seconds: float) -> bytes:
    order = msgspec.msgpack.encode(Order(document, form, now))
    return run_apart("service.sbom.export", "fulfil", order, seconds=seconds, megabytes=_MEGABYTES)
