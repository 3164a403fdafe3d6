"""A value of a document as text: what should be a string and mostly is."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

# A tuple: comparing lengths is cheaper than computing the hash of every value.
_NOTHING = ("NOASSERTION", "NONE")
_LONGEST_REMEMBERED = 500
F = TypeVar("F", bound=Callable[..., Any])


def remembering(most: int) -> Callable[[F], F]:
    """Remember *most* answers about short texts: they outlive their document, and must not keep its longest texts."""

    def around(act: F) -> F:
        known = lru_cache(maxsize=most)(act)

        @wraps(act)
        def answer(*said: str) -> Any:  # noqa: ANN401 - what *act* gives
            return known(*said) if max(map(len, said)) <= _LONGEST_REMEMBERED else act(*said)

        return answer  # type: ignore[return-value]  # takes and gives what *act* does

    return around


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
