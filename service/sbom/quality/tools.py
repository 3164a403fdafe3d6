"""Which generator wrote an SBOM, whatever it calls itself: ``CycloneDX Maven plugin``, ``tern-b8e13d1``."""

from collections.abc import Iterable

from service.sbom.document import Tool

#: Key to the beginnings of names, lower-case, with dashes for spaces. The first that fits wins.
_NAMES: dict[str, tuple[str, ...]] = {
    "syft": ("syft",),
    "trivy": ("trivy",),
    "cdxgen": ("cdxgen", "@cyclonedx/cdxgen"),
    "cyclonedx-maven": ("cyclonedx-maven",),
    "cyclonedx-gradle": ("cyclonedx-gradle",),
    "cyclonedx-npm": ("cyclonedx-npm", "@cyclonedx/cyclonedx-npm"),
    "cyclonedx-py": ("cyclonedx-py", "cyclonedx-bom"),
    "sbom-tool": ("microsoft.sbomtool", "sbom-tool"),
    "bom": ("sigs.k8s.io/bom", "bom-v"),
    "tern": ("tern",),
}


def tool_of(tools: Iterable[Tool]) -> str:
    """Give the key of the first generator we know, or ``""``; libraries and shells around it are passed over."""
    for tool in tools:
        name = tool.name.lower().replace(" ", "-")
        for key, beginnings in _NAMES.items():
            if name.startswith(beginnings):
                return key
    return ""
