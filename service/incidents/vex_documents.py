"""VEX documents as they came: kept with who says so, who brought them, and what became of each statement."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import zstandard
from sqlalchemy import select
from sqlalchemy.dialects import postgresql as pg

from service.db import ReadSession, WriteSession
from service.errors import NotFound
from service.incidents.vex.reading import Received
from service.incidents.vex.statements import order_of
from service.incidents.vex_models import VexDocument

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def document_id_of(received: Received, data: bytes) -> str:
    """Give a document's own id, or its digest where it has none: then no other one replaces it."""
    return received.claims.id or f"sha256:{hashlib.sha256(data).hexdigest()}"


def keep(session: WriteSession, data: bytes, received: Received, *, actor: str, now: datetime) -> VexDocument:
    """Keep a document; gives the row that there is, if these bytes came before."""
    claims = received.claims
    digest = hashlib.sha256(data).digest()
    new = pg.insert(VexDocument).values(
        sha256=digest,
        content=zstandard.ZstdCompressor(level=3).compress(data),
        size_bytes=len(data),
        format=claims.format.value,
        author=claims.author,
        document_id=document_id_of(received, data),
        version=claims.version,
        issued_at=claims.issued_at,
        signed_by=list(received.signed_by),
        received_at=now,
        received_by=actor,
        result=[],
    )
    session.execute(new.on_conflict_do_nothing(index_elements=["sha256"]))
    return session.scalars(select(VexDocument).where(VexDocument.sha256 == digest)).one()


def newer_than(session: ReadSession, received: Received, document_id: str) -> VexDocument | None:
    """Give the newest version of the same document that we acted on, if it is newer than this one."""
    claims = received.claims
    rows = session.scalars(
        select(VexDocument).where(
            VexDocument.author == claims.author, VexDocument.document_id == document_id, VexDocument.heard
        )
    ).all()
    this = (claims.order, claims.issued_at or _EARLIEST)
    newer = [row for row in rows if _place(row) > this]
    return max(newer, key=_place, default=None)


def _place(row: VexDocument) -> tuple[tuple[int, ...], datetime]:
    return order_of(row.version), row.issued_at or _EARLIEST


def list_documents(session: ReadSession, *, before: int | None = None, limit: int = 50) -> Sequence[VexDocument]:
    """List documents, the last received first."""
    rows = select(VexDocument).order_by(VexDocument.id.desc()).limit(limit)
    return session.scalars(rows if before is None else rows.where(VexDocument.id < before)).all()


def find_document(session: ReadSession, id_: int) -> VexDocument:
    """Give a document by our id."""
    row = session.get(VexDocument, id_)
    if row is None:
        raise NotFound(f"There is no VEX document {id_}.")
    return row


def content_of(row: VexDocument) -> bytes:
    """Give the bytes as they came."""
    return zstandard.ZstdDecompressor().decompress(row.content)
