"""What stands around an SBOM, one layer at a time: DSSE envelopes, Sigstore bundles, in-toto statements, API answers.

Sources: secure-systems-lab/dsse (envelope.md), sigstore protobuf-specs (sigstore_bundle.proto, v0.1 to v0.3),
in-toto/attestation (Statement v0.1 and v1), cosign's predicates.
"""

import binascii
import re
from enum import StrEnum
from typing import Any

import msgspec

from service.sbom.bounded import LONGEST_NAME
from service.sbom.document import Signer
from service.sbom.envelope_signers import signer_of
from service.sbom.lenient import decode
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, NotAnSbom, UnsupportedFormat
from service.sbom.texts import as_text

#: Each is tried against each trusted key; real envelopes have one, rarely three.
MOST_SIGNATURES = 20
#: Of a statement's subjects, so many are kept: who signs a release's hundred files has said enough.
MOST_SUBJECTS = 100

_BEGINNING = re.compile(rb'\s*\{\s*"(?:payloadType|payload|signatures|mediaType|_type)"')
_ANOTHER = re.compile(rb"\n\s*\{")
_STRING = re.compile(rb'\s*"')
_OF_COSIGN = re.compile(rb'\s*\{\s*"(?:Data|Timestamp)"\s*:')
_NO_SBOM = (
    ("https://slsa.dev/provenance", "SLSA provenance"),
    ("https://slsa.dev/verification_summary", "a SLSA verification summary"),
    ("https://slsa.dev/source", "SLSA source provenance"),
    ("https://openvex.dev", "a VEX document (OpenVEX)"),
    ("https://cosign.sigstore.dev/attestation/vuln", "a vulnerability scan"),
    ("https://in-toto.io/attestation/vulns", "a vulnerability scan"),
    ("https://in-toto.io/attestation/test-result", "test results"),
    ("https://in-toto.io/attestation/release", "a release"),
    ("https://in-toto.io/attestation/scai", "supply chain attributes (SCAI)"),
    ("https://in-toto.io/attestation/runtime-trace", "a runtime trace"),
    ("https://in-toto.io/attestation/link", "a link of a layout"),
    ("https://in-toto.io/Link", "a link of a layout"),
    ("https://github.com/npm/attestation", "a publish attestation of npm"),
)  # fmt: skip


class Wrapping(StrEnum):
    """The kinds of layer; `WRAPPER` is one member around an SBOM, as GitHub's API and docker buildx answer."""

    DSSE = "dsse"
    SIGSTORE_BUNDLE = "sigstore-bundle"
    STATEMENT = "in-toto-statement"
    WRAPPER = "wrapper"


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer taken off. ``inside`` is what it held; ``signatures`` are over DSSE's encoding of that."""

    inside: bytes
    named: str
    payload_type: str = ""
    predicate_type: str = ""
    subjects: tuple[tuple[str, str], ...] = ()
    signers: tuple[Signer, ...] = ()
    signatures: tuple[bytes, ...] | None = None


class _Signature(msgspec.Struct):
    sig: str | None = None
    key_id: str | None = msgspec.field(default=None, name="keyid")


class _Dsse(msgspec.Struct):
    payload: str | None = None
    payload_type: str | None = msgspec.field(default=None, name="payloadType")
    signatures: list[_Signature] | None = None


class _Bundle(msgspec.Struct):
    envelope: _Dsse | None = msgspec.field(default=None, name="dsseEnvelope")
    material: Any = msgspec.field(default=None, name="verificationMaterial")


class _Subject(msgspec.Struct):
    name: str | None = None
    digest: Any = None


class _Statement(msgspec.Struct):
    subject: list[_Subject] | None = None
    predicate_type: str | None = msgspec.field(default=None, name="predicateType")
    predicate: msgspec.Raw = msgspec.Raw(b"")


class _Predicate(msgspec.Struct):
    data: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="Data")


class _Wrapper(msgspec.Struct):
    sbom: msgspec.Raw = msgspec.Raw(b"")
    spdx: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="SPDX")


def peel(data: bytes, wrapping: Wrapping, oddities: Oddities) -> Layer:
    """Take one layer off.

    Raises:
        NotAnSbom: By its own word it holds something else.
        UnsupportedFormat: It holds a digest only.
        Malformed: What it holds cannot be taken out.
    """
    if wrapping is Wrapping.DSSE:
        return _from_dsse(decode(data, _Dsse, oddities), "a DSSE envelope")
    if wrapping is Wrapping.SIGSTORE_BUNDLE:
        return _from_bundle(decode(data, _Bundle, oddities), oddities)
    if wrapping is Wrapping.STATEMENT:
        return _from_statement(decode(data, _Statement, oddities), oddities)
    wrapper = decode(data, _Wrapper, oddities)
    return Layer(inside=bytes(wrapper.sbom) or bytes(wrapper.spdx), named="an API's answer around an SBOM")


