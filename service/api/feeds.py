"""``/v1/feeds``: where advisories come from, and how fresh they are."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from service.access import audit
from service.access.roles import Actor
from service.advisories.feeds import State, freshness, held_counts
from service.advisories.reading import unevaluated_by_reason
from service.advisories.rekeying import outdated
from service.advisories.retrying_client import without_credentials
from service.advisories.signals_state import signal_states
from service.api.deps import Configured, Now, Read, Write, may
from service.api.problems import problems
from service.api.schemas import Answer
from service.db import WriteSession
from service.errors import Conflict, Refused

router = APIRouter(tags=["advisories"])

#: Puts in the job, which may lose so many advisories of some ecosystems at once, and tells whether none was waiting
#: already; `main` knows how.
AskForSync = Callable[[WriteSession, datetime, Mapping[str, int]], bool]


class FeedOut(Answer):
    """One ecosystem of one feed."""

    url: str = Field(description="the feed's identity; a bundle's is that of the feed it was made from")
    ecosystem: str
    state: State = Field(
        description="fresh; stale: not for four syncs; held: so much is gone at once that somebody has to agree; "
        "failing: the last sync did not get all; never: it was never taken in full"
    )
    attempted_at: datetime | None
    succeeded_at: datetime | None
    as_of: datetime | None = Field(description="when the feed was as it is here; for a bundle, when that was made")
    stale: bool = Field(description="never loaded, or not for four syncs: a clean answer is worth nothing")
    record_count: int
    held_count: int = Field(description="advisories that are kept although the feed no longer has them")
    missing_count: int = Field(description="advisories that the feed lists and does not have")
    last_error: str | None
    last_result: dict[str, Any] | None


class SignalFeedOut(Answer):
    """A source of signals: ``kev``, what CISA lists as exploited, or ``epss``, how likely that is."""

    name: str
    url: str
    attempted_at: datetime | None
    succeeded_at: datetime | None
    stale: bool = Field(description="not for a day, or never")
    version: str | None = Field(description="in the source's own words")
    released_at: datetime | None = Field(description="when the source made what is here")
    record_count: int
    last_error: str | None
    last_result: dict[str, Any] | None


class FeedsOut(Answer):
    """All feeds; there are few, so they come at once."""

    items: list[FeedOut]
    signals: list[SignalFeedOut]
    next: None
    url: str = Field(description="where advisories come from; none: nowhere")
    sync_every_seconds: float
    unevaluated: dict[str, int] = Field(description="advisories of which a part cannot be read, by reason")
    rekeying: bool = Field(description="after an upgrade, what is stored is being read again; answers may change")


class AskedOut(Answer):
    """What became of the wish to sync."""

    queued: bool = Field(description="false: a sync was waiting already")
    accepted: dict[str, int] = Field(description="ecosystems that may lose so many advisories at once")


class NoFeed(Refused):
    """No feed is configured."""

    slug = "no-feed"


class NothingHeld(Conflict):
    """No advisories of this ecosystem are held."""

    slug = "nothing-held"


@router.get("/v1/feeds", dependencies=[Depends(may("read"))])
def index(session: Read, settings: Configured, now: Now) -> FeedsOut:
    """Tell how fresh each ecosystem of each feed is."""
    feeds = freshness(session, now=now, sync_every=settings.sync_every)
    return FeedsOut(
        items=[FeedOut.model_validate(feed) for feed in feeds],
        signals=[SignalFeedOut.model_validate(state) for state in signal_states(session, now=now)],
        next=None,
        url=without_credentials(settings.osv_url),
        sync_every_seconds=settings.sync_every.total_seconds(),
        unevaluated=unevaluated_by_reason(session),
        rekeying=outdated(session),
    )


@router.post("/v1/feeds:sync", status_code=202, responses=problems(409))
def sync(
    request: Request,
    session: Write,
    settings: Configured,
    actor: Annotated[Actor, Depends(may("publish_advisory"))],
    now: Now,
    accept: Annotated[
        list[str] | None,
        Query(max_length=100, description="ecosystems that are held, and may lose what is held of them now"),
    ] = None,
) -> AskedOut:
    """Ask for a sync now. It runs beside the doors; ``GET /v1/feeds`` tells when it is done."""
    if settings.osv_url == "none":
        raise NoFeed("MUSTER_OSV_URL is none; set it to the feed, a mirror or a folder.")
    accepted = held_counts(session, accept or [])
    for name in accept or []:
        if name not in accepted:
            raise NothingHeld(f"No advisories of {name[:100]} are held; GET /v1/feeds tells what is.")
    ask: AskForSync = request.app.state.ask_for_sync
    queued = ask(session, now, accepted)
    detail = {"accepted": accepted} if accepted else None
    audit.record(session, actor, "feed.sync", without_credentials(settings.osv_url), detail, now=now)
    return AskedOut(queued=queued, accepted=accepted)
