"""Decisions with an end: when their time is over, exposures are open again."""

from datetime import datetime

from sqlalchemy import select

from service.db import WriteSession
from service.incidents.models import Exposure
from service.incidents.moving import opened_again, state_of, write_states
from service.incidents.timeline import Entry, write_timeline

#: Of one transaction; the job goes on until there are none.
_AT_ONCE = 500


def end_acceptances(session: WriteSession, *, now: datetime) -> int:
    """Open again what was decided until now, accepted risks and what does not matter here; gives how many there were.

    What is gone from the field stays as it was decided: nothing would ever close it again. It opens once it is back.
    """
    due = session.scalars(
        select(Exposure)
        .where(Exposure.status.in_(["risk_accepted", "not_affected"]), Exposure.expires_at <= now)
        .where(Exposure.presence != "absent")
        .order_by(Exposure.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    entries = [_entry(exposure) for exposure in due]
    states = [
        (each, opened_again(state_of(each), now, priority=each.priority, inputs=each.priority_inputs)) for each in due
    ]
    write_states(session, states, now)
    write_timeline(session, entries, actor="clock", now=now)
    return len(due)


def _entry(exposure: Exposure) -> Entry:
    reason = {
        "risk_accepted": "the accepted time is over",
        "not_affected": "the time for which it was decided is over",
    }[exposure.status]
    return Entry(exposure.incident_id, "expired", reason, exposure.id, exposure.status, "open")
