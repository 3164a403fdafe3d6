"""Which format some bytes are, by content; names and media types are not asked, since they lie.

The first members of a JSON object mostly tell; otherwise all of its top-level keys are read, the rest skipped.
"""

import re
from typing import Any

import msgspec

from service.sbom import sniff_spdx, strangers
from service.sbom.cyclonedx_xml import NAMESPACE
from service.sbom.document import Format
from service.sbom.envelope_layers import Wrapping
from service.sbom.lenient import decode
from service.sbom.oddities import Oddities
from service.sbom.prolog import root_of
from service.sbom.refusals import NotAnSbom, UnsupportedFormat

_SEND = "Send CycloneDX (JSON or XML) or SPDX (2.2 or 2.3 as JSON or tag-value, 3 as JSON-LD)."
_BLANK = re.compile(rb"\s*")
_OPEN = re.compile(rb"\s*\{\s*")
_MEMBER = re.compile(rb'"([^"\\]{0,60})"\s*:\s*("[^"\\]{0,200}"|[\d.eE+-]{1,40}|true|false|null)\s*,\s*')
_MOST_MEMBERS = 12
_TAG_VALUE = re.compile(rb"^[ \t]*SPDXVersion[ \t]*:", re.MULTILINE)
_HEAD_BYTES = 1 << 16


class _Head(msgspec.Struct):
    """Top-level keys that tell formats apart."""

    bom_format: Any = msgspec.field(default=None, name="bomFormat")
    spec_version: Any = msgspec.field(default=None, name="specVersion")
    spec_format: Any = msgspec.field(default=None, name="specFormat")
    spdx_version: Any = msgspec.field(default=None, name="spdxVersion")
    spdx_id: Any = msgspec.field(default=None, name="SPDXID")
    context: Any = msgspec.field(default=None, name="@context")
    payload_type: Any = msgspec.field(default=None, name="payloadType")
    statement_type: Any = msgspec.field(default=None, name="_type")
    media_type: Any = msgspec.field(default=None, name="mediaType")
    dsse: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="dsseEnvelope")
    sbom: msgspec.Raw = msgspec.Raw(b"")
    spdx: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="SPDX")
    components: msgspec.Raw = msgspec.Raw(b"")
    artifacts: msgspec.Raw = msgspec.Raw(b"")
    descriptor: msgspec.Raw = msgspec.Raw(b"")
    results: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="Results")


def sniff(data: bytes) -> Format | Wrapping:
    """Tell the format of *data* (UTF-8, no byte order mark), or what kind of envelope it is.

    Raises:
        NotAnSbom: Names what it seems to be instead.
        UnsupportedFormat: An SBOM in a format we do not read.
        Malformed, TooDeep: It begins as JSON or XML and cannot be read that far.
    """
    start = _BLANK.match(data).end()  # type: ignore[union-attr]  # matches always
    first = data[start : start + 1]
    if not first:
        raise NotAnSbom(f"The upload is empty. {_SEND}")
    if first == b"{":
        return _at_a_glance(data) or sniff_spdx.from_braces(data) or _by_keys(data)
    if first == b"<" and not sniff_spdx.is_turtle(data):
        return _xml(data[start:] if start else data)
    return _text(data, first)


def _at_a_glance(data: bytes) -> Format | None:
    position = _OPEN.match(data).end()  # type: ignore[union-attr]  # the caller saw the brace
    for _ in range(_MOST_MEMBERS):
        member = _MEMBER.match(data, position)
        if member is None:
            return None
        if member[1] == b"bomFormat":
            return Format.CYCLONEDX_JSON if member[2] == b'"CycloneDX"' else None
        if member[1] == b"spdxVersion":
            return Format.SPDX_JSON if member[2].startswith(b'"SPDX-2') else None
        if member[1] == b"SPDXID":
            return Format.SPDX_JSON if member[2] == b'"SPDXRef-DOCUMENT"' else None
        if member[1] == b"@context" and b"spdx.org/rdf/3" in member[2]:
            return Format.SPDX3_JSON_LD
        position = member.end()
    return None


