"""What distributions' records leave to be understood, said outright: before ranges become intervals. Pure.

Each entry is rewritten by the rules of its distribution, or into several (ADR 0011):

- the place: Red Hat's products, Ubuntu's long-term releases, and packages that are named by purl alone;
- the build: modules' entries by the streams that the summary names; what Ubuntu Pro alone has fixed;
- binaries: SUSE and openEuler name sources, and list what is built from them beside;
- contradictions: a version that a record without release lists as affected, and names as fixed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec.structs import replace

from service.advisories.osv_schema import OsvAffected, OsvEvent, OsvPackageName, OsvRange
from service.purls import base_of, place_of, place_of_purl
from service.purls.builds import STANDARD, is_module_build, line_of, without_module
from service.versions import UnparsableVersion, compare


class Entry(NamedTuple):
    """An affected entry, and the builds it speaks of (`service.purls.builds`)."""

    affected: OsvAffected
    build: str = ""


_MODULAR: Final = frozenset({"AlmaLinux", "Red Hat", "Rocky Linux"})
_LISTING_BINARIES: Final = frozenset({"SUSE", "openEuler", "openSUSE"})

#: ``nodejs:18`` of "Important: nodejs:18 security update".
_STREAM = re.compile(r"(?<![\w.+-])([A-Za-z0-9][\w.+-]{0,79}:[A-Za-z0-9][\w.+-]{0,39})")
#: Some records of Red Hat's write the architecture behind the release.
_ARCHITECTURE = re.compile(r"\.(?:src|noarch|x86_64|aarch64|ppc64le|ppc64|s390x|s390|i[3-6]86|ia64)$")
_PRO_LTS = re.compile(r"Ubuntu:Pro:(\d\d\.\d\d:LTS)")
_RPM_FILE = re.compile(r"(.+)-([^-]+-[^-]+)\.[^.]+\.rpm")


def spelled_out(affected: Iterable[OsvAffected], summary: str) -> list[Entry]:
    """Rewrite a record's affected entries; entries that no rule is for stay as they are."""
    placed = [_placed(each) for each in affected]
    bases = {ecosystem.partition(":")[0] for each in placed if (ecosystem := _ecosystem(each))}
    if not any(base_of(f"{base}:any") for base in bases):
        return [Entry(each) for each in placed]
    entries = [entry for each in placed for entry in _rewritten(each, summary)]
    if not bases.isdisjoint(_MODULAR):
        entries = _first_builds(entries)
    return entries + (_binaries(entries) if not bases.isdisjoint(_LISTING_BINARIES) else [])


def _ecosystem(entry: OsvAffected) -> str:
    return entry.package.ecosystem if entry.package else ""


def _placed(entry: OsvAffected) -> OsvAffected:
    package = entry.package
    if package is None:
        return entry
    if package.ecosystem:
        place = place_of(package.ecosystem)
        return entry if place == package.ecosystem else _at(entry, place, package.name)
    named = place_of_purl(package.purl) if package.purl else None
    return _at(entry, *named) if named else entry


def _at(entry: OsvAffected, ecosystem: str, name: str) -> OsvAffected:
    return replace(entry, package=OsvPackageName(ecosystem, name))


def _rewritten(entry: OsvAffected, summary: str) -> Iterator[Entry]:
    ecosystem = _ecosystem(entry)
    base = ecosystem.partition(":")[0]
    if base == "Red Hat":
        entry = _without_architecture(entry)
    if base in _MODULAR and (version := _module_version(entry)):
        for stream in _STREAM.findall(summary) or [""]:
            yield Entry(entry, f"{stream}/{line_of(version, stream)}")
        return
    yield Entry(entry if base_of(ecosystem) else _consistent(entry))
    if found := _PRO_LTS.fullmatch(ecosystem):
        yield from _fixed_by_pro(entry, f"Ubuntu:{found[1]}")


def _events(entry: OsvAffected) -> Iterator[OsvEvent]:
    for each in entry.ranges or ():
        yield from each.events


def _module_version(entry: OsvAffected) -> str:
    """Give the module build that an entry names; '' where it speaks of an ordinary package."""
    named = (version for event in _events(entry) for version in (event.fixed, event.last_affected) if version)
    return next(filter(is_module_build, named), "")


def _without_architecture(entry: OsvAffected) -> OsvAffected:
    if not any(event.fixed and _ARCHITECTURE.search(event.fixed) for event in _events(entry)):
        return entry
    ranges = [replace(each, events=list(map(_bare, each.events))) for each in entry.ranges or ()]
    return replace(entry, ranges=ranges)


