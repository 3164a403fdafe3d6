"""The page of the feeds: how far what we know of advisories can be believed, and what a person has to decide."""

from fastapi import APIRouter, Request, Response

from service.advisories.feed_loss import quoted
from service.advisories.feeds import freshness
from service.web.asking import Now, PageRoute, Read, Reader
from service.web.drawing import draw

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/feeds")
def feeds(request: Request, session: Read, now: Now, visitor: Reader) -> Response:
    """List each ecosystem of each feed; what needs a look stands first."""
    rows = freshness(session, now=now, sync_every=request.app.state.settings.sync_every)
    rows.sort(key=lambda feed: (feed.state != "held", feed.state in ("fresh", "stale"), feed.ecosystem))
    return draw("feeds.html", visitor=visitor, now=now, feeds=rows, quoted=quoted)
