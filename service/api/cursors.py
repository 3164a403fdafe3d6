"""Cursors: where a list goes on. Opaque and signed, so that nobody builds on what is inside or makes one up."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac
from typing import Any

from service.api.problems import BadRequest

_SIGNATURE_BYTES = 12


class BadCursor(BadRequest):
    """This cursor is not one of ours."""

    slug = "bad-cursor"


class Cursors:
    """Writes and reads cursors with one secret. A cursor of one list is no cursor of another."""

    def __init__(self, secret: str) -> None:
        self._key = sha256(b"muster cursors " + secret.encode()).digest()

    def write(self, listing: str, *position: str | int | None) -> str:
        """Write the position of the last row given, as values of the list's sort columns."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return urlsafe_b64encode(self._sign(listing, body) + body).decode().rstrip("=")

    def read(self, listing: str, cursor: str) -> list[Any]:
        """Read a position back.

        Raises:
            BadCursor: Not written by us, or for another list.
        """
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raw = b""
        signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not compare_digest(signature, self._sign(listing, body)):
            raise BadCursor("Send back `next` as it came, or leave `after` out to start anew.")
        position: list[Any] = json.loads(body)
        return position

    def _sign(self, listing: str, body: bytes) -> bytes:
        return hmac(self._key, listing.encode() + b"\0" + body, sha256).digest()[:_SIGNATURE_BYTES]
