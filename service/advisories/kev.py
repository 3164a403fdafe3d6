"""CISA's catalogue of known exploited vulnerabilities, read. Pure.

Its schema asks for more than is needed here: what the service acts on is typed strictly, a row without it is listed as
malformed, and the rest is taken as it comes.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from service.advisories.osv_schema import MalformedRecord, instant
from service.advisories.signals_reading import CVE, MalformedSignals, Reading, beginning, checked, unpacked


class Row(NamedTuple):
    """One vulnerability, in the order of its table's columns."""

    cve: str
    added_on: date
    due_on: date | None
    ransomware: bool
    title: str
    required_action: str


COLUMNS = Row._fields


class _Catalogue(msgspec.Struct, frozen=True):
    vulnerabilities: list[Any]
    version: str | None = msgspec.field(name="catalogVersion", default=None)
    released: str | None = msgspec.field(name="dateReleased", default=None)
    count: int | None = None


class _Entry(msgspec.Struct, frozen=True):
    cve: str = msgspec.field(name="cveID")
    added: date = msgspec.field(name="dateAdded")
    due: str = msgspec.field(name="dueDate", default="")
    ransomware: str = msgspec.field(name="knownRansomwareCampaignUse", default="")
    title: str = msgspec.field(name="vulnerabilityName", default="")
    required_action: str = msgspec.field(name="requiredAction", default="")


def read_catalogue(content: bytes) -> Reading:
    """Read the catalogue as published; one row a CVE.

    Raises:
        MalformedSignals: It is no JSON, no catalogue, or lists another number of rows than it says.
    """
    content = unpacked(content)
    try:
        catalogue = msgspec.json.decode(content, type=_Catalogue)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedSignals(f"it is no KEV catalogue ({error}); it begins with {beginning(content)}") from error
    listed = catalogue.vulnerabilities
    if catalogue.count is not None and catalogue.count != len(listed):
        raise MalformedSignals(f"it says that it lists {catalogue.count} vulnerabilities, and lists {len(listed)}")
    rows: dict[str, Row] = {}
    malformed = []
    for place, each in enumerate(listed):
        try:
            row = _row(each)
        except (msgspec.ValidationError, ValueError) as error:
            malformed.append(f"/vulnerabilities/{place}: {error}")
            continue
        rows.setdefault(row.cve, row)
    released_at = _instant(catalogue.released)
    return checked(Reading(catalogue.version, released_at, _as_csv(rows.values()), len(rows), malformed))


def _as_csv(rows: Iterable[Row]) -> bytes:
    return "".join(",".join(map(_field, row)) + "\n" for row in rows).encode()


def _field(value: object) -> str:
    """Quote whatever there is: to COPY an empty text without quotes is none at all."""
    return "" if value is None else '"' + str(value).replace('"', '""') + '"'


def _row(each: object) -> Row:
    entry = msgspec.convert(each, _Entry)
    if not CVE.fullmatch(entry.cve):
        raise ValueError(f"{entry.cve[:40]!r} is no CVE")
    return Row(
        cve=entry.cve,
        added_on=entry.added,
        due_on=_day(entry.due),
        ransomware=entry.ransomware.strip().lower() == "known",
        title=_sound(entry.title),
        required_action=_sound(entry.required_action),
    )


def _sound(text: str) -> str:
    """Leave out what PostgreSQL cannot hold."""
    return text.replace("\0", "").strip()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _instant(text: str | None) -> datetime | None:
    try:
        return instant(text) if text else None
    except MalformedRecord:
        return None
