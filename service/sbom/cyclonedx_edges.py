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
    gathered = _Edges(refs, set(_services(bom.services)), oddities)
    for place, dependency in enumerate(bom.dependencies or ()):
        gathered.take(dependency, f"/dependencies/{place}")
    return gathered.all()


class _Edges:
    """The edges found so far."""

    def __init__(self, refs: References, services: set[str], oddities: Oddities) -> None:
        self._refs = refs
        self._services = services
        self._oddities = oddities
        self._starts: set[str] = set()
        self._found: list[tuple[str, str]] = []
        self._repeating = False

    def take(self, dependency: Dependency, pointer: str) -> None:
        start = text(dependency.ref)
        if not start:
            self._oddities.note("missing-field", f"{pointer}/ref")
        elif start in self._starts:
            self._repeating = True
            self._oddities.note("duplicate-dependency", pointer)
        self._starts.add(start)
        targets = _targets(dependency, pointer, self._oddities)
        if targets:
            self._join(start, targets, pointer)

    def _join(self, start: str, targets: list[str], pointer: str) -> None:
        user, same, found = self._refs.same(start), self._refs.same, self._found
        for target in dict.fromkeys(targets):
            used = same(target.strip())
            if user is None or used is None:
                if not ((user or start in self._services) and (used or target.strip() in self._services)):
                    self._oddities.note("dangling-dependency", pointer)
            elif user is used:
                self._oddities.note("self-dependency", pointer)
            else:
                found.append((user, used))

    def all(self) -> tuple[tuple[str, str], ...]:
        return distinct(self._found) if self._repeating else tuple(self._found)


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
