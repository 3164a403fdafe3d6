"""Reading SBOMs: bytes in, a typed `Document` out. Pure; fast readers of our own."""

from service.sbom import cyclonedx_json, cyclonedx_xml, spdx_json, spdx_tagvalue
from service.sbom.document import Component, Document, Format, OperatingSystem, Scope, Subject, Tool
from service.sbom.document import Warning as Oddity
from service.sbom.encoding import as_utf8
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, NotAnSbom, TooDeep, TooManyComponents, UnsupportedFormat
from service.sbom.sniff import sniff as _sniff

__all__ = [
    "Component",
    "Document",
    "Format",
    "Malformed",
    "NotAnSbom",
    "Oddity",
    "OperatingSystem",
    "Scope",
    "Subject",
    "TooDeep",
    "TooManyComponents",
    "Tool",
    "UnsupportedFormat",
    "read",
    "sniff",
]


def sniff(data: bytes) -> Format:
    """Tell which of our formats *data* is, by its content.

    Raises:
        NotAnSbom, UnsupportedFormat: Says what it seems to be instead.
        Malformed, TooDeep: It cannot be read far enough to tell.
    """
    return _sniff(as_utf8(data)[0])


def read(data: bytes, *, max_components: int = 1_000_000) -> Document:
    """Read one SBOM, whatever its format, encoding and small sins.

    Args:
        data: The document, decompressed.
        max_components: More than this many are refused.

    Returns:
        The document; what was odd stands in its ``warnings``.

    Raises:
        NotAnSbom, UnsupportedFormat: Says what it seems to be instead.
        Malformed: Says where.
        TooDeep, TooManyComponents: Over a bound.
    """
    plain, transcoded = as_utf8(data)
    oddities = Oddities()
    kind = _sniff(plain)
    if kind is Format.CYCLONEDX_JSON:
        return cyclonedx_json.read(plain, oddities, max_components)
    if kind is Format.CYCLONEDX_XML:
        return cyclonedx_xml.read(plain, oddities, max_components, transcoded=transcoded)
    if kind is Format.SPDX_JSON:
        return spdx_json.read(plain, oddities, max_components)
    return spdx_tagvalue.read(plain, oddities, max_components)
