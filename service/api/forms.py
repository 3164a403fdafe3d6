"""Multipart forms with an SBOM in them, read as they come: only the part that counts is kept."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import Unreadable
from service.flows.parcels import Parcel
from service.flows.unpacking import Content

#: A part of such a name is the SBOM, whatever else is sent.
_NAMES = frozenset({"bom", "sbom", "file"})
_MOST_PARTS = 64
#: What a form may have beside its SBOM: boundaries, headers, small fields.
FORM_BYTES = 256 * 1024


class Form:
    """Takes a body as it comes; `end` gives the SBOM: the part called bom, sbom or file, else the only file."""

    def __init__(self, content_type: str, max_bytes: int) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise Unreadable("Content-Type says multipart/form-data and names no boundary.")
        self._max_bytes = max_bytes
        self._kept: Content | None = None
        self._part: Content | None = None
        self._has_named, self._file_count = False, 0
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

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            Unreadable: This is no form.
            TooLarge: A part is larger than an SBOM may be.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise Unreadable(f"The form cannot be read: {error}.") from error

    def end(self) -> Parcel:
        """Give the SBOM.

        Raises:
            Unreadable: The form breaks off, or does not say which part is the SBOM.
        """
        if not self._whole:
            raise Unreadable("The form breaks off before its last boundary; send it again.")
        if self._kept is None:
            raise Unreadable(f"The form has {self._file_count} files. Send one SBOM, as the part bom.")
        return self._kept.end()

    def close(self) -> None:
        """Leave nothing behind of a form that nobody will take."""
        if self._kept is not None:
            self._kept.close()

    def _on_part(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise Unreadable(f"The form has more than {_MOST_PARTS} parts.")
        self._part, self._disposition = None, b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _on_headers(self) -> None:
        options = parse_options_header(self._disposition)[1]
        is_named = options.get(b"name", b"").decode(errors="replace").lower() in _NAMES
        if is_named:
            self._keep_named()
        elif b"filename" in options and not self._has_named:
            # Of several files none is kept, and never two at a time: each may unpack to as much as is allowed.
            self._file_count += 1
            self.close()
            self._kept = self._part = Content(self._max_bytes) if self._file_count == 1 else None

    def _keep_named(self) -> None:
        if self._has_named:
            raise Unreadable("The form has two parts that are called as an SBOM is. Send each SBOM by itself.")
        self._has_named = True
        self.close()
        self._kept = self._part = Content(self._max_bytes)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self._part.feed(data[start:end])

    def _on_end(self) -> None:
        self._whole = True
