"""JSON of a great many tiny values, refused before each becomes an object fifty times its size.

The thinnest real SBOMs have 76 bytes to an object or list, 56 to a comma and 13 to a quotation mark; the bounds leave
them room. Counting takes as long as a tenth of the reading, so it is done only where a look at some places gives reason
to; they are chosen by chance, so that nobody can write around them.
"""

import random

from service.sbom.refusals import TooManyComponents

#: Fewer bytes than so many to each are too few, once there are more than are worth a thought.
_BYTES_PER_OBJECT, _MANY_OBJECTS = 24, 500_000
_BYTES_PER_QUOTE, _MANY_QUOTES = 5, 2_000_000
_BYTES_PER_VALUE, _MANY_VALUES = 16, 1_000_000
_LEAST_BYTES = 1 << 20
_WINDOWS, _WINDOW_BYTES = 128, 256


def refuse_crowded(data: bytes) -> None:
    """Refuse bytes that would take some ten times their size in memory, or more.

    Raises:
        TooManyComponents: Too many objects or strings for so few bytes.
    """
    if len(data) < _LEAST_BYTES or not _is_crowded(_sample(data)):
        return
    objects, strings = data.count(b"{") + data.count(b"["), data.count(b'"') // 2
    if _are_many(objects, _MANY_OBJECTS, _BYTES_PER_OBJECT, data):
        raise TooManyComponents(f"The JSON is {objects:,} objects of hardly any content. Create the SBOM again.")
    if _are_many(strings * 2, _MANY_QUOTES, _BYTES_PER_QUOTE, data):
        raise TooManyComponents(f"The JSON is {strings:,} strings of hardly any content. Create the SBOM again.")


def refuse_crowded_values(data: bytes) -> None:
    """Refuse bytes of too many values of any kind; for the slow way, where each becomes an object.

    Raises:
        TooManyComponents: Too many values for so few bytes.
    """
    values = data.count(b",")
    if _are_many(values, _MANY_VALUES, _BYTES_PER_VALUE, data):
        raise TooManyComponents(f"The JSON is {values:,} values of hardly any content. Create the SBOM again.")


def _sample(data: bytes) -> bytes:
    last = len(data) - _WINDOW_BYTES
    starts = (int(random.random() * last) for _ in range(_WINDOWS))  # noqa: S311 - unforeseen is enough
    return b"".join([data[start : start + _WINDOW_BYTES] for start in starts])


def _is_crowded(sample: bytes) -> bool:
    """Tell whether a sample has half of what is too much: the whole may have a part that is not like the rest."""
    objects = sample.count(b"{") + sample.count(b"[")
    return 2 * objects * _BYTES_PER_OBJECT > len(sample) or 2 * sample.count(b'"') * _BYTES_PER_QUOTE > len(sample)


def _are_many(count: int, many: int, bytes_each: int, data: bytes) -> bool:
    return count > many and count * bytes_each > len(data)
