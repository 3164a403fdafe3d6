"""The clocks of an exposure, as people read them: what is due when, and what is late by how much. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from service.incidents.presence import ACTIVE
from service.web.drawing import duration, moment


class Clock(NamedTuple):
    """One deadline. `state`: ``late``, ``soon`` (less than a quarter of its time is left), ``running`` or ``met``."""

    name: str
    due_at: datetime
    state: str
    text: str


def clocks_of(exposure: Mapping[str, object], *, now: datetime) -> list[Clock]:
    """Give the clocks that run, or were stopped in or after their time; an ended exposure has none."""
    if exposure["status"] not in ACTIVE:
        return []
    opened = _instant(exposure["opened_at"]) or now
    clocks = []
    for name, due, stopped in (
        ("acknowledge", exposure["acknowledge_due_at"], exposure["acknowledged_at"]),
        ("remediate", exposure["remediate_due_at"], None),
    ):
        due_at = _instant(due)
        if due_at is not None:
            clocks.append(_clock(name, opened, due_at, _instant(stopped), now))
    return clocks


def _clock(name: str, opened: datetime, due: datetime, stopped: datetime | None, now: datetime) -> Clock:
    if stopped is not None:
        late = stopped > due
        text = f"{duration(stopped - due)} late" if late else f"after {duration(stopped - opened)}"
        return Clock(name, due, "met", text)
    if now > due:
        return Clock(name, due, "late", f"overdue by {duration(now - due)}")
    soon = (due - now) * 4 < due - opened
    return Clock(name, due, "soon" if soon else "running", f"{duration(due - now)} left")


def _instant(value: object) -> datetime | None:
    return moment(value) if isinstance(value, (str, datetime)) else None
