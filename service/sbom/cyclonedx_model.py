"""The parts of a CycloneDX document we read, as JSON names them; the XML reader fills the same structs.

`msgspec.Raw` is left unread (``Raw | None`` would not be: it reads as ``None``, and all else as wrong).

``gc=False``: trees without cycles, freed by reference counting; the collector would only walk them in vain.
"""

from typing import Any

import msgspec


class Named(msgspec.Struct, gc=False):
    """An organization or a person; how they are reached may have any shape, see `parties`."""

    name: str | None = ""
    email: Any = None
    url: Any = None
    contact: Any = None


class Hash(msgspec.Struct, gc=False):
    """One digest."""

    alg: str | None = ""
    content: str | None = ""


class License(msgspec.Struct, gc=False):
    """A licence by id or, failing that, by name."""

    id: str | None = ""
    name: str | None = ""


class LicenseChoice(msgspec.Struct, gc=False):
    """Either one licence or an expression."""

    license: License | None = None
    expression: str | None = ""


class Reference(msgspec.Struct, gc=False):
    """An address elsewhere and what it is of."""

    type: str | None = ""
    url: str | None = ""


class Property(msgspec.Struct, gc=False):
    """A named value beside the standard."""

    name: str | None = ""
    value: str | None = ""


class Part(msgspec.Struct, gc=False):
    """A ``component``. ``line`` is set by the XML reader only, and `references` is yet to be read from JSON."""

    bom_ref: str | None = msgspec.field(default="", name="bom-ref")
    type: str | None = ""
    name: str | None = ""
    version: str | None = ""
    group: str | None = ""
    purl: str | None = ""
    cpe: str | None = ""
    publisher: str | None = ""
    scope: str | None = ""
    supplier: Named | None = None
    manufacturer: Named | None = None
    hashes: list[Hash] | None = None
    licenses: list[LicenseChoice] | None = None
    properties: list[Property] | None = None
    references: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="externalReferences")
    distribution: str = msgspec.field(default="", name="#distribution")
    components: "list[Part] | None" = None
    line: int = msgspec.field(default=0, name="#line")


class Service(msgspec.Struct, gc=False):
    """A ``service``: read only so that dependencies on it are not called dangling."""

    bom_ref: str | None = msgspec.field(default="", name="bom-ref")
    services: "list[Service] | None" = None


class Dependency(msgspec.Struct, gc=False):
    """One node of the graph with what it depends on: ``targets`` from XML, ``depends_on`` yet to be read from JSON."""

    ref: str | None = ""
    depends_on: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="dependsOn")
    targets: list[str] | None = msgspec.field(default=None, name="#targets")


class Lifecycle(msgspec.Struct, gc=False):
    """A phase: one of the standard's, or one that the author named."""

    phase: str | None = ""
    name: str | None = ""


class Metadata(msgspec.Struct, gc=False):
    """What the document says about itself. ``tools`` has two shapes, see `cyclonedx.tools_of`."""

    timestamp: str | None = ""
    tools: Any = None
    authors: list[Named] | None = None
    manufacturer: Named | None = None
    manufacture: Named | None = None
    supplier: Named | None = None
    lifecycles: list[Lifecycle] | None = None
    component: Part | None = None
    properties: list[Property] | None = None


class Present(msgspec.Struct, gc=False):
    """Something whose content does not matter here."""


class Bom(msgspec.Struct, gc=False):
    """The document."""

    bom_format: str | None = msgspec.field(default="", name="bomFormat")
    spec_version: str | None = msgspec.field(default="", name="specVersion")
    serial: str | None = msgspec.field(default="", name="serialNumber")
    metadata: Metadata | None = None
    components: list[Part] | None = None
    services: list[Service] | None = None
    dependencies: list[Dependency] | None = None
    vulnerabilities: list[Present] | None = None
    declarations: msgspec.Raw = msgspec.Raw(b"")
    definitions: msgspec.Raw = msgspec.Raw(b"")
