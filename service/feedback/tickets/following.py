"""From the numbered changes to work: which exposures a ticket system has to be told of.

A system's place in the feed moves in the transaction that writes the work, so nothing is lost.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, literal, select, update
from sqlalchemy.dialects import postgresql as pg

from service.changes.models import Change
from service.changes.reading import Forgotten, changes_after, last_seq
from service.db import WriteSession, any_of, arrays
from service.feedback.tickets.drafting import OPEN
from service.feedback.tickets.models import TicketSystem, TicketWork
from service.incidents.link_models import Link
from service.incidents.models import Exposure, Incident
from service.incidents.representing import number_of

_AT_ONCE = 500
#: What our own connectors, and others', write about tickets is no news to a ticket.
_ECHOES = frozenset({"exposure.linked", "exposure.unlinked"})


def follow(session: WriteSession, system_id: int, *, now: datetime) -> bool:
    """Turn some of the changes that a system has not heard of into work; tells whether there may be more."""
    system = session.get_one(TicketSystem, system_id, with_for_update=True, populate_existing=True)
    try:
        found = changes_after(session, system.seq, limit=_AT_ONCE)
    except Forgotten:
        # It was off for longer than changes are kept: reconciling finds what it missed.
        system.seq, system.reconciled_at = last_seq(session), None
        return False
    wanted = {number_of(c.exposure, "EXP") for c in found.items if c.exposure and _is_wanted(c, system)}
    others = {number_of(c.exposure, "EXP") for c in found.items if c.exposure and c.type not in _ECHOES} - wanted
    known = select(Link.exposure_id).where(Link.system == system.name, Link.exposure_id == any_of(others))
    add_work(session, system.id, wanted.union(session.scalars(known)), now=now)
    system.seq = found.last
    return found.has_more


def add_work(session: WriteSession, system_id: int, exposure_ids: Iterable[int], *, now: datetime) -> None:
    """Have a system told of exposures."""
    ids = sorted(exposure_ids)
    if not ids:
        return
    given = arrays(id=(BigInteger(), ids))
    rows = select(literal(system_id), given.c.id, literal(now)).join(Exposure, Exposure.id == given.c.id)
    new = pg.insert(TicketWork).from_select(["system_id", "exposure_id", "run_at"], rows.order_by(given.c.id))
    session.execute(
        new.on_conflict_do_update(
            index_elements=["system_id", "exposure_id"], set_={"run_at": now, "attempts": 0, "last_error": None}
        )
    )


def missing_work(session: WriteSession, system: TicketSystem, candidates: Mapping[int, Mapping[str, Any]]) -> list[int]:
    """Give, of exposures (by id, as values), those that should have a ticket of this system and have none."""
    linked = select(Link.exposure_id).where(Link.system == system.name)  # what is lost has its work already
    left_out = set(session.scalars(linked.where(Link.exposure_id == any_of(candidates))))
    if not may_know(system):
        secret = select(Exposure.id).join(Incident, Incident.id == Exposure.incident_id).where(Incident.restricted)
        left_out |= set(session.scalars(secret.where(Exposure.id == any_of(candidates))))
    return [id_ for id_, values in candidates.items() if id_ not in left_out and is_wanted(values, system.wanted)]


def may_know(system: TicketSystem) -> bool:
    """Tell whether a system is told of what is under embargo: whoever reads its tickets will know."""
    return bool(system.wanted.get("restricted"))


def is_wanted(exposure: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether an exposure gets a ticket: by priority, team, product, and whether it is new. Empty means any."""
    chosen = (
        ("priorities", exposure["priority"]),
        ("teams", exposure["owner"]["team"]),
        ("products", exposure["product"]),
    )
    return (
        exposure["status"] in OPEN
        and all(not wanted.get(name) or value in wanted[name] for name, value in chosen)
        and (bool(wanted.get("baseline")) or exposure["origin"] != "baseline")
    )


def _is_wanted(change: Change, system: TicketSystem) -> bool:
    return change.type not in _ECHOES and is_wanted(change.data, system.wanted)


def put_off(session: WriteSession, system_id: int, until: datetime, reason: str) -> None:
    """Leave a system alone for a while, and say why."""
    session.execute(
        update(TicketSystem).where(TicketSystem.id == system_id).values(waits_until=until, last_error=reason)
    )
