"""SPDX JSON, 2.2 and 2.3."""

from service.sbom.document import Document, Format
from service.sbom.lenient import decode
from service.sbom.oddities import Oddities
from service.sbom.spdx import document
from service.sbom.spdx_model import SpdxDocument


def read(data: bytes, oddities: Oddities, max_components: int, kind: Format = Format.SPDX_JSON) -> Document:
    """Read UTF-8 JSON, which *kind* was translated to; errors are those of `decode` and `document`."""
    return document(decode(data, SpdxDocument, oddities), kind, oddities, max_components)