def _bare(event: OsvEvent) -> OsvEvent:
    return replace(event, fixed=_ARCHITECTURE.sub("", event.fixed)) if event.fixed else event


def _consistent(entry: OsvAffected) -> OsvAffected:
    """Leave out listed versions that the entry itself names as fixed.

    CleanStart filed thousands of records under bare ``Alpine``, each listing the fixed version as the affected one.
    """
    fixed = {event.fixed for event in _events(entry) if event.fixed}
    if fixed.isdisjoint(entry.versions or ()):
        return entry
    return replace(entry, versions=[version for version in entry.versions or () if version not in fixed])


def _fixed_by_pro(entry: OsvAffected, ecosystem: str) -> Iterator[Entry]:
    """Say of what Ubuntu itself built above a fix of Ubuntu Pro that nobody knows whether it has the fix."""
    if entry.package is None:
        return
    for fixed in dict.fromkeys(event.fixed for event in _events(entry) if event.fixed and "esm" in event.fixed):
        above = OsvRange("ECOSYSTEM", events=[OsvEvent(introduced=fixed)])
        yield Entry(OsvAffected(OsvPackageName(ecosystem, entry.package.name), [above]), STANDARD)


def _first_builds(entries: list[Entry]) -> list[Entry]:
    """Keep, of entries that differ in the module's build alone, the one with the lowest fix.

    AlmaLinux lists every build of the same source in a stream. All of them are fixed, yet each but the highest would
    lie below another's fix.
    """
    kept: dict[tuple[str, str, str, str], tuple[int, str]] = {}
    left_out: set[int] = set()
    for place, (affected, build) in enumerate(entries):
        fixed = _only_fix(affected) if build and affected.package else ""
        if not fixed or affected.package is None:
            continue
        key = (affected.package.ecosystem, affected.package.name, build, without_module(fixed))
        before = kept.setdefault(key, (place, fixed))
        if before[0] == place:
            continue
        if _is_lower(affected.package.ecosystem, fixed, before[1]):
            kept[key] = (place, fixed)
            left_out.add(before[0])
        else:
            left_out.add(place)
    return [entry for place, entry in enumerate(entries) if place not in left_out]


def _only_fix(entry: OsvAffected) -> str:
    """Give the version that fixes an entry which says nothing else; '' where it says more."""
    events = list(_events(entry))
    match [event.introduced for event in events], [event.fixed for event in events]:
        case ["0", None], [None, str(fixed)] if not entry.versions and is_module_build(fixed):
            return fixed
    return ""


def _is_lower(ecosystem: str, version: str, other: str) -> bool:
    try:
        return compare(ecosystem, version, other) < 0
    except UnparsableVersion:
        return False


def _binaries(entries: Iterable[Entry]) -> list[Entry]:
    """Name the binaries that records list: a scanner may know a package by its own name alone."""
    found: dict[tuple[str, str, str], None] = {}
    named = {(one.package.ecosystem, one.package.name) for one, _ in entries if one.package}
    for entry, _ in entries:
        ecosystem = _ecosystem(entry)
        if ecosystem.partition(":")[0] in _LISTING_BINARIES:
            found |= dict.fromkeys((ecosystem, *each) for each in _listed(entry) if (ecosystem, each[0]) not in named)
    return [Entry(OsvAffected(OsvPackageName(where, name), [_until(fixed)])) for where, name, fixed in found]


def _until(fixed: str) -> OsvRange:
    return OsvRange("ECOSYSTEM", events=[OsvEvent(introduced="0"), OsvEvent(fixed=fixed)])


def _listed(entry: OsvAffected) -> Iterator[tuple[str, str]]:
    """Give (name, fixed version) of the binaries in ``ecosystem_specific``, in SUSE's form and openEuler's."""
    specific = entry.ecosystem_specific
    if not isinstance(specific, Mapping):
        return
    fixed = {event.fixed for event in _events(entry) if event.fixed}
    for key, listed in specific.items():
        for each in listed if isinstance(listed, list) else ():
            if key == "binaries" and isinstance(each, Mapping):
                yield from ((name, version) for name, version in each.items() if isinstance(version, str) and version)
            elif key != "src" and isinstance(each, str) and (file := _RPM_FILE.fullmatch(each)) and file[2] in fixed:
                yield file[1], file[2]
