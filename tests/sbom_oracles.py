"""Other people's readers, asked the same questions: what does this document list, and what depends on what."""

import json
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from defusedxml import ElementTree
from packageurl import PackageURL
from spdx_python_model import load_data
from spdx_tools.common.spdx_licensing import spdx_licensing
from spdx_tools.spdx.model.document import Document as SpdxDocument
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.parser.rdf import rdf_parser
from spdx_tools.spdx.parser.tagvalue import parser as tagvalue
from spdx_tools.spdx.parser.xml import xml_parser

from service.sbom import Document, Format

# Rebuilding the licence index for every expression takes 45 s where 0.15 s suffice.
tagvalue.get_spdx_licensing = lambda: spdx_licensing


class Listed(NamedTuple):
    """A document as far as both readers can be compared."""

    components: frozenset[tuple[str, str, str]]
    edge_count: int


def ours(document: Document) -> Listed:
    """Give our reading; a subject that is no component is added, since the oracles list it in SPDX."""
    listed = {(one.name, one.version, canonical(one.purl)) for one in document.components}
    itself = {"SPDXRef-DOCUMENT"}
    if document.format.startswith("spdx") and document.subject:
        refs = {one.ref for one in document.components}
        if document.subject.ref not in refs and document.subject.type:
            listed.add((document.subject.name, document.subject.version, canonical(document.subject.purl)))
        if not document.subject.type:
            itself.add(document.subject.ref)
    edges = [edge for edge in document.dependencies if edge[0] not in itself]
    return Listed(frozenset(listed), len(edges))


def oracle(kind: Format, data: bytes) -> Listed:  # noqa: PLR0911 - one for each format
    """Give the other library's reading; raises whatever it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind is Format.CYCLONEDX_JSON:
            return _cyclonedx(Bom.from_json(json.loads(data)))  # type: ignore[attr-defined]
        if kind is Format.CYCLONEDX_XML:
            return _cyclonedx(Bom.from_xml(ElementTree.fromstring(data)))  # type: ignore[attr-defined]
        if kind is Format.SPDX_JSON:
            return _spdx(JsonLikeDictParser().parse(json.loads(data)))  # type: ignore[no-untyped-call]
        if kind is Format.SPDX3_JSON_LD:
            return _spdx3(*load_data(json.loads(data)))
        if kind is Format.SPDX_YAML:  # as texts: its own reader takes a bare 13 for a number and gives up
            return _spdx(JsonLikeDictParser().parse(yaml.load(data, yaml.CBaseLoader)))  # type: ignore[no-untyped-call] # noqa: S506
        if kind in (Format.SPDX_XML, Format.SPDX_RDF):
            return _spdx(_from_file(xml_parser if kind is Format.SPDX_XML else rdf_parser, data))
        return _spdx(tagvalue.Parser(write_tables=False, debug=False).parse(data.decode()))  # type: ignore[no-untyped-call]


def _from_file(parser: Any, data: bytes) -> SpdxDocument:  # noqa: ANN401 - a module
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        document: SpdxDocument = parser.parse_from_file(file.name)
        return document


def canonical(purl: str) -> str:
    """Spell a purl as the purl library does, where it can read it."""
    try:
        return PackageURL.from_string(purl).to_string()
    except ValueError:
        return purl


def _cyclonedx(bom: Bom) -> Listed:
    root = bom.metadata.component
    parts = list(_flat(bom.components)) + (list(_flat(root.components)) if root else [])
    known = {part.bom_ref.value for part in parts} | ({root.bom_ref.value} if root else set())
    edges = {
        (one.ref.value, other.ref.value)
        for one in bom.dependencies
        for other in one.dependencies
        if one.ref.value in known and other.ref.value in known and one.ref.value != other.ref.value
    }
    listed = {(p.name, p.version or "", canonical(p.purl.to_string()) if p.purl else "") for p in parts}
    return Listed(frozenset(listed), len(edges))


def _flat(parts: Iterable[Component]) -> Iterator[Component]:
    for part in parts:
        yield part
        yield from _flat(part.components)


_FORWARD = {"DEPENDS_ON", "CONTAINS", "STATIC_LINK", "DYNAMIC_LINK", "HAS_PREREQUISITE"}
_BACKWARD = {"DEPENDENCY_OF", "CONTAINED_BY", "PREREQUISITE_FOR"} | {
    f"{kind}_DEPENDENCY_OF" for kind in ("RUNTIME", "BUILD", "DEV", "TEST", "OPTIONAL", "PROVIDED")
}


def _spdx(document: SpdxDocument) -> Listed:
    known = {package.spdx_id for package in document.packages}
    edges = set()
    for relation in document.relationships:
        start, end, kind = relation.spdx_element_id, relation.related_spdx_element_id, relation.relationship_type.name
        if start in known and end in known and start != end and kind in _FORWARD | _BACKWARD:
            edges.add((start, end) if kind in _FORWARD else (end, start))
    listed = {(one.name, _said(one.version), _purl(one.external_references)) for one in document.packages}
    return Listed(frozenset(listed), len(edges))


def _said(value: str | None) -> str:
    return "" if value in (None, "NOASSERTION", "NONE") else value.strip()


def _purl(references: Iterable[Any]) -> str:
    return canonical(next((one.locator for one in references if one.reference_type == "purl"), ""))


_SPDX3_EDGES = {
    "dependsOn", "contains", "hasStaticLink", "hasDynamicLink", "hasPrerequisite", "hasOptionalDependency",
    "hasProvidedDependency", "hasOptionalComponent", "trainedOn", "testedOn",
}  # fmt: skip


def _spdx3(model: Any, objects: Any) -> Listed:  # noqa: ANN401 - a module, and what it read
    """List packages, or without any the files that an SBOM has for roots."""
    packages = list(objects.foreach_type(model.software_Package))
    if not packages:
        roots = [root for one in objects.foreach_type(model.software_Sbom) for root in one.rootElement]
        packages = [root for root in roots if isinstance(root, model.software_File)]
    edges = {
        (relation.from_._id, end._id)
        for relation in objects.foreach_type(model.Relationship)
        for end in relation.to
        if relation.relationshipType.rpartition("/")[2] in _SPDX3_EDGES
        and relation.from_ in packages
        and end in packages
    }
    return Listed(frozenset(map(_spdx3_package, packages)), len(edges))


def _spdx3_package(package: Any) -> tuple[str, str, str]:  # noqa: ANN401
    named = (
        one.identifier
        for one in package.externalIdentifier
        if one.externalIdentifierType.rpartition("/")[2] == "packageUrl"
    )
    purl = getattr(package, "software_packageUrl", None) or next(named, "")
    return (package.name, _said(getattr(package, "software_packageVersion", "")), canonical(purl))