def refuse_several(data: bytes) -> None:
    """Refuse lines of envelopes, as cosign and the GitHub command line write them.

    Raises:
        Malformed: There is more than one; which of them is meant, only the sender knows.
    """
    beginning = _BEGINNING.match(data)
    end = data.find(b"\n", beginning.end()) if beginning else -1
    if end > 0 and data[max(end - 2, 0) : end].rstrip().endswith(b"}") and _ANOTHER.match(data, end):
        raise Malformed(
            "These are several attestations, one a line. Send the line that holds the SBOM: its predicateType is "
            "https://cyclonedx.org/bom or https://spdx.dev/Document."
        )


def _from_dsse(envelope: _Dsse, named: str) -> Layer:
    signatures = envelope.signatures or []
    if len(signatures) > MOST_SIGNATURES:
        raise Malformed(f"The envelope has {len(signatures)} signatures; up to {MOST_SIGNATURES} are read.")
    payload = _unpacked(envelope.payload or "", "The envelope's payload")
    if not payload:
        raise Malformed("The envelope's payload is empty; it holds no SBOM. Create it again.")
    return Layer(
        inside=payload,
        named=named,
        payload_type=envelope.payload_type or "",
        signers=tuple(Signer(key_id=short(signature.key_id)) for signature in signatures),
        signatures=tuple(_unpacked(signature.sig or "", "A signature") for signature in signatures),
    )


def _from_bundle(bundle: _Bundle, oddities: Oddities) -> Layer:
    if bundle.envelope is None:
        raise UnsupportedFormat(
            "This is a Sigstore bundle of a detached signature: it holds a digest, not the SBOM. Send the SBOM itself."
        )
    layer = _from_dsse(bundle.envelope, "a Sigstore bundle")
    first, *others = layer.signers or (Signer(),)
    signer = signer_of(bundle.material, oddities)
    key_id = first.key_id or signer.key_id
    return msgspec.structs.replace(layer, signers=(msgspec.structs.replace(signer, key_id=key_id), *others))


def _from_statement(statement: _Statement, oddities: Oddities) -> Layer:
    predicate_type = statement.predicate_type or ""
    for prefix, name in _NO_SBOM:
        if predicate_type.startswith(prefix):
            raise NotAnSbom(f"This is an in-toto statement of {name}, not an SBOM. Send the attestation of the SBOM.")
    subjects = statement.subject or []
    if len(subjects) > MOST_SUBJECTS:
        oddities.note("subjects-cut", f"the statement's subject {MOST_SUBJECTS}", count=len(subjects) - MOST_SUBJECTS)
    inside = _predicate(bytes(statement.predicate), oddities)
    if inside.strip() in (b"", b"null"):
        raise Malformed("The in-toto statement has no predicate; it holds no SBOM. Create it again.")
    return Layer(
        inside=inside,
        named=f"an in-toto statement of {short(predicate_type) or 'no named type'}",
        predicate_type=predicate_type,
        subjects=tuple((short(subject.name), _digest(subject.digest)) for subject in subjects[:MOST_SUBJECTS]),
    )


def _predicate(raw: bytes, oddities: Oddities) -> bytes:
    """Give the SBOM of a predicate: the object, a text that cosign wrote, or either under cosign's older ``Data``."""
    if _OF_COSIGN.match(raw):
        raw = bytes(decode(raw, _Predicate, oddities).data)
    if not _STRING.match(raw):
        return raw
    try:
        return msgspec.json.decode(raw, type=str).encode()
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Malformed("The in-toto statement's predicate is a damaged text. Create it again.") from error


def _digest(digest: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(digest, dict) or not digest:
        return ""
    name = "sha256" if "sha256" in digest else next(iter(digest))
    return f"{short(name)}:{short(as_text(digest[name])).lower()}"


def _unpacked(text: str, what: str) -> bytes:
    """Decode base64, standard or URL-safe (DSSE allows both), padded or not, in one line or several."""
    if any(sign in text for sign in "-_\n\r "):
        text = "".join(text.split()).replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError as error:  # binascii.Error, and text that is not ASCII
        raise Malformed(f"{what} is not base64: {error}. Create the envelope again.") from error


def short(text: str | None) -> str:
    """Cut a text that only names something."""
    return (text or "").strip()[:LONGEST_NAME]
