"""The bytes that every sort key is made of.

A key is compared as memcmp compares (PostgreSQL's ``bytea`` does so whatever the collation). Three rules keep that
order equal to the ecosystem's:

- every piece is prefix-free, so that a shorter piece never runs into what follows it;
- where several kinds of piece may stand, a tag byte goes before each, and the tags are numbered in the order of the
  kinds; the end of the version is a kind with a tag of its own, because a version may sort above or below its own
  continuation (``1.0`` > ``1.0-rc``, but ``1.0`` < ``1.0.1``);
- what the ecosystem ignores (leading zeros, build metadata, case) is not written.

Text holds no NUL here: the room's face refuses it, so NUL can end a text.
"""

#: Up to here the digits fit eight bytes.
_BINARY_DIGITS = 18
_HUGE = b"\xff"


def _encode(digits: str) -> bytes:
    digits = digits.lstrip("0")
    if not digits:
        return b"\x00"
    if len(digits) <= _BINARY_DIGITS:
        value = int(digits)
        size = (value.bit_length() + 7) >> 3
        return bytes((size,)) + value.to_bytes(size, "big")
    return _HUGE + len(digits).to_bytes(2, "big") + digits.encode()


# Nearly every number of a version is small; looking it up halves the cost of a key.
_SMALL = {str(value): _encode(str(value)) for value in range(4096)}


def number(digits: str) -> bytes:
    """Encode a decimal number of any size.

    Args:
        digits: ASCII digits, at most 65,535; empty means zero, leading zeros do not count.

    Returns:
        A length byte and the value big-endian; beyond 18 digits 0xFF, the count of digits, the digits.
    """
    return _SMALL.get(digits) or _encode(digits)


def text(value: str) -> bytes:
    """Encode text in the order of its code points, a prefix before its continuations."""
    return value.encode() + b"\x00"


def integer(value: int, size: int) -> bytes:
    """Encode a whole number, negative or not, in *size* bytes; it has to fit them."""
    return (value + (1 << (8 * size - 1))).to_bytes(size, "big")
