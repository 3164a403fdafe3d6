"""Releases: uploads with a version label. Which upload a label means follows from the uploads."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, and_, exists, or_, select, update
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import aliased

from service.db import ReadSession, WriteSession
from service.errors import Conflict, NotFound
from service.inventory.models import Product, Release, Stream, Upload


class Labelled(NamedTuple):
    """A release, the name of its stream, and the time of the upload it means."""

    release: Release
    stream: str
    at_us: int


class SeveralStreams(Conflict):
    """Several streams have a release of this version."""

    slug = "several-streams"


def label_upload(session: WriteSession, stream_id: int, upload_id: int, version: str) -> None:
    """Let a version mean this upload. A version built again moves to the newest upload, whichever arrives last."""
    new = pg.insert(Release).values(stream_id=stream_id, upload_id=upload_id, version=version)
    untaken = new.on_conflict_do_nothing(index_elements=["stream_id", "version"]).returning(Release.id)
    if session.scalar(untaken) is not None:
        return
    labelled, ours = aliased(Upload), aliased(Upload)
    surpassed = exists().where(
        labelled.id == Release.upload_id,
        ours.id == upload_id,
        or_(labelled.at_us <= ours.at_us, labelled.voided_at.is_not(None)),
    )
    this = and_(Release.stream_id == stream_id, Release.version == version, surpassed)
    session.execute(update(Release).where(this).values(upload_id=upload_id))


def unlabel_upload(session: WriteSession, upload: Upload) -> None:
    """Let the releases of a voided upload mean the newest live upload with their label, or none."""
    for release in session.scalars(select(Release).where(Release.upload_id == upload.id)).all():
        live = (Upload.stream_id == release.stream_id) & Upload.voided_at.is_(None)
        same = select(Upload.id).where(live, Upload.version_label == release.version)
        heir = session.scalar(same.order_by(Upload.at_us.desc()).limit(1))
        if heir is None:
            session.delete(release)
        else:
            release.upload_id = heir


def supported_uploads(session: ReadSession, stream_id: int) -> dict[int, int]:
    """Give the uploads that a stream's supported releases mean: id to time, in microseconds."""
    rows = session.execute(
        select(Upload.id, Upload.at_us)
        .join(Release, Release.upload_id == Upload.id)
        .where(Release.stream_id == stream_id, Release.supported)
    )
    return {row.id: row.at_us for row in rows}


def set_release(
    session: WriteSession,
    product: Product,
    version: str,
    *,
    now: datetime,
    supported: bool | None = None,
    retired: bool | None = None,
    stream: str | None = None,
) -> Release:
    """Say whether a release is supported, or retired; None leaves it as it is. A retired release is not supported.

    Raises:
        NotFound: The product has no such release.
        SeveralStreams: More than one stream has it and *stream* names none of them.
    """
    release = find_release(session, product, version, stream=stream).release
    if retired is not None:
        release.retired_at = (release.retired_at or now) if retired else None
    if supported is not None:
        release.supported = supported
    release.supported = release.supported and release.retired_at is None
    return release


def find_release(session: ReadSession, product: Product, version: str, *, stream: str | None = None) -> Labelled:
    """Give the product's release of this version; *stream* is needed where several have it."""
    rows = _labelled().where(Stream.product_id == product.id, Release.version == version)
    if stream is not None:
        rows = rows.where(Stream.name == stream)
    found = [Labelled(*row) for row in session.execute(rows)]
    if not found:
        raise NotFound(f"{product.slug} has no release {version}.")
    if len(found) > 1:
        names = sorted(labelled.stream for labelled in found)
        raise SeveralStreams(f"Say which with stream=: {', '.join(names)}.", streams=names)
    return found[0]


def list_releases(session: ReadSession, product_id: int, *, after: int = 0, limit: int = 50) -> list[Labelled]:
    """List a product's releases in the order they were first labelled."""
    rows = _labelled().where(Stream.product_id == product_id, Release.id > after)
    return [Labelled(*row) for row in session.execute(rows.order_by(Release.id).limit(limit))]


def _labelled() -> Select[Release, str, int]:
    return (
        select(Release, Stream.name, Upload.at_us)
        .join(Stream, Stream.id == Release.stream_id)
        .join(Upload, Upload.id == Release.upload_id)
    )
