"""Under which licence a snapshot's document lists its components.

The catalogue has one row for a component, whoever lists it, and so one licence: the first that anybody stated. What
changed between two documents about the same version only they can say, so both are read again while their bytes are
kept. Where one of them is gone, or would take long to be read while somebody waits, the catalogue's licences stand for
both.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from uuid import UUID

import msgspec
import zstandard
from sqlalchemy import Uuid, select

from service.db import ReadSession, any_of, arrays
from service.errors import ServiceError
from service.inventory.catalogue_models import Component
from service.inventory.entries import entries_of
from service.inventory.models import Document as StoredDocument
from service.inventory.snapshots import Snapshot
from service.sbom import read
from service.sbom.document import Component as Listed
from service.sbom.document import Document, Format

#: A document of this size has some ten thousand components and takes a quarter of a second.
MAX_BYTES = 8 * 2**20

#: Read by translation, which takes a hundred times as long (half a minute for `MAX_BYTES` of YAML), or by a library in
#: a process of its own.
_SLOW = tuple(one.value for one in (Format.SPDX_YAML, Format.SPDX_XML, Format.SPDX_RDF))

#: Documents that are remembered, with what they say of licences alone: some megabytes each. Whoever reads a long
#: difference asks for page after page of the same two.
_REMEMBERED = 4

#: Component id to licence, for one side. Left out: '' and whatever both sides list under the same licence.
Licences = Mapping[int, str]


def licences_of(
    session: ReadSession, before: Snapshot, after: Snapshot, known: Mapping[UUID, int]
) -> tuple[Licences, Licences] | None:
    """Read under which licences two documents list what they do not list alike.

    Args:
        session: Reads.
        before: One side.
        after: The other.
        known: Digest to id of components that were looked up already; the others are looked up here.

    Returns:
        The licences of either side; None where the documents cannot both be read.
    """
    if before.upload.document_id == after.upload.document_id:
        return {}, {}
    documents = _documents(session, (before.upload.document_id, after.upload.document_id))
    old, new = documents.get(before.upload.document_id), documents.get(after.upload.document_id)
    if old is None or new is None:
        return None
    # Most is listed alike in both; only the rest is worth being identified.
    common = set(map(_listing, old.components)) & set(map(_listing, new.components))
    ours, theirs = _stated(old, common), _stated(new, common)
    ids = {**known, **_ids(session, (ours.keys() | theirs.keys()) - known.keys())}
    return _by_id(ours, ids), _by_id(theirs, ids)


def _documents(session: ReadSession, document_ids: Iterable[int]) -> dict[int, Document]:
    rows = session.execute(
        select(StoredDocument.id, StoredDocument.content)
        .where(StoredDocument.id == any_of(document_ids))
        .where(StoredDocument.size_bytes <= MAX_BYTES, StoredDocument.format.not_in(_SLOW))
    )
    found = {}
    for document_id, content in rows:
        if content is None:
            continue
        try:
            found[document_id] = _licensed(content)
        except ServiceError:
            continue  # it was read once, by a reader that took more
    return found


@lru_cache(maxsize=_REMEMBERED)
def _licensed(content: bytes) -> Document:
    """Read a document and keep what tells its licensed components apart (see `catalogue`)."""
    document = read(zstandard.ZstdDecompressor().decompress(content))
    licensed = tuple(
        msgspec.structs.replace(one, hashes=() if one.purl or one.version else one.hashes, supplier="", path=())
        for one in document.components
        if one.licence
    )
    return msgspec.structs.replace(document, components=licensed, dependencies=(), warnings=())


def _listing(listed: Listed) -> tuple[str, ...]:
    return listed.purl, listed.namespace, listed.name, listed.version, listed.licence


def _stated(document: Document, common: set[tuple[str, ...]]) -> dict[UUID, str]:
    differing = tuple(one for one in document.components if _listing(one) not in common)
    stated: dict[UUID, str] = {}
    for _, entry in entries_of(msgspec.structs.replace(document, components=differing)):
        stated.setdefault(entry.digest, entry.listed.licence)
    return stated


def _ids(session: ReadSession, digests: Iterable[UUID]) -> dict[UUID, int]:
    wanted = arrays(digest=(Uuid(), list(digests)))
    rows = session.execute(select(Component.digest, Component.id).join(wanted, Component.digest == wanted.c.digest))
    return {row.digest: row.id for row in rows}


def _by_id(stated: Mapping[UUID, str], ids: Mapping[UUID, int]) -> Licences:
    return {ids[digest]: licence for digest, licence in stated.items() if digest in ids}
