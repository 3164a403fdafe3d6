"""Who the components of a document are, before anything is looked up. Pure."""

from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from service.inventory.coordinates import why_unevaluated
from service.purls import RELEASE_PACKAGES, Identity, identify, release_among
from service.purls.provenance import Provenance, provenance
from service.sbom.document import Component as Listed
from service.sbom.document import Document, OperatingSystem


class Entry(NamedTuple):
    """A component about to be looked up: who it is, why it cannot be evaluated, and what its document says."""

    digest: UUID
    identity: Identity
    unevaluated: str
    listed: Listed
    provenance: Provenance


def entries_of(document: Document) -> list[tuple[str, Entry]]:
    """Identify every component of a document: (ref, entry) in document order. Pure."""
    system = _system_of(document)
    return [(listed.ref, _entry(listed, system)) for listed in document.components]


def _system_of(document: Document) -> OperatingSystem:
    """Find the system that the document is about: stated outright, or by the package that owns os-release."""
    stated = document.operating_system
    if stated and stated.version:
        return stated
    owners = ((one.name, one.version) for one in document.components if one.name in RELEASE_PACKAGES)
    if release := release_among(owners):
        return OperatingSystem(id=release[0], version=release[1])
    return stated or OperatingSystem(id="")


def _entry(listed: Listed, system: OperatingSystem) -> Entry:
    # Hashes tell components apart only where nothing else does; left out of the key, they cost no cache misses.
    nameless = not listed.purl and not listed.version
    named = _Named(
        purl=listed.purl,
        name=f"{listed.namespace}/{listed.name}" if listed.namespace and not listed.purl else listed.name,
        version=listed.version,
        cpes=listed.cpes,
        hashes=listed.hashes if nameless else (),
        package_type=listed.package_type,
        source_name=listed.source_name,
        source_version=listed.source_version,
        os_id=system.id,
        os_version=system.version,
    )
    return Entry(*_identified(named), listed, provenance(listed.purl, listed.obtained_from))


class _Named(NamedTuple):
    """All of a listed component that decides who it is."""

    purl: str
    name: str
    version: str
    cpes: tuple[str, ...]
    hashes: tuple[tuple[str, str], ...]
    package_type: str
    source_name: str
    source_version: str
    os_id: str
    os_version: str


@lru_cache(maxsize=20_000)
def _identified(named: _Named) -> tuple[UUID, Identity, str]:
    """Give digest, identity and why it cannot be evaluated. Builds repeat themselves: most are asked for again."""
    identity = identify(
        purl=named.purl,
        name=named.name,
        version=named.version,
        cpes=named.cpes,
        package_type=named.package_type,
        source_name=named.source_name,
        source_version=named.source_version,
        os_id=named.os_id,
        os_version=named.os_version,
    )
    return _digest(identity, named), identity, why_unevaluated(identity)


def _digest(identity: Identity, named: _Named) -> UUID:
    """Digest all that tells a component from others. A purl holds type, names, version and release."""
    parts = [identity.purl, identity.distribution, identity.source_name, identity.source_version]
    if not identity.purl:
        parts += [identity.name, identity.version, *sorted(named.cpes)]
        if not identity.version:
            parts += [f"{algorithm}:{value}" for algorithm, value in sorted(named.hashes)]
    return UUID(bytes=blake2b("\0".join(parts).encode(), digest_size=16).digest())
