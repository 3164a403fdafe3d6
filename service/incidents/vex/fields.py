"""JSON of strangers, read with care: a wrong type is named with its place, never a crash. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from service.errors import TooLarge, Unreadable

#: Bindings of statements in one document; what one vendor says of one product has thousands.
MOST_BINDINGS = 50_000
#: Characters of a text that is kept.
LONGEST_TEXT = 10_000
#: Of what names something.
LONGEST_NAME = 4_000
_RIM = timedelta(days=1)


class BadVex(Unreadable):
    """The VEX document cannot be read."""

    slug = "bad-vex"


class VexTooLarge(TooLarge):
    """The VEX document says too much at once."""

    slug = "vex-too-large"


class Fields:
    """An object of a document, and where it stands (a JSON pointer)."""

    def __init__(self, value: Any, place: str = "") -> None:  # noqa: ANN401 - JSON
        if not isinstance(value, dict):
            raise BadVex(f"{place or 'The document'} is not an object.")
        self.value: dict[str, Any] = value
        self.place = place

    def text(self, key: str, *, longest: int = LONGEST_NAME) -> str:
        """Give a text, stripped; '' if it is absent.

        Raises:
            BadVex: It is something else, or too long.
        """
        value = self.value.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise BadVex(f"{self.place}/{key} is not a text.")
        return _clean(value, f"{self.place}/{key}", longest)

    def prose(self, key: str) -> str:
        """Give a longer text."""
        return self.text(key, longest=LONGEST_TEXT)

    def needed(self, key: str) -> str:
        """Give a text that has to be there."""
        value = self.text(key)
        if not value:
            raise BadVex(f"{self.place}/{key} is missing.")
        return value

    def number(self, key: str) -> str:
        """Give a whole number as text; '' if it is absent."""
        value = self.value.get(key)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadVex(f"{self.place}/{key} is not a whole number.")
        return str(value)

    def instant(self, key: str) -> datetime | None:
        """Give a time with its zone, in UTC; None if it is absent."""
        value = self.text(key)
        if not value:
            return None
        try:
            at = datetime.fromisoformat(value)
        except ValueError as error:
            raise BadVex(f"{self.place}/{key} is no time: {value[:40]}.") from error
        if at.tzinfo is None:
            raise BadVex(f"{self.place}/{key} has no time zone: {value[:40]}.")
        if not datetime.min.replace(tzinfo=UTC) + _RIM < at < datetime.max.replace(tzinfo=UTC) - _RIM:
            raise BadVex(f"{self.place}/{key} is no time of this calendar.")
        return at.astimezone(UTC)

    def items(self, key: str) -> list[Any]:
        """Give a list; empty if it is absent."""
        value = self.value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise BadVex(f"{self.place}/{key} is not a list.")
        return value

    def objects(self, key: str) -> Iterator["Fields"]:
        """Give the objects of a list."""
        for number, value in enumerate(self.items(key)):
            yield Fields(value, f"{self.place}/{key}/{number}")

    def texts(self, key: str) -> list[str]:
        """Give the texts of a list."""
        place = f"{self.place}/{key}"
        found = []
        for number, value in enumerate(self.items(key)):
            if not isinstance(value, str):
                raise BadVex(f"{place}/{number} is not a text.")
            found.append(_clean(value, f"{place}/{number}", LONGEST_NAME))
        return found

    def object(self, key: str) -> "Fields":
        """Give an object; an empty one if it is absent."""
        value = self.value.get(key)
        return Fields({} if value is None else value, f"{self.place}/{key}")


def bounded(count: int) -> None:
    """Refuse a document that says more than `MOST_BINDINGS` things."""
    if count > MOST_BINDINGS:
        raise VexTooLarge(f"The document binds more than {MOST_BINDINGS:,} components. Send it in parts.")


def _clean(value: str, place: str, longest: int) -> str:
    if len(value) > longest:
        raise BadVex(f"{place} has {len(value):,} characters; {longest:,} are read.")
    if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise BadVex(f"{place} holds characters that no database stores.")
    return value.strip()
