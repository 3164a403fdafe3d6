"""What stored documents say of where components came from, heard again by a version that listens to more of it.

Neither purl nor digest of a component keeps that, so that nothing but the documents can tell. Those in the field go
first: malware stands or falls by it.
"""

from collections.abc import Iterator
from typing import Final

import zstandard
from sqlalchemy import ColumnElement, exists, select, union, update

from service.db import ReadSession, WriteSession, any_of
from service.errors import ServiceError
from service.inventory.catalogue import hear_documents
from service.inventory.field import is_live, is_supported
from service.inventory.models import Document as StoredDocument
from service.inventory.models import Release, Stream, Upload
from service.log import logger
from service.sbom import read
from service.sbom.document import Document

#: Documents, and bytes of them, that one transaction reads; one that is larger is read alone.
_DOCUMENTS_AT_ONCE: Final = 50
_BYTES_AT_ONCE: Final = 16 << 20


def unheard(session: ReadSession) -> bool:
    """Tell whether some documents are yet to be heard; costs a look at an index."""
    return bool(session.scalar(select(exists().where(~StoredDocument.heard))))


def hear_stored(session: WriteSession, *, in_field: bool) -> tuple[int, frozenset[int]]:
    """Hear some documents again, perhaps only what is in the field.

    Gives how many there were, and the components of which more is known now. Others who want the same wait: when none
    is left, all are heard.
    """
    waiting = select(StoredDocument.id, StoredDocument.size_bytes).where(~StoredDocument.heard)
    if in_field:
        waiting = waiting.where(_in_field())
    rows = session.execute(waiting.order_by(StoredDocument.id).limit(_DOCUMENTS_AT_ONCE).with_for_update()).all()
    ids = list(_within_limit([(row.id, row.size_bytes) for row in rows]))
    heard = hear_documents(session, _documents(session, ids)) if ids else frozenset()
    session.execute(
        update(StoredDocument).where(StoredDocument.id == any_of(ids)).values(heard=True),
        execution_options={"synchronize_session": False},
    )
    return len(ids), frozenset(heard)


def _in_field() -> ColumnElement[bool]:
    newest = (
        select(Upload.document_id)
        .where(Upload.stream_id == Stream.id, Upload.voided_at.is_(None))
        .order_by(Upload.at_us.desc())
        .limit(1)
        .lateral()
    )
    heads = select(newest.c.document_id).select_from(Stream).join(newest, is_live())
    releases = (
        select(Upload.document_id)
        .join(Release, Release.upload_id == Upload.id)
        .join(Stream, Stream.id == Release.stream_id)
        .where(is_live(), is_supported())
    )
    return StoredDocument.id.in_(union(heads, releases))


def _within_limit(sizes: list[tuple[int, int]]) -> Iterator[int]:
    total = 0
    for id_, size in sizes:
        total += size
        if total > _BYTES_AT_ONCE and total > size:
            return
        yield id_


def _documents(session: ReadSession, ids: list[int]) -> Iterator[Document]:
    rows = select(StoredDocument.id, StoredDocument.content).where(StoredDocument.id == any_of(ids))
    for id_, content in session.execute(rows):
        if content is None:
            continue  # its bytes were pruned
        try:
            yield read(zstandard.ZstdDecompressor().decompress(content))
        except (ServiceError, zstandard.ZstdError) as error:
            logger("inventory").error("a stored document can no longer be read", document=id_, reason=str(error))
