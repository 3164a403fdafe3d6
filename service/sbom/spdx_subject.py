"""The root of an SPDX document, 2 or 3, as its subject; and what its packages and tools' names say besides."""

import re
from collections.abc import Collection, Iterable

from service.sbom.document import Component, OperatingSystem, Subject, Tool

#: These purls name an image or a file, the wrapping; the inventory is what lies inside.
_IMAGES = ("pkg:oci/", "pkg:docker/")
_WRAPPINGS = (*_IMAGES, "pkg:generic/")
# "syft-0.90.0"; "spdx-maven-plugin" has no version.
_TOOL = re.compile(r"(?P<name>.+)-(?P<version>v?\d[^-]*)")


def as_subject(root: Component) -> Subject:
    """Make the root package the subject."""
    kind = "container" if root.purl.startswith(_IMAGES) and root.type == "library" else root.type
    return Subject(ref=root.ref, name=root.name, version=root.version, type=kind, purl=root.purl)


def only_wraps(root: Component, listed: Collection[Component]) -> bool:
    """Tell whether the root only wraps the others, and could not be matched with anything by itself."""
    identified = root.cpes or (root.purl and not root.purl.startswith(_WRAPPINGS))
    return not identified and len(listed) > 1


def operating_system_of(components: Iterable[Component]) -> OperatingSystem | None:
    """Find the distribution that is listed as a component."""
    found = (one for one in components if one.type == "operating-system")
    return next((OperatingSystem(id=one.name.lower(), version=one.version) for one in found), None)


def tool_named(name: str) -> Tool:
    """Split ``syft-0.90.0`` into name and version."""
    split = _TOOL.fullmatch(name)
    return Tool(name=split["name"], version=split["version"]) if split else Tool(name=name)
