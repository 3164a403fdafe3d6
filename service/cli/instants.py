"""Times as people type them: a day, or a day and a time; without time zone it is UTC."""

from datetime import UTC, datetime, time, timedelta

import typer

_DAY_LENGTH = len("2024-03-29")


def instant(text: str) -> datetime:
    """Read ``2024-03-29`` (its beginning), ``2024-03-29T15:38`` or either with a time zone; gives aware UTC."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time; write it like 2024-03-29 or 2024-03-29T15:38:00Z") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def end_of_day(text: str) -> datetime:
    """Read a time as `instant` does, but let a day alone mean its end: *until* a day includes it."""
    at = instant(text)
    is_day = len(text.strip()) == _DAY_LENGTH and at.time() == time()
    return at + timedelta(days=1) if is_day else at


def written(at: datetime | None) -> str | None:
    """Write an instant as the API takes it."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def brief(text: str | None) -> str:
    """Shorten an instant of the API to the minute, in UTC; nothing stays nothing."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}" if text else ""
