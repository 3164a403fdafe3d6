"""SPDX 2 as RDF (RDF/XML, Turtle, N-Triples): a graph, walked into the tree that its JSON would be.

The graph keeps the order of the document, which decides nothing but is what people compare. Where a property has
several values and JSON one, the first counts. A DOCTYPE is refused before: expat would expand its entities.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any
from xml.parsers import expat
from xml.sax import SAXException

import rdflib
from rdflib import RDF, BNode, Graph, Literal, Namespace, URIRef
from rdflib.exceptions import ParserError
from rdflib.term import Node

from service.sbom.oddities import Oddities
from service.sbom.prolog import root_of
from service.sbom.refusals import Malformed, NotAnSbom, TooDeep
from service.sbom.spdx_rdf_licence import expression
from service.sbom.translation import SOME_FILES, noted, translated

SPDX = Namespace("http://spdx.org/rdf/terms#")
_BASE = "urn:x-base:"
#: Elements within each other. Writers that nest one relationship in another reach some hundreds.
DEEPEST = 2_000
_REFERENCES = "http://spdx.org/rdf/references/"
_NOTHING = frozenset({SPDX.noassertion, SPDX.none})
_term = cache(SPDX.term)
# A typed literal stays as it is written: 1.10 no 1.1, a time no datetime.
rdflib.NORMALIZE_LITERALS = False
# The parsers of rdflib trip over damage in all these ways.
_TRIPS = (
    SAXException, ParserError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, AssertionError,
)  # fmt: skip
logging.getLogger("rdflib").setLevel(logging.CRITICAL)


def as_json(data: bytes) -> bytes:
    """Translate without spdx-tools' opinion."""
    oddities = Oddities()
    return translated(tree_of(graph_of(data), oddities), oddities)


def graph_of(data: bytes) -> Graph:
    """Parse RDF/XML, or Turtle and what it includes.

    Raises:
        Malformed: A DOCTYPE, or neither of them.
        TooDeep: Nested beyond the interpreter's stack.
    """
    start = data.lstrip()[:1]
    in_xml = start == b"<" and not data.lstrip().lower().startswith((b"<http", b"<urn:"))
    if in_xml:
        root_of(data)
        _require_shallow(data)
    try:
        return Graph().parse(data=data, format="xml" if in_xml else "turtle", publicID=_BASE)
    except RecursionError as error:
        raise TooDeep("The RDF is nested too deeply to be an SBOM. Flatten it and send it again.") from error
    except _TRIPS as error:
        said = " ".join(str(error).split())[:200]
        raise Malformed(f"The RDF cannot be read: {said}. Create the SBOM again and send it whole.") from error


