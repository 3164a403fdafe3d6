"""Maven versions in the order of Maven 3.9's ``ComparableVersion``, by its comparison and by keys.

A version is a list of items, numbers and qualifiers; a hyphen, and every change between letters and digits, opens a
list inside the list, which is then its last item. So the nesting is a chain, and ``Version`` is the tuple of its
levels: level n + 1 is the last item of level n. Numbers and release qualifiers that end a level are dropped when they
mean nothing.

The comparison is not transitive (``1-alpha`` < ``1`` < ``1.sp.1`` < ``1-alpha``), so no key can be exact: `maven_key`
flags the versions that may take part in such a circle, about one real version in a hundred. Maven 4 orders them
differently again; we stay with 3.9, the order by which the advisories were written.

Source: org.apache.maven.artifact.versioning.ComparableVersion, 3.9.9.
"""

import re
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple, TypeAlias
from unicodedata import decimal

from service.versions.keys import number, text


class Qualifier(NamedTuple):
    """A word in a version: its place among the known ones; unknown ones come last, by text."""

    place: int
    unknown: str = ""


class Rest(NamedTuple):
    """The list that ends a list: the remaining levels of the chain."""

    levels: tuple[tuple["int | Qualifier", ...], ...]


Level: TypeAlias = tuple[int | Qualifier, ...]
Item: TypeAlias = int | Qualifier | Rest

