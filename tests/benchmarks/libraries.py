"""Ways to read an SBOM: ours, and the reference libraries' own as they are shipped."""

import gc
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cyclonedx.model.bom import Bom
from defusedxml import ElementTree
from spdx_python_model import load_data
from spdx_tools.spdx.model.document import Document as SpdxDocument
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.parser.tagvalue.parser import Parser as TagValueParser
from spdx_tools.spdx.writer.write_anything import write_file

from service.sbom import Format, read, spdx_json, through_spdx_tools
from service.sbom.oddities import Oddities
from service.sbom.translation import Translated

#: Reads bytes; gives the number of components, or of nothing where nobody asks.
Way = Callable[[bytes], int]


def ours(data: bytes) -> int:
    """Read as an upload does: YAML, XML and RDF of SPDX in a process of its own, whose start counts."""
    return len(read(data).components)


def ours_without_the_process(kind: Format) -> Way:
    """Read YAML, XML or RDF with the same code, here."""
    translate = {
        Format.SPDX_YAML: through_spdx_tools.yaml_as_json,
        Format.SPDX_XML: through_spdx_tools.xml_as_json,
        Format.SPDX_RDF: through_spdx_tools.rdf_as_json,
    }[kind]

    def way(data: bytes) -> int:
        gc.disable()  # as in the process
        found = msgspec.json.decode(translate(data), type=Translated)
        return len(spdx_json.read(bytes(found.document), Oddities(), 1_000_000, kind).components)

    return way


def library(kind: Format) -> Way:
    """Give the reference library's way to read a format."""

    def way(data: bytes) -> int:
        _LIBRARIES[kind](data)
        return 0

    return way


def name_of_library(kind: Format) -> str:
    """Say whose reader `library` is."""
    if kind.startswith("cyclonedx"):
        return "cyclonedx-python-lib"
    return "spdx-python-model" if kind is Format.SPDX3_JSON_LD else "spdx-tools"


def _in_a_file(ending: str) -> Callable[[bytes], SpdxDocument]:
    """Read a format of which spdx-tools only reads files."""

    def way(data: bytes) -> SpdxDocument:
        with tempfile.NamedTemporaryFile(suffix=ending) as file:
            file.write(data)
            file.flush()
            document: SpdxDocument = parse_file(file.name)
            return document

    return way


_LIBRARIES: dict[Format, Callable[[bytes], Any]] = {
    Format.CYCLONEDX_JSON: lambda data: Bom.from_json(json.loads(data)),  # type: ignore[attr-defined]
    Format.CYCLONEDX_XML: lambda data: Bom.from_xml(ElementTree.fromstring(data)),  # type: ignore[attr-defined]
    Format.SPDX_JSON: lambda data: JsonLikeDictParser().parse(json.loads(data)),  # type: ignore[no-untyped-call]
    Format.SPDX_TAG_VALUE: lambda data: TagValueParser().parse(data.decode()),  # type: ignore[no-untyped-call]
    Format.SPDX_YAML: _in_a_file(".yaml"),
    Format.SPDX_XML: _in_a_file(".xml"),
    Format.SPDX_RDF: _in_a_file(".rdf.xml"),
    Format.SPDX3_JSON_LD: lambda data: load_data(json.loads(data)),
}
ENDINGS = {Format.SPDX_YAML: ".yaml", Format.SPDX_XML: ".xml", Format.SPDX_RDF: ".rdf.xml"}


def convert(data: bytes, target: Path) -> int:
    """Write SPDX JSON anew, in the format of the target's ending; raises what spdx-tools raises."""
    tree = json.loads(data)
    tree["creationInfo"]["created"] = tree["creationInfo"]["created"][:19] + "Z"  # it refuses fractions
    document: SpdxDocument = JsonLikeDictParser().parse(tree)  # type: ignore[no-untyped-call]
    for package in document.packages:
        if package.verification_code and not package.verification_code.value:
            package.verification_code = None  # it cannot read the empty one that it writes as XML
    write_file(document, str(target), validate=False)
    return len(document.packages)
