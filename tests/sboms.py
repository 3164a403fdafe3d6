"""SBOMs for tests, as bytes: small CycloneDX documents that say exactly what a test needs."""

import json
from itertools import count
from typing import Any

from packageurl import PackageURL

_numbers = count(1)

#: What tools write to say that a component is there for development or tests; CycloneDX has no word for it.
_PROPERTY_SCOPES = {
    "dev": {"name": "cdx:npm:package:development", "value": "true"},
    "test": {"name": "cdx:maven:component_scope", "value": "test"},
}

Part = dict[str, Any]


def listed(purl: str = "", *, scope: str = "required", name: str = "", version: str = "") -> Part:
    """List a component: by purl, or by name and version where nobody knows its purl."""
    part: Part = {"type": "library", "bom-ref": purl or f"{name}@{version}"}
    if purl:
        parsed = PackageURL.from_string(purl)
        part |= {"name": parsed.name, "version": parsed.version or "", "purl": purl}
    else:
        part |= {"name": name, "version": version}
    if scope in _PROPERTY_SCOPES:
        part["properties"] = [_PROPERTY_SCOPES[scope]]
    elif scope != "required":
        part["scope"] = scope
    return part


def make_sbom(*components: str | Part, tool: str = "syft", system: tuple[str, str] | None = None) -> bytes:
    """Write a document that lists these components; no two documents have the same bytes.

    Args:
        components: Purls, or what `listed` gives.
        tool: Who says it wrote it.
        system: os-release's ID and VERSION_ID of what it describes.
    """
    parts = [listed(one) if isinstance(one, str) else one for one in components]
    if system:
        parts.append({"type": "operating-system", "bom-ref": "os", "name": system[0], "version": system[1]})
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:00000000-0000-4000-8000-{next(_numbers):012d}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": tool, "version": "1"}]},
            "component": {"bom-ref": "subject", "type": "application", "name": "subject"},
        },
        "components": parts,
    }
    return json.dumps(document).encode()
