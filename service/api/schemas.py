"""What the schemas of all nouns share. Answers have no defaults, so that clients see which fields are always there."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

Item = TypeVar("Item")

#: Nobody's clock shows the first or the last day there is; beside them, every zone's time is a time in UTC.
_EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


def _within_calendar(at: datetime) -> datetime:
    if at.tzinfo is None:
        return at  # The route says what it needs a zone for.
    if not _EARLIEST <= at <= _LATEST:
        raise ValueError("no time of this calendar")
    return at.astimezone(UTC)


#: A time that somebody sends, with its zone. A time at the rim of the calendar has no place in UTC, or in the database.
Instant = Annotated[datetime, AfterValidator(_within_calendar)]
AwareInstant = Annotated[AwareDatetime, AfterValidator(_within_calendar)]


class Answer(BaseModel):
    """Something we answer, often read from a row."""

    model_config = ConfigDict(from_attributes=True)


class Page(Answer, Generic[Item]):
    """Part of a list; `next` goes back as ``after=`` and is null at the end."""

    items: list[Item]
    next: str | None


class Body(BaseModel):
    """Something we are sent: unknown fields and loose types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Reason(Body):
    """Why."""

    reason: str
