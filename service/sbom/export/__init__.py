"""Documents of ours, out again: as CycloneDX and SPDX, written by the libraries that those who read them use. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from service.sbom.document import Document
from service.sbom.export import cyclonedx, spdx

__all__ = ["ExportFormat", "Order", "export", "fulfil"]


class ExportFormat(StrEnum):
    """What we write."""

    CYCLONEDX_1_6_JSON = "cyclonedx-1.6-json"
    CYCLONEDX_1_6_XML = "cyclonedx-1.6-xml"
    CYCLONEDX_1_7_JSON = "cyclonedx-1.7-json"
    CYCLONEDX_1_7_XML = "cyclonedx-1.7-xml"
    SPDX_2_3_JSON = "spdx-2.3-json"
    SPDX_2_3_TAG_VALUE = "spdx-2.3-tag-value"

    @property
    def media_type(self) -> str:
        """The registered media type, as far as there is one."""
        return _MEDIA_TYPES[self]

    @property
    def ending(self) -> str:
        """What a file of it is called by those who write such files."""
        return _ENDINGS[self]


_MEDIA_TYPES = {
    ExportFormat.CYCLONEDX_1_6_JSON: "application/vnd.cyclonedx+json",
    ExportFormat.CYCLONEDX_1_6_XML: "application/vnd.cyclonedx+xml",
    ExportFormat.CYCLONEDX_1_7_JSON: "application/vnd.cyclonedx+json",
    ExportFormat.CYCLONEDX_1_7_XML: "application/vnd.cyclonedx+xml",
    ExportFormat.SPDX_2_3_JSON: "application/spdx+json",
    ExportFormat.SPDX_2_3_TAG_VALUE: "text/spdx",
}
_ENDINGS = {
    ExportFormat.CYCLONEDX_1_6_JSON: "cdx.json",
    ExportFormat.CYCLONEDX_1_6_XML: "cdx.xml",
    ExportFormat.CYCLONEDX_1_7_JSON: "cdx.json",
    ExportFormat.CYCLONEDX_1_7_XML: "cdx.xml",
    ExportFormat.SPDX_2_3_JSON: "spdx.json",
    ExportFormat.SPDX_2_3_TAG_VALUE: "spdx",
}


def export(document: Document, form: ExportFormat, *, now: datetime) -> bytes:
    """Write a document, valid by the schema of its format.

    Args:
        document: Its ``format`` does not matter; ``serial`` (an RFC 9562 UUID) names it.
        form: As what.
        now: The time of writing, which the document will name.
    """
    if form in _SPDX:
        return spdx.write(document, now=now, tag_value=form is ExportFormat.SPDX_2_3_TAG_VALUE)
    version, _, syntax = form.removeprefix("cyclonedx-").partition("-")
    return cyclonedx.write(document, now=now, version=version, syntax=syntax)


_SPDX = frozenset({ExportFormat.SPDX_2_3_JSON, ExportFormat.SPDX_2_3_TAG_VALUE})


class Order(NamedTuple):
    """What to write, for a process of its own."""

    document: Document
    form: ExportFormat
    now: datetime


def fulfil(order: bytes) -> bytes:
    """Do what an `Order`, as MessagePack, asks for; `service.sbom.apart` calls this."""
    wanted = msgspec.msgpack.decode(order, type=Order)
    return export(wanted.document, wanted.form, now=wanted.now)
