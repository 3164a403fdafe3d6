"""What we took from which feed, and how fresh it is. One row for each ecosystem of each source."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import DateTime, TableValuedAlias, Text, and_, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql as pg

from service.advisories.bulk import copy_rows
from service.advisories.feed_source import Tags
from service.advisories.models import Advisory, Feed, FeedAdvisory, FeedMissing
from service.db import Lock, ReadSession, WriteSession, arrays
from service.inventory.catalogue_models import ComponentCoord, OsvPackage
from service.purls import PURL_PLACE

#: A feed that missed this many of its syncs is stale.
MISSED_SYNCS = 4
#: Indexes and records round their instants differently.
ROUNDING = timedelta(seconds=1)

#: ``held``: so much is gone at once that somebody has to say it is right. ``failing``: the last sync did not get all.
State = Literal["fresh", "stale", "held", "failing", "never"]
STATES: tuple[State, ...] = ("fresh", "stale", "held", "failing", "never")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far one ecosystem of one feed can be trusted to be complete.

    `as_of`: when what we have was what the feed has; for a bundle, when it was made. `held_count`: advisories that are
    kept although the feed no longer has them. `missing_count`: listed by the feed, and not to be had there.
    """

    url: str
    ecosystem: str
    state: State
    attempted_at: datetime | None
    succeeded_at: datetime | None
    as_of: datetime | None
    record_count: int
    held_count: int
    missing_count: int
    last_error: str | None
    last_result: Mapping[str, object] | None
    stale: bool


def freshness(session: ReadSession, *, now: datetime, sync_every: timedelta) -> list[Freshness]:
    """List every ecosystem that was ever tried. One that never succeeded, or not for four syncs, is stale."""
    oldest = now - MISSED_SYNCS * sync_every
    missing = select(func.count()).where(FeedMissing.feed_id == Feed.id).scalar_subquery()
    return [
        Freshness(
            url=feed.url,
            ecosystem=feed.ecosystem,
            state=_state(feed, stale := feed.as_of is None or feed.as_of < oldest),
            attempted_at=feed.attempted_at,
            succeeded_at=feed.succeeded_at,
            as_of=feed.as_of,
            record_count=feed.record_count,
            held_count=feed.held_count,
            missing_count=missing_count,
            last_error=feed.last_error,
            last_result=feed.last_result,
            stale=stale,
        )
        for feed, missing_count in session.execute(select(Feed, missing).order_by(Feed.ecosystem, Feed.url))
    ]


def _state(feed: Feed, stale: bool) -> State:  # noqa: FBT001 - half of the answer
    if feed.held_count:
        return "held"
    if feed.as_of is None:
        return "never"
    if feed.last_error:
        return "failing"
    return "stale" if stale else "fresh"


def ecosystems_in_use(session: ReadSession) -> set[str]:
    """Name the ecosystems that some component stands in, without suffix: the folders a feed has for them."""
    name = func.split_part(OsvPackage.ecosystem, ":", 1)
    stands = exists().where(ComponentCoord.osv_package_id == OsvPackage.id)
    return set(session.scalars(select(name).where(stands).distinct())) - {PURL_PLACE}


def never_tried(session: ReadSession) -> list[str]:
    """Name the ecosystems that some component stands in and whose feed was never asked for; sorted."""
    return sorted(ecosystems_in_use(session) - set(session.scalars(select(Feed.ecosystem))))


def held_counts(session: ReadSession, ecosystems: Collection[str]) -> dict[str, int]:
    """Give how many advisories are held in which of these ecosystems, in the feed that holds the most."""
    statement = select(Feed.ecosystem, func.max(Feed.held_count)).where(Feed.held_count > 0).group_by(Feed.ecosystem)
    return {ecosystem: count for ecosystem, count in session.execute(statement) if ecosystem in ecosystems}


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
    tags: Tags,
    result: Mapping[str, object] | None,
    as_of: datetime,
    now: datetime,
) -> None:
    """Note that all there was is taken.

    Args:
        session: The caller's transaction.
        feed_id: The feed's row.
        index_digest: Of the index that is now taken in full; None if something of it has to be asked for again.
        tags: The index's, under the same condition.
        result: Counts of what was done; None leaves the last ones.
        as_of: When the feed was as it is here now.
        now: Aware UTC.
    """
    values: dict[str, object] = {
        "succeeded_at": now,
        "as_of": func.greatest(Feed.as_of, as_of),
        "index_digest": index_digest,
        "etag": tags.etag,
        "last_modified": tags.last_modified,
        "held_count": 0,
        "last_error": None,
    }
    if result is not None:
        values |= {"last_result": dict(result), "record_count": _counted(feed_id)}
    session.execute(update(Feed).where(Feed.id == feed_id).values(values))


