"""Tickets elsewhere, linked to exposures. A ticket that closes claims a fix, and no more.

Pull-only integrations put links with `PUT /v1/exposures/{id}/links/{system}`; our own connectors do the same from
inside.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from service.access.roles import Actor
from service.db import WriteSession
from service.errors import NotFound, Unreadable
from service.incidents.lifecycle import Decision, transition
from service.incidents.link_models import Link
from service.incidents.linked import find_link
from service.incidents.models import Exposure
from service.incidents.representing import exposure_name
from service.incidents.timeline import Entry, write_timeline

#: Statuses in which a closed ticket says something new: that somebody thinks it is fixed.
CLAIMABLE = frozenset({"open", "acknowledged", "in_progress"})
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")


@dataclass(frozen=True)
class Seen:
    """What was seen of a ticket."""

    key: str
    url: str | None = None
    state: str = "open"
    version_seen: int | None = None


def put_link(
    session: WriteSession, exposure: Exposure, system: str, seen: Seen, *, actor: Actor, now: datetime
) -> bool:
    """Link a ticket to an exposure, or say anew what its state is; tells whether anything is new.

    A ticket that was open and is closed now claims a fix in its name. The caller holds the exposure's row lock.

    Raises:
        Unreadable: The name of the system does not fit into addresses.
    """
    if not _SYSTEM.fullmatch(system):
        raise Unreadable(f"{system!r} is no name for a system: use a-z, 0-9, '.', '_', '-', at most 50 of them.")
    before = find_link(session, exposure.id, system)
    if before is not None and _same(before, seen):
        before.version_seen = seen.version_seen if seen.version_seen is not None else before.version_seen
        return False
    was_open = before is None or before.state != "closed"
    _store(session, before, exposure.id, system, seen, now)
    exposure.version += 1
    exposure.updated_at = now
    session.flush()  # the timeline's change carries the exposure as it is now
    reason = f"{system} {seen.key} is {seen.state}"
    evidence: dict[str, object] = {"system": system, "key": seen.key, "url": seen.url, "state": seen.state}
    entry = Entry(exposure.incident_id, "linked", reason, exposure.id, evidence=evidence)
    write_timeline(session, [entry], actor=actor.name, now=now)
    if was_open and seen.state == "closed" and exposure.status in CLAIMABLE:
        claim = Decision(to="fix_claimed", reason=f"{system} {seen.key} was closed", evidence=evidence)
        transition(session, exposure.id, claim, actor=actor, now=now)
    return True


def remove_link(session: WriteSession, exposure: Exposure, system: str, *, actor: Actor, now: datetime) -> None:
    """Forget a ticket; the timeline keeps that it was there. The caller holds the exposure's row lock."""
    link = find_link(session, exposure.id, system)
    if link is None:
        raise NotFound(f"{exposure_name(exposure.id)} has no link to {system}.")
    session.delete(link)
    exposure.version += 1
    exposure.updated_at = now
    session.flush()  # the timeline's change carries the exposure as it is now
    entry = Entry(exposure.incident_id, "unlinked", f"no longer {system} {link.key}", exposure.id)
    write_timeline(session, [entry], actor=actor.name, now=now)


def _same(link: Link, seen: Seen) -> bool:
    return (link.key, link.url, link.state) == (seen.key, seen.url, seen.state)


def _store(session: WriteSession, link: Link | None, exposure_id: int, system: str, seen: Seen, now: datetime) -> None:
    if link is None:
        link = Link(exposure_id=exposure_id, system=system, created_at=now)
        session.add(link)
    link.key, link.url, link.state, link.updated_at = seen.key, seen.url, seen.state, now
    if seen.version_seen is not None:
        link.version_seen = seen.version_seen
