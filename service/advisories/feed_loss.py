"""When a source of advisories, or one of its ecosystems, goes away.

An advisory is gone when nobody carries it any longer. A source that has not been used for a week, while another gives
the same ecosystem, carries nothing: else a bundle that was taken once would keep what vanished alive for ever.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.orm import aliased

from service.advisories.feed_index import is_suspicious
from service.advisories.feeds import record_attempt, record_failure
from service.advisories.models import Feed, FeedAdvisory, FeedMissing
from service.advisories.storing import Stored, retract
from service.db import ReadSession, WriteSession, any_of

LAPSES_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Sources of an ecosystem that nobody uses any longer, and what only they carry."""

    feed_ids: tuple[int, ...]
    urls: tuple[str, ...]
    record_count: int
    alone: frozenset[str]

    @property
    def is_suspicious(self) -> bool:
        """Tell whether so much would go with them that somebody has to agree."""
        return is_suspicious(len(self.alone), self.record_count)


def lapsed(session: ReadSession, feed: Feed, *, now: datetime) -> Lapsed | None:
    """Find other sources of a feed's ecosystem that have not been used for a week; the feed itself has just been."""
    others = session.execute(
        select(Feed.id, Feed.url)
        .where(Feed.ecosystem == feed.ecosystem, Feed.id != feed.id, Feed.attempted_at < now - LAPSES_AFTER)
        .order_by(Feed.id)
    ).all()
    if not others:
        return None
    ids = [feed_id for feed_id, _ in others]
    theirs = FeedAdvisory.feed_id == any_of(ids)
    other = aliased(FeedAdvisory)
    elsewhere = exists().where(other.osv_id == FeedAdvisory.osv_id, ~(other.feed_id == any_of(ids)))
    count = session.scalar(select(func.count(FeedAdvisory.osv_id.distinct())).where(theirs)) or 0
    alone = session.scalars(select(FeedAdvisory.osv_id).where(theirs, ~elsewhere).distinct())
    return Lapsed(tuple(ids), tuple(url for _, url in others), count, frozenset(alone))


def let_go(session: WriteSession, feed_ids: Collection[int], osv_ids: Collection[str], *, now: datetime) -> Stored:
    """Forget sources, and retract those of their advisories that nobody else carries."""
    ids = any_of(feed_ids)
    for table in (FeedAdvisory, FeedMissing):
        session.execute(delete(table).where(table.feed_id == ids))
    session.execute(delete(Feed).where(Feed.id == ids))
    return retract(session, osv_ids, now=now)


def lost_ecosystems(session: ReadSession, url: str, offered: Collection[str], *, as_of: datetime | None) -> list[Feed]:
    """List the ecosystems that were taken from a feed and that it, or a later edition of it, no longer offers."""
    had = select(Feed).where(Feed.url == url, Feed.record_count > 0).order_by(Feed.ecosystem)
    if as_of is not None:
        had = had.where(or_(Feed.as_of.is_(None), Feed.as_of <= as_of))
    return [feed for feed in session.scalars(had) if feed.ecosystem not in offered]


def hold_lost(session: WriteSession, feed: Feed, *, now: datetime) -> str:
    """Keep what a lost ecosystem had until somebody agrees; gives what to tell them."""
    trouble = (
        f"The feed no longer lists {feed.ecosystem}. Its {feed.record_count} advisories are kept until somebody says "
        f"that this is right: muster advisories sync --accept-shrink {quoted(feed.ecosystem)}"
    )
    record_attempt(session, feed.url, feed.ecosystem, now=now)
    record_failure(session, feed.id, error=trouble, held=feed.record_count)
    return trouble


def carried_by(session: ReadSession, feed_id: int) -> list[str]:
    """List what a feed carries."""
    return list(session.scalars(select(FeedAdvisory.osv_id).where(FeedAdvisory.feed_id == feed_id)))


def quoted(ecosystem: str) -> str:
    """Write an ecosystem's name as an argument of a command."""
    return f"'{ecosystem}'" if " " in ecosystem else ecosystem
