"""When a delivery is tried again, and what an answer means for it and for its webhook. Pure.

Source: Standard Webhooks 1.0, "Deliverability and reliability": its ten attempts, and what statuses mean.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final

#: Waited before each attempt; together 75 hours and 35 minutes.
WAITS: Final = (
    timedelta(0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2),
    timedelta(hours=5), timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
#: A webhook that has heard nothing for so long is disabled.
PATIENCE: Final = timedelta(days=5)
LONGEST_HOLD: Final = timedelta(hours=24)
#: Up to so much of a wait is added to it, so that what failed together does not come back together.
_JITTER: Final = 0.1

_MULTIPLE_CHOICES = 300
_REASONS = {
    HTTPStatus.GONE: "answered 410: the receiver wants no more",
    HTTPStatus.TOO_MANY_REQUESTS: "answered 429: the receiver wants us to slow down",
}


@dataclass(frozen=True)
class Reply:
    """What came of one attempt: a status with the beginning of the body, or the reason why there was none."""

    status: int | None
    reason: str = ""
    body: str = ""
    location: str | None = None
    retry_after: timedelta | None = None


class Meaning(StrEnum):
    """What an answer means for a delivery."""

    DELIVERED = "delivered"
    AGAIN = "again"
    GONE = "gone"


def meaning_of(reply: Reply) -> Meaning:
    """Tell what an answer means: 2xx is a success, 410 ends it all, anything else is a failure that may pass."""
    if reply.status is None:
        return Meaning.AGAIN
    if HTTPStatus.OK <= reply.status < _MULTIPLE_CHOICES:
        return Meaning.DELIVERED
    return Meaning.GONE if reply.status == HTTPStatus.GONE else Meaning.AGAIN


def reason_of(reply: Reply) -> str:
    """Say in words what came of an attempt; for the log."""
    if reply.status is None:
        return reply.reason
    if meaning_of(reply) is Meaning.DELIVERED:
        return "delivered"
    if _MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
        return f"answered {reply.status}: redirects to {reply.location or 'nowhere'}, and redirects are not followed"
    return _REASONS.get(HTTPStatus(reply.status), "") if reply.status in _REASONS else f"answered {reply.status}"


def wait_before(attempt: int, reply: Reply, *, chance: float) -> timedelta | None:
    """Give how long to wait before an attempt; None when there are no more.

    Args:
        attempt: The next one's number, from 1.
        reply: What the one before came to; a `Retry-After` with 429 or 503 is waited for.
        chance: Between 0 and 1; spreads those that failed together.
    """
    if attempt > len(WAITS):
        return None
    wait = WAITS[attempt - 1] * (1 + _JITTER * chance)
    return max(wait, hold_of(reply) or timedelta(0))


def hold_of(reply: Reply) -> timedelta | None:
    """Give how long the receiver asks to be left alone, at most `LONGEST_HOLD`; None where it does not."""
    if reply.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return None
    return None if reply.retry_after is None else min(reply.retry_after, LONGEST_HOLD)