def _require_shallow(data: bytes) -> None:
    """Refuse deep nesting before rdflib meets it, which takes minutes over it; other damage it names itself."""
    depth = 0

    def begin(_: str, __: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise TooDeep("The RDF is nested too deeply to be an SBOM. Flatten it and send it again.")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    with suppress(expat.ExpatError):
        parser.Parse(data, True)


def tree_of(graph: Graph, oddities: Oddities) -> dict[str, Any]:
    """Walk the graph.

    Raises:
        NotAnSbom: It holds no SPDX document.
        Malformed: It holds several.
    """
    return _Walk(graph, oddities).whole()


class _Walk:
    def __init__(self, graph: Graph, oddities: Oddities) -> None:
        self._graph = graph
        self._oddities = oddities
        self._document = _document(graph)
        self._namespace = str(self._document).partition("#")[0]
        self._blank: dict[Node, str] = {}

    def whole(self) -> dict[str, Any]:
        creation = self._one(self._document, "creationInfo")
        return {
            "SPDXID": self._id(self._document),
            "spdxVersion": self._text(self._document, "specVersion"),
            "name": self._text(self._document, "name"),
            "documentNamespace": self._namespace,
            "creationInfo": {
                **(self._literals(creation) if creation else {}),
                "creators": self._texts(creation, "creator"),
            },
            "documentDescribes": [self._id(one) for one in self._all(self._document, "describesPackage")],
            "packages": [self._package(one) for one in self._graph.subjects(RDF.type, SPDX.Package)],
            "files": SOME_FILES if (None, RDF.type, SPDX.File) in self._graph else [],
            "relationships": list(self._relationships()),
        }

    def _package(self, node: Node) -> dict[str, Any]:
        return self._literals(node) | {
            "SPDXID": self._id(node),
            "licenseConcluded": self._licence(node, "licenseConcluded"),
            "licenseDeclared": self._licence(node, "licenseDeclared"),
            "primaryPackagePurpose": self._word(node, "primaryPackagePurpose", "purpose_"),
            "externalRefs": [
                {
                    "referenceCategory": self._word(one, "referenceCategory", "referenceCategory_"),
                    "referenceType": self._text(one, "referenceType").removeprefix(_REFERENCES),
                    "referenceLocator": self._text(one, "referenceLocator"),
                }
                for one in self._all(node, "externalRef")
            ],
            "checksums": [
                {
                    "algorithm": self._word(one, "algorithm", "checksumAlgorithm_"),
                    "checksumValue": self._text(one, "checksumValue"),
                }
                for one in self._all(node, "checksum")
            ],
        }

    def _literals(self, node: Node) -> dict[str, str]:
        """Give what is plain text; JSON and RDF spell those properties alike.

        Packages that share an id are one node with two names or versions.
        """
        found: dict[str, str] = {}
        for name, value in self._graph.predicate_objects(node):
            if isinstance(value, Literal) or value in _NOTHING:
                local = re.split("[#/]", str(name))[-1]
                said = self._said(value, self._where(node))
                if found.setdefault(local, said) != said and local in ("name", "versionInfo"):
                    self._oddities.note("duplicate-ref", self._where(node))
        return found

    def _relationships(self) -> Iterator[dict[str, str]]:
        for start, node in self._graph.subject_objects(SPDX.relationship):
            end = self._one(node, "relatedSpdxElement")
            yield {
                "spdxElementId": self._id(start),
                "relationshipType": _snake(self._word(node, "relationshipType", "relationshipType_", keep_case=True)),
                "relatedSpdxElement": self._id(end) if isinstance(end, URIRef | BNode) else self._said(end),
                "comment": self._literals(node).get("comment", ""),
            }

    def _licence(self, node: Node, name: str) -> str:
        value = self._one(node, name)
        if value is None:
            return ""
        return noted(expression(self._graph, value, SPDX), self._where(node), self._oddities)

    def _id(self, node: Node) -> str:
        if isinstance(node, BNode):
            return self._blank.setdefault(node, f"SPDXRef-blank-{len(self._blank) + 1}")
        namespace, mark, fragment = str(node).partition("#")
        own = mark and namespace == self._namespace
        return noted(fragment if own else str(node), self._where(node), self._oddities)

    def _all(self, node: Node | None, name: str) -> Iterator[Node]:
        if node is not None:
            yield from self._graph.objects(node, _term(name))

    def _one(self, node: Node | None, name: str) -> Node | None:
        return next(self._all(node, name), None)

    def _text(self, node: Node | None, name: str) -> str:
        return self._said(self._one(node, name), self._where(node))

    def _texts(self, node: Node | None, name: str) -> list[str]:
        return [self._said(one, self._where(node)) for one in self._all(node, name)]

    def _said(self, value: Node | None, where: str = "") -> str:
        if value in _NOTHING:
            return "NOASSERTION"
        return "" if value is None else noted(str(value), where, self._oddities)

    def _word(self, node: Node, name: str, prefix: str, *, keep_case: bool = False) -> str:
        """Give a term's own word: ``sha256`` of ``…terms#checksumAlgorithm_sha256``."""
        word = self._text(node, name).rpartition("#")[2].removeprefix(prefix)
        return word if keep_case else word.upper()

    def _where(self, node: Node | None) -> str:
        return str(node)[:200] if isinstance(node, URIRef) else "a blank node"


def _document(graph: Graph) -> Node:
    """Find the document; others are only spoken of, and say no version."""
    typed = list(graph.subjects(RDF.type, SPDX.SpdxDocument))
    found = [one for one in typed if (one, SPDX.specVersion, None) in graph] or typed
    if not found:
        raise NotAnSbom("The RDF holds no SpdxDocument. Send an SPDX 2.2 or 2.3 document, or CycloneDX.")
    if len(found) > 1:
        raise Malformed(f"The RDF holds {len(found)} SPDX documents. Send each SBOM by itself.")
    return found[0]


def _snake(word: str) -> str:
    """Spell ``dependsOn`` as ``DEPENDS_ON``; what is spelt so already stays."""
    if word.isupper():
        return word
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in word).upper()
