"""A CycloneDX document, however it was written, as a `Document`."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from service.sbom.cyclonedx_edges import edges
from service.sbom.cyclonedx_model import Bom, Metadata, Part
from service.sbom.cyclonedx_part import component, said_in
from service.sbom.document import Component, Document, Format, OperatingSystem, Subject, Tool
from service.sbom.graph import References
from service.sbom.oddities import Oddities
from service.sbom.ownership import is_distributions
from service.sbom.parties import written
from service.sbom.refusals import NotAnSbom, NothingToInventory, TooDeep, TooManyComponents, UnsupportedFormat
from service.sbom.soundness import is_instant, is_serial
from service.sbom.texts import as_text, text

#: Components within components. Real documents stay below ten.
DEEPEST = 200
#: Levels above all components together, for each component and anyway: each keeps the names, and perhaps the place, of
#: all that are around it, and chains of two hundred would take sixty times the document.
_MOST_LEVELS_EACH, _MOST_LEVELS_ANYWAY = 20, 100_000
_NEWEST = (1, 7)
_VENDORS = ("vendor", "supplier", "manufacturer", "publisher", "provider", "group")


def document(bom: Bom, kind: Format, oddities: Oddities, max_components: int) -> Document:
    """Turn a parsed document into ours.

    Raises:
        UnsupportedFormat: Not CycloneDX 1.
        NotAnSbom: A VEX without components.
        NothingToInventory: It lists nothing, and does not say so either.
        TooDeep, TooManyComponents: Over a bound.
    """
    spec_version = _version(bom, oddities)
    metadata = bom.metadata or Metadata()
    if len(bom.components or ()) > max_components:
        raise _too_many(max_components)
    refs = References(oddities)
    subject = _subject(metadata.component, refs)
    system = _operating_system(bom, metadata)
    components = tuple(_components(bom, metadata, refs, oddities, max_components))
    if not components:
        _require_statement(bom, metadata)
        oddities.note("no-components", "/components")
    _check_header(bom, metadata, oddities)
    return Document(
        format=kind,
        spec_version=spec_version,
        subject=subject,
        components=components,
        dependencies=edges(bom, refs, oddities),
        tools=tuple(tools_of(metadata.tools)),
        operating_system=system,
        serial=text(bom.serial),
        created=text(metadata.timestamp),
        authors=_authors(metadata),
        lifecycles=_lifecycles(metadata),
        warnings=oddities.listed(),
    )


def _too_many(most: int) -> TooManyComponents:
    return TooManyComponents(f"The SBOM lists more than {most:,} components. Split it by product.")


def _version(bom: Bom, oddities: Oddities) -> str:
    version = text(bom.spec_version)
    major, _, minor = version.partition(".")
    if not version:
        oddities.note("unknown-version", "/specVersion")
    elif major != "1":
        raise UnsupportedFormat(f"CycloneDX {version[:20]} is not read yet. Send CycloneDX 1.0 to 1.7.")
    elif not minor.isdecimal() or len(minor) > 2 or (1, int(minor)) > _NEWEST:  # noqa: PLR2004 - "1.10" at most
        oddities.note("unknown-version", "/specVersion")
    return version[:20]


def _require_statement(bom: Bom, metadata: Metadata) -> None:
    """Refuse a document without components, unless it says itself that it has none or what else it is about.

    Reading it as empty would make an unsafe product look clean.
    """
    inside = metadata.component.components if metadata.component else None
    if bom.components or inside:
        raise NothingToInventory("No component has a name, purl, CPE or bom-ref. Create the SBOM again with names.")
    if bom.vulnerabilities:
        raise NotAnSbom("This is a CycloneDX VEX or VDR without components. Send the SBOM it speaks about.")
    about = (metadata.component, bom.services, _given(bom.declarations), _given(bom.definitions))
    if bom.components is None and not any(about):
        raise NothingToInventory("The CycloneDX document has no components. Send the one that lists them.")


def _given(raw: msgspec.Raw) -> bool:
    return len(raw) > 0 and raw != msgspec.Raw(b"null")


def _check_header(bom: Bom, metadata: Metadata, oddities: Oddities) -> None:
    if (created := text(metadata.timestamp)) and not is_instant(created):
        oddities.note("bad-timestamp", "/metadata/timestamp")
    if (serial := text(bom.serial)) and not is_serial(serial):
        oddities.note("bad-serial", "/serialNumber")


def _subject(part: Part | None, refs: References) -> Subject | None:
    if part is None:
        return None
    purl, name = text(part.purl), text(part.name)
    ref = refs.claim(text(part.bom_ref) or "#/metadata/component", "/metadata/component")
    return Subject(ref=ref, name=name or purl or ref, version=text(part.version), type=text(part.type), purl=purl)


def _components(bom: Bom, metadata: Metadata, refs: References, oddities: Oddities, most: int) -> Iterator[Component]:
    levels = 0
    packages: dict[str, str] = {}
    for count, (part, path, pointer) in enumerate(_nested(bom, metadata), 1):
        if count > most:
            raise _too_many(most)
        levels += len(path)
        if levels > _MOST_LEVELS_ANYWAY + count * _MOST_LEVELS_EACH:
            raise TooDeep(f"Too many components are nested deeply, as at {pointer[:80]}... Flatten the SBOM.")
        found = component(part, path, pointer, refs, oddities)
        if found is None:
            continue
        # A parent's pointer comes before its children's.
        if is_distributions(found):
            if part.components:
                packages[pointer] = found.ref
        elif packages and (owner := packages.get(pointer.rpartition("/components/")[0])):
            found = replace(found, owner=owner)
        yield found


def _nested(bom: Bom, metadata: Metadata) -> Iterator[tuple[Part, tuple[str, ...], str]]:
    """Walk all components in document order with the names around them and their JSON pointers.

    Each is taken out of its list: what was read of it need not stay beside what is made of it.
    """
    inside = metadata.component.components if metadata.component else None
    waiting = [_Level((), "/components", bom.components), _Level((), "/metadata/component/components", inside)]
    while waiting:
        level = waiting[-1]
        place, part = next(level.parts, (0, None))
        if part is None:
            waiting.pop()
            continue
        level.held[place] = _GONE
        here = f"{level.pointer}/{place}"
        yield part, level.path, here
        if part.components:
            if len(level.path) + 1 >= DEEPEST:
                raise TooDeep(f"Components are nested more than {DEEPEST} deep at {here[:80]}... Flatten the SBOM.")
            waiting.append(_Level((*level.path, text(part.name)), f"{here}/components", part.components))


class _Level:
    """A list of components being walked, and where it stands."""

    __slots__ = ("held", "parts", "path", "pointer")

    def __init__(self, path: tuple[str, ...], pointer: str, held: list[Part] | None) -> None:
        self.path = path
        self.pointer = pointer
        self.held = held or []
        self.parts: Iterator[tuple[int, Part]] = iter(enumerate(self.held))


_GONE = Part()


def tools_of(tools: Any) -> Iterator[Tool]:  # noqa: ANN401 - two shapes
    """Read ``metadata.tools``: a list of tools until 1.4, an object of components and services since 1.5."""
    if isinstance(tools, dict):
        listed = [tool for key in ("components", "services") for tool in _list(tools.get(key))]
    else:
        listed = _list(tools)
    for tool in listed:
        if not isinstance(tool, dict) or not as_text(tool.get("name")):
            continue
        vendor = next(filter(None, (_name(tool.get(key)) for key in _VENDORS)), "")
        yield Tool(name=as_text(tool["name"]), version=as_text(tool.get("version")), vendor=vendor)


def _authors(metadata: Metadata) -> tuple[str, ...]:
    """Name who made the document: since 1.6 ``manufacturer`` too; the older two are read as the same claim."""
    organisations = (metadata.manufacturer, metadata.manufacture, metadata.supplier)
    return written((*(metadata.authors or ()), *organisations))


def _lifecycles(metadata: Metadata) -> tuple[str, ...]:
    phases = (text(one.phase) or text(one.name) for one in metadata.lifecycles or ())
    return tuple(dict.fromkeys(phase[:100] for phase in phases if phase))[:20]


def _list(value: Any) -> list[Any]:  # noqa: ANN401
    return value if isinstance(value, list) else []


def _name(value: Any) -> str:  # noqa: ANN401
    return as_text(value.get("name")) if isinstance(value, dict) else as_text(value)


def _parts(bom: Bom, metadata: Metadata) -> Iterator[Part]:
    """Walk all components in the order of `_nested`, however deep, and leave them where they are."""
    inside = metadata.component.components if metadata.component else None
    waiting = [iter(bom.components or ()), iter(inside or ())]
    while waiting:
        for part in waiting[-1]:
            yield part
            if part.components:
                waiting.append(iter(part.components))
                break
        else:
            waiting.pop()


def _operating_system(bom: Bom, metadata: Metadata) -> OperatingSystem | None:
    """Find the distribution: syft's property, else the first component of type ``operating-system``."""
    for part in _parts(bom, metadata):
        if part.type == "operating-system":
            said = said_in(part.properties or [])
            name = said.get("syft:distro:id") or text(part.name)
            version = said.get("syft:distro:versionID") or text(part.version)
            return OperatingSystem(id=name.lower(), version=version) if name else None
    said = said_in(metadata.properties or [])
    if identifier := said.get("syft:distro:id"):
        return OperatingSystem(id=identifier.lower(), version=said.get("syft:distro:versionID", ""))
    return None
