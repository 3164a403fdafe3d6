"""The parts of OSV's schema that the service acts on, typed. Pure.

Source: OSV schema 1.7; unknown fields are ignored.
"""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from service.errors import Unreadable

_ID = re.compile(r"[^\s/\\\x00-\x1f]{1,200}")


class MalformedRecord(Unreadable):
    """This is no OSV record."""

    slug = "malformed-advisory"


class OsvEvent(msgspec.Struct, frozen=True):
    """One boundary of a range; the schema allows exactly one of the four."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class OsvRange(msgspec.Struct, frozen=True):
    """One range of versions or commits; `repo` is where the commits are."""

    type: str = ""
    repo: str | None = None
    events: list[OsvEvent] = []


class OsvPackageName(msgspec.Struct, frozen=True):
    """A package as its record writes it."""

    ecosystem: str = ""
    name: str = ""
    purl: str | None = None


class OsvAffected(msgspec.Struct, frozen=True):
    """What one package's users need to know."""

    package: OsvPackageName | None = None
    ranges: list[OsvRange] | None = None
    versions: list[str] | None = None
    severity: Any = None
    ecosystem_specific: Any = None
    database_specific: Any = None


def instant(text: str) -> datetime:
    """Read an RFC 3339 timestamp as an aware instant; without offset it is UTC. Digits below a microsecond are cut.

    Raises:
        MalformedRecord: It is none.
    """
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedRecord(f"{text[:80]!r} is no timestamp") from error


def is_id(text: str) -> bool:
    """Tell whether this can be an advisory's id: short, without white space, and no way out of a folder."""
    return _ID.fullmatch(text) is not None and text not in (".", "..")
