"""The bytes of SBOMs and their dependency graphs: kept as received, once for everybody who sends the same."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

import zstandard
from msgspec import to_builtins
from sqlalchemy import LargeBinary, literal, select, update
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import JSONB

from service.db import ReadSession, WriteSession, arrays
from service.errors import NotFound
from service.inventory.graph import Packed
from service.inventory.models import Document as StoredDocument
from service.inventory.models import Graph, Upload
from service.sbom.document import Document


def store_documents(session: WriteSession, received: Sequence[tuple[bytes, Document]], *, now: datetime) -> list[int]:
    """Keep bytes as received, once for all uploads of the same content; gives the rows' ids, in order."""
    digests = [sha256(data).digest() for data, _ in received]
    ids = _document_ids(session, digests)
    missing = {
        digest: item for digest, item in sorted(zip(digests, received, strict=True), key=_first) if digest not in ids
    }
    if missing:
        session.execute(
            pg.insert(StoredDocument).on_conflict_do_nothing(index_elements=["sha256"]),
            [
                {
                    "sha256": digest,
                    "content": zstandard.ZstdCompressor(level=3).compress(data),
                    "size_bytes": len(data),
                    "format": document.format.value,
                    "spec_version": document.spec_version,
                    "received_at": now,
                    "envelope": _envelope_values(document),
                    "heard": True,
                }
                for digest, (data, document) in missing.items()
            ],
        )
        ids |= _document_ids(session, list(missing))
    for digest, (_, document) in zip(digests, received, strict=True):
        if digest not in missing and document.envelope is not None:
            _keep_verification(session, ids[digest], document)
    return [ids[digest] for digest in digests]


def _keep_verification(session: WriteSession, document_id: int, document: Document) -> None:
    """Let the same bytes say how they verify now: the trusted keys may be others than when they first came."""
    values = _envelope_values(document)
    differs = StoredDocument.envelope.is_distinct_from(literal(values, JSONB))
    session.execute(
        update(StoredDocument).where(StoredDocument.id == document_id, differs).values(envelope=values),
        execution_options={"synchronize_session": False},
    )


def _envelope_values(document: Document) -> dict[str, object] | None:
    """Write an envelope as it is stored, which is as the API shows it."""
    if document.envelope is None:
        return None
    values: dict[str, object] = to_builtins(document.envelope)
    return values | {"subjects": [{"name": name, "digest": digest} for name, digest in document.envelope.subjects]}


def _first(pair: tuple[bytes, object]) -> bytes:
    return pair[0]


def _document_ids(session: ReadSession, digests: Sequence[bytes]) -> dict[bytes, int]:
    keys = arrays(sha256=(LargeBinary(), digests))
    rows = session.execute(
        select(StoredDocument.sha256, StoredDocument.id).join(keys, StoredDocument.sha256 == keys.c.sha256)
    )
    return {row.sha256: row.id for row in rows}


def store_graphs(session: WriteSession, graphs: Sequence[Packed | None]) -> list[int | None]:
    """Keep dependency graphs, once for all uploads that share them; gives the rows' ids, in order."""
    wanted = {packed.digest: packed for packed in graphs if packed is not None}
    if not wanted:
        return [None] * len(graphs)
    ids = _graph_ids(session, wanted)
    missing = sorted(wanted.keys() - ids.keys())
    if missing:
        session.execute(
            pg.insert(Graph).on_conflict_do_nothing(index_elements=["digest"]),
            [{"digest": digest, "content": wanted[digest].content} for digest in missing],
        )
        ids |= _graph_ids(session, missing)
    return [ids[packed.digest] if packed is not None else None for packed in graphs]


def _graph_ids(session: ReadSession, digests: Iterable[bytes]) -> dict[bytes, int]:
    keys = arrays(digest=(LargeBinary(), list(digests)))
    rows = session.execute(select(Graph.digest, Graph.id).join(keys, Graph.digest == keys.c.digest))
    return {row.digest: row.id for row in rows}


def bytes_of(session: ReadSession, upload: Upload) -> bytes:
    """Give the SBOM's bytes as they were received."""
    content = session.scalars(select(StoredDocument.content).where(StoredDocument.id == upload.document_id)).one()
    if content is None:
        raise NotFound("The bytes of this SBOM were pruned; its record remains.")
    return zstandard.ZstdDecompressor().decompress(content)
