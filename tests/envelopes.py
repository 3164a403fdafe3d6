"""What people put around SBOMs, made here: envelopes, bundles, statements, and certificates like Fulcio's."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

Part = dict[str, Any]
#: Signs bytes.
Sign = Callable[[bytes], bytes]

IN_TOTO = "application/vnd.in-toto+json"
CYCLONEDX = "https://cyclonedx.org/bom"
DIGEST = "ab" * 32
ISSUER = "https://token.actions.example"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def make_statement(sbom: bytes, predicate_type: str = CYCLONEDX, **fields: Any) -> Part:  # noqa: ANN401 - JSON
    """State that an image has this SBOM."""
    subject = [{"name": "registry.example/shop", "digest": {"sha512": "00", "sha256": DIGEST.upper()}}]
    predicate = fields.pop("predicate", None) or json.loads(sbom)
    kind = "https://in-toto.io/Statement/v0.1"
    return {"_type": kind, "predicateType": predicate_type, "subject": subject, "predicate": predicate} | fields


def make_dsse(payload: bytes | Part, *signers: tuple[str, Sign], payload_type: str = IN_TOTO) -> Part:
    """Put a payload into an envelope and sign it, by key id and key."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    message = b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type.encode(), len(body), body)
    signatures = [{"keyid": key_id, "sig": b64(sign(message))} for key_id, sign in signers]
    return {"payloadType": payload_type, "payload": b64(body), "signatures": signatures}


def make_bundle(envelope: Part, material: Part, version: str = "0.3") -> Part:
    """Put an envelope into a Sigstore bundle, in the way of a version."""
    kinds = {"0.3": "application/vnd.dev.sigstore.bundle.v0.3+json"}
    kind = kinds.get(version, f"application/vnd.dev.sigstore.bundle+json;version={version}")
    return {"mediaType": kind, "verificationMaterial": material, "dsseEnvelope": envelope}


def make_certificate(*names: x509.GeneralName, issuer: str | None = ISSUER, old: bool = False) -> bytes:
    """Make a certificate as Fulcio does (DER): an identity in SAN, and the issuer of its proof in an extension."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sigstore.example")])
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 2, tzinfo=UTC))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    if issuer is not None:
        number, value = (1, issuer.encode()) if old else (8, asn1.encode_der(issuer))
        oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_key(curve: ec.EllipticCurve | None = None) -> tuple[Sign, bytes]:
    """Make a key on P-256 or another curve; gives what signs, and its public half as PEM."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return lambda message: key.sign(message, ec.ECDSA(hashes.SHA256())), public
