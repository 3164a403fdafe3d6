"""What people do with exposures without moving them: hand them over, and say something."""

from datetime import datetime

from service.access.roles import Actor
from service.db import WriteSession
from service.errors import Unreadable
from service.incidents.assigning import assign
from service.incidents.locking import locked_for
from service.incidents.models import Exposure
from service.incidents.timeline import Entry, write_timeline

__all__ = ["assign", "comment"]


def comment(session: WriteSession, exposure_id: int, text: str, *, actor: Actor, now: datetime) -> Exposure:
    """Add a sentence to an exposure's timeline."""
    if not text.strip():
        raise Unreadable("A comment needs words.")
    exposure = locked_for(session, exposure_id, actor)
    _touch(exposure, now)
    session.flush()  # the timeline's change carries the exposure as it is now
    entry = Entry(exposure.incident_id, "commented", text.strip(), exposure.id)
    write_timeline(session, [entry], actor=actor.name, now=now)
    return session.get_one(Exposure, exposure_id)


def _touch(exposure: Exposure, now: datetime) -> None:
    exposure.version += 1
    exposure.updated_at = now
