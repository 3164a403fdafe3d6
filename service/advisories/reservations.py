"""What a record says of its own answers: that nobody knows a fix, that nobody reviewed it, that only hints end a range.

None of it is evaluated; it is for people to weigh a match by. Pure.

Sources: GitHub's ``database_specific.last_known_affected_version_range`` (a hint where its database has no fix, which
OSV's range leaves open), and ``review_status`` and ``custom_ranges`` of Go's vulnerability database.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from service.purls import canonical_ecosystem, normalise_name

NO_KNOWN_FIX = "no known fix"
UNREVIEWED = "unreviewed"


class Reservation(NamedTuple):
    """Something to know of one entry of a record.

    `labels` are of `NO_KNOWN_FIX`, `UNREVIEWED`; `last_known_affected` is a range in GitHub's words (``< 2.296.1``),
    `other_numbers` those of the project's own releases (``>=0, <3.3.1``), where a record gives them beside its ranges.
    """

    ecosystem: str
    name: str
    labels: tuple[str, ...]
    last_known_affected: str = ""
    other_numbers: str = ""


def reservations(record: Mapping[str, object]) -> list[Reservation]:
    """Read what a record (``advisory.record``) says of its own entries; entries that say nothing are left out."""
    unreviewed = _within(record, "database_specific").get("review_status") == "UNREVIEWED"
    found = []
    for entry in _each(record.get("affected")):
        package = _within(entry, "package")
        ecosystem, name = package.get("ecosystem"), package.get("name")
        if isinstance(ecosystem, str) and isinstance(name, str):
            reserved = _reserved(canonical_ecosystem(ecosystem), name, entry, unreviewed=unreviewed)
            found += [reserved] if any(reserved[2:]) else []
    return list(dict.fromkeys(found))


def _reserved(ecosystem: str, name: str, entry: Mapping[str, object], *, unreviewed: bool) -> Reservation:
    hint = _within(entry, "database_specific").get("last_known_affected_version_range")
    custom = [_range_in_words(each) for each in _each(_within(entry, "ecosystem_specific").get("custom_ranges"))]
    labels = [NO_KNOWN_FIX] * _is_open(entry) + [UNREVIEWED] * unreviewed
    return Reservation(
        ecosystem,
        normalise_name(ecosystem, name),
        tuple(labels),
        last_known_affected=hint if isinstance(hint, str) else "",
        other_numbers=" or ".join(filter(None, custom)),
    )


def _is_open(entry: Mapping[str, object]) -> bool:
    """Tell whether some range of versions begins and never ends."""
    ranges = [each for each in _each(entry.get("ranges")) if each.get("type") != "GIT"]
    return any(_ends_open([next(iter(event)) for event in _each(each.get("events")) if event]) for each in ranges)


def _ends_open(kinds: list[str]) -> bool:
    return "introduced" in kinds and kinds.count("introduced") > len(kinds) - kinds.count("introduced")


def _range_in_words(each: Mapping[str, object]) -> str:
    signs = {"introduced": ">=", "fixed": "<", "last_affected": "<="}
    events = (next(iter(event.items())) for event in _each(each.get("events")) if event)
    return ", ".join(f"{signs[kind]}{at}" for kind, at in events if kind in signs)


def _within(value: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def _each(value: object) -> Iterator[Mapping[str, object]]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, Mapping):
            yield each
