"""Multipart forms with an SBOM in them, read as they come: only the part that counts is kept."""

from service.errors import Unreadable
from service.flows.form_parts import FormParts
from service.flows.parcels import Parcel
from service.flows.unpacking import Content

#: A part of such a name is the SBOM, whatever else is sent.
_NAMES = frozenset({"bom", "sbom", "file"})
#: What a form may have beside its SBOM: boundaries, headers, small fields.
FORM_BYTES = 256 * 1024


class Form(FormParts):
    """Takes a body as it comes; `end` gives the SBOM: the part called bom, sbom or file, else the only file."""

    def __init__(self, content_type: str, max_bytes: int) -> None:
        super().__init__(content_type)
        self._max_bytes = max_bytes
        self._kept: Content | None = None
        self._taken: Content | None = None
        self._has_named, self._file_count = False, 0

    def end(self) -> Parcel:
        """Give the SBOM.

        Raises:
            Unreadable: The form breaks off, or does not say which part is the SBOM.
        """
        self.require_end()
        if self._kept is None:
            raise Unreadable(f"The form has {self._file_count} files. Send one SBOM, as the part bom.")
        return self._kept.end()

    def close(self) -> None:
        """Leave nothing behind of a form that nobody will take."""
        if self._kept is not None:
            self._kept.close()

    def part(self, options: dict[bytes, bytes]) -> None:
        """Keep the part that is called as an SBOM is, else the only file."""
        self._taken = None
        if options.get(b"name", b"").decode(errors="replace").lower() in _NAMES:
            self._keep_named()
        elif b"filename" in options and not self._has_named:
            # Of several files none is kept, and never two at a time: each may unpack to as much as is allowed.
            self._file_count += 1
            self.close()
            self._kept = self._taken = Content(self._max_bytes) if self._file_count == 1 else None

    def content(self, data: bytes) -> None:
        """Take the next bytes of the part; raises as `Content.feed`."""
        if self._taken is not None:
            self._taken.feed(data)

    def _keep_named(self) -> None:
        if self._has_named:
            raise Unreadable("The form has two parts that are called as an SBOM is. Send each SBOM by itself.")
        self._has_named = True
        self.close()
        self._kept = self._taken = Content(self._max_bytes)
