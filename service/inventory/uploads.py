"""Uploads: one accepted SBOM in a stream at a time, never rewritten.

The newest, a late one, a correction and a void all end in the same act: the interval from its time to the next upload
is painted with one set (see `usage`). The caller holds the stream's row lock (`products.lock_stream`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from service.clock import OPEN, from_micros, to_micros
from service.db import ReadSession, WriteSession
from service.errors import Conflict, NotFound, Unreadable
from service.inventory.catalogue import Resolved
from service.inventory.life import hear_again, hear_what_is_left, note_sign_of_life
from service.inventory.models import Document as StoredDocument
from service.inventory.models import Stream, Upload
from service.inventory.usage import contents, paint
from service.sbom.document import Document
from service.sbom.quality import quality_of

#: How far a build machine's clock may be ahead of ours.
MAX_AHEAD = timedelta(minutes=5)


class TimeTaken(Conflict):
    """Another SBOM stands in this stream at that time."""

    slug = "time-taken"


class InTheFuture(Unreadable):
    """An upload cannot be about the future."""

    slug = "in-the-future"


class BeforeTheEpoch(Unreadable):
    """An upload cannot be older than the time that computers count."""

    slug = "before-the-epoch"


@dataclass(frozen=True)
class Placed:
    """An upload in its place, or taken from it.

    Attributes:
        upload: The row.
        duplicate: Nothing was written: the upload was there already.
        added: Components that the stream contains from there on, or in another scope, and did not before.
        removed: The reverse.
        contents: All components that the upload lists.
        is_head: It is (was) the newest of its stream.
        settles: It brought nothing new, and yet confirmed what was in doubt, or broke a silence.
    """

    upload: Upload
    duplicate: bool
    added: frozenset[int]
    removed: frozenset[int]
    contents: frozenset[int]
    is_head: bool
    settles: bool = False

    @property
    def changed(self) -> frozenset[int]:
        """Components that came or left."""
        return self.added | self.removed


@dataclass(frozen=True)
class Delivery:
    """What arrives with an SBOM beside its components."""

    document_id: int
    graph_id: int | None
    at: datetime | None
    version_label: str | None
    replaces: int | None
    actor: str
    received_at: datetime


def find_upload(session: ReadSession, upload_id: int) -> Upload:
    """Give an upload by id."""
    upload = session.get(Upload, upload_id)
    if upload is None:
        raise NotFound(f"There is no SBOM {upload_id}.")
    return upload


def newest_like(
    session: ReadSession, product_id: int, stream: str, digest: bytes, version_label: str | None
) -> tuple[Stream, Upload] | None:
    """Find a live stream's newest upload if it is of these very bytes, under this label."""
    found = session.execute(
        select(Stream, Upload, StoredDocument.sha256)
        .join(Upload, Upload.stream_id == Stream.id)
        .join(StoredDocument, StoredDocument.id == Upload.document_id)
        .where(Stream.product_id == product_id, Stream.name == stream, Stream.retired_at.is_(None))
        .where(Upload.voided_at.is_(None))
        .order_by(Upload.at_us.desc())
        .limit(1)
    ).first()
    if found is None or (found.sha256, found.Upload.version_label) != (digest, version_label):
        return None
    return found.Stream, found.Upload


