"""Time comes in at the doors and travels as ``now``; usage bounds are integers.

Instants are aware UTC datetimes. Usage bounds are microseconds since 1970 (`OPEN` = still there).
"""

from datetime import UTC, datetime, timedelta

#: The upper bound of a usage that has not ended: the largest bigint.
OPEN = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """Read the clock. Only doors call this."""
    return datetime.now(UTC)


def to_micros(at: datetime) -> int:
    """Turn an aware instant into microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime | None:
    """Turn microseconds since 1970 into an instant; None for `OPEN`."""
    return None if micros == OPEN else _EPOCH + timedelta(microseconds=micros)
