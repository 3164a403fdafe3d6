"""What is odd about a record of our own, said before anybody relies on it. Pure.

Nothing here refuses a record: what can be read is matched, and every remark says what will not be, and what to write
instead. What needs the inventory to be noticed (nobody lists such a name) is in `service.flows.near_misses`.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from service.advisories.osv_record import OsvRecord
from service.advisories.osv_schema import OsvAffected
from service.advisories.own_ids import is_private, is_public, suggested_id
from service.advisories.wording import ecosystem_in_words
from service.purls import base_of, normalise_name
from service.purls.ecosystem_table import BY_NAME, TABLE
from service.versions import UnparsableVersion, compare, family_of


class Remark(NamedTuple):
    """Something odd. `where` is a JSON pointer into the record, `suggestion` what to write there; '' if unknown."""

    code: str
    where: str
    message: str
    suggestion: str = ""


#: What `flatten` could not turn into intervals, by its reason.
_UNREAD: Final = {
    "no-package": "An affected entry names no package, so that nothing can match it.",
    "no-versions": "{package} has neither ranges nor versions, so that nothing can match it.",
    "git-only": "{package} has nothing but commits; without a list of versions nothing can match it.",
    "no-ordering": "Nobody can order the versions of {package}: its ranges match nothing, listed versions do.",
    "unparsable": "A range of {package} has a version that its ecosystem cannot read, so that it matches nothing:"
    " {detail}",
    "malformed-range": "A range of {package} matches nothing: {detail}.",
}


def remarks_on(record: OsvRecord, affected: Iterable[OsvAffected]) -> list[Remark]:
    """Say what is odd about a record, in its order."""
    remarks = list(_on_id(record))
    entries = list(affected)
    if not entries:
        remarks.append(Remark("nothing-affected", "/affected", "The record names nothing that is affected."))
    for unread in record.unevaluated:
        message = _UNREAD[unread.reason].format(package=unread.package, detail=unread.detail)
        remarks.append(Remark(unread.reason, "/affected", message))
    for number, entry in enumerate(entries):
        remarks += _on_entry(f"/affected/{number}", entry)
    return remarks


def _on_id(record: OsvRecord) -> Iterator[Remark]:
    if is_private(record.osv_id):
        return
    suggestion = suggested_id(record.osv_id, year=record.modified.year)
    kind = "is of a public database" if is_public(record.osv_id) else "has no form that OSV's schema knows"
    yield Remark("id-form", "/id", f"{record.osv_id} {kind}; other tools take own records as x_….", suggestion)


def _on_entry(where: str, entry: OsvAffected) -> Iterator[Remark]:
    if entry.package is None or not entry.package.ecosystem or not entry.package.name:
        return
    ecosystem, name = entry.package.ecosystem, entry.package.name
    if ecosystem.partition(":")[0] not in BY_NAME and family_of(ecosystem) is None:
        suggestions = near_ecosystems(ecosystem)
        hint = f" {' or '.join(suggestions)} is meant?" if suggestions else ""
        message = f"OSV has no ecosystem {ecosystem}; nothing stands there, so that nothing matches.{hint}"
        yield Remark("unknown-ecosystem", f"{where}/package/ecosystem", message, suggestions[0] if suggestions else "")
        return
    yield from _on_release(where, ecosystem)
    normal = normalise_name(ecosystem, name)
    if normal != name:
        message = f"{ecosystem_in_words(ecosystem)} compares this name as {normal}; it is matched so."
        yield Remark("name-spelling", f"{where}/package/name", message, normal)
    for number, each in enumerate(entry.ranges or ()):
        if each.type != "GIT":
            yield from _on_events(f"{where}/ranges/{number}/events", ecosystem, each.events)


def _on_release(where: str, ecosystem: str) -> Iterator[Remark]:
    if base_of(f"{ecosystem}:any") == ecosystem:
        message = (
            f"{ecosystem} is named without a release: every match is possible, none certain, and none opens an"
            f" incident. Write one entry for each release."
        )
        yield Remark("no-release", f"{where}/package/ecosystem", message, f"{ecosystem}:…")


def near_ecosystems(ecosystem: str) -> list[str]:
    """Give OSV's names that somebody who wrote *ecosystem* may have meant, the likeliest first."""
    base, colon, release = ecosystem.partition(":")
    folded = {row.name.lower(): row.name for row in TABLE}
    by_purl = {purl.rpartition("/")[2]: row.name for row in reversed(TABLE) for purl in row.purls}
    wanted = base.lower().strip()
    known = folded | _HABITS | by_purl
    exact = [known[wanted]] if wanted in known else []
    close = [known[name] for name in get_close_matches(wanted, known, n=3, cutoff=0.75)]
    return [f"{name}{colon}{release}" for name in dict.fromkeys(exact + close)]


#: What people call ecosystems.
_HABITS: Final = {
    "crates": "crates.io",
    "dotnet": "NuGet",
    "go modules": "Go",
    "java": "Maven",
    "javascript": "npm",
    "node": "npm",
    "php": "Packagist",
    "pip": "PyPI",
    "python": "PyPI",
    "rhel": "Red Hat",
    "ruby": "RubyGems",
    "rust": "crates.io",
}


def _on_events(where: str, ecosystem: str, events: Iterable[Any]) -> Iterator[Remark]:
    known = [(name, version) for event in events for name in _EVENTS if (version := getattr(event, name)) is not None]
    names = {name for name, _ in known}
    if {"fixed", "last_affected"} <= names:
        yield Remark(
            "fixed-and-last-affected", where, "OSV's schema allows fixed or last_affected in a range, not both."
        )
    lowest = _lowest(ecosystem, [version for name, version in known if name == "introduced"])
    if lowest is None:
        return
    for name, version in known:
        if name in ("fixed", "last_affected") and _is_below(ecosystem, version, lowest, or_equal=name == "fixed"):
            message = f"{name} {version} is not above introduced {lowest}: nothing lies in between."
            yield Remark("empty-range", where, message)


_EVENTS: Final = ("introduced", "fixed", "last_affected", "limit")


def _lowest(ecosystem: str, versions: Iterable[str]) -> str | None:
    """Give the lowest version; None where there is none, or where all versions lie above it."""
    lowest: str | None = None
    for version in versions:
        if version == "0":
            return None
        if lowest is None or _is_below(ecosystem, version, lowest):
            lowest = version
    return lowest


def _is_below(ecosystem: str, version: str, other: str, *, or_equal: bool = False) -> bool:
    try:
        order = compare(ecosystem, version, other)
    except UnparsableVersion:
        return False  # which `flatten` has said
    return order < 0 or (or_equal and order == 0)
