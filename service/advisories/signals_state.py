"""How fresh the sources of signals are, and how far priorities have followed them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from service.advisories.signal_models import SignalFeed
from service.db import ReadSession, WriteSession

#: They are asked for four times a day.
_STALE_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignalState:
    """What was taken from one source, of which edition, and why not more."""

    name: str
    url: str
    attempted_at: datetime | None
    succeeded_at: datetime | None
    version: str | None
    released_at: datetime | None
    record_count: int
    last_error: str | None
    last_result: Mapping[str, object] | None
    stale: bool


def signal_states(session: ReadSession, *, now: datetime) -> list[SignalState]:
    """List the sources that were ever tried. One that did not succeed for a day is stale."""
    return [
        SignalState(
            name=feed.name,
            url=feed.url,
            attempted_at=feed.attempted_at,
            succeeded_at=feed.succeeded_at,
            version=feed.version,
            released_at=feed.released_at,
            record_count=feed.record_count,
            last_error=feed.last_error,
            last_result=feed.last_result,
            stale=feed.succeeded_at is None or feed.succeeded_at < now - _STALE_AFTER,
        )
        for feed in session.scalars(select(SignalFeed).order_by(SignalFeed.name))
    ]


def unfollowed(session: ReadSession) -> dict[str, int]:
    """Give the sources whose changes priorities have not followed yet: name to the revision that there is now."""
    rows = select(SignalFeed.name, SignalFeed.revision).where(SignalFeed.revision != SignalFeed.followed_revision)
    return dict(session.execute(rows).all())


def mark_followed(session: WriteSession, revisions: Mapping[str, int]) -> None:
    """Note up to which revision priorities have followed; a later one is still to be followed."""
    for name, revision in sorted(revisions.items()):
        mine = SignalFeed.name == name, SignalFeed.followed_revision < revision
        session.execute(update(SignalFeed).where(*mine).values(followed_revision=revision))
