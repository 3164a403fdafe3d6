"""The clocks and pauses of exposures as values, for all doors alike."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from service.db import ReadSession, any_of
from service.incidents.clock_models import ExposureClock, Pause
from service.incidents.models import Exposure


class Beside(NamedTuple):
    """What of its clocks an exposure's own row does not say."""

    pauses: list[Pause]
    clocks: list[ExposureClock]


def clocks_beside(session: ReadSession, exposure_ids: Iterable[int]) -> dict[int, Beside]:
    """Read pauses and further clocks; exposures that have neither are there too, with nothing."""
    ids = list(exposure_ids)
    found: defaultdict[int, Beside] = defaultdict(lambda: Beside([], []))
    for pause in session.scalars(select(Pause).where(Pause.exposure_id == any_of(ids)).order_by(Pause.id)):
        found[pause.exposure_id].pauses.append(pause)
    rows = select(ExposureClock).where(ExposureClock.exposure_id == any_of(ids))
    for clock in session.scalars(rows.order_by(ExposureClock.started_at, ExposureClock.name)):
        found[clock.exposure_id].clocks.append(clock)
    return found


def clock_values(exposure: Exposure, beside: Beside, now: datetime | None = None) -> dict[str, object]:
    """Give `clocks` and `pauses` as the API shows them; instants in ISO 8601.

    Args:
        exposure: Its own columns are the clocks of acknowledgement and remediation; one without a due date has none.
        beside: What `clocks_beside` read of it.
        now: To tell what is breached. Without it, only what was met late is; the rest is null.
    """
    begun, ended = exposure.opened_at, exposure.ended_at
    own = (
        ("acknowledge", exposure.acknowledge_from_at, exposure.acknowledge_due_at, exposure.acknowledged_at or ended),
        ("remediate", exposure.remediate_from_at, exposure.remediate_due_at, ended),
    )
    clocks = [_clock(name, from_at or begun, due_at, met_at, now) for name, from_at, due_at, met_at in own if due_at]
    clocks += [_clock(one.name, one.started_at, one.due_at, one.met_at, now) for one in beside.clocks]
    return {"clocks": clocks, "pauses": [_pause(one) for one in beside.pauses]}


def _clock(
    name: str, started_at: datetime, due_at: datetime, met_at: datetime | None, now: datetime | None
) -> dict[str, Any]:
    by = met_at or now
    return {
        "name": name,
        "started_at": started_at.isoformat(),
        "due_at": due_at.isoformat(),
        "met_at": met_at.isoformat() if met_at else None,
        "breached": by > due_at if by else None,
    }


def _pause(pause: Pause) -> dict[str, Any]:
    return {
        "kind": pause.kind,
        "reason": pause.reason,
        "by": pause.made_by,
        "from": pause.from_at.isoformat(),
        "ends_by": pause.ends_by.isoformat(),
        "to": pause.until_at.isoformat() if pause.until_at else None,
        "ended_because": pause.ended_because,
    }
