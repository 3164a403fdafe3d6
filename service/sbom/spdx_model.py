"""The parts of an SPDX 2 document we read, as JSON names them; the tag-value reader fills the same structs.

Files and snippets are skipped: they are most of the bytes and none of the inventory. Whether there are files is kept.
"""

import msgspec


class ExternalRef(msgspec.Struct, gc=False):
    """A purl, a CPE or something else."""

    kind: str | None = msgspec.field(default="", name="referenceType")
    locator: str | None = msgspec.field(default="", name="referenceLocator")


class Checksum(msgspec.Struct, gc=False):
    """One digest."""

    algorithm: str | None = ""
    value: str | None = msgspec.field(default="", name="checksumValue")


class Package(msgspec.Struct, gc=False):
    """A package. ``line`` is set by the tag-value reader only."""

    id: str | None = msgspec.field(default="", name="SPDXID")
    name: str | None = ""
    version: str | None = msgspec.field(default="", name="versionInfo")
    supplier: str | None = ""
    originator: str | None = ""
    concluded: str | None = msgspec.field(default="", name="licenseConcluded")
    declared: str | None = msgspec.field(default="", name="licenseDeclared")
    source_info: str | None = msgspec.field(default="", name="sourceInfo")
    comment: str | None = ""
    file: str | None = msgspec.field(default="", name="packageFileName")
    download: str | None = msgspec.field(default="", name="downloadLocation")
    purpose: str | None = msgspec.field(default="", name="primaryPackagePurpose")
    refs: list[ExternalRef] | None = msgspec.field(default=None, name="externalRefs")
    checksums: list[Checksum] | None = None
    line: int = msgspec.field(default=0, name="#line")


class Relationship(msgspec.Struct, gc=False):
    """One edge, read as ``start KIND end``."""

    start: str | None = msgspec.field(default="", name="spdxElementId")
    kind: str | None = msgspec.field(default="", name="relationshipType")
    end: str | None = msgspec.field(default="", name="relatedSpdxElement")
    comment: str | None = ""


class Creation(msgspec.Struct, gc=False):
    """Who wrote the document, and when."""

    created: str | None = ""
    creators: list[str] | None = None


class SpdxDocument(msgspec.Struct, gc=False):
    """The document."""

    id: str | None = msgspec.field(default="", name="SPDXID")
    spdx_version: str | None = msgspec.field(default="", name="spdxVersion")
    name: str | None = ""
    namespace: str | None = msgspec.field(default="", name="documentNamespace")
    creation: Creation | None = msgspec.field(default=None, name="creationInfo")
    describes: list[str] | None = msgspec.field(default=None, name="documentDescribes")
    packages: list[Package] | None = None
    files: msgspec.Raw = msgspec.Raw(b"")
    relationships: list[Relationship] | None = None
