"""What every ticket system can do for us, whatever its words: find by our id, create, update, comment, tell news.

A connector keeps nothing. It is given what a ticket shall say, and gives back what there is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.errors import Refused, UpstreamUnavailable


@dataclass(frozen=True)
class Draft:
    """What a ticket shall say.

    Attributes:
        ref: Our id for it, which no other installation has: `muster-3fa1c2d4-exp-41`.
        group: What all our tickets there have in common: `muster-3fa1c2d4`.
        title: One line.
        body: Plain text in paragraphs.
        priority: act, attend, track* or track.
        due_at: Until when it has to be fixed.
        is_open: Whether anything is left to do.
    """

    ref: str
    group: str
    title: str
    body: str
    priority: str
    due_at: datetime | None
    is_open: bool


@dataclass(frozen=True)
class Ticket:
    """A ticket as it is over there; `refs` are those of our ids that it carries."""

    key: str
    url: str
    is_open: bool
    refs: frozenset[str]
    created_at: str = ""


class Connector(Protocol):
    """A ticket system.

    Every method may raise `Throttled`, `Denied`, `Rejected` or `UpstreamUnavailable`; those that name a ticket,
    `Missing`, and those that change one, `Clashed`.
    """

    def find(self, ref: str) -> list[Ticket]:
        """Find the tickets with our id, the oldest first. What was created just now may be missing yet."""
        ...

    def get(self, key: str) -> Ticket:
        """Read one ticket."""
        ...

    def create(self, draft: Draft) -> Ticket:
        """Open a ticket."""
        ...

    def update(self, ticket: Ticket, draft: Draft) -> Ticket:
        """Let a ticket say what it shall, and be open or closed as it shall."""
        ...

    def comment(self, key: str, text: str) -> None:
        """Add a comment."""
        ...

    def has_comment(self, key: str, mark: str) -> bool:
        """Tell whether a comment with some words is there already."""
        ...

    def changed_since(self, at: datetime, group: str) -> Iterable[Ticket]:
        """List our tickets that changed since a time, everything that did; some from before may be among them."""
        ...


class Missing(Refused):
    """The ticket is gone."""

    slug = "ticket-missing"


class Denied(Refused):
    """The ticket system does not let us in."""

    slug = "ticket-system-denied"


class Rejected(Refused):
    """The ticket system does not take this."""

    slug = "ticket-rejected"


class Clashed(Refused):
    """Somebody changed the ticket at the same moment."""

    slug = "ticket-clash"


class Throttled(UpstreamUnavailable):
    """The ticket system wants us to wait."""

    slug = "ticket-system-throttled"

    def __init__(self, detail: str = "", wait: timedelta = timedelta()) -> None:
        super().__init__(detail, retry_after=int(wait.total_seconds()))
        self.wait = wait
