"""Which check a document gets, and where: here if it is small and the library bounded, else in a process of its own."""

import msgspec

from service.errors import Busy, ServiceError
from service.sbom.apart import run_apart
from service.sbom.conformance.json_schemas import check_json
from service.sbom.conformance.json_schemas import schema_file as json_schema
from service.sbom.conformance.report import Conformance, Verdict, unchecked
from service.sbom.conformance.xml_schemas import check_xml
from service.sbom.conformance.xml_schemas import schema_file as xml_schema
from service.sbom.document import Format
from service.sbom.envelope import Opened, open_envelopes
from service.sbom.oddities import Oddities

#: Beyond this a check would cost more than its answer is worth.
LARGEST_BYTES = 32 << 20
#: Up to this here: a process of its own takes a third of a second to start, the check itself milliseconds. Schemas
#: take 12 (JSON) to 18 (XML) times the document's size in memory.
_LARGEST_HERE = 4 << 20
#: Of an invalid document, up to this here: to list faults takes many times more, and holds the interpreter meanwhile.
_LARGEST_LISTED_HERE = 64 << 10
_MEGABYTES = 1024
_THROUGH_SPDX_TOOLS = "service.sbom.conformance.through_spdx_tools"
_JSON = {Format.CYCLONEDX_JSON: "cyclonedx", Format.SPDX_JSON: "spdx"}
_BY_SPDX_TOOLS = (Format.SPDX_TAG_VALUE, Format.SPDX_YAML, Format.SPDX_XML, Format.SPDX_RDF)


def check(data: bytes, spec_version: str, *, seconds: float = 60.0) -> Conformance:
    """Check a document that `sbom.read` accepts; of one in an envelope, what is inside.

    Args:
        data: As received, unpacked.
        spec_version: As it was read.
        seconds: That a process of its own may take, its start included.

    Raises:
        Busy: Too many processes read documents already; ask again later.
    """
    opened = open_envelopes(data, Oddities())
    if opened.format in _BY_SPDX_TOOLS:
        if spec_version not in ("2.2", "2.3"):
            return unchecked(f"spdx-tools validates SPDX 2.2 and 2.3; this is {spec_version}.")
        return _apart(_THROUGH_SPDX_TOOLS, data, spec_version, seconds)
    if len(opened.sbom) > _LARGEST_HERE:
        return _apart(__name__, data, spec_version, seconds)
    found = _by_schema(opened, spec_version, most_bytes_listed=_LARGEST_LISTED_HERE)
    if found.verdict is Verdict.INVALID and found.error_count is None:
        listed = _apart(__name__, data, spec_version, seconds)
        return listed if listed.verdict is Verdict.INVALID else found
    return found


def checked_apart(question: bytes) -> bytes:
    """Answer on the other side of `_apart`."""
    version, _, data = question.partition(b"\n")
    return msgspec.json.encode(_by_schema(open_envelopes(data, Oddities()), version.decode()))


def _by_schema(opened: Opened, version: str, *, most_bytes_listed: int | None = None) -> Conformance:
    if opened.format is Format.CYCLONEDX_XML:
        if file := xml_schema(version):
            return check_xml(opened.sbom, file, version, transcoded=opened.transcoded)
    elif opened.format in _JSON and (file := json_schema(_JSON[opened.format], version)):
        return check_json(opened.sbom, file, most_bytes_listed=most_bytes_listed)
    return unchecked(f"There is no schema of {opened.format} {version} here.")


def _apart(module: str, data: bytes, spec_version: str, seconds: float) -> Conformance:
    """Ask `checked_apart` of a module in a process of its own: a version, a line feed, the document as received."""
    question = spec_version.encode() + b"\n" + data
    try:
        answer = run_apart(module, "checked_apart", question, seconds=seconds, megabytes=_MEGABYTES)
    except Busy:
        raise
    except ServiceError as error:
        return unchecked(error.detail)
    return msgspec.json.decode(answer, type=Conformance)
