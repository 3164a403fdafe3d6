"""What a stream contained from one upload on, and the little language in which callers name it.

A reference is ``stream:main`` (its newest upload), ``stream:main@2026-03-29T15:38:00Z`` (the newest at that time),
``release:1.4.2`` (``release:1.4.2@2.x`` where several streams have it), or an upload's id, ``12`` or ``sbom:12``.
Another product's slug may stand before it: ``payments-api/stream:main``.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, or_, select, true
from sqlalchemy.orm import aliased

from service.clock import to_micros
from service.db import ReadSession
from service.errors import Conflict, NotFound, Unreadable
from service.inventory.field import is_live
from service.inventory.models import Product, Release, Stream, Upload
from service.inventory.products import DEFAULT_STREAM, find_product, find_stream
from service.inventory.releases import SeveralStreams, find_release

_MAX_LENGTH = 500
_MAX_ID = 2**63 - 1
_REFERENCE = re.compile(r"(?:(?P<product>[a-z0-9._-]+)/)?(?:(?P<kind>sbom|release|stream):)?(?P<name>.+)")


class BadReference(Unreadable):
    """This names no upload."""

    slug = "bad-reference"


class Reference(NamedTuple):
    """One upload as a caller names it; `kind` is ``sbom``, ``release`` or ``stream``. `product` None: the one asked."""

    product: str | None
    kind: str
    name: str


@dataclass(frozen=True)
class Snapshot:
    """What a stream contained from an upload on; `release` where it stands for a release."""

    product: Product
    stream: str
    upload: Upload
    release: str | None = None


def parse_reference(text: str) -> Reference:
    """Read a reference. Pure.

    Raises:
        BadReference: It is none.
    """
    matched = _REFERENCE.fullmatch(text.strip()) if len(text) <= _MAX_LENGTH and text.isprintable() else None
    if matched is None or (matched["kind"] is None and not _is_id(matched["name"])):
        raise _bad(text)
    if matched["kind"] == "sbom" and not _is_id(matched["name"]):
        raise _bad(text)
    return Reference(matched["product"], matched["kind"] or "sbom", matched["name"])


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_ID)) and int(text) <= _MAX_ID


def _bad(text: str) -> BadReference:
    return BadReference(f"{text[:80]!r} names no upload; write 12, release:1.4.2, stream:main or stream:main@TIME.")


def find_snapshot(session: ReadSession, product: Product, text: str) -> Snapshot:
    """Find what a reference means.

    Args:
        session: Reads.
        product: Whose, unless the reference names another.
        text: See the module.
    """
    reference = parse_reference(text)
    if reference.product is not None:
        product = find_product(session, reference.product)
    match reference.kind:
        case "sbom":
            return snapshot_of_upload(session, product, int(reference.name))
        case "release":
            return _of_release(session, product, reference.name)
        case _:
            return _of_stream(session, product, reference.name)


def snapshot_of_upload(session: ReadSession, product: Product, upload_id: int) -> Snapshot:
    """Find one of a product's uploads by id."""
    found = session.execute(
        select(Upload, Stream.name)
        .join(Stream, Stream.id == Upload.stream_id)
        .where(Upload.id == upload_id, Stream.product_id == product.id)
    ).first()
    if found is None:
        raise NotFound(f"{product.slug} has no SBOM {upload_id}.")
    upload, stream = found
    if upload.voided_at is not None:
        raise Conflict(f"SBOM {upload_id} was taken back: {upload.void_reason}.")
    return Snapshot(product, stream, upload)


def snapshot_of_release(session: ReadSession, product: Product, version: str, *, stream: str | None = None) -> Snapshot:
    """Find what a release shipped."""
    labelled = find_release(session, product, version, stream=stream)
    upload = session.get_one(Upload, labelled.release.upload_id)
    return Snapshot(product, labelled.stream, upload, labelled.release.version)


def newest_snapshot(session: ReadSession, product: Product, stream: str, at: datetime | None = None) -> Snapshot:
    """Find the newest upload of a stream, now or as of a time, whether the stream is retired or not."""
    row = find_stream(session, product.id, stream)
    rows = select(Upload).where(Upload.stream_id == row.id, Upload.voided_at.is_(None))
    if at is not None:
        rows = rows.where(Upload.at_us <= to_micros(at))
    upload = session.scalar(rows.order_by(Upload.at_us.desc()).limit(1))
    if upload is None:
        raise NotFound(f"The stream {stream} of {product.slug} has no SBOM{' of that time' if at else ''}.")
    return Snapshot(product, row.name, upload)


