"""What we took from which feed, and how fresh it is. One row for each ecosystem of each source."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Text, and_, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql as pg

from service.advisories.bulk import copy_rows
from service.advisories.models import Feed, FeedAdvisory
from service.db import ReadSession, WriteSession, arrays
from service.inventory.catalogue_models import ComponentCoord, OsvPackage

#: A feed that missed this many of its syncs is stale.
_MISSED_SYNCS = 4


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far one ecosystem of one feed can be trusted to be complete."""

    url: str
    ecosystem: str
    attempted_at: datetime | None
    succeeded_at: datetime | None
    record_count: int
    last_error: str | None
    last_result: Mapping[str, object] | None
    stale: bool


def freshness(session: ReadSession, *, now: datetime, sync_every: timedelta) -> list[Freshness]:
    """List every ecosystem that was ever tried. One that never succeeded, or not for four syncs, is stale."""
    oldest = now - _MISSED_SYNCS * sync_every
    return [
        Freshness(
            url=feed.url,
            ecosystem=feed.ecosystem,
            attempted_at=feed.attempted_at,
            succeeded_at=feed.succeeded_at,
            record_count=feed.record_count,
            last_error=feed.last_error,
            last_result=feed.last_result,
            stale=feed.succeeded_at is None or feed.succeeded_at < oldest,
        )
        for feed in session.scalars(select(Feed).order_by(Feed.ecosystem, Feed.url))
    ]


def ecosystems_in_use(session: ReadSession) -> set[str]:
    """Name the ecosystems that some component stands in, without suffix: the folders a feed has for them."""
    name = func.split_part(OsvPackage.ecosystem, ":", 1)
    stands = exists().where(ComponentCoord.osv_package_id == OsvPackage.id)
    return set(session.scalars(select(name).where(stands).distinct()))


def never_tried(session: ReadSession) -> list[str]:
    """Name the ecosystems that some component stands in and whose feed was never asked for; sorted."""
    return sorted(ecosystems_in_use(session) - set(session.scalars(select(Feed.ecosystem))))


def record_attempt(session: WriteSession, url: str, ecosystem: str, *, now: datetime) -> Feed:
    """Note that a sync begins; gives the feed's row, made if it is the first."""
    statement = (
        pg.insert(Feed)
        .values(url=url, ecosystem=ecosystem, attempted_at=now)
        .on_conflict_do_update(index_elements=["url", "ecosystem"], set_={"attempted_at": now})
        .returning(Feed)
    )
    return session.scalars(statement).one()


def record_success(
    session: WriteSession,
    feed_id: int,
    *,
    index_digest: bytes | None,
    etag: str | None,
    result: Mapping[str, object] | None,
    trouble: str | None,
    now: datetime,
) -> None:
    """Note that all there was is taken.

    Args:
        session: The caller's transaction.
        feed_id: The feed's row.
        index_digest: Of the index that is now taken in full; None if something of it has to be asked for again.
        etag: The index's entity tag, under the same condition.
        result: Counts of what was done; None leaves the last ones.
        trouble: What a person has to look at although the rest was applied.
        now: Aware UTC.
    """
    count = select(func.count()).where(FeedAdvisory.feed_id == feed_id).scalar_subquery()
    values: dict[str, object] = {
        "succeeded_at": now,
        "index_digest": index_digest,
        "etag": etag,
        "last_error": trouble,
    }
    if result is not None:
        values |= {"last_result": dict(result), "record_count": count}
    session.execute(update(Feed).where(Feed.id == feed_id).values(values))


def record_failure(session: WriteSession, feed_id: int, *, error: str) -> None:
    """Note why a sync stopped. What it took until then stays, and is not asked for again."""
    session.execute(update(Feed).where(Feed.id == feed_id).values(last_error=error))


def taken(session: ReadSession, feed_id: int) -> dict[str, datetime]:
    """Give what we have of a feed: advisory id to its `modified` there."""
    statement = select(FeedAdvisory.osv_id, FeedAdvisory.modified).where(FeedAdvisory.feed_id == feed_id)
    return dict(session.execute(statement).all())


def mark_taken(session: WriteSession, feed_id: int, modified: Mapping[str, datetime]) -> None:
    """Note which advisories were taken, as of which `modified`."""
    forget(session, feed_id, modified)
    rows = ((feed_id, osv_id, modified[osv_id]) for osv_id in sorted(modified))
    copy_rows(session, "feed_advisory", ("feed_id", "osv_id", "modified"), rows)


def forget(session: WriteSession, feed_id: int, osv_ids: Collection[str]) -> None:
    """Note that a feed does not carry these advisories."""
    gone = arrays(osv_id=(Text(), sorted(osv_ids)))
    session.execute(
        delete(FeedAdvisory).where(and_(FeedAdvisory.feed_id == feed_id, FeedAdvisory.osv_id == gone.c.osv_id))
    )