def place(session: WriteSession, stream: Stream, document: Document, resolved: Resolved, delivery: Delivery) -> Placed:
    """Put an SBOM into its stream at its time, and let usage follow.

    Raises:
        TimeTaken: Another SBOM stands there and *delivery* does not say that it replaces it.
        InTheFuture: The given time is more than five minutes ahead.
        BeforeTheEpoch: It is before 1970.
    """
    replaced = _to_replace(session, stream, delivery)
    newest = _newest(session, stream.id)
    at_us = replaced.at_us if replaced else _time_of(newest, delivery)
    around = _around(session, newest, at_us)
    same = None if replaced else _same_upload(around, newest, delivery)
    if same is not None:
        settles = newest is same and hear_again(stream, same, now=delivery.received_at)
        return _repeated(same, resolved, is_head=newest is same, settles=settles)
    if replaced:
        replaced.voided_at, replaced.void_reason = delivery.received_at, "replaced by a corrected SBOM"
        session.flush()  # the unique time must be free before the correction takes it
    following, preceding = around.following, around.preceding
    if following is None:
        note_sign_of_life(stream, now=delivery.received_at)
    wanted = {known.id: known.scope for known in resolved.components.values()}
    before = paint(session, stream.id, at_us, following.at_us if following else OPEN, wanted)
    added, removed = frozenset(wanted.keys() - before.keys()), frozenset(before.keys() - wanted.keys())
    upload = _new_upload(session, stream, document, resolved, delivery, at_us)
    upload.added_count, upload.removed_count = len(added), len(removed)
    upload.late = following is not None
    upload.doubt = doubt_of(preceding or replaced, upload)
    session.add(upload)
    session.flush()  # the id is part of the answer
    rescoped = frozenset(c for c, scope in wanted.items() if before.get(c, scope) != scope)
    return Placed(
        upload,
        duplicate=False,
        added=added | rescoped,
        removed=removed,
        contents=frozenset(wanted),
        is_head=following is None,
    )


def _repeated(same: Upload, resolved: Resolved, *, is_head: bool, settles: bool) -> Placed:
    listed, nothing = frozenset(known.id for known in resolved.components.values()), frozenset[int]()
    return Placed(
        same, duplicate=True, added=nothing, removed=nothing, contents=listed, is_head=is_head, settles=settles
    )


def void(session: WriteSession, stream: Stream, upload: Upload, *, reason: str, now: datetime) -> Placed:
    """Take an upload back: the stream contained then what the upload before it said."""
    if upload.voided_at is not None:
        raise Conflict(f"SBOM {upload.id} was taken back already: {upload.void_reason}.")
    following = _neighbour(session, stream.id, upload.at_us, later=True)
    instead = contents(session, stream.id, upload.at_us - 1)
    taken_back = paint(session, stream.id, upload.at_us, following.at_us if following else OPEN, instead)
    upload.voided_at, upload.void_reason = now, reason
    session.flush()  # what is in the field is read next
    hear_what_is_left(stream, _newest(session, stream.id))
    return Placed(
        upload,
        duplicate=False,
        added=frozenset(instead.keys() - taken_back.keys()),
        removed=frozenset(taken_back.keys() - instead.keys()),
        contents=frozenset(taken_back),
        is_head=following is None,
    )


def doubt_of(preceding: Upload | None, upload: Upload) -> str | None:
    """Say why an upload proves no fix: another tool, another phase, or more than half of the components are gone."""
    if preceding is None:
        return None
    if preceding.tool != upload.tool:
        return f"written by {upload.tool or 'an unnamed tool'} instead of {preceding.tool or 'an unnamed tool'}"
    if preceding.phases and upload.phases and preceding.phases != upload.phases:
        return f"about {', '.join(upload.phases)} instead of {', '.join(preceding.phases)}"
    if upload.component_count * 2 < preceding.component_count:
        return f"much shorter ({upload.component_count} components, {preceding.component_count} before)"
    return None


def _to_replace(session: WriteSession, stream: Stream, delivery: Delivery) -> Upload | None:
    if delivery.replaces is None:
        return None
    replaced = session.get(Upload, delivery.replaces)
    if replaced is None or replaced.stream_id != stream.id:
        raise NotFound(f"This stream has no SBOM {delivery.replaces} to replace.")
    if replaced.voided_at is not None:
        raise Conflict(f"SBOM {replaced.id} was taken back already: {replaced.void_reason}.")
    return replaced


