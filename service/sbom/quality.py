"""How complete an SBOM is: the share of components that say who they are. Pure; information, never a gate."""

from collections.abc import Callable
from typing import NamedTuple

from service.sbom.document import Component, Document


class Quality(NamedTuple):
    """`score` 0 to 100; `missing` counts components without a field, fields that all have left out."""

    score: int
    missing: dict[str, int]


_FIELDS: dict[str, Callable[[Component], bool]] = {
    "name": lambda c: bool(c.name),
    "version": lambda c: bool(c.version),
    "identifier": lambda c: bool(c.purl or c.cpes),
    "supplier": lambda c: bool(c.supplier),
    "licence": lambda c: bool(c.licence),
    "hash": lambda c: bool(c.hashes),
}


def quality_of(document: Document) -> Quality:
    """Count what the components lack, and whether the document names its subject, tool and dependencies."""
    components: tuple[Component, ...] = document.components
    if not components:
        return Quality(0, {"components": 1})
    absent = {field: sum(not has(c) for c in components) for field, has in _FIELDS.items()}
    shares = [1 - count / len(components) for count in absent.values()]
    whole = {"subject": document.subject, "tool": document.tools, "dependencies": document.dependencies}
    shares += [float(bool(value)) for value in whole.values()]
    missing = {field: count for field, count in absent.items() if count}
    missing |= {field: 1 for field, value in whole.items() if not value}
    return Quality(round(100 * sum(shares) / len(shares)), missing)
