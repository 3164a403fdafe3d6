"""``/v1/feeds``: where advisories come from, and how fresh they are."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.advisories.feeds import freshness
from service.advisories.reading import unevaluated_by_reason
from service.api.deps import Configured, Now, Read, Write, may
from service.api.problems import problems
from service.api.schemas import Answer
from service.db import WriteSession
from service.errors import Refused

router = APIRouter(tags=["advisories"])

#: Puts in the job, and tells whether none was waiting already; `main` knows how.
AskForSync = Callable[[WriteSession, datetime], bool]


class FeedOut(Answer):
    """One ecosystem of one feed."""

    url: str
    ecosystem: str
    attempted_at: datetime | None
    succeeded_at: datetime | None
    stale: bool = Field(description="never loaded, or not for four syncs: a clean answer is worth nothing")
    record_count: int
    last_error: str | None
    last_result: dict[str, Any] | None


class FeedsOut(Answer):
    """All feeds; there are few, so they come at once."""

    items: list[FeedOut]
    next: None
    url: str = Field(description="where advisories come from; none: nowhere")
    sync_every_seconds: float
    unevaluated: dict[str, int] = Field(description="advisories of which a part cannot be read, by reason")


class AskedOut(Answer):
    """What became of the wish to sync."""

    queued: bool = Field(description="false: a sync was waiting already")


class NoFeed(Refused):
    """No feed is configured."""

    slug = "no-feed"


@router.get("/v1/feeds", dependencies=[Depends(may("read"))])
def index(session: Read, settings: Configured, now: Now) -> FeedsOut:
    """Tell how fresh each ecosystem of each feed is."""
    feeds = freshness(session, now=now, sync_every=settings.sync_every)
    return FeedsOut(
        items=[FeedOut.model_validate(feed) for feed in feeds],
        next=None,
        url=settings.osv_url,
        sync_every_seconds=settings.sync_every.total_seconds(),
        unevaluated=unevaluated_by_reason(session),
    )


@router.post("/v1/feeds:sync", status_code=202, responses=problems(409))
def sync(
    request: Request,
    session: Write,
    settings: Configured,
    actor: Annotated[Actor, Depends(may("publish_advisory"))],
    now: Now,
) -> AskedOut:
    """Ask for a sync now. It runs beside the doors; ``GET /v1/feeds`` tells when it is done."""
    if settings.osv_url == "none":
        raise NoFeed("MUSTER_OSV_URL is none; set it to the feed, a mirror or a folder.")
    ask: AskForSync = request.app.state.ask_for_sync
    queued = ask(session, now)
    audit.record(session, actor, "feed.sync", settings.osv_url, now=now)
    return AskedOut(queued=queued)
