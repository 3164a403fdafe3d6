"""Conformance of stored documents, one at a time, after their uploads were answered: information, never a gate.

A document is claimed before it is checked, with a note that its check began. Should it take the whole process down,
the note stays and the next one's turn comes; a check that ends replaces it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import zstandard
from msgspec import to_builtins
from sqlalchemy import Engine, null, select, update

from service.db import ReadSession, WriteSession, any_of, reading, writing
from service.errors import Busy, ServiceError
from service.inventory.models import Document
from service.log import logger
from service.sbom import conformance
from service.sbom.conformance import LARGEST_BYTES, Conformance, unchecked

_BEGAN = unchecked("Its check began and has not ended.")


class _Claimed(NamedTuple):
    id: int
    size_bytes: int
    spec_version: str


def check_next(engine: Engine, check: Callable[[bytes, str], Conformance] = conformance.check) -> str | None:
    """Check the oldest document that nobody has checked; gives the verdict, or None where none is left.

    Args:
        engine: Where documents are; nothing is held open during a check.
        check: Maps bytes and the version of their format to what is known of them.

    Raises:
        Busy: Too many documents are being read in processes of their own; this one keeps its turn.
    """
    with writing(engine) as session:
        claimed = _claim(session)
    if claimed is None:
        return None
    try:
        found = _checked(engine, claimed, check)
    except Busy:
        with writing(engine) as session:
            session.execute(update(Document).where(Document.id == claimed.id).values(conformance=null()))
        raise
    with writing(engine) as session:
        session.execute(update(Document).where(Document.id == claimed.id).values(conformance=to_builtins(found)))
    return found.verdict.value


def conformances(session: ReadSession, document_ids: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    """Give what is known of several documents' conformance, by id; those not checked yet are left out."""
    rows = select(Document.id, Document.conformance).where(Document.id == any_of(document_ids))
    return {row.id: row.conformance for row in session.execute(rows.where(Document.conformance.is_not(None)))}


def conformance_of(session: ReadSession, document_id: int) -> Mapping[str, Any] | None:
    """Give what is known of a document's conformance; None until it was checked."""
    return session.scalar(select(Document.conformance).where(Document.id == document_id))


def _claim(session: WriteSession) -> _Claimed | None:
    oldest = (
        select(Document.id)
        .where(Document.conformance.is_(None))
        .order_by(Document.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    claim = update(Document).where(Document.id == oldest.scalar_subquery()).values(conformance=to_builtins(_BEGAN))
    row = session.execute(claim.returning(Document.id, Document.size_bytes, Document.spec_version)).first()
    return _Claimed(*row) if row else None


def _checked(engine: Engine, claimed: _Claimed, check: Callable[[bytes, str], Conformance]) -> Conformance:
    if claimed.size_bytes > LARGEST_BYTES:
        return unchecked(f"It is larger than {LARGEST_BYTES >> 20} MiB.")
    with reading(engine) as session:
        content = session.scalar(select(Document.content).where(Document.id == claimed.id))
    if content is None:
        return unchecked("Its bytes are no longer kept.")
    try:
        return check(zstandard.ZstdDecompressor().decompress(content), claimed.spec_version)
    except Busy:
        raise
    except ServiceError as error:  # read once, by readers that were less strict than today's
        return unchecked(error.detail)
    except Exception as error:  # noqa: BLE001 - a library's, over a document it was not made for; the next one is another
        logger("checking").exception("check failed", document=claimed.id)
        return unchecked(f"Its check failed: {type(error).__name__}.")
