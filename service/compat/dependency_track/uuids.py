"""Ids as UUIDs and back, without a table: RFC 9562 version 8, whose three free fields are ours to lay out.

::

    6d757374-6572-8KKK-9…   48 bits "muster" | version 8 | 12 bits kind | variant | 62 bits id

They hide nothing: who may see what is decided by the key, never by a UUID that is hard to guess.
"""

from enum import IntEnum, unique
from uuid import UUID

_OURS = int.from_bytes(b"muster")
_VERSION, _VARIANT = 8, 0b10
_ID_BITS = 62


@unique
class Kind(IntEnum):
    """Whose id it is; a UUID of one kind is none of another."""

    PROJECT = 1  # a stream
    TOKEN = 2  # an upload
    COMPONENT = 3
    VULNERABILITY = 4
    KEY = 5


def to_uuid(kind: Kind, id_: int) -> str:
    """Write an id below 2**62 as a UUID."""
    high = (_OURS << 16) | (_VERSION << 12) | kind
    return str(UUID(int=(high << 64) | (_VARIANT << _ID_BITS) | id_))


def from_uuid(kind: Kind, text: str) -> int | None:
    """Read an id; None where *text* is not a UUID that we gave to something of this kind."""
    try:
        low = UUID(text).int & (1 << _ID_BITS) - 1
    except ValueError:
        return None
    return low if to_uuid(kind, low) == text.lower() else None
