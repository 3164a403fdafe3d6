"""What was odd in a document and read all the same, gathered by kind."""

from service.sbom.document import Warning as Oddity


class Oddities:
    """Counts oddities by code and keeps where each code was met first."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, str]] = {}

    def note(self, code: str, where: str, *, count: int = 1) -> None:
        """Add *count* oddities of kind *code*, met at *where* (a JSON pointer or ``line N``; the first one is kept)."""
        before, first = self._seen.get(code, (0, where))
        self._seen[code] = (before + count, first)

    def count(self, code: str) -> int:
        """Give how many of kind *code* there are so far."""
        return self._seen.get(code, (0, ""))[0]

    def listed(self) -> tuple[Oddity, ...]:
        """Give one warning per code, in the order the codes were met."""
        return tuple(Oddity(code=code, count=count, first=first) for code, (count, first) in self._seen.items())
