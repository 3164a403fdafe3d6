"""Multipart forms (RFC 7578) whose parts may be as large as an SBOM, byte for byte as they were sent.

The framework's own reader decodes what comes without a file name, and some plugins send the SBOM that way.
"""

from collections import defaultdict

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import Unreadable

_MOST_PARTS = 64


class Form:
    """Takes a body as it comes; `fields` are complete once `end` has returned."""

    def __init__(self, content_type: str) -> None:
        """Find the boundary.

        Raises:
            Unreadable: The header names none, or one that is too long.
        """
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise Unreadable("Content-Type says multipart/form-data and names no boundary.")
        self.fields: defaultdict[str, list[bytes]] = defaultdict(list)
        self._part, self._name = bytearray(), ""
        self._header, self._value, self._count, self._whole = b"", b"", 0, False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header_end,
                    "on_part_data": self._on_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise Unreadable(f"The body is no multipart form: {error}.") from error

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise Unreadable(f"The body is no multipart form: {error}.") from error

    def end(self) -> dict[str, list[bytes]]:
        """Give the parts by name.

        Raises:
            Unreadable: The form breaks off.
        """
        if not self._whole:
            raise Unreadable("The form breaks off before its last boundary; send it again.")
        return dict(self.fields)

    def _begin(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise Unreadable(f"The form has more than {_MOST_PARTS} parts.")
        self._part, self._name = bytearray(), ""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name", b"").decode("utf-8", errors="replace")
        self._header = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._part += data[start:end]

    def _end_part(self) -> None:
        self.fields[self._name].append(bytes(self._part))

    def _end(self) -> None:
        self._whole = True
