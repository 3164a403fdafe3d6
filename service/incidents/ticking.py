"""The clock's tick: whatever has come to be due until now, in a constant number of statements. Idempotent.

It may come late, after a night of downtime, or twice at once: what is due is taken once, and in one step.
"""

from datetime import datetime
from typing import NamedTuple

from service.db import WriteSession
from service.incidents.clocks import follow_clocks
from service.incidents.escalating import escalate
from service.incidents.pausing import end_due_pauses


class Ticked(NamedTuple):
    """What a tick did: pauses that ended, exposures that were escalated. More may be due while `escalated` is not 0."""

    resumed: int
    escalated: int


def tick(session: WriteSession, *, now: datetime) -> Ticked:
    """Let the clocks be what they are at *now*: first what moves due dates, then what is due by them.

    It waits for no exposure that somebody else holds: it may hold incidents' rows by then, which those wait for.
    """
    follow_clocks(session, now=now)
    resumed = end_due_pauses(session, now=now)
    return Ticked(resumed, escalate(session, now=now))
