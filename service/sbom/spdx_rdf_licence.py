"""A licence in an RDF graph as the expression it stands for."""

from collections.abc import Iterator

from rdflib import RDF, Graph, Literal, Namespace
from rdflib.term import Node

_LISTED = ("http://spdx.org/licenses/", "https://spdx.org/licenses/")
_DEEPEST = 50


def expression(graph: Graph, node: Node, spdx: Namespace, depth: int = 0) -> str:
    """Write a licence node as an SPDX expression; members of a set are in the document's order.

    A set within itself ends at a depth no real expression has.
    """
    if isinstance(node, Literal) or depth > _DEEPEST:
        return str(node)
    kind = graph.value(node, RDF.type)
    if kind == spdx.ConjunctiveLicenseSet:
        return " AND ".join(_bracketed(graph, node, spdx, depth))
    if kind == spdx.DisjunctiveLicenseSet:
        return " OR ".join(_bracketed(graph, node, spdx, depth))
    if kind == spdx.WithExceptionOperator:
        exception = graph.value(node, spdx.licenseException)
        name = graph.value(exception, spdx.licenseExceptionId) or str(exception).rpartition("/")[2]
        return f"{' '.join(_bracketed(graph, node, spdx, depth))} WITH {name}"
    if kind == spdx.OrLaterOperator:
        return f"{' '.join(_bracketed(graph, node, spdx, depth))}+"
    return _single(graph, node, spdx)


def _bracketed(graph: Graph, node: Node, spdx: Namespace, depth: int) -> Iterator[str]:
    for member in graph.objects(node, spdx.member):
        words = expression(graph, member, spdx, depth + 1)
        yield f"({words})" if " AND " in words or " OR " in words else words


def _single(graph: Graph, node: Node, spdx: Namespace) -> str:
    if node in (spdx.noassertion, spdx.none):
        return "NOASSERTION" if node == spdx.noassertion else "NONE"
    for start in _LISTED:
        if str(node).startswith(start):
            return str(node).removeprefix(start)
    return str(graph.value(node, spdx.licenseId) or str(node).rpartition("#")[2])
