"""What SPDX 3 relationships mean for an inventory: edges, scopes, and what the document is about."""

from collections.abc import Container, Iterable, Iterator
from itertools import chain

from service.sbom.document import Scope
from service.sbom.oddities import Oddities
from service.sbom.spdx3_graph import Collection, Graph
from service.sbom.spdx3_words import is_nothing

#: Of several weak claims the one nearest to production counts.
_STRENGTH = {Scope.TEST: 0, Scope.DEV: 1, Scope.OPTIONAL: 2}


def roots_of(graph: Graph) -> list[str]:
    """Give the ids of what the document is about, in order and without repeats.

    A document's roots are mostly SBOMs, whose roots are meant then. A document that names none means its SBOMs'.
    """
    every = graph.documents | graph.collections
    for start in (graph.documents, graph.collections):
        if found := list(_expanded(start.values(), every, graph.descriptions)):
            return found
    return []


def _expanded(
    start: Iterable[Collection], every: dict[str, Collection], described: dict[str, list[str]]
) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [one.id for one in start][::-1]
    while waiting:
        ref = waiting.pop()
        if ref in seen:
            continue
        seen.add(ref)
        if ref in every:
            waiting.extend([*every[ref].roots, *described.get(ref, ())][::-1])
        elif not is_nothing(ref):
            yield ref


def contents_of(graph: Graph, roots: Iterable[str]) -> set[str]:
    """Give the ids of *roots* and of what they contain, at any depth."""
    held: dict[str, list[str]] = {}
    for holder, part, uses, _, _ in graph.relations:
        if not uses:
            held.setdefault(holder, []).append(part)
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        ref = waiting.pop()
        if ref not in found:
            found.add(ref)
            waiting.extend(held.get(ref, ()))
    return found


def edges_of(graph: Graph, known: dict[str, str], oddities: Oddities) -> Iterator[tuple[str, str]]:
    """Give (user, used) between *known* elements, whose ids lead to themselves: so each is kept once, not per edge.

    An edge to an element that stands in the document without being known (a file) is left out, one to an element of
    another document is warned about.
    """
    for start, end, _, _, place in graph.relations:
        user, used = known.get(start), known.get(end)
        if user is not None and used is not None:
            yield user, used
        elif not (_is_here(start, graph, known) and _is_here(end, graph, known)):
            oddities.note("dangling-dependency", graph.where(place))


def _is_here(ref: str, graph: Graph, known: Container[str]) -> bool:
    return ref in known or ref in graph.files or ref in graph.others or is_nothing(ref)


def scopes_of(graph: Graph) -> dict[str, Scope]:
    """Give the scopes other than required: an ordinary dependency on the same element outweighs them all."""
    weak: dict[str, Scope] = {}
    claims = ((end, weakness) for _, end, _, weakness, _ in graph.relations if weakness is not None)
    for end, weakness in chain(claims, graph.tools):
        weak[end] = max(weak.get(end, weakness), weakness, key=_STRENGTH.__getitem__)
    if not weak:
        return weak
    needed = {end for _, end, uses, weakness, _ in graph.relations if uses and weakness is None}
    return {ref: scope for ref, scope in weak.items() if ref not in needed}
