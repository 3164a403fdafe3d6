"""References within one document: unique ones for components, and the edges between them."""

from collections.abc import Iterable

from service.sbom.oddities import Oddities


class References:
    """The refs of one document.

    The first to claim a ref keeps it; later ones get ``#2``, ``#3``... so that no component hides another. Edges
    lead to the first.
    """

    def __init__(self, oddities: Oddities) -> None:
        self._own: dict[str, str] = {}
        self._times: dict[str, int] = {}
        self._oddities = oddities

    def __contains__(self, ref: str) -> bool:
        return ref in self._own

    def same(self, ref: str) -> str | None:
        """Give the very string that was claimed, so that equal ones need not be kept; ``None`` if nobody claimed it."""
        return self._own.get(ref)

    def claim(self, ref: str, where: str) -> str:
        """Give a ref that nobody has: *ref*, or *ref* with a suffix."""
        if ref not in self._own:
            self._own[ref] = ref
            return ref
        self._oddities.note("duplicate-ref", where)
        return self._suffixed(ref)

    def _suffixed(self, ref: str) -> str:
        while True:
            self._times[ref] = self._times.get(ref, 1) + 1
            unique = f"{ref}#{self._times[ref]}"
            if unique not in self._own:
                self._own[unique] = unique
                return unique


def distinct(edges: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Drop repeats, keep the order."""
    return tuple(dict.fromkeys(edges))