def default_snapshot(session: ReadSession, product: Product) -> Snapshot:
    """Find the newest upload of ``main``; where there is no such stream, of the only live one."""
    rows = select(Stream.name).where(Stream.product_id == product.id, is_live(), Stream.last_upload_at.is_not(None))
    streams = list(session.scalars(rows.limit(2)))
    only = streams[0] if len(streams) == 1 else DEFAULT_STREAM
    return newest_snapshot(session, product, only)


def snapshot_before(session: ReadSession, snapshot: Snapshot) -> Snapshot | None:
    """Find what the same stream contained just before; None for its first upload."""
    upload = session.scalar(
        select(Upload)
        .where(Upload.stream_id == snapshot.upload.stream_id, Upload.voided_at.is_(None))
        .where(Upload.at_us < snapshot.upload.at_us)
        .order_by(Upload.at_us.desc())
        .limit(1)
    )
    return Snapshot(snapshot.product, snapshot.stream, upload) if upload else None


def snapshots_in_field(session: ReadSession, product: Product, at: datetime | None = None) -> list[Snapshot]:
    """Find all that a product has, or had, in the field: newest uploads of live streams, and supported releases.

    Which releases were supported at a time is not recorded; those that are now count from their upload on.
    """
    tracked = (Stream.product_id == product.id) & (Stream.kind == "tracked")
    live: ColumnElement[bool] = Upload.voided_at.is_(None)
    there: ColumnElement[bool] = Stream.retired_at.is_(None)
    shipped: ColumnElement[bool] = Release.retired_at.is_(None)
    if at is not None:
        live = live & (Upload.at_us <= to_micros(at))
        there = or_(there, Stream.retired_at > at)
        shipped = or_(shipped, Release.retired_at > at)
    # A stream may have thousands of uploads; only the newest one is looked at.
    newest = select(Upload).where(Upload.stream_id == Stream.id, live).order_by(Upload.at_us.desc()).limit(1).lateral()
    head = aliased(Upload, newest)
    heads = select(head, Stream.name).select_from(Stream).join(head, true()).where(tracked, there)
    releases = (
        select(Upload, Stream.name, Release.version)
        .join(Stream, Stream.id == Upload.stream_id)
        .join(Release, Release.upload_id == Upload.id)
        .where(tracked, live, there, shipped, Release.supported)
    )
    found = [Snapshot(product, stream, upload) for upload, stream in session.execute(heads)]
    found += [Snapshot(product, stream, upload, release) for upload, stream, release in session.execute(releases)]
    return found


def _of_release(session: ReadSession, product: Product, name: str) -> Snapshot:
    try:
        return snapshot_of_release(session, product, name)
    except SeveralStreams as several:
        raise SeveralStreams(
            f"Say which: release:{name}@STREAM, with one of `streams`.", **several.members
        ) from several
    except NotFound:
        version, at_sign, stream = name.rpartition("@")
        if not at_sign:
            raise
        return snapshot_of_release(session, product, version, stream=stream)


def _of_stream(session: ReadSession, product: Product, name: str) -> Snapshot:
    stream, _, moment = name.rpartition("@")
    at = _instant(moment) if stream and not _is_stream(session, product, name) else None
    return newest_snapshot(session, product, stream if at else name, at)


def _is_stream(session: ReadSession, product: Product, name: str) -> bool:
    found = exists().where(Stream.product_id == product.id, Stream.name == name)
    return bool(session.scalar(select(found)))


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None  # part of the stream's name
    if at.tzinfo is None:
        raise BadReference(f"{text} needs a time zone: stream:main@2024-03-29T15:38:00Z.")
    return at


def snapshots_at(
    session: ReadSession,
    product: Product,
    *,
    stream: str | None = None,
    release: str | None = None,
    upload_id: int | None = None,
    at: datetime | None = None,
) -> list[Snapshot]:
    """Find the snapshots that a caller means: one upload, one release, one stream, or all that is in the field.

    Args:
        session: Reads.
        product: Whose.
        stream: Of whatever kind, retired or not; with *release*, the one of several that have it.
        release: Supported or not.
        upload_id: Goes alone.
        at: What stood in the stream, or in the field, then; does not go with the other two.

    Raises:
        BadReference: They contradict each other.
    """
    if upload_id is not None:
        if stream or release or at:
            raise BadReference("sbom= names one upload; leave the stream, the release and the time out.")
        return [snapshot_of_upload(session, product, upload_id)]
    if release is not None:
        if at:
            raise BadReference("A release is what it was; leave as_of out.")
        return [snapshot_of_release(session, product, release, stream=stream)]
    if stream is not None:
        return [newest_snapshot(session, product, stream, at)]
    return snapshots_in_field(session, product, at)
