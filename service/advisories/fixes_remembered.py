"""What fixes have been found to be, remembered by all that the answer follows from.

Builds repeat themselves: an upload shows hundreds of findings of which nearly all were there the last time. A key
stands for the editions of the advisories, the packages that they name, and the versions that were matched. What is
amended, withdrawn or read again is another edition, so nothing remembered can be out of date; nor does it matter which
database it came from.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from threading import Lock
from typing import Final

from service.advisories.fixes import Fixes

#: About 16 MB of memory.
_MOST_BYTES: Final = 16 * 2**20
#: An entry with its key, and each version in it; measured.
_ENTRY_BYTES, _VERSION_BYTES = 450, 80

#: Of one advisory: its edition, the package it was matched for, the matched version, and the fix the match names.
Ground = tuple[bytes, int, str | None, str]


def key_of(grounds: Iterable[Ground]) -> bytes:
    """Give the key of what follows from these."""
    return blake2b(repr(sorted(map(repr, grounds))).encode(), digest_size=16).digest()


class Remembered:
    """The answers that were asked for last, within so many bytes. Threads may share it."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._known: OrderedDict[bytes, Fixes] = OrderedDict()
        self._most_bytes, self.size_bytes = most_bytes, 0
        self._lock = Lock()

    def recall(self, keys: Iterable[bytes]) -> dict[bytes, Fixes]:
        """Give those answers that are known."""
        with self._lock:
            found = {key: fixes for key in keys if (fixes := self._known.get(key)) is not None}
            for key in found:
                self._known.move_to_end(key)
        return found

    def keep(self, answers: Mapping[bytes, Fixes]) -> None:
        """Remember answers, and forget those that nobody has asked for longest."""
        with self._lock:
            for key, fixes in answers.items():
                if key not in self._known:
                    self._known[key] = fixes
                    self.size_bytes += _size(fixes)
            while self.size_bytes > self._most_bytes:
                _, gone = self._known.popitem(last=False)
                self.size_bytes -= _size(gone)


def _size(fixes: Fixes) -> int:
    return _ENTRY_BYTES + _VERSION_BYTES * len(fixes.every)
