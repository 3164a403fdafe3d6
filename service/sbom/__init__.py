"""Reading SBOMs: bytes in, a typed `Document` out. Pure; fast readers of our own."""

from collections.abc import Sequence

from msgspec import structs

from service.sbom import cyclonedx_json, cyclonedx_xml, spdx3, spdx_json, spdx_tagvalue, spdx_translated
from service.sbom.document import Component, Document, Format, OperatingSystem, Scope, Subject, Tool
from service.sbom.document import Warning as Oddity
from service.sbom.encoding import note_encoding
from service.sbom.envelope import Opened, open_envelopes
from service.sbom.oddities import Oddities
from service.sbom.refusals import (
    Malformed,
    NotAnSbom,
    NothingToInventory,
    TooDeep,
    TooManyComponents,
    UnsupportedFormat,
)
from service.sbom.signatures import TrustedKey

__all__ = [
    "Component",
    "Document",
    "Format",
    "Malformed",
    "NotAnSbom",
    "NothingToInventory",
    "Oddity",
    "OperatingSystem",
    "Scope",
    "Subject",
    "TooDeep",
    "TooManyComponents",
    "Tool",
    "TrustedKey",
    "UnsupportedFormat",
    "read",
    "sniff",
    "unwrapped",
]


def sniff(data: bytes) -> Format:
    """Tell which of our formats *data* is, by its content; of an envelope, what is inside.

    Raises:
        NotAnSbom, UnsupportedFormat: Says what it seems to be instead.
        Malformed, TooDeep: It cannot be read far enough to tell.
    """
    return open_envelopes(data, Oddities()).format


def unwrapped(data: bytes) -> bytes:
    """Give the SBOM that `read` would read, as UTF-8 and without what is around it; raises as `read` does."""
    return open_envelopes(data, Oddities()).sbom


def read(data: bytes, *, max_components: int = 1_000_000, trusted: Sequence[TrustedKey] = ()) -> Document:
    """Read one SBOM, whatever its format, encoding and small sins.

    Args:
        data: The document, decompressed, as it is or in an envelope.
        max_components: More than this many are refused.
        trusted: Keys whose signatures on envelopes are believed; none: nothing is verified.

    Returns:
        The document; what was odd stands in its ``warnings``, which speak of places in the SBOM, not in its envelope.

    Raises:
        NotAnSbom, UnsupportedFormat: Says what it seems to be instead.
        NothingToInventory: It lists nothing.
        Malformed: Says where.
        TooDeep, TooManyComponents: Over a bound.
    """
    oddities = Oddities()
    opened = open_envelopes(data, oddities, trusted)
    if opened.format not in (Format.CYCLONEDX_XML, Format.SPDX_XML, Format.SPDX_RDF):
        note_encoding(data, oddities)
    document = _read(opened, oddities, max_components)
    return document if opened.envelope is None else structs.replace(document, envelope=opened.envelope)


def _read(opened: Opened, oddities: Oddities, max_components: int) -> Document:
    plain, kind = opened.sbom, opened.format
    if kind is Format.CYCLONEDX_JSON:
        return cyclonedx_json.read(plain, oddities, max_components)
    if kind is Format.CYCLONEDX_XML:
        return cyclonedx_xml.read(plain, oddities, max_components, transcoded=opened.transcoded)
    if kind is Format.SPDX_JSON:
        return spdx_json.read(plain, oddities, max_components)
    if kind in (Format.SPDX_YAML, Format.SPDX_XML, Format.SPDX_RDF):
        return spdx_translated.read(plain, kind, oddities, max_components, transcoded=opened.transcoded)
    if kind is Format.SPDX3_JSON_LD:
        return spdx3.read(plain, oddities, max_components)
    return spdx_tagvalue.read(plain, oddities, max_components)
