"""What a check gives: a verdict, and the first faults with their places."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

#: Faults that are kept. One mistake of a generator makes as many as there are components.
MOST_FAULTS = 5
#: Characters; schemas quote the whole value that does not fit.
LONGEST_MESSAGE = 300
_LONGEST_POINTER = 200


class Verdict(StrEnum):
    """What is known."""

    VALID = "valid"
    INVALID = "invalid"
    UNCHECKED = "unchecked"


class Fault(msgspec.Struct, frozen=True):
    """What the schema objects to. ``pointer`` is a JSON pointer, ``line 12`` or an SPDX id; empty for the whole."""

    pointer: str
    message: str


class Conformance(msgspec.Struct, frozen=True, kw_only=True):
    """What a document's schema says of it, as it is stored and shown.

    ``error_count`` is null where nobody could count; ``reason`` says why something is unchecked, or uncounted.
    """

    verdict: Verdict
    checked_by: str = ""
    schema: str = ""
    error_count: int | None = 0
    first: tuple[Fault, ...] = ()
    reason: str = ""


def unchecked(reason: str) -> Conformance:
    """Say why nobody knows."""
    return Conformance(verdict=Verdict.UNCHECKED, error_count=None, reason=reason)


def fault(pointer: str, message: str) -> Fault:
    """Make a fault that can be shown and stored: one line, no NUL, no lone surrogate, not long."""
    return Fault(_short(pointer, _LONGEST_POINTER), _short(message, LONGEST_MESSAGE))


def judged(faults: Iterable[tuple[str, str]], *, checked_by: str, schema: str) -> Conformance:
    """Count (pointer, message) pairs, of which the first are kept; none is valid."""
    first, count = [], 0
    for pointer, message in faults:
        count += 1
        if count <= MOST_FAULTS:
            first.append(fault(pointer, message))
    verdict = Verdict.INVALID if count else Verdict.VALID
    return Conformance(verdict=verdict, checked_by=checked_by, schema=schema, error_count=count, first=tuple(first))


def _short(words: str, most: int) -> str:
    start = words[: 4 * most].encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    line = " ".join(start.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
