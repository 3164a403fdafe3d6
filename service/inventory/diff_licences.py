"""Under which licence a snapshot's document lists its components.

The catalogue has one row for a component, whoever lists it, and so one licence: the first that anybody stated. What
changed between two documents about the same version only they can say, so both are read again while their bytes are
kept. Where one of them is gone, or too large to be read while somebody waits, the catalogue's licences stand for both.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec
import zstandard
from sqlalchemy import Uuid, select

from service.db import ReadSession, any_of, arrays
from service.errors import ServiceError
from service.inventory.catalogue import entries_of
from service.inventory.catalogue_models import Component
from service.inventory.models import Document as StoredDocument
from service.inventory.snapshots import Snapshot
from service.sbom import read
from service.sbom.document import Component as Listed
from service.sbom.document import Document

#: A document of this size has some ten thousand components and takes a quarter of a second.
MAX_BYTES = 16 * 2**20

#: Component id to licence, for one side. Left out: '' and whatever both sides list under the same licence.
Licences = Mapping[int, str]


def licences_of(session: ReadSession, before: Snapshot, after: Snapshot) -> tuple[Licences, Licences] | None:
    """Read under which licences two documents list what they do not list alike.

    Returns:
        The licences of either side; None where the documents cannot both be read.
    """
    documents = _documents(session, (before.upload.document_id, after.upload.document_id))
    old, new = documents.get(before.upload.document_id), documents.get(after.upload.document_id)
    if old is None or new is None:
        return None
    if old is new:
        return {}, {}
    # Most is listed alike in both; only the rest is worth being identified.
    common = set(map(_listing, old.components)) & set(map(_listing, new.components))
    stated = [_stated(document, common) for document in (old, new)]
    ids = _ids(session, stated[0].keys() | stated[1].keys())
    ours, theirs = ({ids[digest]: licence for digest, licence in side.items() if digest in ids} for side in stated)
    return ours, theirs


def _documents(session: ReadSession, document_ids: Iterable[int]) -> dict[int, Document]:
    rows = session.execute(
        select(StoredDocument.id, StoredDocument.content)
        .where(StoredDocument.id == any_of(document_ids))
        .where(StoredDocument.size_bytes <= MAX_BYTES)
    )
    found = {}
    for document_id, content in rows:
        if content is None:
            continue
        try:
            found[document_id] = read(zstandard.ZstdDecompressor().decompress(content))
        except ServiceError:
            continue  # it was read once, by a reader that took more
    return found


def _listing(listed: Listed) -> tuple[str, ...]:
    return listed.purl, listed.namespace, listed.name, listed.version, listed.licence


def _stated(document: Document, common: set[tuple[str, ...]]) -> dict[UUID, str]:
    differing = tuple(one for one in document.components if one.licence and _listing(one) not in common)
    stated: dict[UUID, str] = {}
    for _, entry in entries_of(msgspec.structs.replace(document, components=differing)):
        stated.setdefault(entry.digest, entry.listed.licence)
    return stated


def _ids(session: ReadSession, digests: Iterable[UUID]) -> dict[UUID, int]:
    wanted = arrays(digest=(Uuid(), list(digests)))
    rows = session.execute(select(Component.digest, Component.id).join(wanted, Component.digest == wanted.c.digest))
    return {row.digest: row.id for row in rows}
