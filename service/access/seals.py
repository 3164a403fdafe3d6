"""Values that leave the house and come back unchanged: signed, for one purpose, until a moment.

A seal hides nothing; it only proves that we wrote it. Session cookies, tickets that open the pages once, and the
places in the lists of the pages are sealed.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac
from typing import Any

_SIGNATURE_BYTES = 32


class Seals:
    """Seals values with one secret. What was sealed for one purpose is nothing for another."""

    def __init__(self, secret: str) -> None:
        self._key = sha256(b"muster seals " + secret.encode()).digest()

    def seal(self, purpose: str, *values: str | int, until: datetime | None = None) -> str:
        """Write values as one word that fits into a cookie or an address; None never ends."""
        body = json.dumps([int(until.timestamp()) if until else None, *values], separators=(",", ":")).encode()
        return urlsafe_b64encode(self._sign(purpose, body) + body).decode().rstrip("=")

    def open(self, purpose: str, text: str, *, now: datetime) -> list[Any] | None:
        """Give the values back; None where it is not ours, is for another purpose, or is over."""
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except ValueError:
            return None
        signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not compare_digest(signature, self._sign(purpose, body)):
            return None
        until, *values = json.loads(body)
        return values if until is None or now.timestamp() < until else None

    def _sign(self, purpose: str, body: bytes) -> bytes:
        return hmac(self._key, purpose.encode() + b"\0" + body, sha256).digest()
