"""CycloneDX JSON, 1.2 to 1.7."""

from service.sbom.cyclonedx import document
from service.sbom.cyclonedx_model import Bom
from service.sbom.document import Document, Format
from service.sbom.lenient import decode
from service.sbom.oddities import Oddities
from service.sbom.refusals import NotAnSbom
from service.sbom.texts import text


def read(data: bytes, oddities: Oddities, max_components: int) -> Document:
    """Read UTF-8 JSON; errors are those of `decode` and `document`, and `NotAnSbom` for another ``bomFormat``."""
    bom = decode(data, Bom, oddities)
    mark = text(bom.bom_format)
    if mark != "CycloneDX":
        if mark and mark.lower() != "cyclonedx":
            raise NotAnSbom('"bomFormat" is not "CycloneDX". Send a CycloneDX or SPDX document.')
        oddities.note("wrong-case" if mark else "missing-field", "/bomFormat")
    return document(bom, Format.CYCLONEDX_JSON, oddities, max_components)
