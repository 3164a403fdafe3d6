"""Other people's secrets that we have to use again: what signs a webhook, what opens a ticket system.

They lie in the database locked with the installation's secret key, so that a dump of it gives none away. Whoever
changes `MUSTER_SECRET_KEY` enters them anew.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

from service.errors import Refused


class Locked(Refused):
    """A stored secret was locked with another secret key."""

    slug = "locked-with-another-key"


class Vault:
    """Locks and opens secrets with one key. What was locked for one purpose does not open for another."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def lock(self, purpose: str, value: str) -> bytes:
        """Lock a secret; the bytes may be stored."""
        return self._of(purpose).encrypt(value.encode())

    def open(self, purpose: str, locked: bytes) -> str:
        """Give a secret back.

        Raises:
            Locked: It was locked with another key, or for another purpose.
        """
        try:
            return self._of(purpose).decrypt(locked).decode()
        except InvalidToken as error:
            raise Locked("MUSTER_SECRET_KEY has changed since this secret was stored; enter it anew.") from error

    def _of(self, purpose: str) -> Fernet:
        key = sha256(b"muster vault " + purpose.encode() + b"\0" + self._secret).digest()
        return Fernet(urlsafe_b64encode(key))
