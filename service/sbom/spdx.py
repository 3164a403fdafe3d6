"""An SPDX 2 document, however it was written, as a `Document`."""

import re
from collections.abc import Iterator

import msgspec

from service.sbom.document import Component, Document, Format, Scope, Subject, Tool
from service.sbom.graph import References, distinct
from service.sbom.layers import layered
from service.sbom.oddities import Oddities
from service.sbom.ownership import owned
from service.sbom.parties import cut
from service.sbom.refusals import NotAnSbom, NothingToInventory, TooManyComponents, UnsupportedFormat
from service.sbom.soundness import is_instant
from service.sbom.spdx_model import Creation, SpdxDocument
from service.sbom.spdx_package import component, party, without_mail
from service.sbom.spdx_relations import Relations
from service.sbom.spdx_subject import as_subject, only_wraps, operating_system_of, tool_named
from service.sbom.texts import given, text

_VERSION = re.compile(r"SPDX-(\d{1,3}\.\d{1,3})")


def document(spdx: SpdxDocument, kind: Format, oddities: Oddities, max_components: int) -> Document:
    """Turn a parsed document into ours.

    Raises:
        UnsupportedFormat: Not SPDX 2.
        NotAnSbom: No SPDX version.
        NothingToInventory: Neither packages nor files, and nothing said about any.
        TooManyComponents: Over the bound.
    """
    version = _version(spdx, oddities)
    packages = spdx.packages or []
    if len(packages) > max_components:
        raise TooManyComponents(f"The SBOM lists more than {max_components:,} components. Split it by product.")
    refs = References(oddities)
    listed = [one for place, package in enumerate(packages) if (one := component(package, place, refs, oddities))]
    relations = Relations(spdx, frozenset(one.ref for one in listed), oddities)
    subject, wrapping = _subject(spdx, listed, relations)
    inside, system = [one for one in listed if one is not wrapping], None
    if by_layer := layered(packages, spdx.relationships or (), inside, relations.edges):
        inside, system = by_layer
    scoped = _scoped(inside, relations.scopes())
    components = tuple(owned(scoped, relations.owners, frozenset(relations.packaged)))
    if not components:
        _require_statement(spdx)
        oddities.note("no-components", "/packages")
    _check_header(spdx, oddities)
    creation = spdx.creation or Creation()
    return Document(
        format=kind,
        spec_version=version,
        subject=subject,
        components=components,
        dependencies=distinct(_from_document(subject, relations) + relations.edges),
        tools=tuple(_tools(creation.creators or [])),
        operating_system=operating_system_of(components) or system,
        serial=given(spdx.namespace),
        created=given(creation.created),
        authors=_authors(creation.creators or []),
        warnings=oddities.listed(),
    )


def _version(spdx: SpdxDocument, oddities: Oddities) -> str:
    said = text(spdx.spdx_version)
    if not said:
        raise NotAnSbom('"spdxVersion" is missing. Send an SPDX 2.2 or 2.3 document, or CycloneDX.')
    match = _VERSION.fullmatch(said)
    if match is None or not match[1].startswith("2."):
        raise UnsupportedFormat(f"{said[:20]} is not read yet. Send SPDX 2.2 or 2.3, or CycloneDX.")
    if match[1] not in ("2.0", "2.1", "2.2", "2.3"):
        oddities.note("unknown-version", "/spdxVersion")
    return match[1]


def _require_statement(spdx: SpdxDocument) -> None:
    """Refuse a document without packages that has nothing else either, such as one that was cut off."""
    if spdx.packages:
        raise NothingToInventory("No package has a name, purl or SPDXID. Create the SBOM again with names.")
    has_files = len(spdx.files) > len("null") or bytes(spdx.files) not in (b"", b"[]", b"null")
    if not (spdx.relationships or spdx.describes or has_files):
        raise NothingToInventory("The SPDX document has no packages. Send the one that lists them, and send it whole.")


def _check_header(spdx: SpdxDocument, oddities: Oddities) -> None:
    created = given(spdx.creation.created) if spdx.creation else ""
    if created and not is_instant(created):
        oddities.note("bad-timestamp", "/creationInfo/created")
    required = (("/name", spdx.name), ("/documentNamespace", spdx.namespace), ("/creationInfo/created", created))
    for pointer, value in required:
        if not text(value):
            oddities.note("missing-field", pointer)


def _subject(
    spdx: SpdxDocument, listed: list[Component], relations: Relations
) -> tuple[Subject | None, Component | None]:
    """Find the subject, and the component to leave out because it only wraps the others.

    The one described package is the subject. It is left out of the components when others remain and it has neither
    a package purl nor a CPE: then nothing could be matched with it. Several or none described: the document itself.
    """
    described = set(relations.roots)
    found = [one for one in listed if one.ref in described]
    if len(found) != 1:
        ref, name = given(spdx.id) or "SPDXRef-DOCUMENT", given(spdx.name)
        return (Subject(ref=ref, name=name) if name else None), None
    (root,) = found
    return as_subject(root), root if only_wraps(root, listed) else None


def _from_document(subject: Subject | None, relations: Relations) -> list[tuple[str, str]]:
    """Give the edges from a document that is itself the subject to what it describes."""
    if subject is None or subject.ref in relations.known:
        return []
    return [(subject.ref, root) for root in relations.roots if root in relations.known]


def _scoped(components: list[Component], scopes: dict[str, Scope]) -> Iterator[Component]:
    for one in components:
        scope = scopes.get(one.ref) if scopes else None
        yield msgspec.structs.replace(one, scope=scope) if scope else one


def _tools(creators: list[str]) -> Iterator[Tool]:
    for creator in creators:
        kind, _, name = text(creator).partition(":")
        if kind.strip().lower() != "tool" or not name.strip():
            continue
        yield tool_named(name.strip())


def _authors(creators: list[str]) -> tuple[str, ...]:
    """Write people and organisations as ``Name <mail>``."""
    written = []
    for creator in creators:
        role, _, said = text(creator).partition(":")
        if role.strip().lower() in ("person", "organization"):
            name, contact = party(said), without_mail(text(said))[1]
            written.append(f"{name} <{contact}>".strip() if contact else name)
    return cut(filter(None, written))
