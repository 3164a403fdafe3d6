"""Whether streams still speak: signs of life, silence, and what the same bytes confirm when they come once more.

A stream of which nothing was heard for `MUSTER_STALE_AFTER` is marked as silent by a job (`mark_silent`); whatever
brings or repeats its newest SBOM takes the mark away at once. Everybody reads the mark, so that searches, holds and
pages agree on who is silent. A late SBOM is about the past and no sign of life.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select, update

from service.db import WriteSession, any_of
from service.inventory.models import Stream, Upload

#: The same bytes that come sooner than this are a delivery that was tried again, not another build.
RETRIED_WITHIN = timedelta(minutes=10)


def note_sign_of_life(stream: Stream, *, now: datetime) -> None:
    """Note that a build was heard of, even if it brought nothing new: its stream is neither silent nor forgotten."""
    if stream.last_upload_at is None or stream.last_upload_at < now:
        stream.last_upload_at = now
    stream.stale_since = None


def hear_again(stream: Stream, newest: Upload, *, now: datetime) -> bool:
    """Note that a stream's newest SBOM came once more, byte by byte; the caller holds the stream's row lock.

    Returns:
        Whether that settles something: the stream was silent, or the SBOM was doubtful and is confirmed by this.
    """
    was_silent = stream.stale_since is not None
    note_sign_of_life(stream, now=now)
    if now - newest.received_at < RETRIED_WITHIN:
        return was_silent
    is_confirmed_now = newest.doubt is not None and newest.confirmed_at is None
    newest.confirmed_at = now
    return was_silent or is_confirmed_now


def would_settle(stream: Stream, newest: Upload) -> bool:
    """Tell whether the same bytes once more could settle anything; nearly always they could not."""
    return stream.stale_since is not None or (newest.doubt is not None and newest.confirmed_at is None)


def hear_what_is_left(stream: Stream, newest: Upload | None) -> None:
    """Go back to the last sign of life that counts after an upload was taken back; *newest* is the stream's now."""
    stream.last_upload_at = None if newest is None else newest.confirmed_at or newest.received_at


class Silence(NamedTuple):
    """What a look at the clock has changed: streams that are silent now, and products with some that no longer are."""

    silent_count: int
    heard_product_ids: list[int]


def mark_silent(session: WriteSession, *, stale_after: timedelta, now: datetime) -> Silence:
    """Mark the streams that have been silent for too long. Idempotent; catches up after any downtime.

    Products of which some stream is silent no longer, since the setting has changed, are the caller's to look at again.
    """
    is_old = Stream.last_upload_at < now - stale_after
    tracked = and_(Stream.kind == "tracked", Stream.retired_at.is_(None))
    silent = _mark(session, and_(tracked, Stream.stale_since.is_(None), is_old), now)
    heard = _mark(session, and_(Stream.stale_since.is_not(None), or_(~is_old, Stream.last_upload_at.is_(None))), None)
    return Silence(len(silent), sorted(set(heard)))


def _mark(session: WriteSession, which: ColumnElement[bool], since: datetime | None) -> list[int]:
    # In the order of ids, as everybody locks them; whom somebody else holds is being heard of at this moment.
    rows = select(Stream.id).where(which).order_by(Stream.id).with_for_update(key_share=True, skip_locked=True)
    ids = session.scalars(rows).all()
    marked = update(Stream).where(Stream.id == any_of(ids)).values(stale_since=since).returning(Stream.product_id)
    return list(session.scalars(marked, execution_options={"synchronize_session": False}))
