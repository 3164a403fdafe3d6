"""What a feed promises and does not have: remembered, asked for again after ever longer waits.

An id that its index lists and no file holds would else have the whole archive fetched with each sync.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from service.advisories.bulk import copy_rows
from service.advisories.models import FeedMissing
from service.db import ReadSession, WriteSession

#: An index may run ahead of its files for minutes; what is not there after a day comes with the next edition, if ever.
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=15), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Missing:
    """A record that could not be had as of `modified`."""

    modified: datetime
    attempts: int
    retry_at: datetime


def missing_records(session: ReadSession, feed_id: int) -> dict[str, Missing]:
    """Give what a feed does not have although it lists it, by id."""
    columns = (FeedMissing.osv_id, FeedMissing.modified, FeedMissing.attempts, FeedMissing.retry_at)
    rows = session.execute(select(*columns).where(FeedMissing.feed_id == feed_id))
    return {osv_id: Missing(modified, attempts, retry_at) for osv_id, modified, attempts, retry_at in rows}


def waiting(missing: Mapping[str, Missing], *, now: datetime) -> dict[str, datetime]:
    """Give those that are not to be asked for again yet, as of which `modified`."""
    return {osv_id: each.modified for osv_id, each in missing.items() if each.retry_at > now}


def still_missing(
    before: Mapping[str, Missing],
    listed: Mapping[str, datetime],
    not_had: Mapping[str, datetime],
    *,
    now: datetime,
) -> dict[str, Missing]:
    """Tell what is missing after a sync. Pure.

    Args:
        before: What was missing before it.
        listed: The index: id to `modified`.
        not_had: What it asked for in vain, as of which `modified`.
        now: Aware UTC.
    """
    kept = {
        osv_id: each
        for osv_id, each in before.items()
        if listed.get(osv_id) == each.modified and each.retry_at > now and osv_id not in not_had
    }
    return kept | {osv_id: _once_more(before.get(osv_id), at, now) for osv_id, at in not_had.items()}


def note_missing(session: WriteSession, feed_id: int, missing: Mapping[str, Missing]) -> None:
    """Replace what is noted of a feed."""
    session.execute(delete(FeedMissing).where(FeedMissing.feed_id == feed_id))
    rows = ((feed_id, osv_id, each.modified, each.attempts, each.retry_at) for osv_id, each in sorted(missing.items()))
    copy_rows(session, "feed_missing", ("feed_id", "osv_id", "modified", "attempts", "retry_at"), rows)


def _once_more(before: Missing | None, modified: datetime, now: datetime) -> Missing:
    attempts = before.attempts + 1 if before is not None and before.modified == modified else 1
    wait = min(_FIRST_WAIT * 2 ** min(attempts - 1, 10), _LONGEST_WAIT)
    return Missing(modified, attempts, now + wait)
