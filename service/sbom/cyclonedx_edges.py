"""What depends on what in a CycloneDX document.

Targets are decoded one entry at a time, and an edge holds the very strings that the components have: the graph is most
of some documents, and its strings repeat what the components say.
"""

from collections.abc import Iterator

from service.sbom.cyclonedx_model import Bom, Dependency, Service
from service.sbom.graph import References, distinct
from service.sbom.lenient import strings
from service.sbom.oddities import Oddities
from service.sbom.texts import text


def edges(bom: Bom, refs: References, oddities: Oddities) -> tuple[tuple[str, str], ...]:
    """Give (user, used) in document order, without repeats; what leads to nothing, or to itself, is noted."""
    starts: set[str] = set()
    services = set(_services(bom.services))
    found: list[tuple[str, str]] = []
    for place, dependency in enumerate(bom.dependencies or ()):
        start, pointer = text(dependency.ref), f"/dependencies/{place}"
        if not start:
            oddities.note("missing-field", f"{pointer}/ref")
        elif start in starts:
            oddities.note("duplicate-dependency", pointer)
        starts.add(start)
        found += _from(start, _targets(dependency, pointer, oddities), pointer, _Known(refs, services, oddities))
    return tuple(found) if len(starts) == len(bom.dependencies or ()) else distinct(found)


class _Known:
    """What an edge may lead to."""

    __slots__ = ("oddities", "refs", "services")

    def __init__(self, refs: References, services: set[str], oddities: Oddities) -> None:
        self.refs = refs
        self.services = services
        self.oddities = oddities


def _from(start: str, targets: list[str], pointer: str, known: _Known) -> Iterator[tuple[str, str]]:
    user = known.refs.same(start)
    for target in dict.fromkeys(targets):
        end = text(target)
        used = known.refs.same(end)
        if user is None or used is None:
            if not ((user or start in known.services) and (used or end in known.services)):
                known.oddities.note("dangling-dependency", pointer)
        elif user == used:
            known.oddities.note("self-dependency", pointer)
        else:
            yield user, used


def _targets(dependency: Dependency, pointer: str, oddities: Oddities) -> list[str]:
    if dependency.targets is not None:
        return dependency.targets
    said = dependency.depends_on
    return strings(said, f"{pointer}/dependsOn", oddities) if len(said) else []


def _services(services: list[Service] | None) -> Iterator[str]:
    waiting = list(services or ())
    while waiting:
        service = waiting.pop()
        yield text(service.bom_ref)
        waiting.extend(service.services or ())
