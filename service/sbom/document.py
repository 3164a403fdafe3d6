"""What every reader makes of an SBOM: one typed `Document`, whatever the format.

Readers are pure: bytes in, `Document` out, or an error that says what is wrong. They keep what the document says and
guess nothing; identity (ecosystem, release, source package) is worked out by `service.purls` from these fields.
"""

from enum import StrEnum

import msgspec


class Format(StrEnum):
    """The formats we read."""

    CYCLONEDX_JSON = "cyclonedx-json"
    CYCLONEDX_XML = "cyclonedx-xml"
    SPDX_JSON = "spdx-json"
    SPDX_TAG_VALUE = "spdx-tag-value"
    SPDX_YAML = "spdx-yaml"
    SPDX_XML = "spdx-xml"
    SPDX_RDF = "spdx-rdf"
    SPDX3_JSON_LD = "spdx3-json-ld"


class Scope(StrEnum):
    """How a component is used; what the document does not say is ``required``.

    ``packaged``: a distribution's package brought it along, and the distribution's advisories speak of it.
    """

    REQUIRED = "required"
    OPTIONAL = "optional"
    PACKAGED = "packaged"
    EXCLUDED = "excluded"
    DEV = "dev"
    TEST = "test"


class Component(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that an SBOM lists, as the document puts it. Holds only strings, so the collector need not look.

    ``ref`` is unique within its document (bom-ref, SPDXID, or a position when the document gives none).
    ``path`` holds the names of the components it is nested in, outermost first; empty at the top.
    ``hashes`` are (algorithm, lower-case hex) with algorithms spelt as ``sha256``, ``sha1``, ``md5``, ``sha512``...
    ``source_name`` and ``source_version`` name the distribution's source package where the document says so outside
    the purl (trivy properties, SPDX ``sourceInfo``). ``package_type`` is the purl type that it states where it writes
    no purl (tern's layers say that dpkg read them), or ``golang-main`` for the module that a Go binary
    was built from. ``owner`` is the ref of the distribution's package that brought it along, where the document says
    so. ``obtained_from`` is the address where the document says it was had (CycloneDX's distribution reference, SPDX's
    download location): a registry, a proxy, or a mere home page. ``stated``
    names what the entry says besides and only quality asks for: ``contact`` (of the supplier), ``filename``,
    ``executable``, ``archive``, ``structured``.
    """

    ref: str
    name: str
    version: str = ""
    type: str = "library"
    namespace: str = ""
    purl: str = ""
    cpes: tuple[str, ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    licence: str = ""
    supplier: str = ""
    scope: Scope = Scope.REQUIRED
    source_name: str = ""
    source_version: str = ""
    package_type: str = ""
    obtained_from: str = ""
    owner: str = ""
    path: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What the document describes: the product, image or file, as it names itself."""

    ref: str
    name: str
    version: str = ""
    type: str = ""
    purl: str = ""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What wrote the document."""

    name: str
    version: str = ""
    vendor: str = ""


class OperatingSystem(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution the document says it is about: os-release's ID and VERSION_ID (``debian``, ``12``)."""

    id: str
    version: str = ""


class Warning(msgspec.Struct, frozen=True, kw_only=True):  # noqa: A001 - the word users read
    """Something odd that was read anyway: one per kind, with how often and where first (JSON pointer or line)."""

    code: str
    count: int
    first: str


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed an envelope, as the envelope says: a key's id, or a certificate's identity and its issuer."""

    key_id: str = ""
    identity: str = ""
    issuer: str = ""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What was around the SBOM: kind (`envelope_layers.Wrapping`) and what it claims.

    ``payload_sha256`` is of the payload's bytes, in hex. ``subjects`` are (name, ``sha256:…``) of what the statement
    is about. ``verification`` is ``unverified`` unless keys are configured; then ``verified`` (``verified_by`` names
    the keys) or ``failed``.
    """

    kind: str
    payload_sha256: str
    payload_type: str = ""
    predicate_type: str = ""
    subjects: tuple[tuple[str, str], ...] = ()
    signers: tuple[Signer, ...] = ()
    verification: str = "unverified"
    verified_by: tuple[str, ...] = ()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One SBOM, read. ``dependencies`` are (from ref, to ref), in document order, without repeats.

    Components are flat and in document order. The subject is not one of them, except for an SPDX root package that is
    identified itself (README.md). Both ends of a dependency are components or the subject; edges to files and services
    are left out, edges to nothing are counted as ``dangling-dependency``. ``authors`` wrote the document (people and
    organisations, not tools), as ``Jane Doe <jane@example.org>`` or ``ACME <https://acme.example>`` where they can be
    reached; ``lifecycles`` are the phases it speaks of (``build``, ``operations``...).
    """

    format: Format
    spec_version: str
    subject: Subject | None
    components: tuple[Component, ...]
    dependencies: tuple[tuple[str, str], ...] = ()
    tools: tuple[Tool, ...] = ()
    operating_system: OperatingSystem | None = None
    serial: str = ""
    created: str = ""
    authors: tuple[str, ...] = ()
    lifecycles: tuple[str, ...] = ()
    envelope: Envelope | None = None
    warnings: tuple[Warning, ...] = ()
