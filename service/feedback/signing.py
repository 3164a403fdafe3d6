"""Signatures as Standard Webhooks has them: `v1` with a shared secret, `v1a` with a key pair.

Signed is ``{webhook-id}.{webhook-timestamp}.{body}``. Whoever verifies `v1a` holds nothing that could forge one.

Source: Standard Webhooks 1.0, "Signature scheme".
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from hmac import new as hmac
from secrets import token_bytes

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: In the order in which their signatures are sent: the better one first.
SCHEMES = ("v1a", "v1")

_SECRET, _PRIVATE, _PUBLIC = "whsec_", "whsk_", "whpk_"
_SECRET_BYTES = 32


@dataclass(frozen=True)
class SigningKey:
    """What signs a webhook: `secret` is ``whsec_…`` or ``whsk_…``; `public` is ``whpk_…`` where there is one."""

    scheme: str
    secret: str = field(repr=False)
    public: str | None = None


def new_key(scheme: str) -> SigningKey:
    """Draw a key for a scheme."""
    if scheme == "v1":
        return SigningKey(scheme, _SECRET + b64encode(token_bytes(_SECRET_BYTES)).decode())
    pair = Ed25519PrivateKey.generate()
    public = pair.public_key().public_bytes_raw()
    # The specification's private key is the seed followed by the public key.
    private = pair.private_bytes_raw() + public
    return SigningKey(scheme, _PRIVATE + b64encode(private).decode(), _PUBLIC + b64encode(public).decode())


def headers_of(message_id: str, body: bytes, keys: Iterable[SigningKey], *, now: datetime) -> dict[str, str]:
    """Write the three headers that prove a body is ours, with a signature by each of *keys*."""
    timestamp = str(int(now.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    ordered = sorted(keys, key=lambda key: SCHEMES.index(key.scheme))
    signatures = " ".join(f"{key.scheme},{b64encode(_sign(key, signed)).decode()}" for key in ordered)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def _sign(key: SigningKey, signed: bytes) -> bytes:
    if key.scheme == "v1":
        return hmac(b64decode(key.secret.removeprefix(_SECRET)), signed, sha256).digest()
    seed = b64decode(key.secret.removeprefix(_PRIVATE))[:32]
    return Ed25519PrivateKey.from_private_bytes(seed).sign(signed)
