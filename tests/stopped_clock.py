"""A clock for the application under test: it stands still until it is moved."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

#: When the advisories about xz were out.
EVENING = datetime(2024, 3, 29, 18, 45, tzinfo=UTC)


@dataclass
class StoppedClock:
    """Gives the same time until it is moved."""

    now: datetime = field(default=EVENING)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by
