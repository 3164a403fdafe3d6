"""More time for remediation, given by the CERT with a reason: beside a pause the only way to a later due date."""

from datetime import datetime

from service.access.roles import Actor
from service.db import WriteSession
from service.errors import Refused, Unreadable
from service.incidents.models import Exposure
from service.incidents.presence import ACTIVE
from service.incidents.representing import exposure_name
from service.incidents.timeline import Entry, write_timeline


class ExtensionRefused(Refused):
    """The due date cannot be moved."""

    slug = "extension-refused"


def extend(
    session: WriteSession, exposure: Exposure, until: datetime, *, reason: str, actor: Actor, now: datetime
) -> Exposure:
    """Move the due date of remediation to a later day. The session holds the exposure's lock.

    Raises:
        ExtensionRefused: It has ended, or is due later anyway.
        Unreadable: There is no reason, or the day lies behind.
    """
    if not reason.strip():
        raise Unreadable("More time needs a reason.")
    if until <= now:
        raise Unreadable("until lies behind.")
    name, was = exposure_name(exposure.id), exposure.remediate_due_at
    if exposure.status not in ACTIVE or was is None:
        raise ExtensionRefused(f"{name} is {exposure.status}: it has no due date to move.")
    if until <= was:
        raise ExtensionRefused(f"{name} is due {was.isoformat()}, which is not before {until.isoformat()}.")
    exposure.remediate_due_at = until
    exposure.version += 1
    exposure.updated_at = now
    session.flush()  # the timeline's change carries the exposure as it is now
    said = f"due {until:%Y-%m-%d %H:%M}Z instead of {was:%Y-%m-%d %H:%M}Z: {reason.strip()}"
    evidence: dict[str, object] = {"from": was.isoformat(), "to": until.isoformat()}
    entry = Entry(exposure.incident_id, "extended", said, exposure.id, evidence=evidence)
    write_timeline(session, [entry], actor=actor.name, now=now)
    return exposure
