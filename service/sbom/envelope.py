"""From the bytes that came to the SBOM in them: what was around it is taken off, and what that says is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from service.sbom.document import Envelope, Format
from service.sbom.encoding import as_utf8
from service.sbom.envelope_layers import Layer, Wrapping, peel, refuse_several, short
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, NotAnSbom, UnsupportedFormat
from service.sbom.signatures import TrustedKey, verifying_keys
from service.sbom.sniff import sniff

#: A signature around a statement around the SBOM. More is a game.
MOST_LAYERS = 2


@dataclass(frozen=True)
class Opened:
    """An SBOM without what was around it: UTF-8, and whether it had to become that (`encoding.as_utf8`)."""

    sbom: bytes
    transcoded: bool
    format: Format
    envelope: Envelope | None = None


def open_envelopes(data: bytes, oddities: Oddities, trusted: Sequence[TrustedKey] = ()) -> Opened:
    """Find the SBOM in some bytes: themselves, mostly.

    Args:
        data: As received, unpacked.
        oddities: Gets ``signature-failed`` where none of the keys signed it.
        trusted: Whose signatures are believed; none: nothing is verified.

    Raises:
        NotAnSbom, UnsupportedFormat: Says what it seems to be instead.
        Malformed, TooDeep: It cannot be read far enough to tell, or what is inside cannot be taken out.
    """
    plain, transcoded = as_utf8(data)
    refuse_several(plain)
    kind = sniff(plain)
    envelope: Envelope | None = None
    for _ in range(MOST_LAYERS):
        if isinstance(kind, Format):
            break
        layer = peel(plain, kind, oddities)
        envelope = _around(envelope, kind, layer, _verified(layer, oddities, trusted))
        plain, transcoded = as_utf8(layer.inside)
        kind = _sniff_inside(plain, layer)
    if not isinstance(kind, Format):
        raise Malformed(f"Envelopes lie in envelopes, more than {MOST_LAYERS} deep. Send the SBOM in one, or in none.")
    return Opened(plain, transcoded, kind, envelope)


def _sniff_inside(data: bytes, layer: Layer) -> Format | Wrapping:
    try:
        return sniff(data)
    except (NotAnSbom, UnsupportedFormat) as error:
        raise type(error)(f"This is {layer.named}, and what it holds is not read. {error.detail}") from error


def _verified(layer: Layer, oddities: Oddities, trusted: Sequence[TrustedKey]) -> tuple[str, tuple[str, ...]]:
    """Say how verification went, and with which keys."""
    if layer.signatures is None or not trusted:
        return "unverified", ()
    if names := verifying_keys(layer.payload_type, layer.inside, layer.signatures, trusted):
        return "verified", names
    oddities.note("signature-failed", "the envelope")
    return "failed", ()


def _around(outer: Envelope | None, kind: Wrapping, layer: Layer, verified: tuple[str, tuple[str, ...]]) -> Envelope:
    """Join what the layers say. The outermost signature is the one that counts: it is over everything inside."""
    if outer is not None:
        return msgspec.structs.replace(
            outer,
            predicate_type=outer.predicate_type or short(layer.predicate_type),
            subjects=outer.subjects or layer.subjects,
            signers=outer.signers + layer.signers,
        )
    verification, verified_by = verified
    return Envelope(
        kind=kind.value,
        payload_sha256=sha256(layer.inside).hexdigest(),
        payload_type=short(layer.payload_type),
        predicate_type=short(layer.predicate_type),
        subjects=layer.subjects,
        signers=layer.signers,
        verification=verification,
        verified_by=verified_by,
    )
