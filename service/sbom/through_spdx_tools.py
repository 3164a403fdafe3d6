"""SPDX 2 documents through spdx-tools, in a process of its own (`service.sbom.apart`); never imported by the service.

spdx-tools gets the tree or graph that our own bounded readers make of the bytes, since its own hang on bombs and take
1.10 for a number. What it accepts is given back as it understood it, what it refuses as our own walk read it.
"""

from collections.abc import Callable
from typing import Any

from rdflib import RDF, Graph
from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
from spdx_tools.spdx.model.document import Document
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.parser.rdf.rdf_parser import translate_graph_to_document

from service.sbom import spdx_rdf, spdx_xml, spdx_yaml
from service.sbom.oddities import Oddities
from service.sbom.translation import translated


def yaml_as_json(data: bytes) -> bytes:
    """Translate YAML."""
    oddities = Oddities()
    return _through(_from_tree, tree := spdx_yaml.tree_of(data, oddities), tree, oddities)


def xml_as_json(data: bytes) -> bytes:
    """Translate XML whose encoding has been inspected."""
    oddities = Oddities()
    return _through(_from_tree, tree := spdx_xml.tree_of(data, oddities), tree, oddities)


def rdf_as_json(data: bytes) -> bytes:
    """Translate RDF/XML or Turtle."""
    oddities = Oddities()
    graph = spdx_rdf.graph_of(data)
    tree = spdx_rdf.tree_of(graph, oddities)
    return _through(_from_graph, graph, tree, oddities)


def _through(parse: Callable[[Any], Document], source: object, own: dict[str, Any], oddities: Oddities) -> bytes:
    try:
        return translated(_as_tree(parse(source)) | {"files": own.get("files")}, oddities)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it stops the interpreter when it finds no document
        return translated(own, oddities, _reason(error))


def _from_tree(tree: dict[str, Any]) -> Document:
    without_files = {key: value for key, value in tree.items() if key != "files"}
    document: Document = JsonLikeDictParser().parse(without_files)  # type: ignore[no-untyped-call]
    return document


def _from_graph(graph: Graph) -> Document:
    """Let it read the graph without its files, as the trees are without them."""
    for kind in (spdx_rdf.SPDX.File, spdx_rdf.SPDX.Snippet):
        graph.remove((None, RDF.type, kind))
    for name in ("hasFile", "annotation", "hasExtractedLicensingInfo", "packageVerificationCode"):
        graph.remove((None, spdx_rdf.SPDX[name], None))
    document: Document = translate_graph_to_document(graph)
    return document


def _as_tree(document: Document) -> dict[str, Any]:
    """Write it as JSON names it; relationships stay where they stood, so that a pointer leads to them."""
    relationships = [
        {
            "spdxElementId": one.spdx_element_id,
            "relationshipType": one.relationship_type.name,
            "relatedSpdxElement": str(one.related_spdx_element_id),
            "comment": one.comment or "",
        }
        for one in document.relationships
    ]
    document.relationships = []  # it looks through all of them for each package
    tree: dict[str, Any] = DocumentConverter().convert(document)  # type: ignore[no-untyped-call]
    return tree | {"relationships": relationships}


def _reason(error: BaseException) -> str:
    said = error.messages if isinstance(error, SPDXParsingError) else [f"{type(error).__name__}: {error}"]
    return " ".join(str(said[0] if said else "no reason given").split())[:300]
