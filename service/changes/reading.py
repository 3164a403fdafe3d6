"""Reading the feed: from a number on, at least once, nothing skipped."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from service.changes.models import Change, ChangeCounter
from service.db import ReadSession, WriteSession
from service.errors import NotFound


class Forgotten(NotFound):
    """These changes are no longer kept."""

    slug = "changes-forgotten"


@dataclass(frozen=True)
class Changes:
    """Part of the feed; `last` is the number to go on after."""

    items: list[Change]
    last: int
    has_more: bool


def changes_after(session: ReadSession, seq: int, *, limit: int = 50, types: Collection[str] | None = None) -> Changes:
    """Read the changes after a number, of some types or all.

    Runs in one snapshot, so that `last` may jump over everything of other types.

    Raises:
        Forgotten: Changes after that number were purged.
    """
    newest = last_seq(session)
    oldest = session.scalar(select(func.min(Change.seq)))
    if 0 < seq < (newest if oldest is None else oldest - 1):
        raise Forgotten("Read the incidents and exposures anew, then go on from the end of the feed.")
    rows = select(Change).where(Change.seq > seq, Change.seq <= newest).order_by(Change.seq).limit(limit + 1)
    found = list(session.scalars(rows.where(Change.type.in_(types)) if types is not None else rows))
    if len(found) <= limit:
        return Changes(found, max(newest, seq), has_more=False)
    return Changes(found[:limit], found[limit - 1].seq or 0, has_more=True)


def last_seq(session: ReadSession) -> int:
    """Give the last number given out."""
    return session.scalar(select(ChangeCounter.last_seq)) or 0


def purge_changes(session: WriteSession, *, before: datetime) -> int:
    """Forget numbered changes from before an instant; tells how many."""
    old = delete(Change).where(Change.seq.is_not(None), Change.at < before)
    return len(session.scalars(old.returning(Change.id)).all())
