"""What a document says of itself and its components, counted: the ground of the score and of every profile."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import chain
from typing import NamedTuple

from service.sbom.document import Component, Document, Format
from service.sbom.quality.tools import tool_of

Components = tuple[Component, ...]


class Quality(NamedTuple):
    """What is stored of an SBOM's quality.

    Attributes:
        score: 0 to 100, rounded: the mean share over `SCORED`, where a fact about the document counts 0 or 1.
        missing: Facts of `SCORED` that are not complete, with how many components lack them (1 for the document).
        of: Listed components.
        lacks: The same as *missing* for the facts that only profiles ask for.
        tool: Which generator wrote it, if it is one that `advice` knows.
    """

    score: int
    missing: dict[str, int]
    of: int
    lacks: dict[str, int]
    tool: str


def _is_current(document: Document) -> bool:
    """Tell whether the format is one that TR-03183-2 v2.1 names: CycloneDX from 1.6 on, SPDX from 3.0.1 on."""
    least = (1, 6) if document.format in (Format.CYCLONEDX_JSON, Format.CYCLONEDX_XML) else (3, 0, 1)
    numbers = tuple(int(part) for part in document.spec_version.split(".")[:3] if part.isdecimal())
    return numbers >= least


#: Facts about a component; each counts those without.
PER_COMPONENT: Mapping[str, Callable[[Components], int]] = {
    "name": lambda cs: sum([not c.name for c in cs]),
    "version": lambda cs: sum([not c.version for c in cs]),
    "identifier": lambda cs: sum([not (c.purl or c.cpes) for c in cs]),
    "supplier": lambda cs: sum([not c.supplier for c in cs]),
    "licence": lambda cs: sum([not c.licence for c in cs]),
    "hash": lambda cs: sum([not c.hashes for c in cs]),
    "sha512": lambda cs: sum(["sha512" not in dict(c.hashes) for c in cs]),
}
#: Words of `Component.stated`.
STATED = ("contact", "filename", "executable", "archive", "structured")
#: Facts about the document.
PER_DOCUMENT: Mapping[str, Callable[[Document], object]] = {
    "subject": lambda d: d.subject,
    "tool": lambda d: d.tools,
    "dependencies": lambda d: d.dependencies,
    "author": lambda d: d.authors,
    "author-contact": lambda d: any("@" in one or "://" in one for one in d.authors),
    "timestamp": lambda d: d.created,
    "lifecycle": lambda d: d.lifecycles,
    "serial": lambda d: d.serial,
    "current-format": _is_current,
}
#: The facts that make the score; `Quality.missing` keeps to them.
SCORED = ("name", "version", "identifier", "supplier", "licence", "hash", "subject", "tool", "dependencies")


def quality_of(document: Document) -> Quality:
    """Count what the components lack, and what the document does not say of itself."""
    components = document.components
    count = len(components)
    lacks = {fact: absent(components) for fact, absent in PER_COMPONENT.items()}
    lacks |= _unstated(components)
    lacks["linked"] = _unlinked(document)
    lacks |= {fact: int(not has(document)) for fact, has in PER_DOCUMENT.items()}
    if not components:
        return Quality(0, {"components": 1}, 0, {f: n for f, n in lacks.items() if n}, tool_of(document.tools))
    shares = [1 - lacks[fact] / (1 if fact in PER_DOCUMENT else count) for fact in SCORED]
    missing = {fact: lacks[fact] for fact in SCORED if lacks[fact]}
    others = {fact: lack for fact, lack in lacks.items() if lack and fact not in SCORED}
    return Quality(round(100 * sum(shares) / len(shares)), missing, count, others, tool_of(document.tools))


def _unstated(components: Components) -> dict[str, int]:
    """Count by kinds of entries, of which a document has one or two."""
    kinds = Counter([c.stated for c in components])
    return {word: sum(count for words, count in kinds.items() if word not in words) for word in STATED}


def _unlinked(document: Document) -> int:
    """Count the components of which nothing says what they are part of, or made of."""
    linked = set(chain.from_iterable(document.dependencies))
    return sum([not (c.path or c.ref in linked) for c in document.components])
