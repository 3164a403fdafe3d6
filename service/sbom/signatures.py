"""Whether a trusted key signed what an envelope holds.

DSSE signs its "pre-authentication encoding" of type and payload, so that neither can be read as something else
(secure-systems-lab/dsse, protocol.md). Keys come as values; nothing here reads files.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from service.errors import Refused

_SHORTEST_RSA_BITS = 2048
#: The hash that goes with a curve, the usual one first; cosign once signed with SHA-256 on every curve.
_CURVES: dict[str, tuple[hashes.HashAlgorithm, ...]] = {
    "secp256r1": (hashes.SHA256(),),
    "secp384r1": (hashes.SHA384(), hashes.SHA256()),
}
_RSA_HASH = hashes.SHA256()
_RSA_SCHEMES = (padding.PSS(padding.MGF1(_RSA_HASH), padding.PSS.AUTO), padding.PKCS1v15())
_Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True)
class TrustedKey:
    """A public key that is believed: the name people know it by, and the key (DER), so that it can be pickled."""

    name: str
    der: bytes


def trusted_key(name: str, pem: bytes) -> TrustedKey:
    """Read a public key.

    Raises:
        Refused: It is none, or of a kind we do not verify with.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused(f"{name} is not a public key in PEM (-----BEGIN PUBLIC KEY-----).") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SHORTEST_RSA_BITS:
        raise Refused(f"{name} is an RSA key of {key.key_size} bits; {_SHORTEST_RSA_BITS} are the least.")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        raise Refused(f"{name} is on the curve {key.curve.name}; P-256 and P-384 are verified.")
    if not isinstance(key, _Key):
        raise Refused(f"{name} is not a key for ECDSA, Ed25519 or RSA.")
    return TrustedKey(name, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def verifying_keys(
    payload_type: str, payload: bytes, signatures: Sequence[bytes], keys: Iterable[TrustedKey]
) -> tuple[str, ...]:
    """Name the keys with which at least one signature is right, in the order of *keys*; none: ``()``.

    Every key is tried: an envelope's key ids are not signed, so DSSE forbids to decide by them.
    """
    message = _Message(payload_type, payload)
    right: list[str] = []
    for trusted in keys:
        key = load_der_public_key(trusted.der)
        if any(_is_right(key, signature, message) for signature in signatures):
            right.append(trusted.name)
    return tuple(right)


class _Message:
    """What was signed; encoded and hashed once for all keys and signatures."""

    def __init__(self, payload_type: str, payload: bytes) -> None:
        kind = payload_type.encode(errors="replace")
        self._parts = (b"DSSEv1 %d %b %d " % (len(kind), kind, len(payload)), payload)
        self._digests: dict[str, bytes] = {}

    @cached_property
    def whole(self) -> bytes:
        return b"".join(self._parts)

    def digest(self, algorithm: hashes.HashAlgorithm) -> bytes:
        if algorithm.name not in self._digests:
            digest = hashes.Hash(algorithm)
            for part in self._parts:
                digest.update(part)
            self._digests[algorithm.name] = digest.finalize()
        return self._digests[algorithm.name]


def _is_right(key: object, signature: bytes, message: _Message) -> bool:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _holds(key.verify, signature, message.whole)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return any(
            _holds(key.verify, signature, message.digest(algorithm), ec.ECDSA(utils.Prehashed(algorithm)))
            for algorithm in _CURVES[key.curve.name]
        )
    if isinstance(key, rsa.RSAPublicKey):
        digest, hashed = message.digest(_RSA_HASH), utils.Prehashed(_RSA_HASH)
        return any(_holds(key.verify, signature, digest, scheme, hashed) for scheme in _RSA_SCHEMES)
    return False


def _holds(verify: Callable[..., None], *arguments: object) -> bool:
    try:
        verify(*arguments)
    except InvalidSignature:
        return False
    return True
