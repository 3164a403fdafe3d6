"""SPDX tag-value, 2.0 to 2.3.

Read straight from the bytes: most lines are about files, and the pattern passes over those without making objects.
A ``<text>`` block is taken as a whole, so that a tag inside it is text.
"""

import re
from collections.abc import Iterator

import msgspec

from service.sbom.document import Document, Format
from service.sbom.oddities import Oddities
from service.sbom.refusals import Malformed, at
from service.sbom.spdx import document
from service.sbom.spdx_model import Checksum, Creation, ExternalRef, Package, Relationship, SpdxDocument

#: A field of the package that stands for itself.
_FIELDS = {
    b"PackageVersion": "version",
    b"PackageSupplier": "supplier",
    b"PackageOriginator": "originator",
    b"PackageLicenseConcluded": "concluded",
    b"PackageLicenseDeclared": "declared",
    b"PackageSourceInfo": "source_info",
    b"PackageFileName": "file",
    b"PackageDownloadLocation": "download",
    b"PrimaryPackagePurpose": "purpose",
}
_PRESENT = msgspec.Raw(b"[{}]")
_DOCUMENT_FIELDS = {b"SPDXVersion": "spdx_version", b"DocumentName": "name", b"DocumentNamespace": "namespace"}
#: Each begins a section whose SPDXID is not a package's.
_OTHER_SECTIONS = (b"FileName", b"SnippetSPDXID", b"SnippetSPDXIdentifier", b"LicenseID", b"Reviewer", b"Annotator")
_READ = (
    *_FIELDS, *_DOCUMENT_FIELDS, *_OTHER_SECTIONS,
    b"PackageName", b"PackageChecksum", b"ExternalRef", b"SPDXID", b"Relationship", b"RelationshipComment",
    b"Creator", b"Created",
)  # fmt: skip
# A leading line feed makes the pattern begin with a literal, which the engine searches for quickly.
_LINE = rb"[ \t]*(?:(%s)[ \t]*:[ \t]*(?:<text>(.*?)</text>|([^\n]*))|[A-Za-z]+[ \t]*:[ \t]*<text>(?:.*?</text>|(.*)))"
_TAGS = b"|".join(_READ)
_FIRST = re.compile(_LINE % _TAGS, re.DOTALL)
_NEXT = re.compile(rb"\n" + _LINE % _TAGS, re.DOTALL)


def read(data: bytes, oddities: Oddities, max_components: int) -> Document:
    """Read UTF-8; other bytes become U+FFFD with a warning, since old tools wrote what they found.

    Raises:
        Malformed: A ``<text>`` that never ends.
        Refusals of `document`.
    """
    return document(_Reading(data, oddities).whole(), Format.SPDX_TAG_VALUE, oddities, max_components)


class _Reading:
    """Gathers an `SpdxDocument` line by line."""

    def __init__(self, data: bytes, oddities: Oddities) -> None:
        self._data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
        self._oddities = oddities
        self._spdx = SpdxDocument(creation=Creation(creators=[]), packages=[], relationships=[])
        self._package: Package | None = None
        self._elsewhere = False
        self._counted = (0, 1)

    def whole(self) -> SpdxDocument:
        for tag, value, offset in self._pairs():
            self._take(tag, value, offset)
        return self._spdx

    def _pairs(self) -> Iterator[tuple[bytes, bytes, int]]:
        first = _FIRST.match(self._data)
        if first is not None and first[1] is not None:
            yield self._pair(first)
        for match in _NEXT.finditer(self._data, first.end() if first else 0):
            if match[1] is not None or match[4] is not None:
                yield self._pair(match)

    def _pair(self, match: re.Match[bytes]) -> tuple[bytes, bytes, int]:
        value = match[2] if match[2] is not None else match[3] or b""
        if match[4] is not None or value.startswith(b"<text>"):
            raise Malformed(f"A <text> begins at {at(self._data, match.start())} and never ends. Send the whole file.")
        return match[1] or b"", value, match.start(1)

    def _take(self, tag: bytes, value: bytes, offset: int) -> None:
        if tag == b"Relationship":
            self._relate(value, offset)
        elif tag == b"RelationshipComment":
            if self._spdx.relationships:
                self._spdx.relationships[-1].comment = self._text(value, offset)
        elif tag == b"PackageName":
            self._elsewhere = False
            self._package = Package(name=self._text(value, offset), line=self._line(offset))
            if self._spdx.packages is not None:
                self._spdx.packages.append(self._package)
        elif tag in _OTHER_SECTIONS:
            # Annotations and reviews may stand within a package and do not end it.
            self._elsewhere = self._elsewhere or tag not in (b"Reviewer", b"Annotator")
            if tag == b"FileName":
                self._spdx.files = _PRESENT
        elif self._elsewhere:
            return
        elif self._package is not None:
            self._about_package(self._package, tag, value, offset)
        else:
            self._about_document(tag, value, offset)

    def _about_package(self, package: Package, tag: bytes, value: bytes, offset: int) -> None:
        if tag in _FIELDS:
            setattr(package, _FIELDS[tag], self._text(value, offset))
        elif tag == b"SPDXID":
            package.id = package.id or self._text(value, offset)
        elif tag == b"ExternalRef":
            words = self._text(value, offset).split(None, 2)
            if len(words) == 3:  # noqa: PLR2004 - category, type, locator
                package.refs = package.refs or []
                package.refs.append(ExternalRef(kind=words[1], locator=words[2]))
        elif tag == b"PackageChecksum":
            algorithm, _, digest = self._text(value, offset).partition(":")
            package.checksums = package.checksums or []
            package.checksums.append(Checksum(algorithm=algorithm, value=digest))

    def _about_document(self, tag: bytes, value: bytes, offset: int) -> None:
        words = self._text(value, offset)
        if tag in _DOCUMENT_FIELDS:
            setattr(self._spdx, _DOCUMENT_FIELDS[tag], words)
        elif tag == b"SPDXID":
            self._spdx.id = self._spdx.id or words  # by hand it is also written before the name it belongs to
        elif tag == b"Created" and self._spdx.creation is not None:
            self._spdx.creation.created = words
        elif tag == b"Creator" and self._spdx.creation is not None and self._spdx.creation.creators is not None:
            self._spdx.creation.creators.append(words)

    def _relate(self, value: bytes, offset: int) -> None:
        words = self._text(value, offset).split()
        if len(words) < 3:  # noqa: PLR2004 - start, type, end
            self._oddities.note("bad-relationship", f"line {self._line(offset)}")
        elif self._spdx.relationships is not None:
            self._spdx.relationships.append(Relationship(start=words[0], kind=words[1], end=words[2]))

    def _text(self, value: bytes, offset: int) -> str:
        try:
            words = value.decode()
        except UnicodeDecodeError:
            words = value.decode(errors="replace")
            self._oddities.note("replaced-characters", f"line {self._line(offset)}")
        if "\0" in words:
            self._oddities.note("replaced-characters", f"line {self._line(offset)}")
            words = words.replace("\0", "\N{REPLACEMENT CHARACTER}")
        return words.strip()

    def _line(self, offset: int) -> int:
        """Count lines onward from the last question, so that all questions together cost one pass."""
        start, line = self._counted
        if offset < start:
            start, line = 0, 1
        self._counted = (offset, line + self._data.count(b"\n", start, offset))
        return self._counted[1]
