"""Multipart forms (RFC 7578), part by part as they come; what becomes of a part is for each door to say."""

from abc import ABC, abstractmethod

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import Unreadable

_MOST_PARTS = 64


class FormParts(ABC):
    """Takes a body as it comes and tells of its parts."""

    def __init__(self, content_type: str) -> None:
        """Find the boundary.

        Raises:
            Unreadable: The header names none, or one that is too long.
        """
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise Unreadable("Content-Type says multipart/form-data and names no boundary.")
        self._header, self._value, self._disposition = b"", b"", b""
        self._count, self._whole = 0, False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise Unreadable(f"The form cannot be read: {error}.") from error

    @abstractmethod
    def part(self, options: dict[bytes, bytes]) -> None:
        """Begin a part: *options* are its Content-Disposition's, ``name`` and perhaps ``filename``."""

    @abstractmethod
    def content(self, data: bytes) -> None:
        """Take the next bytes of the part."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            Unreadable: This is no form.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise Unreadable(f"The form cannot be read: {error}.") from error

    def require_end(self) -> None:
        """Refuse a form that breaks off."""
        if not self._whole:
            raise Unreadable("The form breaks off before its last boundary; send it again.")

    def _on_part(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise Unreadable(f"The form has more than {_MOST_PARTS} parts.")
        self._disposition = b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _on_headers(self) -> None:
        self.part(parse_options_header(self._disposition)[1])

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self.content(data[start:end])

    def _on_end(self) -> None:
        self._whole = True
