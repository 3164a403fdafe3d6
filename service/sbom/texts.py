"""A value of a document as text: what should be a string and mostly is."""

from typing import Any

# A tuple: comparing lengths is cheaper than computing the hash of every value.
_NOTHING = ("NOASSERTION", "NONE")


def text(value: str | None) -> str:
    """Give *value* stripped; absent is ``""``."""
    return value.strip() if value else ""


def given(value: str | None) -> str:
    """Give *value* as `text`, SPDX's two words for "no value" as ``""``."""
    if not value or value in _NOTHING:
        return ""
    stripped = value.strip()
    return "" if stripped is not value and stripped in _NOTHING else stripped


def as_text(value: Any) -> str:  # noqa: ANN401 - whatever the document holds
    """Give a JSON scalar as text: numbers as Python writes them, ``true``; lists and objects as ``""``."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if isinstance(value, str | int | float) else ""
