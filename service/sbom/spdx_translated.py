"""SPDX 2 as YAML, XML or RDF: translated in a process of its own, then read as the JSON it stands for."""

import re

import msgspec

from service.sbom import spdx_json
from service.sbom.apart import Failed, TookTooLong, TookTooMuchMemory, run_apart
from service.sbom.document import Document, Format
from service.sbom.encoding import require_utf8
from service.sbom.oddities import Oddities
from service.sbom.prolog import require_known_encoding
from service.sbom.refusals import Malformed
from service.sbom.translation import Translated

_THROUGH = "service.sbom.through_spdx_tools"
_WAYS = {
    Format.SPDX_YAML: ("yaml_as_json", "service.sbom.spdx_yaml"),
    Format.SPDX_XML: ("xml_as_json", "service.sbom.spdx_xml"),
    Format.SPDX_RDF: ("rdf_as_json", "service.sbom.spdx_rdf"),
}
#: What spdx-tools may take before our own walk goes alone; beyond these sizes it would not be done on a busy machine.
TOOLS_SECONDS = 30.0
TOOLS_MOST_BYTES = {Format.SPDX_YAML: 24_000_000, Format.SPDX_XML: 24_000_000, Format.SPDX_RDF: 8_000_000}
OWN_SECONDS = 60.0
_MEGABYTE = 1 << 20
_DECLARATION = re.compile(rb"\A\s*<\?xml\s[^>]{0,200}\?>")


def read(data: bytes, kind: Format, oddities: Oddities, max_components: int, *, transcoded: bool = False) -> Document:
    """Read YAML, XML or RDF.

    Args:
        data: The document, without byte order mark.
        kind: Which of the three.
        oddities: Receives what was odd.
        max_components: Bound of `document`.
        transcoded: *data* was UTF-16 or UTF-32 before, so an XML declaration no longer tells its encoding.

    Raises:
        Malformed, NotAnSbom, UnsupportedFormat, TooDeep, TooManyComponents: As for JSON.
        TookTooLong, TookTooMuchMemory: Our own walk went over its limits.
    """
    plain = _inspected(data, kind, transcoded=transcoded)
    found = _translated(plain, kind, oddities)
    for code, count, first in found.oddities:
        oddities.note(code, first, count=count)
    if found.refusal:
        oddities.note("not-conformant", found.refusal)
    return spdx_json.read(bytes(found.document), oddities, max_components, kind)


def _inspected(data: bytes, kind: Format, *, transcoded: bool) -> bytes:
    if kind is Format.SPDX_YAML or not data.lstrip().startswith(b"<"):
        require_utf8(data)
        return data
    require_known_encoding(data, transcoded=transcoded)
    return _DECLARATION.sub(b"", data) if transcoded else data


def _translated(data: bytes, kind: Format, oddities: Oddities) -> Translated:
    function, own = _WAYS[kind]
    most = TOOLS_MOST_BYTES[kind]
    if len(data) > most:
        oddities.note("not-checked", f"spdx-tools is not asked above {most:,} bytes")
        said = None
    else:
        said = _through_tools(data, function, oddities)
    if said is None:
        try:
            said = run_apart(own, "as_json", data, seconds=OWN_SECONDS, megabytes=_allowance(data))
        except Failed as broken:
            raise Malformed(f"The document cannot be read: {broken.detail}. Send it as SPDX JSON.") from broken
    return msgspec.json.decode(said, type=Translated)


def _through_tools(data: bytes, function: str, oddities: Oddities) -> bytes | None:
    """Ask spdx-tools; ``None``, with a warning, when it cannot say in time."""
    try:
        return run_apart(_THROUGH, function, data, seconds=TOOLS_SECONDS, megabytes=_allowance(data))
    except (Failed, TookTooLong, TookTooMuchMemory) as failure:
        oddities.note("not-checked", f"spdx-tools: {failure.detail}")
        return None


def _allowance(data: bytes) -> int:
    """Give the megabytes it may take: the greediest real document (RDF) takes 35 times its size."""
    return min(256 + 64 * (len(data) // _MEGABYTE), 2048)