def record_failure(
    session: WriteSession,
    feed_id: int,
    *,
    error: str,
    held: int = 0,
    result: Mapping[str, object] | None = None,
    is_unchanged: bool = False,
) -> None:
    """Note why a sync stopped, or that it holds advisories. What it took stays, and is not asked for again.

    *is_unchanged*: it took nothing, so that the index that was last taken in full still is.
    """
    values: dict[str, object] = {"last_error": error}
    if not is_unchanged:
        values |= {"index_digest": None, "etag": None, "last_modified": None}
    if held:
        values["held_count"] = held
    if result is not None:
        values |= {"last_result": dict(result), "record_count": _counted(feed_id)}
    session.execute(update(Feed).where(Feed.id == feed_id).values(values))


def record_outage(session: WriteSession, url: str, *, error: str, now: datetime) -> None:
    """Note that the feed does not even say which ecosystems it has."""
    session.execute(update(Feed).where(Feed.url == url).values(attempted_at=now, last_error=error))


def _counted(feed_id: int) -> object:
    return select(func.count()).where(FeedAdvisory.feed_id == feed_id).scalar_subquery()


def taken(session: ReadSession, feed_id: int) -> dict[str, datetime]:
    """Give what we have of a feed: advisory id to its `modified` there."""
    statement = select(FeedAdvisory.osv_id, FeedAdvisory.modified).where(FeedAdvisory.feed_id == feed_id)
    return dict(session.execute(statement).all())


def adopt(session: WriteSession, feed_id: int, wanted: Mapping[str, datetime]) -> dict[str, datetime]:
    """Note as taken what another feed, or another of this one's folders, has given as of the same instant.

    A second source of the same records costs an index, and no record is read twice. Gives what was noted.
    """
    # What the other one loses meanwhile would else be retracted although this one carries it.
    session.execute(select(func.pg_advisory_xact_lock(Lock.JOINING_VULNERABILITIES)))
    promised = _pairs(wanted)
    statement = (
        select(FeedAdvisory.osv_id)
        .join(promised, FeedAdvisory.osv_id == promised.c.osv_id)
        .join(Advisory, Advisory.osv_id == FeedAdvisory.osv_id)
        .where(FeedAdvisory.feed_id != feed_id, FeedAdvisory.modified == promised.c.modified)
        .where(Advisory.source == "osv", Advisory.modified >= promised.c.modified - ROUNDING)
        .distinct()
    )
    known = {osv_id: wanted[osv_id] for osv_id in session.scalars(statement)}
    if known:
        mark_taken(session, feed_id, known)
    return known


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


def step_back(session: WriteSession, feed_id: int, modified: Mapping[str, datetime]) -> None:
    """Let a feed correct a date: what it had dated later, such as in the future, it may now replace.

    Otherwise the newest wins, and a record that was once dated 2027 could not be amended before. Another feed that has
    it as of the later date still wins.
    """
    promised = _pairs(modified)
    later_elsewhere = exists().where(
        FeedAdvisory.osv_id == Advisory.osv_id,
        FeedAdvisory.feed_id != feed_id,
        FeedAdvisory.modified > promised.c.modified,
    )
    session.execute(
        update(Advisory)
        .where(Advisory.osv_id == promised.c.osv_id, Advisory.source == "osv", ~later_elsewhere)
        .where(Advisory.modified > promised.c.modified + ROUNDING)
        .values(modified=promised.c.modified),
        execution_options={"synchronize_session": False},
    )


def _pairs(modified: Mapping[str, datetime]) -> TableValuedAlias:
    ids = sorted(modified)
    kind = DateTime(timezone=True)
    return arrays(osv_id=(Text(), ids), modified=(kind, [modified[osv_id] for osv_id in ids]))
