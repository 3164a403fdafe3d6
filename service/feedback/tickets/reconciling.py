"""Whether a ticket system and we still agree: tickets that are lost, that there are two of, that were never made."""

from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, select, update

from service.db import reading, writing
from service.feedback.tickets.connecting import Connector, Draft, Missing, Ticket
from service.feedback.tickets.drafting import OPEN, draft, exposure_of
from service.feedback.tickets.following import add_work, may_know, missing_work
from service.feedback.tickets.hearing import note_ticket
from service.feedback.tickets.models import TicketSystem
from service.feedback.tickets.telling import actor_of
from service.incidents.lifecycle import lock_exposure
from service.incidents.link_models import Link
from service.incidents.links import Seen, put_link
from service.incidents.listing import exposures_in_full
from service.incidents.models import Exposure
from service.incidents.representing import exposure_name, exposures_as_values, incidents_as_values

_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Reconciled:
    """What was found: tickets that are ours, and what was amiss with how many."""

    tickets: int
    lost: int
    duplicates: int
    missing: int
    strangers: int

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        return asdict(self)


def reconcile_tickets(engine: Engine, system: TicketSystem, connector: Connector, *, now: datetime) -> Reconciled:
    """Compare all our tickets in a system with our links, and mend what differs.

    Lost tickets are made anew where something is left to do; of two, the one that is linked stays, else the oldest, and
    the other is closed with a word; what should have a ticket and has none gets one with the next work.
    """
    there: defaultdict[int, list[Ticket]] = defaultdict(list)
    for ticket in connector.changed_since(system.created_at, system.marker):
        for ref in ticket.refs:
            if (exposure_id := exposure_of(ref, system.marker)) is not None:
                there[exposure_id].append(ticket)
    with reading(engine) as session:
        ours = set(session.scalars(select(Exposure.id).where(Exposure.id.in_(sorted(there)))))
        links = {link.exposure_id: link for link in session.scalars(select(Link).where(Link.system == system.name))}
    duplicates = _fold(engine, system, connector, {i: t for i, t in there.items() if i in ours}, links, now=now)
    lost = _find_lost(engine, system, connector, there, links, now=now)
    missing = _find_missing(engine, system, now=now)
    found = Reconciled(sum(map(len, there.values())), lost, duplicates, missing, len(there.keys() - ours))
    with writing(engine) as session:
        done = update(TicketSystem).where(TicketSystem.id == system.id)
        session.execute(done.values(reconciled_at=now, last_result=found.as_values()))
    return found


def _fold(
    engine: Engine,
    system: TicketSystem,
    connector: Connector,
    there: dict[int, list[Ticket]],
    links: dict[int, Link],
    *,
    now: datetime,
) -> int:
    """Let links follow tickets that we did not know of, and close all but one of several."""
    closed = 0
    for exposure_id, tickets in sorted(there.items()):
        link = links.get(exposure_id)
        linked = [ticket for ticket in tickets if link is not None and ticket.key == link.key]
        stays = (
            linked[0] if linked else min(tickets, key=lambda ticket: (ticket.created_at, len(ticket.key), ticket.key))
        )
        if not linked:
            with writing(engine) as session:
                note_ticket(session, system, exposure_id, stays, now=now)
        folded = [ticket for ticket in tickets if ticket is not stays and ticket.is_open]
        if not folded or (closing := _closing(engine, system, exposure_id)) is None:
            continue
        for ticket in folded:
            connector.comment(ticket.key, f"The same as {stays.key}, which goes on: {stays.url}")
            connector.update(ticket, closing)
        closed += len(folded)
    return closed


def _closing(engine: Engine, system: TicketSystem, exposure_id: int) -> Draft | None:
    """Write what a second ticket says last; None where it is under embargo, and stays as it is."""
    with reading(engine) as session:
        values = exposures_in_full(session, [exposure_id])[0]
        incident_id = session.get_one(Exposure, exposure_id).incident_id
        incident = incidents_as_values(session, [incident_id])[incident_id]
    if incident["restricted"] and not may_know(system):
        return None
    said = draft(values, incident, marker=system.marker, link="")
    return replace(said, title=f"[duplicate] {said.title}", is_open=False)


def _find_lost(
    engine: Engine,
    system: TicketSystem,
    connector: Connector,
    there: dict[int, list[Ticket]],
    links: dict[int, Link],
    *,
    now: datetime,
) -> int:
    """Ask one by one for tickets that are linked and were not among the listed: a lost label is no lost ticket."""
    lost = 0
    for exposure_id, link in sorted(links.items()):
        if link.state == "lost" or any(ticket.key == link.key for ticket in there.get(exposure_id, ())):
            continue
        try:
            connector.get(link.key)
        except Missing:
            lost += 1
            with writing(engine) as session:
                exposure = lock_exposure(session, exposure_name(exposure_id))
                gone = Seen(link.key, link.url, "lost")
                put_link(session, exposure, system.name, gone, actor=actor_of(system.name), now=now)
                if exposure.status in OPEN:
                    add_work(session, system.id, [exposure_id], now=now)
    return lost


def _find_missing(engine: Engine, system: TicketSystem, *, now: datetime) -> int:
    """Have tickets made for what should have one: what was open before the system was there, or was missed."""
    found, after = 0, 0
    while True:
        with writing(engine) as session:
            rows = select(Exposure.id).where(Exposure.id > after, Exposure.status.in_(sorted(OPEN)))
            ids = list(session.scalars(rows.order_by(Exposure.id).limit(_AT_ONCE)))
            if not ids:
                return found
            missing = missing_work(session, system, exposures_as_values(session, ids))
            add_work(session, system.id, missing, now=now)
            found, after = found + len(missing), ids[-1]
