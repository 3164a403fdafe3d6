"""The uploads of a product, one after the other: what came when, from whom, in which format."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select

from service.db import ReadSession, any_of
from service.inventory.models import Document, Stream, Upload


class DocumentFacts(NamedTuple):
    """What an upload's record says of its document, without the bytes."""

    sha256: bytes
    format: str
    spec_version: str
    size_bytes: int
    envelope: dict[str, object] | None


def document_facts(session: ReadSession, document_ids: Iterable[int]) -> dict[int, DocumentFacts]:
    """Describe documents by id."""
    columns = (Document.sha256, Document.format, Document.spec_version, Document.size_bytes, Document.envelope)
    rows = session.execute(select(Document.id, *columns).where(Document.id == any_of(set(document_ids))))
    return {row[0]: DocumentFacts(*row[1:]) for row in rows}


def list_uploads(
    session: ReadSession, product_id: int, *, stream: str | None = None, before: int | None = None, limit: int = 50
) -> list[tuple[Upload, str]]:
    """List a product's uploads with the names of their streams, taken-back ones included, the last received first.

    Args:
        session: Reads.
        product_id: Whose.
        stream: Only this one's.
        before: Only uploads with a smaller id.
        limit: At most so many.
    """
    rows = select(Upload, Stream.name).join(Stream, Stream.id == Upload.stream_id)
    rows = rows.where(Stream.product_id == product_id)
    if stream is not None:
        rows = rows.where(Stream.name == stream)
    if before is not None:
        rows = rows.where(Upload.id < before)
    return [(upload, name) for upload, name in session.execute(rows.order_by(Upload.id.desc()).limit(limit))]
