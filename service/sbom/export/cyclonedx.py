"""A `Document` as CycloneDX, through cyclonedx-python-lib."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentScope, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import License
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from service.sbom.document import Component, Document, OperatingSystem, Scope, Subject

_SYNTAX = {"json": OutputFormat.JSON, "xml": OutputFormat.XML}
#: CycloneDX has no word for what is none of these; data is the least that a thing can be.
_TYPES = {kind.value: kind for kind in ComponentType} | {"other": ComponentType.DATA}
_HASHES = {kind.value.replace("-", "", 1).lower(): kind for kind in HashAlgorithm}
#: CycloneDX knows no development scope; what is only needed to build or test is excluded from what ships.
_SCOPES = {
    Scope.REQUIRED: None,  # the default
    Scope.OPTIONAL: ComponentScope.OPTIONAL,
    Scope.PACKAGED: None,
    Scope.EXCLUDED: ComponentScope.EXCLUDED,
    Scope.DEV: ComponentScope.EXCLUDED,
    Scope.TEST: ComponentScope.EXCLUDED,
}


def write(document: Document, *, now: datetime, version: str, syntax: str) -> bytes:
    """Write a document.

    Args:
        document: Refs are unique; edges to unknown refs are left out.
        now: Goes to ``metadata.timestamp``.
        version: ``1.6`` or ``1.7``.
        syntax: ``json`` or ``xml``.
    """
    refs = {one.ref: BomRef(one.ref) for one in document.components}
    subject = document.subject
    if subject is not None:
        refs[subject.ref] = BomRef(subject.ref)
    bom = Bom(
        serial_number=UUID(document.serial),
        metadata=BomMetaData(
            timestamp=now,
            component=_subject(subject, refs[subject.ref]) if subject else None,
            tools=_tools(document),
            properties=_distribution(document.operating_system),
        ),
        components=[_part(one, refs[one.ref]) for one in document.components],
    )
    bom.dependencies = _dependencies(document.dependencies, refs)
    # What it validates holds by construction, and its way of looking takes 300 s for 20,000 components.
    bom.validate = _valid  # type: ignore[method-assign]
    outputter = make_outputter(bom, _SYNTAX[syntax], SchemaVersion.from_version(version))
    return outputter.output_as_string().encode()


def _valid() -> bool:
    return True


def _tools(document: Document) -> ToolRepository:
    kind = ComponentType.APPLICATION
    return ToolRepository(components=[Part(type=kind, name=t.name, version=t.version or None) for t in document.tools])


def _distribution(system: OperatingSystem | None) -> list[Property]:
    if system is None:
        return []
    said = {"syft:distro:id": system.id, "syft:distro:versionID": system.version}
    return [Property(name=name, value=value) for name, value in said.items() if value]


def _subject(subject: Subject, ref: BomRef) -> Part:
    kind = _TYPES.get(subject.type, ComponentType.APPLICATION)
    purl = PackageURL.from_string(subject.purl) if subject.purl else None
    return Part(bom_ref=ref.value, type=kind, name=subject.name, version=subject.version or None, purl=purl)


def _part(one: Component, ref: BomRef) -> Part:
    return Part(
        bom_ref=ref.value,
        type=_TYPES.get(one.type, ComponentType.LIBRARY),
        name=one.name,
        group=one.namespace or None,
        version=one.version or None,
        purl=PackageURL.from_string(one.purl) if one.purl else None,
        cpe=one.cpes[0] if one.cpes else None,
        hashes=[HashType(alg=_HASHES[kind], content=content) for kind, content in one.hashes if kind in _HASHES],
        licenses=[_licence(one.licence)] if one.licence else None,
        supplier=OrganizationalEntity(name=one.supplier) if one.supplier else None,
        scope=_SCOPES[one.scope],
        properties=list(_properties(one)),
    )


def _properties(one: Component) -> Iterator[Property]:
    """Say what the standard has no field for, in syft's words where it has some: scanners, and we, understand them."""
    if one.scope in (Scope.DEV, Scope.TEST, Scope.PACKAGED):
        yield Property(name="muster:component_scope", value=one.scope.value)
    if one.source_name:
        yield Property(name="syft:metadata:source", value=one.source_name)
    if one.source_version:
        yield Property(name="syft:metadata:sourceVersion", value=one.source_version)
    for cpe in one.cpes[1:]:
        yield Property(name="syft:cpe23", value=cpe)


_licences = LicenseFactory()


@lru_cache(maxsize=4096)
def _licence(text: str) -> License:
    """Write an expression as one, and what is none as a licence of that name."""
    return _licences.make_from_string(text)


def _dependencies(edges: Iterable[tuple[str, str]], refs: dict[str, BomRef]) -> list[Dependency]:
    below: defaultdict[str, list[Dependency]] = defaultdict(list)
    leaves = {name: Dependency(ref=ref) for name, ref in refs.items()}
    for user, used in edges:
        if user in refs and used in refs:
            below[user].append(leaves[used])
    return [Dependency(ref=ref, dependencies=below.get(name, ())) for name, ref in refs.items()]
