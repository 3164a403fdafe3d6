"""The page behind the link in a broadcast: what it is about, and one button. To look at it changes nothing.

Whoever holds the link speaks for one team about one incident; no key and no session is needed. Mail scanners follow
links, so that only the button counts. What is under embargo is not said here: a mail may have been handed on.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select

from service.access import audit
from service.access.models import Team
from service.access.seals import Seals
from service.db import ReadSession, reading, writing
from service.errors import NotFound
from service.incidents.acknowledging import Link, acknowledge_all, going_on_as, link_actor, read_link
from service.incidents.declaration_models import Broadcast, BroadcastTeam
from service.incidents.models import Exposure
from service.incidents.representing import incident_name
from service.web.asking import Now, PageRoute
from service.web.drawing import HEADERS, draw
from service.web.visiting import check_origin

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: Products that the page names.
_MOST = 50


class LinkOver(NotFound):
    """This link is over, or none of ours."""

    slug = "link-over"


@router.get("/acknowledge/{sealed}")
def ask(sealed: str, request: Request, now: Now) -> Response:
    """Show what was broadcast, and a button."""
    link = _link(request, sealed, now)
    with reading(request.app.state.engine) as session:
        return draw("acknowledge.html", visitor=None, sealed=sealed, **_shown(session, link))


@router.post("/acknowledge/{sealed}")
def acknowledge(sealed: str, request: Request, now: Now) -> Response:
    """Acknowledge all that the team has open of the incident; again changes nothing."""
    check_origin(request)
    link = _link(request, sealed, now)
    with writing(request.app.state.engine) as session:
        incident, team = going_on_as(session, link.incident_id), session.get_one(Team, link.team_id)
        actor = link_actor(team)
        reason = f"by the link of broadcast {link.broadcast_id}"
        done = acknowledge_all(session, incident.id, team.id, actor=actor, reason=reason, now=now)
        detail = {"broadcast": link.broadcast_id, "count": len(done.now)}
        audit.record(session, actor, "incident.acknowledge", incident_name(incident.id), detail, now=now)
    return RedirectResponse(f"/acknowledge/{sealed}", 303, headers=HEADERS)


def _link(request: Request, sealed: str, now: Now) -> Link:
    seals: Seals = request.app.state.seals
    link = read_link(seals, sealed, now=now)
    if link is None:
        raise LinkOver("Links in mails end after a week. Sign in to see the incident, or ask the CERT for a new one.")
    return link


def _shown(session: ReadSession, link: Link) -> dict[str, Any]:
    incident, team = going_on_as(session, link.incident_id), session.get_one(Team, link.team_id)
    sent = session.get_one(Broadcast, link.broadcast_id)
    share = session.get_one(BroadcastTeam, (link.broadcast_id, link.team_id))
    waiting = select(func.count()).where(
        Exposure.incident_id == incident.id, Exposure.team_id == team.id, Exposure.status == "open"
    )
    secret = incident.restricted
    told = {} if secret else share.products
    act, confirm = (list(told.get(kind) or ()) for kind in ("act", "confirm"))  # type: ignore[call-overload]
    return {
        "incident": incident_name(incident.id),
        "title": "under embargo" if secret else incident.title,
        "team": team.name,
        "message": "Sign in to read what it is." if secret else sent.message,
        "sent_at": sent.at,
        "sent_by": sent.actor,
        "act": act[:_MOST],
        "confirm": confirm[:_MOST],
        "more": max(0, len(act) - _MOST) + max(0, len(confirm) - _MOST),
        "waiting": session.scalar(waiting) or 0,
        "acknowledged_at": share.acknowledged_at,
        "acknowledged_by": share.acknowledged_by,
    }