def _by_keys(data: bytes) -> Format | Wrapping:
    head = decode(data, _Head, Oddities())
    if head.bom_format == "CycloneDX" or _misses_its_mark(head):
        return Format.CYCLONEDX_JSON
    if isinstance(head.spdx_version, str) and head.spdx_version.startswith("SPDX-"):
        return Format.SPDX_JSON
    if wrapping := _wrapping(head):
        return wrapping
    if "spdx.org/rdf/3" in str(head.context):
        return Format.SPDX3_JSON_LD
    if reason := _known_elsewhere(head):
        raise UnsupportedFormat(f"This is {reason}. {_SEND}")
    raise NotAnSbom(f"This is {strangers.of_json(data) or _kind(head)}. {_SEND}")


def _misses_its_mark(head: _Head) -> bool:
    """Tell whether it is a CycloneDX document whose mark is in another case, or missing beside all the rest."""
    if head.bom_format is not None:
        return str(head.bom_format).lower() == "cyclonedx"
    return str(head.spec_version).startswith("1.") and bytes(head.components).startswith(b"[")


def _wrapping(head: _Head) -> Wrapping | None:
    if _is_object(head.dsse) or str(head.media_type).startswith("application/vnd.dev.sigstore.bundle"):
        return Wrapping.SIGSTORE_BUNDLE
    if head.payload_type is not None:
        return Wrapping.DSSE
    if "in-toto" in str(head.statement_type):
        return Wrapping.STATEMENT
    return Wrapping.WRAPPER if _is_object(head.sbom) or _is_object(head.spdx) else None


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"{"


def _known_elsewhere(head: _Head) -> str:
    if bytes(head.artifacts) and bytes(head.descriptor):
        return "syft's own JSON; let syft write CycloneDX or SPDX"
    if bytes(head.results):
        return "a scanner's own report; let it write CycloneDX or SPDX"
    if head.spec_format is not None:
        return "CycloneDX 2, which is not supported yet"
    return ""


def _kind(head: _Head) -> str:
    if head.bom_format is not None:
        return f'JSON with "bomFormat": {str(head.bom_format)[:40]!r}'
    if head.spec_version is not None:
        return 'JSON that looks like CycloneDX but lacks "bomFormat": "CycloneDX"'
    return "JSON without bomFormat or spdxVersion"


def _xml(data: bytes) -> Format:
    name, start_tag = root_of(data)
    if name == "bom" and NAMESPACE.search(start_tag):
        version = NAMESPACE.search(start_tag)
        if version is not None and not version[1].startswith("1."):
            raise UnsupportedFormat(f"CycloneDX {version[1]} is not read yet. {_SEND}")
        return Format.CYCLONEDX_XML
    if spdx := sniff_spdx.from_xml(data, name, start_tag):
        return spdx
    if stranger := strangers.of_xml(name, start_tag):
        raise NotAnSbom(f"This is {stranger}. {_SEND}")
    raise NotAnSbom(f"This is XML with the root element {name!r} outside CycloneDX's namespace, and no SPDX. {_SEND}")


def _text(data: bytes, first: bytes) -> Format:
    if archive := strangers.of_archive(data):
        raise UnsupportedFormat(f"This is {archive}. Send the SBOM itself, or name a Content-Encoding we read.")
    head = data[:_HEAD_BYTES]
    if _TAG_VALUE.search(head):
        return Format.SPDX_TAG_VALUE
    if spdx := sniff_spdx.from_text(data):
        return spdx
    if stranger := strangers.of_text(data):
        raise NotAnSbom(f"This is {stranger}. {_SEND}")
    if first == b"[" and b"spdx.org/rdf/3" in head:
        raise UnsupportedFormat("This is SPDX 3 as expanded JSON-LD. Compact it with the SPDX context; send it again.")
    if first in b'["-0123456789' or head.strip() in (b"null", b"true", b"false"):
        raise NotAnSbom(f"This is JSON, but not an object. {_SEND}")
    raise NotAnSbom(f"This is neither JSON nor XML, and no line says SPDXVersion. {_SEND}")