def _time_of(newest: Upload | None, delivery: Delivery) -> int:
    if delivery.at is not None:
        if delivery.at > delivery.received_at + MAX_AHEAD:
            raise InTheFuture(f"at={delivery.at.isoformat()} is ahead of this server's clock; leave it out for now.")
        at_us = to_micros(delivery.at)
        if at_us < 0:
            raise BeforeTheEpoch(f"at={delivery.at.isoformat()} is before 1970.")
        return at_us
    # Received while a clock stepped back, or in the same microsecond: still the newest.
    received = to_micros(delivery.received_at)
    if newest is None or newest.at_us < received:
        return received
    return newest.at_us if _repeats(newest, delivery) else newest.at_us + 1


class Around(NamedTuple):
    """The live uploads of a stream at one time, before and after it."""

    here: Upload | None
    preceding: Upload | None
    following: Upload | None


def _around(session: ReadSession, newest: Upload | None, at_us: int) -> Around:
    if newest is None or newest.at_us < at_us:  # the usual case asks no more
        return Around(None, newest, None)
    here = session.scalar(select(Upload).where(_live(newest.stream_id), Upload.at_us == at_us))
    preceding = _neighbour(session, newest.stream_id, at_us, later=False)
    return Around(here, preceding, _neighbour(session, newest.stream_id, at_us, later=True))


def _same_upload(around: Around, newest: Upload | None, delivery: Delivery) -> Upload | None:
    """Find the upload that this one repeats: the stream's newest, or the one at the very time given."""
    candidate = around.here if delivery.at is not None else newest
    if candidate is not None and _repeats(candidate, delivery):
        return candidate
    if around.here is not None:
        taken = around.here
        raise TimeTaken(
            f"SBOM {taken.id} stands at {from_micros(taken.at_us)}; "
            f"send replaces={taken.id} to correct it, or another at=."
        )
    return None


def _repeats(upload: Upload, delivery: Delivery) -> bool:
    return (upload.document_id, upload.version_label) == (delivery.document_id, delivery.version_label)


def _newest(session: ReadSession, stream_id: int) -> Upload | None:
    return session.scalar(select(Upload).where(_live(stream_id)).order_by(Upload.at_us.desc()).limit(1))


def _neighbour(session: ReadSession, stream_id: int, at_us: int, *, later: bool) -> Upload | None:
    side = Upload.at_us > at_us if later else Upload.at_us < at_us
    order = Upload.at_us if later else Upload.at_us.desc()
    return session.scalar(select(Upload).where(_live(stream_id), side).order_by(order).limit(1))


def _live(stream_id: int) -> ColumnElement[bool]:
    return (Upload.stream_id == stream_id) & Upload.voided_at.is_(None)


def _new_upload(
    session: WriteSession, stream: Stream, document: Document, resolved: Resolved, delivery: Delivery, at_us: int
) -> Upload:
    last = session.scalar(select(func.max(Upload.sequence)).where(Upload.stream_id == stream.id))
    components = resolved.components.values()
    return Upload(
        stream_id=stream.id,
        document_id=delivery.document_id,
        graph_id=delivery.graph_id,
        at_us=at_us,
        sequence=(last or 0) + 1,
        received_at=delivery.received_at,
        version_label=delivery.version_label,
        set_digest=set_digest({known.id: known.scope for known in components}),
        tool=document.tools[0].name if document.tools else "",
        phases=sorted(document.lifecycles),
        subject=document.subject.name if document.subject else "",
        component_count=len(resolved.components),
        listed_count=len(document.components),
        unidentified_count=sum(known.unevaluated in UNIDENTIFIED for known in components),
        warnings=[{"code": w.code, "count": w.count, "first": w.first} for w in document.warnings],
        quality=quality_of(document)._asdict(),
        ecosystems=sorted(resolved.ecosystems),
        actor=delivery.actor,
    )


#: Reasons of `Component.unevaluated` that mean: nobody said what this is.
UNIDENTIFIED = frozenset({"no-purl", "bad-purl"})


def set_digest(contents: dict[int, int]) -> bytes:
    """Digest what a stream contains: equal digests, equal contents."""
    digest = blake2b(digest_size=16)
    for component_id, scope in sorted(contents.items()):
        digest.update(b"%d:%d," % (component_id, scope))
    return digest.digest()
