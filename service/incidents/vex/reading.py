"""From the bytes of a VEX document to what it claims, whichever of the three formats it has. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from service.incidents.vex import csaf_reading, cyclonedx_elements, cyclonedx_reading, openvex
from service.incidents.vex.fields import BadVex, VexTooLarge
from service.incidents.vex.statements import Claims
from service.sbom.encoding import as_utf8
from service.sbom.envelope_layers import Layer, Wrapping, peel
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, NotAnSbom, UnsupportedFormat
from service.sbom.signatures import TrustedKey, verifying_keys

#: The largest real ones, of one vendor's kernel, have some twenty.
LARGEST_BYTES = 32 * 2**20
_MOST_VALUES = 4_000_000
_MOST_OBJECTS = 1_000_000
#: A signature around a statement around the document.
_MOST_LAYERS = 2


class Received(NamedTuple):
    """What a document claims, and which of our trusted keys signed it."""

    claims: Claims
    signed_by: tuple[str, ...]


def read_vex(data: bytes, trusted: Sequence[TrustedKey] = ()) -> Received:
    """Read OpenVEX, CSAF or CycloneDX (JSON or XML), alone or in a DSSE envelope, Sigstore bundle or in-toto statement.

    Raises:
        BadVex: It is none of them, damaged, or lacks what it needs.
        VexTooLarge: It is too large, or says too much.
    """
    if len(data) > LARGEST_BYTES:
        raise VexTooLarge(f"The document has more than {LARGEST_BYTES // 2**20} MiB. Send it in parts.")
    try:
        return _read(data, trusted)
    except (Malformed, NotAnSbom, UnsupportedFormat) as error:  # of what is around it
        raise BadVex(error.detail.replace("SBOM", "document")) from error


def _read(data: bytes, trusted: Sequence[TrustedKey]) -> Received:
    plain, transcoded = as_utf8(data)
    if plain.lstrip()[:1] == b"<":
        document = cyclonedx_elements.as_json(plain.lstrip(), transcoded=transcoded)
        return Received(cyclonedx_reading.read(document), ())
    document, signed_by = _json(plain), tuple[str, ...]()
    for _ in range(_MOST_LAYERS):
        wrapping = _wrapping(document)
        if wrapping is Wrapping.STATEMENT:
            document = _predicate(document)
        elif wrapping is not None:
            layer = peel(plain, wrapping, Oddities())
            signed_by = signed_by or _signers(layer, trusted)
            plain = layer.inside
            document = _json(plain)
    return Received(_claims(document), signed_by)


def _claims(document: dict[str, Any]) -> Claims:
    if openvex.is_openvex(document):
        return openvex.read(document)
    if csaf_reading.is_csaf(document):
        return csaf_reading.read(document)
    if cyclonedx_reading.is_cyclonedx(document):
        return cyclonedx_reading.read(document)
    raise BadVex('This is no VEX: neither "@context" of OpenVEX, nor "bomFormat": "CycloneDX", nor a CSAF "document".')


def _json(data: bytes) -> dict[str, Any]:
    if data.count(b"{") + data.count(b"[") > _MOST_OBJECTS or data.count(b",") > _MOST_VALUES:
        raise VexTooLarge("The JSON is more objects than any VEX document has. Send it in parts.")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadVex(f"The JSON cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise BadVex("The JSON is not an object. Send the document itself, one at a time.")
    return document


def _wrapping(document: dict[str, Any]) -> Wrapping | None:
    if isinstance(document.get("dsseEnvelope"), dict):
        return Wrapping.SIGSTORE_BUNDLE
    if "payloadType" in document and "payload" in document:
        return Wrapping.DSSE
    kind = document.get("_type")
    return Wrapping.STATEMENT if isinstance(kind, str) and "in-toto" in kind else None


def _predicate(statement: dict[str, Any]) -> dict[str, Any]:
    predicate = statement.get("predicate")
    if not isinstance(predicate, dict):
        raise BadVex("The in-toto statement has no predicate that is an object.")
    return predicate


def _signers(layer: Layer, trusted: Sequence[TrustedKey]) -> tuple[str, ...]:
    if not layer.signatures or not trusted:
        return ()
    return verifying_keys(layer.payload_type, layer.inside, layer.signatures, trusted)
