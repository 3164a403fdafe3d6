"""A `Document` as SPDX 2.3, through spdx-tools."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from io import StringIO

from license_expression import ExpressionError, LicenseExpression, get_spdx_licensing
from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    Checksum,
    ChecksumAlgorithm,
    CreationInfo,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    ExtractedLicensingInfo,
    Package,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)
from spdx_tools.spdx.model import Document as SpdxDocument
from spdx_tools.spdx.writer.json import json_writer
from spdx_tools.spdx.writer.tagvalue import tagvalue_writer

from service.sbom.document import Component, Document, Scope, Subject
from service.sbom.ownership import OVERLAP, PACKAGED

_ME = "SPDXRef-DOCUMENT"
_SUBJECT = "SPDXRef-Subject"
_PURPOSES = {purpose.name.lower().replace("_", "-"): purpose for purpose in PackagePurpose}
_CHECKSUMS = {kind.name.replace("_", "", 1).lower(): kind for kind in ChecksumAlgorithm}
_SCOPES = {
    Scope.DEV: RelationshipType.DEV_DEPENDENCY_OF,
    Scope.TEST: RelationshipType.TEST_DEPENDENCY_OF,
    Scope.OPTIONAL: RelationshipType.OPTIONAL_DEPENDENCY_OF,
}
_licensing = get_spdx_licensing()


def write(document: Document, *, now: datetime, tag_value: bool) -> bytes:
    """Write a document as JSON or tag-value; the scope ``excluded``, which SPDX does not know, is left out."""
    ids = {one.ref: f"SPDXRef-{place}" for place, one in enumerate(document.components, start=1)}
    if document.subject is not None:
        ids[document.subject.ref] = _SUBJECT
    name = document.subject.name if document.subject else "sbom"
    written = SpdxDocument(
        CreationInfo(
            spdx_version="SPDX-2.3",
            spdx_id=_ME,
            name=name,
            document_namespace=f"https://spdx.org/spdxdocs/{_word(name)}-{document.serial}",
            creators=[Actor(ActorType.TOOL, f"{tool.name}-{tool.version}") for tool in document.tools],
            created=now.astimezone(UTC).replace(microsecond=0, tzinfo=None),
        ),
        packages=list(_packages(document, ids)),
        relationships=list(_relationships(document, ids)),
        extracted_licensing_info=list(_named_licences(document)),
    )
    stream = StringIO()
    # Its validation takes twenty times as long as writing; tests hold what we write against the schema.
    writer = tagvalue_writer if tag_value else json_writer
    writer.write_document_to_stream(written, stream, validate=False, drop_duplicates=False)
    return stream.getvalue().encode()


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "sbom"


def _packages(document: Document, ids: dict[str, str]) -> Iterator[Package]:
    if document.subject is not None:
        yield _subject(document.subject)
    for one in document.components:
        yield _package(one, ids[one.ref])


def _subject(subject: Subject) -> Package:
    return Package(
        spdx_id=_SUBJECT,
        name=subject.name,
        version=subject.version or None,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        external_references=list(_references(subject.purl, ())),
        primary_package_purpose=_PURPOSES.get(subject.type, PackagePurpose.APPLICATION),
    )


def _package(one: Component, spdx_id: str) -> Package:
    source = " ".join(filter(None, (one.source_name, one.source_version)))
    return Package(
        spdx_id=spdx_id,
        name=f"{one.namespace}/{one.name}" if one.namespace and not one.purl else one.name,
        version=one.version or None,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        supplier=Actor(ActorType.ORGANIZATION, one.supplier) if one.supplier else SpdxNoAssertion(),
        checksums=[Checksum(_CHECKSUMS[kind], content) for kind, content in one.hashes if kind in _CHECKSUMS],
        license_declared=_licence(one.licence) if one.licence else SpdxNoAssertion(),
        license_concluded=SpdxNoAssertion(),
        copyright_text=SpdxNoAssertion(),
        source_info=f"built package from: {source}" if source else None,
        external_references=list(_references(one.purl, one.cpes)),
        primary_package_purpose=_PURPOSES.get(one.type),
    )


def _references(purl: str, cpes: tuple[str, ...]) -> Iterator[ExternalPackageRef]:
    if purl:
        yield ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", purl)
    for cpe in cpes:
        kind = "cpe23Type" if cpe.startswith("cpe:2.3:") else "cpe22Type"
        yield ExternalPackageRef(ExternalPackageRefCategory.SECURITY, kind, cpe)


@lru_cache(maxsize=4096)
def _licence(text: str) -> LicenseExpression:
    """Read an expression of SPDX's own licences; any other text becomes a reference to itself (`_named_licences`)."""
    try:
        return _licensing.parse(text, validate=True, strict=True)
    except (ExpressionError, ValueError):
        return _licensing.parse(_reference(text))


def _reference(text: str) -> str:
    return f"LicenseRef-{sha256(text.encode()).hexdigest()[:16]}"


def _named_licences(document: Document) -> Iterator[ExtractedLicensingInfo]:
    for text in dict.fromkeys(one.licence for one in document.components if one.licence):
        reference = _reference(text)
        if str(_licence(text)) == reference:
            yield ExtractedLicensingInfo(license_id=reference, extracted_text=text, license_name=text)


def _relationships(document: Document, ids: dict[str, str]) -> Iterator[Relationship]:
    if document.subject is not None:
        yield Relationship(_ME, RelationshipType.DESCRIBES, _SUBJECT)
    else:
        yield from (Relationship(_ME, RelationshipType.DESCRIBES, ids[one.ref]) for one in document.components)
    yield from _ownerships(document, ids)
    weak = {one.ref: _SCOPES[one.scope] for one in document.components if one.scope in _SCOPES}
    led_to: set[str] = set()
    for user, used in document.dependencies:
        if user not in ids or used not in ids:
            continue
        led_to.add(used)
        if used in weak:
            yield Relationship(ids[used], weak[used], ids[user])
        else:
            yield Relationship(ids[user], RelationshipType.DEPENDS_ON, ids[used])
    if document.subject is not None:
        # What nobody is said to use is at least in there, and a scope needs a relationship to stand on.
        for one in document.components:
            if one.ref not in led_to:
                start, kind = (
                    (ids[one.ref], weak[one.ref]) if one.ref in weak else (_SUBJECT, RelationshipType.CONTAINS)
                )
                yield Relationship(start, kind, _SUBJECT if one.ref in weak else ids[one.ref])


def _ownerships(document: Document, ids: dict[str, str]) -> Iterator[Relationship]:
    for one in document.components:
        if one.owner in ids:
            yield Relationship(ids[one.owner], RelationshipType.OTHER, ids[one.ref], comment=OVERLAP)
        elif one.scope is Scope.PACKAGED:
            yield Relationship(ids[one.ref], RelationshipType.OTHER, _ME, comment=PACKAGED)
