"""A claimed fix that nothing proves: doubted after a while, and at once when a newer SBOM still has it."""

from datetime import datetime, timedelta

from sqlalchemy import select

from service.db import WriteSession
from service.incidents.models import Exposure
from service.incidents.moving import state_of, write_states
from service.incidents.timeline import Entry, write_timeline

#: How long a claim may stand without proof.
BELIEVED_FOR = timedelta(days=7)

#: Of one transaction; the job goes on until there are none.
_AT_ONCE = 500


def doubt_claims(session: WriteSession, *, now: datetime) -> int:
    """Take back claims that nothing has proved for seven days; gives how many there were. Idempotent."""
    unproved = session.scalars(
        select(Exposure)
        .where(Exposure.status == "fix_claimed", Exposure.claimed_at <= now - BELIEVED_FOR)
        .order_by(Exposure.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    entries = [
        Entry(
            exposure.incident_id,
            "doubted",
            f"nothing has proved the fix for {BELIEVED_FOR.days} days",
            exposure.id,
            "fix_claimed",
            "in_progress",
        )
        for exposure in unproved
    ]
    doubted = [(exposure, state_of(exposure)._replace(status="in_progress", claimed_at=None)) for exposure in unproved]
    write_states(session, doubted, now)
    write_timeline(session, entries, actor="clock", now=now)
    return len(entries)


def contradicts(claimed_at: datetime | None, listed_at: datetime) -> bool:
    """Tell whether an SBOM that still lists what is affected speaks against a claimed fix: it is newer than the claim.

    Args:
        claimed_at: Since when a fix is claimed; None: nobody knows, and every SBOM counts.
        listed_at: As of when the SBOM is.
    """
    return claimed_at is None or listed_at > claimed_at