_RELEASE, _UNKNOWN = 5, 7
_PLACES = {"alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "cr": 3, "snapshot": 4, "sp": 6}
_PLACES |= dict.fromkeys(("ga", "final", "release"), _RELEASE)
_BEFORE_DIGIT = {"a": "alpha", "b": "beta", "m": "milestone"}

_PIECE = re.compile(r"[0-9]+|[.-]|[^0-9.-]+")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_SEPARATORS = frozenset(".-")
_DIGITS = frozenset("0123456789")

# Tags of a key, in the order in which Maven compares what may stand at one place.
_LOW_QUALIFIER, _LOW_LIST, _END, _HIGH_QUALIFIER, _HIGH_LIST, _ZERO, _NUMBER = (
    bytes((tag,)) for tag in (0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70)
)


def maven_compare(a: str, b: str) -> int:
    """Compare exactly as Maven 3.9 does; -1, 0 or 1.

    Antisymmetric, but not transitive: sort by keys, and ask this about pairs.
    """
    left, right = parse(a), parse(b)
    # Two lists inside lists at the same place are equal so far: the next level decides. At different places they have
    # met something else, and that has decided.
    for depth in range(min(len(left), len(right))):
        for ours, theirs in zip_longest(_items(left, depth), _items(right, depth)):
            verdict = _compare_items(ours, theirs)
            if verdict:
                return verdict
    return 0


@lru_cache(maxsize=8192)
def parse(version: str) -> tuple[Level, ...]:
    """Split a version into its chain of levels; at least one, the first may be empty (``0``)."""
    levels: list[list[int | Qualifier]] = [[]]
    pieces = _PIECE.findall(_plain_digits(version.lower()))
    previous = "."
    for piece, following in zip_longest(pieces, pieces[1:], fillvalue=""):
        if piece in _SEPARATORS:
            if previous in _SEPARATORS:
                levels[-1].append(0)
            if piece == "-":
                levels.append([])
        elif piece[0] in _DIGITS:
            levels[-1].append(int(piece))
            if following and following not in _SEPARATORS:
                levels.append([])
        else:
            _add_qualifier(levels, piece, following)
        previous = piece
    return _normalised(levels)


def _plain_digits(version: str) -> str:
    """Write digits of every script as Java reads them; those outside the basic plane are letters to it."""
    if version.isascii():
        return version
    return "".join(str(decimal(one)) if one.isdecimal() and one <= "\uffff" else one for one in version)


def _add_qualifier(levels: list[list[int | Qualifier]], word: str, following: str) -> None:
    """Put a word into a list of its own, unless a separator follows (a habit of 3.9's parser)."""
    digit_follows = following[:1] in _DIGITS
    if following not in _SEPARATORS and levels[-1]:
        levels.append([])
    name = _BEFORE_DIGIT.get(word, word) if digit_follows else word
    place = _PLACES.get(name, _UNKNOWN)
    levels[-1].append(Qualifier(place, name if place == _UNKNOWN else ""))
    if digit_follows:
        levels.append([])


def _normalised(levels: list[list[int | Qualifier]]) -> tuple[Level, ...]:
    for level in levels:
        while level and level[-1] in (0, (_RELEASE, "")):
            level.pop()
    while len(levels) > 1 and not levels[-1]:
        levels.pop()
    return tuple(tuple(level) for level in levels)


def _items(levels: tuple[Level, ...], depth: int) -> tuple[Item, ...]:
    rest = levels[depth + 1 :]
    return (*levels[depth], Rest(rest)) if rest else levels[depth]


def _compare_items(ours: Item | None, theirs: Item | None) -> int:
    if ours is None or theirs is None:
        return _against_end(ours) - _against_end(theirs)
    our_kind, their_kind = _kind(ours), _kind(theirs)
    if our_kind != their_kind:
        return 1 if our_kind > their_kind else -1
    if isinstance(ours, Rest):
        return 0
    return (ours > theirs) - (ours < theirs)  # type: ignore[operator]  # of one kind, as just seen


def _kind(item: Item) -> int:
    """A qualifier is below any list, a list below any number, zero included."""
    if isinstance(item, int):
        return 3
    return 2 if isinstance(item, Rest) else 1


def _against_end(item: Item | None) -> int:
    """Compare an item with nothing at its place; a list by its first item that says something."""
    if item is None:
        return 0
    if isinstance(item, int):
        return 1 if item else 0
    if isinstance(item, Qualifier):
        return (item.place > _RELEASE) - (item.place < _RELEASE)
    return next((sign for level in item.levels for part in level if (sign := _against_end(part))), 0)


def maven_key(version: str) -> tuple[bytes, bool]:
    """Encode a Maven version, and say whether `maven_compare` has to decide instead of the key."""
    if _PLAIN.fullmatch(version):
        return _plain_key(version), False
    levels = parse(version)
    pieces: list[bytes] = []
    flagged = False
    for depth in range(len(levels)):
        items = _items(levels, depth)
        for place, item in enumerate(items):
            pieces.append(_item_key(item))
            flagged = flagged or _may_be_circular(items, place, depth)
    return b"".join(pieces) + _END, flagged


def _plain_key(version: str) -> bytes:
    """Encode a version of numbers only, which most are, without taking the long way."""
    numbers = [part.lstrip("0") for part in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return b"".join([_NUMBER + number(part) if part else _ZERO for part in numbers]) + _END


def _item_key(item: Item) -> bytes:
    """Encode one item; of a list only its beginning, its levels follow by themselves."""
    if isinstance(item, int):
        return _NUMBER + number(str(item)) if item else _ZERO
    if isinstance(item, Rest):
        return _HIGH_LIST if _against_end(item) > 0 else _LOW_LIST
    if item.place == _RELEASE:
        return _ZERO
    if item.place < _RELEASE:
        return _LOW_QUALIFIER + bytes((item.place,))
    return _HIGH_QUALIFIER + bytes((item.place,)) + (text(item.unknown) if item.place == _UNKNOWN else b"")


def _may_be_circular(items: tuple[Item, ...], place: int, depth: int) -> bool:
    """Tell whether an item stands where Maven's comparison can run in a circle.

    Found by comparing keys with Maven on real and random pairs: a zero before something low, a qualifier that is not
    first of its list or stands in the outermost one, and a list that begins with a list.
    """
    item = items[place]
    if isinstance(item, int):
        return item == 0 and next((s for later in items[place + 1 :] if (s := _against_end(later))), 0) < 0
    if isinstance(item, Rest):
        return place == 0 and depth > 0
    return place > 0 or item.place == _RELEASE or (item.place > _RELEASE and depth == 0)
