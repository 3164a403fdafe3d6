"""The parts of an SPDX 3 graph we read, as its JSON-LD context names them.

An element comes twice into Python: first as a `Node`, which only says what it is and what it points to, later, if it is
listed, as a `Package`. So the graph stays bytes until then.
"""

from typing import Any

import msgspec


class Top(msgspec.Struct, gc=False):
    """The document; ``graph`` is missing where a single element stands by itself."""

    context: Any = msgspec.field(default=None, name="@context")
    graph: list[msgspec.Raw] | None = msgspec.field(default=None, name="@graph")


class Node(msgspec.Struct, gc=False):
    """An element of any class. Where ids are expected there may be elements, so everything may be anything."""

    type: Any = None
    at_type: Any = msgspec.field(default=None, name="@type")
    spdx_id: Any = msgspec.field(default=None, name="spdxId")
    at_id: Any = msgspec.field(default=None, name="@id")
    creation_info: Any = msgspec.field(default=None, name="creationInfo")
    name: Any = None
    # Relationships.
    start: Any = msgspec.field(default=None, name="from")
    kind: Any = msgspec.field(default=None, name="relationshipType")
    ends: Any = msgspec.field(default=None, name="to")
    scope: Any = None
    # Documents, SBOMs, bundles.
    roots: Any = msgspec.field(default=None, name="rootElement")
    elements: Any = msgspec.field(default=None, name="element")
    phases: Any = msgspec.field(default=None, name="software_sbomType")
    # What else may hold agents and licences.
    created_by: Any = msgspec.field(default=None, name="createdBy")
    created_using: Any = msgspec.field(default=None, name="createdUsing")
    supplied_by: Any = msgspec.field(default=None, name="suppliedBy")
    originated_by: Any = msgspec.field(default=None, name="originatedBy")
    members: Any = msgspec.field(default=None, name="expandedlicensing_member")
    subject: Any = msgspec.field(default=None, name="expandedlicensing_subjectLicense")
    extendable: Any = msgspec.field(default=None, name="expandedlicensing_subjectExtendableLicense")
    addition: Any = msgspec.field(default=None, name="expandedlicensing_subjectAddition")


class Package(msgspec.Struct, gc=False):
    """A package, a file or hardware. ``identifiers`` and ``digests`` may be ids of elements, so they are `Any`."""

    type: Any = None
    at_type: Any = msgspec.field(default=None, name="@type")
    spdx_id: str | None = msgspec.field(default="", name="spdxId")
    at_id: str | None = msgspec.field(default="", name="@id")
    name: str | None = ""
    version: str | None = msgspec.field(default="", name="software_packageVersion")
    hardware_version: str | None = msgspec.field(default="", name="hardware_hardwareVersion")
    purl: str | None = msgspec.field(default="", name="software_packageUrl")
    purpose: str | None = msgspec.field(default="", name="software_primaryPurpose")
    source_info: str | None = msgspec.field(default="", name="software_sourceInfo")
    supplied_by: Any = msgspec.field(default=None, name="suppliedBy")
    originated_by: Any = msgspec.field(default=None, name="originatedBy")
    identifiers: Any = msgspec.field(default=None, name="externalIdentifier")
    digests: Any = msgspec.field(default=None, name="verifiedUsing")
