"""Where a component stands for advisories: ecosystem, name and version, and how far that can be trusted. Pure."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from service.purls.builds import ESM, build_of
from service.purls.canonical import Purl
from service.purls.codeless import DOCUMENTATION, HEADERS, codeless
from service.purls.distributions import Distribution
from service.purls.ecosystems import BY_BINARY, rebuilt_for
from service.purls.sources import Source, built_from

#: Before the path of a purl: what OSV has no ecosystem for stands here, and only advisories of our own reach it.
PURL_PLACE: Final = "purl"

#: Its records leave the epoch out.
_WITHOUT_EPOCH: Final = "openEuler"
_EPOCH = re.compile(r"\d+:")
_LTS = re.compile(r"Ubuntu:(\d\d\.\d\d:LTS)")


class Coordinate(msgspec.Struct, frozen=True):
    """Where a component stands in OSV.

    `ecosystem` is OSV's, with its release where that is known; `name` is normalised by the ecosystem's rule;
    `version` is to be ordered by it. `relation` is ``package``, or ``source`` where name and version are those of the
    source package; ``headers`` and ``documentation`` are packages without running code: the first meet advisories of
    our own only, the second are never more than possible. Where `release_known` is false, the ecosystem is the bare
    distribution, or one of several that may be meant, or the version lacks its release: what matches there is
    possible, never certain. `build` as in `service.purls.builds`.
    """

    ecosystem: str
    name: str
    version: str
    relation: str
    release_known: bool
    build: str = ""


class _Named(NamedTuple):
    """A name under which advisories may speak of a package."""

    name: str
    version: str
    relation: str


class _Place(NamedTuple):
    """An ecosystem that speaks of a package. `own_name`: by its own name too, where the source has another."""

    ecosystem: str
    certain: bool = True
    own_name: bool = True


def coordinates_of(
    purl: Purl, version: str, source: Source, distribution: Distribution, *, known: bool
) -> tuple[Coordinate, ...]:
    """Give the coordinates of a distribution's package, by its source and by its own name.

    Args:
        purl: Its purl.
        version: As it is installed.
        source: What it was built from; '' where it is its own, or unknown.
        distribution: Its distribution's release.
        known: Whether release and version are whole, so that a match is certain.
    """
    names = _names(purl, version, source)
    build = build_of(purl.type, version, purl.qualifiers)
    found: list[Coordinate] = []
    for place in _places(purl, version, source, distribution):
        base = place.ecosystem.partition(":")[0]
        for name, its_version, relation in _spoken_of(base, names, own_name=place.own_name):
            ordered = _EPOCH.sub("", its_version, count=1) if base == _WITHOUT_EPOCH else its_version
            found.append(Coordinate(place.ecosystem, name, ordered, relation, known and place.certain, build))
        if rebuilt := rebuilt_for(place.ecosystem, purl.name):
            found.append(Coordinate(rebuilt, purl.name, version, "package", known and place.certain))
    return tuple(found)


def _names(purl: Purl, version: str, source: Source) -> list[_Named]:
    """Name the source first, then the package."""
    what = codeless(purl.type, purl.name)
    own = _Named(purl.name, built_from(purl.type, version), what or "package")
    if what == HEADERS or not source.name:
        return [own]
    if source.name == purl.name:
        return [own._replace(version=source.version)]
    return [_Named(source.name, source.version, what if what == DOCUMENTATION else "source"), own]


def _spoken_of(base: str, names: list[_Named], *, own_name: bool) -> list[_Named]:
    if base in BY_BINARY:
        return names[-1:]
    return names if own_name else names[:1]


def _places(purl: Purl, version: str, source: Source, distribution: Distribution) -> Iterator[_Place]:
    if not distribution.ecosystems and distribution.label:
        yield _Place(f"{PURL_PLACE}:{purl.type}/{purl.namespace}")
    for ecosystem in distribution.ecosystems:
        if lts := _LTS.fullmatch(ecosystem):
            yield from _ubuntu(lts[1], version, source.name or purl.name)
        else:
            yield _Place(ecosystem)
    for ecosystem in distribution.perhaps:
        yield _Place(ecosystem, certain=False)


def _ubuntu(release: str, version: str, source: str) -> Iterator[_Place]:
    """Give the lists of one long-term release. Each package is in one of them, so that one never hides the other.

    Which system a FIPS or real-time build belongs to is not in any SBOM: several lists may be meant (ADR 0011).
    """
    own = f"Ubuntu:{release}"
    if "fips" in version or source.endswith("-fips"):
        for kind in ("FIPS", "FIPS-updates", "FIPS-preview"):
            yield _Place(f"Ubuntu:Pro:{kind}:{release}", certain=False, own_name=False)
        return
    special = source.startswith("linux") and "realtime" in source
    if special:
        yield _Place(f"Ubuntu:Pro:{release}:Realtime:Kernel", certain=False, own_name=False)
    elif source == "linux-bluefield":
        yield _Place(f"{own}:for:NVIDIA:BlueField", certain=False, own_name=False)
    by_pro = build_of("deb", version, {}) == ESM
    yield _Place(own, certain=not by_pro and not special)
    yield _Place(f"Ubuntu:Pro:{release}", certain=not special, own_name=False)
