"""Multipart forms whose parts may be as large as an SBOM, byte for byte as they were sent.

The framework's own reader decodes what comes without a file name, and some plugins send the SBOM that way.
"""

from collections import defaultdict

from service.flows.form_parts import FormParts


class Form(FormParts):
    """Takes a body as it comes; `end` gives its parts."""

    def __init__(self, content_type: str) -> None:
        super().__init__(content_type)
        self._fields: defaultdict[str, list[bytearray]] = defaultdict(list)
        self._taken = bytearray()

    def end(self) -> dict[str, list[bytes]]:
        """Give the parts by name.

        Raises:
            Unreadable: The form breaks off.
        """
        self.require_end()
        return {name: [bytes(part) for part in parts] for name, parts in self._fields.items()}

    def part(self, options: dict[bytes, bytes]) -> None:
        """Keep every part under its name."""
        self._taken = bytearray()
        self._fields[options.get(b"name", b"").decode("utf-8", errors="replace")].append(self._taken)

    def content(self, data: bytes) -> None:
        """Take the next bytes of the part."""
        self._taken += data
