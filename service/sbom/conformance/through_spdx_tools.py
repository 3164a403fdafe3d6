"""SPDX 2 in other forms than JSON, validated by spdx-tools, in a process of its own; never imported by the service.

It gets the tree or graph that our own bounded readers make of the bytes. It is strict: suppliers without a role,
absolute file names and times with fractions are faults, as the specification has it.
"""

import importlib.metadata
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import license_expression
import msgspec
from spdx_tools.spdx.model.document import Document
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.parser.rdf.rdf_parser import translate_graph_to_document
from spdx_tools.spdx.parser.tagvalue import parser as tag_value
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
from spdx_tools.spdx.validation.validation_message import ValidationMessage

from service.sbom import spdx_rdf, spdx_xml, spdx_yaml
from service.sbom.conformance.report import judged
from service.sbom.document import Format
from service.sbom.envelope import Opened, open_envelopes
from service.sbom.oddities import Oddities

_LINE = re.compile(r"Line: (\d+)")
# It builds the index of all licences anew for each expression: 45 seconds instead of 0.15.
tag_value.get_spdx_licensing = cache(license_expression.get_spdx_licensing)


def checked_apart(question: bytes) -> bytes:
    """Answer `checking`: a version, a line feed, the document as received."""
    version, _, data = question.partition(b"\n")
    name = f"SPDX-{version.decode()}"
    checked_by = f"spdx-tools {importlib.metadata.version('spdx-tools')}"
    faults = _faults(open_envelopes(data, Oddities()), name)
    return msgspec.json.encode(judged(faults, checked_by=checked_by, schema=name))


def _faults(opened: Opened, version: str) -> Iterator[tuple[str, str]]:
    try:
        document = _parsed(opened)
    except SPDXParsingError as error:
        for message in error.messages:
            line = _LINE.search(str(message))
            yield f"line {line[1]}" if line else "", str(message)
        return
    for found in validate_full_spdx_document(document, version):
        yield _place(found), found.validation_message


def _parsed(opened: Opened) -> Document:
    data, oddities = opened.sbom, Oddities()
    if opened.format is Format.SPDX_TAG_VALUE:
        # Unasked, ply writes its tables beside the library, which nobody may here, and an installation need not allow.
        parser = tag_value.Parser(write_tables=False, debug=False)  # type: ignore[no-untyped-call]
        from_text: Document = parser.parse(data.decode(errors="replace"))  # type: ignore[no-untyped-call]
        return from_text
    if opened.format is Format.SPDX_RDF:
        return translate_graph_to_document(spdx_rdf.graph_of(data))
    read = spdx_yaml.tree_of if opened.format is Format.SPDX_YAML else spdx_xml.tree_of
    tree: dict[str, Any] = read(data, oddities)
    from_tree: Document = JsonLikeDictParser().parse(tree)  # type: ignore[no-untyped-call]
    return from_tree


def _place(found: ValidationMessage) -> str:
    return found.context.spdx_id or found.context.parent_id or ""
