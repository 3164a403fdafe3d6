"""Which SPDX it is, when it is neither JSON nor tag-value; and what only looks like one that we read."""

import re

from service.sbom.document import Format
from service.sbom.refusals import UnsupportedFormat

_HEAD_BYTES = 1 << 16
_TERMS = re.compile(rb"http://spdx\.org/rdf/terms#")
_TERMS_3 = re.compile(rb"https?://spdx\.org/rdf/3\.")
# A mapping's key in YAML: at the first column, perhaps behind the mark of a document's start and a brace.
_KEY = rb"""(?m)^(?:---[ \t]+)?\{?["']?%s["']?[ \t]*:"""
_SPDX = re.compile(_KEY % rb"spdxVersion")
_CYCLONEDX = re.compile(_KEY % rb"bomFormat" + rb"""[ \t]*["']?CycloneDX""")
_CONTEXT_3 = re.compile(rb"""(?m)^["']?@context["']?[ \t]*:\s*(?:-\s*)?["']?https?://spdx\.org/rdf/3""")
_VERSION_3 = re.compile(rb"""spdxVersion["']?[ \t]*:[ \t]*["']?SPDX-3""")
# Beyond its head a document is only searched for the key as libraries write it: they sort keys, and this is a late one.
_LATE = (b"\nspdxVersion:", b'\n"spdxVersion":', b"\n'spdxVersion':")
# Keys without double quotes are YAML in braces; JSON has none.
_FLOW = re.compile(rb"""\{\s*(?:#[^\n]*\n\s*)*(?:'\w{1,60}'|\w{1,60})\s*:""")
_FLOW_SPDX = re.compile(rb"""[{,\s]['"]?spdxVersion['"]?\s*:""")
_MARKED = re.compile(rb"(?:#[^\n]*\n|\s)*(?:%YAML|---)")
_TURTLE = re.compile(rb"(?i)(?:#[^\n]*\n|\s)*(?:@?prefix\s|@?base\s|<https?:|<urn:|_:)")
# Field 1, its length, "1.x", then another field's tag: how every writer begins, since it writes fields in order.
_PROTOBUF = re.compile(rb"\n\x031\.\d[\x10\x1a\x22\x2a\x32\x3a\x42\x4a\x52\x5a\x62\x6a\x72]")


def from_xml(data: bytes, root: str, start_tag: str) -> Format | None:
    """Tell from an XML document's root, and ``None`` if it is no SPDX.

    Raises:
        UnsupportedFormat: SPDX 3, or RDF about something else.
    """
    if root == "Document" and ("spdx.org" in start_tag or re.search(rb"<(?:[\w.-]{1,60}:)?spdxVersion[\s/>]", data)):
        return Format.SPDX_XML
    if root != "RDF" and not (root == "SpdxDocument" and "spdx.org/rdf" in start_tag):
        return None
    return _from_rdf(data)


def from_text(data: bytes) -> Format | None:
    """Tell from text that begins with neither brace nor angle bracket, and ``None`` if it is no SPDX as YAML or Turtle.

    Raises:
        UnsupportedFormat: SPDX 3 as YAML or Turtle, CycloneDX as YAML or Protocol Buffers.
    """
    if _PROTOBUF.match(data):
        raise UnsupportedFormat(
            "This is CycloneDX as Protocol Buffers, which no reader here understands. Let the tool that wrote it write "
            "JSON or XML, or convert it: cyclonedx convert --output-format json."
        )
    if is_turtle(data):
        return _from_rdf(data)
    head = data[:_HEAD_BYTES]
    if _CYCLONEDX.search(head):
        raise UnsupportedFormat("This is CycloneDX as YAML, which the standard does not know. Write it as JSON.")
    if _CONTEXT_3.search(head) or _VERSION_3.search(head):
        raise UnsupportedFormat("This is SPDX 3 as YAML, which the standard does not know. Send its JSON-LD.")
    if _SPDX.search(head) or (_MARKED.match(head) and _FLOW_SPDX.search(head)):
        return Format.SPDX_YAML
    return Format.SPDX_YAML if any(data.find(key, _HEAD_BYTES - 20) >= 0 for key in _LATE) else None


def from_braces(data: bytes) -> Format | None:
    """Tell YAML in braces from JSON, and ``None`` if it may be JSON.

    Raises:
        UnsupportedFormat: As `from_text`.
    """
    head = data[:_HEAD_BYTES].lstrip()
    if not _FLOW.match(head):
        return None
    if _VERSION_3.search(head):
        raise UnsupportedFormat("This is SPDX 3 as YAML, which the standard does not know. Send its JSON-LD.")
    return Format.SPDX_YAML if _FLOW_SPDX.search(data) else None


def is_turtle(data: bytes) -> bool:
    """Tell whether it begins as Turtle or N-Triples do; ``<http:`` begins no XML element of ours."""
    return _TURTLE.match(data[:_HEAD_BYTES]) is not None


def _from_rdf(data: bytes) -> Format | None:
    if _TERMS.search(data):
        return Format.SPDX_RDF
    if _TERMS_3.search(data):
        raise UnsupportedFormat("This is SPDX 3 as RDF. Send its JSON-LD.")
    raise UnsupportedFormat("This is RDF, but it does not speak of SPDX 2. Send SPDX 2.2 or 2.3, or CycloneDX.")
