"""Where OSV's API and we differ about one package, and which documented difference explains it. Pure.

Source of the differences: osv.dev's own server, and "Where we differ from OSV's API on purpose" in
`advisories/README.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from packaging.utils import canonicalize_name

from service.advisories.asking import Hit
from service.advisories.osv_api_client import OsvPackage
from service.purls import Coordinate

#: What explains a disagreement, in the order in which it is looked for.
EXPLANATIONS: Final = {
    "not-ordered-there": "OSV's API does not order this ecosystem and compares listed versions as text",
    "bare-ranges": "asked about without a release, OSV's API ignores ranges here",
    "possible": "we call it possible, not certain",
    "name-rule": "OSV's API compares this name by its case; the ecosystem does not",
    "gone-there": "OSV no longer has this record",
    "withdrawn-there": "OSV has this record as withdrawn; our mirror has yet to follow",
    "changed-there": "OSV has another edition of this record than our mirror",
    "newer-than-mirror": "this record is younger than our mirror, or its ecosystem is not mirrored",
    "withdrawn-here": "our mirror has this record as withdrawn, or its feed has dropped it",
    "compared-as-text": "the version cannot be ordered, and OSV's API compares it as text, loosely",
    "other-release": "OSV's API joins releases; the record speaks of this package in others only",
    "other-build": "the record speaks of a module's or Ubuntu Pro's build, which OSV's API does not tell apart",
}

#: OSV's API has no order for these, and ignores ranges where these come without a release.
_UNORDERED_THERE: Final = frozenset({"GitHub Actions", "ConanCenter"})
_LISTED_ONLY: Final = frozenset({"Alpine", "Ubuntu"})


class Record(NamedTuple):
    """What our mirror has of an advisory; `record` is only read where it is asked for."""

    osv_id: str
    source: str
    modified: datetime
    withdrawn_at: datetime | None


class Interval(NamedTuple):
    """What an advisory affects, as our mirror reads it."""

    ecosystem: str
    name: str
    build: str
    versions: str


class Disagreement(NamedTuple):
    """One advisory that only one side knows of a package.

    `only`: ``ours`` or ``theirs``. `because` is what we go by: our rule and range, or the ranges that the version is
    outside of. `explanation` is one of `EXPLANATIONS`, or '' where nothing documented explains it.
    """

    package: OsvPackage
    purl: str
    advisory: str
    only: str
    because: str
    explanation: str


def only_ours(coordinate: Coordinate, hit: Hit, names: Iterable[str]) -> tuple[str, str]:
    """Explain what OSV does not know: (because, explanation). *names* are the package's, as the record writes them."""
    bounds = f"[{hit.lo_version or '0'}, {hit.hi_version or 'any'})"
    because = f"{hit.rule} {bounds}" + (f", fixed in {hit.fixed}" if hit.fixed else "")
    return because, _of_ours(coordinate, hit, names)


def _of_ours(coordinate: Coordinate, hit: Hit, names: Iterable[str]) -> str:
    if coordinate.ecosystem in _UNORDERED_THERE:
        return "not-ordered-there"
    if coordinate.ecosystem in _LISTED_ONLY:
        return "bare-ranges"
    if hit.certainty == "possible":
        return "possible"
    written = {canonicalize_name(name) if coordinate.ecosystem == "PyPI" else name for name in names}
    return "" if coordinate.name in written else "name-rule"


def of_their_record(raw: bytes | None, ours: Record) -> str:
    """Explain by OSV's record why it does not say what ours does."""
    if raw is None:
        return "gone-there"
    theirs = msgspec.json.decode(raw, type=_Theirs)
    if theirs.withdrawn:
        return "withdrawn-there"
    return "" if instant(theirs.modified) == ours.modified else "changed-there"


class _Theirs(msgspec.Struct):
    modified: str = ""
    withdrawn: str | None = None


def only_theirs(
    coordinate: Coordinate, modified: str, ours: Record | None, intervals: Sequence[Interval], *, is_ordered: bool
) -> tuple[str, str]:
    """Explain what we do not know: (because, explanation). *intervals* are the record's, of packages of this name."""
    if ours is None:
        return "we do not have this record", "newer-than-mirror"
    if ours.withdrawn_at is not None:
        return f"withdrawn at {ours.withdrawn_at.isoformat()}", "withdrawn-here"
    here = [one for one in intervals if one.ecosystem == coordinate.ecosystem]
    because = "outside of " + ("; ".join(dict.fromkeys(one.versions for one in here or intervals)) or "every range")
    their_edition = instant(modified)
    if their_edition is not None and their_edition > ours.modified:
        return because, "changed-there"
    if not is_ordered:
        return because, "compared-as-text"
    if not here:
        return because, "other-release" if intervals else ""
    return because, "other-build" if all(one.build != coordinate.build for one in here) else ""


def instant(text: str) -> datetime | None:
    """Read a time as OSV writes it; None if it is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def names_in(record: Mapping[str, Any], ecosystem: str) -> list[str]:
    """Give the names that a record's entries of an ecosystem bear, as they are written."""
    packages = (entry.get("package") or {} for entry in record.get("affected") or [])
    base = ecosystem.partition(":")[0]
    return [package.get("name", "") for package in packages if package.get("ecosystem", "").partition(":")[0] == base]
