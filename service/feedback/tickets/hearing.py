"""What people did to our tickets over there. Closing one claims a fix; what we did ourselves is no news."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update

from service.db import WriteSession, any_of, reading, writing
from service.feedback.tickets.connecting import Connector, Ticket
from service.feedback.tickets.drafting import exposure_of
from service.feedback.tickets.models import TicketSystem
from service.feedback.tickets.telling import actor_of
from service.incidents.lifecycle import lock_exposure
from service.incidents.link_models import Link
from service.incidents.links import Seen, put_link
from service.incidents.models import Exposure
from service.incidents.representing import exposure_name

#: Their clock is not ours, and their lists may lag.
OVERLAP = timedelta(minutes=15)


def hear(engine: Engine, system: TicketSystem, connector: Connector, *, now: datetime) -> int:
    """Read what changed in a system since we last did; gives how many links are otherwise now."""
    since = (system.heard_at or system.created_at) - OVERLAP
    tickets = [ticket for ticket in connector.changed_since(since, system.marker) if _ids(ticket, system)]
    differing = _differing(engine, system, tickets)
    for exposure_id, ticket in differing:
        with writing(engine) as session:
            note_ticket(session, system, exposure_id, ticket, now=now)
    with writing(engine) as session:
        session.execute(update(TicketSystem).where(TicketSystem.id == system.id).values(heard_at=now))
    return len(differing)


def note_ticket(
    session: WriteSession, system: TicketSystem, exposure_id: int, ticket: Ticket, *, now: datetime
) -> bool:
    """Let an exposure's link follow its ticket; one that is linked to another ticket by now stays as it is."""
    exposure = lock_exposure(session, exposure_name(exposure_id))
    link = session.scalar(select(Link).where(Link.exposure_id == exposure_id, Link.system == system.name))
    if link is not None and link.key != ticket.key and link.state != "lost":
        return False
    seen = Seen(ticket.key, ticket.url, state_of(ticket))
    return put_link(session, exposure, system.name, seen, actor=actor_of(system.name), now=now)


def state_of(ticket: Ticket) -> str:
    """Say a ticket's state in the words of links."""
    return "open" if ticket.is_open else "closed"


def _differing(engine: Engine, system: TicketSystem, tickets: Iterable[Ticket]) -> list[tuple[int, Ticket]]:
    """Choose the tickets whose state is not what their link says, in the order of exposures."""
    by_exposure = [(id_, ticket) for ticket in tickets for id_ in _ids(ticket, system)]
    with reading(engine) as session:
        ids = any_of({id_ for id_, _ in by_exposure})
        known = {
            link.exposure_id: (link.key, link.state)
            for link in session.scalars(select(Link).where(Link.system == system.name, Link.exposure_id == ids))
        }
        ours = set(session.scalars(select(Exposure.id).where(Exposure.id == ids)))
    news = [(id_, ticket) for id_, ticket in by_exposure if known.get(id_) != (ticket.key, state_of(ticket))]
    return sorted(
        ((id_, ticket) for id_, ticket in news if id_ in ours), key=lambda item: (item[0], item[1].created_at)
    )


def _ids(ticket: Ticket, system: TicketSystem) -> list[int]:
    found = (exposure_of(ref, system.marker) for ref in ticket.refs)
    return sorted(id_ for id_ in found if id_ is not None)
