"""CycloneDX XML, 1.0 to 1.7, element by element: what has been read is let go at once."""

import io
import re
from typing import Any, NoReturn

import msgspec
from lxml import etree

from service.sbom.cyclonedx import DEEPEST, document
from service.sbom.cyclonedx_element import child_text, lifecycle, local, named, part, properties
from service.sbom.cyclonedx_model import Bom, Dependency, Metadata, Part, Present, Service
from service.sbom.document import Document, Format
from service.sbom.oddities import Oddities
from service.sbom.prolog import require_known_encoding, root_of
from service.sbom.refusals import Malformed, TooDeep

NAMESPACE = re.compile(r"http://cyclonedx\.org/schema/bom/(\d{1,3}\.\d{1,3})")
_XINCLUDE = "{http://www.w3.org/2001/XInclude}*"
# Those that are read or may be large; the rest is small or lies inside these.
_TAGS = (
    "component", "components", "dependency", "service", "vulnerability", "metadata", "composition", "annotation",
    "formula", "declarations", "definitions",
)  # fmt: skip
_LISTS = frozenset({"components", "dependencies", "services", "vulnerabilities", "annotations", "formulation"})
_PRESENT = msgspec.Raw(b"{}")
_ORGANISATIONS = frozenset({"manufacturer", "manufacture", "supplier"})


def read(data: bytes, oddities: Oddities, max_components: int, *, transcoded: bool = False) -> Document:
    """Read XML in UTF-8 or its declared encoding.

    Args:
        data: The document, without byte order mark.
        oddities: Receives what was odd.
        max_components: Bound of `document`.
        transcoded: *data* was UTF-16 or UTF-32 before, so its declaration no longer tells its encoding.

    Raises:
        Malformed: A DOCTYPE, broken XML, an XInclude.
        TooDeep: Elements or components within each other beyond the bounds.
    """
    require_known_encoding(data, transcoded=transcoded)
    _, start_tag = root_of(data)
    reading = _Reading(NAMESPACE.search(start_tag))
    events = _events(data, transcoded=transcoded)
    try:
        for event, element in events:
            reading.take(event, element)
    except etree.XMLSyntaxError as error:
        _refuse(error, events.error_log)
    except (ValueError, LookupError) as error:
        raise Malformed(f"The XML cannot be read: {error}. Create the SBOM again as UTF-8.") from error
    return document(reading.bom, Format.CYCLONEDX_XML, oddities, max_components)


def _events(data: bytes, *, transcoded: bool) -> Any:  # noqa: ANN401 - lxml has no name for it
    return etree.iterparse(
        io.BytesIO(data),
        events=("start", "end"),
        tag=["{*}bom", _XINCLUDE, *(f"{{*}}{tag}" for tag in _TAGS)],
        encoding="utf-8" if transcoded else None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )


def _refuse(error: etree.XMLSyntaxError, log: etree._ListErrorLog) -> NoReturn:
    # The exception often only tells how it ended; the parser's log tells what began it. The exception's own log is the
    # thread's and may still hold another document's.
    first = next(iter(log), None)
    said = f"{first.message.strip()}, at line {first.line}" if first is not None else str(error.msg)
    if "depth" in said:
        raise TooDeep("The XML is nested too deeply to be an SBOM. Flatten it and send it again.") from error
    raise Malformed(f"The XML cannot be read: {said}. Create the SBOM again and send it whole.") from error


class _Reading:
    """Gathers a `Bom` from elements as they begin and end."""

    def __init__(self, version: re.Match[str] | None) -> None:
        self.bom = Bom(spec_version=version[1] if version else "", services=[], dependencies=[])
        self.bom.metadata = Metadata()
        self.bom.vulnerabilities = []
        self._tools: list[dict[str, str | None]] = []
        self._open: list[list[Part]] = []

    def take(self, event: str, element: etree._Element) -> None:
        if element.tag.startswith(_XINCLUDE[:-1]):
            # Not followed; and reading the rest as complete would make an unsafe product look clean.
            raise Malformed(f"The XML includes another file (line {element.sourceline}). Send one complete document.")
        name = local(element)
        if event == "start":
            self._begin(name, element)
            return
        ended = getattr(self, f"_end_{name}", None)
        if ended is not None:
            ended(element, _parent(element))

    def _begin(self, name: str, element: etree._Element) -> None:
        if name == "component":
            if len(self._open) >= DEEPEST:
                raise TooDeep(f"Components are nested more than {DEEPEST} deep. Flatten the SBOM.")
            self._open.append([])
        elif name == "components" and _is_top(element):
            self.bom.components = self.bom.components or []
        elif name == "bom" and element.getparent() is None:
            self.bom.serial = element.get("serialNumber", "")

    def _end_component(self, element: etree._Element, parent: str) -> None:
        made = part(element, self._open.pop())
        around = _parent(element.getparent()) if parent == "components" else ""
        if parent == "metadata" and self.bom.metadata:
            self.bom.metadata.component = made
        elif around == "component":
            self._open[-1].append(made)
        elif around == "bom" and self.bom.components is not None:
            self.bom.components.append(made)
        elif around == "tools":
            supplier = made.supplier or made.manufacturer
            vendor = (supplier.name if supplier else "") or made.publisher or made.group
            self._tools.append({"name": made.name, "version": made.version, "vendor": vendor})
        # Elsewhere (pedigree, evidence) a component is talk about another one, not part of the product.
        _let_go(element, parent)

    def _end_dependency(self, element: etree._Element, parent: str) -> None:
        if parent == "dependency" or _parent(element.getparent()) != "bom":
            return  # read with the outermost one; a formula's own graph is not the product's
        for node in element.iter("{*}dependency"):
            targets = [child.get("ref", "") for child in node if local(child) == "dependency"]
            if (targets or not node.get("ref")) and self.bom.dependencies is not None:
                self.bom.dependencies.append(Dependency(ref=node.get("ref", ""), targets=targets))
        _let_go(element, parent)

    def _end_service(self, element: etree._Element, parent: str) -> None:
        if parent == "services" and _parent(element.getparent()) == "tools":
            vendor = next((named(child).name for child in element if local(child) == "provider"), "")
            name, version = child_text(element, "name"), child_text(element, "version")
            self._tools.append({"name": name, "version": version, "vendor": vendor})
        elif self.bom.services is not None:
            self.bom.services.append(Service(bom_ref=element.get("bom-ref", "")))
        _let_go(element, parent)

    def _end_vulnerability(self, element: etree._Element, parent: str) -> None:
        if parent == "vulnerabilities" and self.bom.vulnerabilities is not None:
            self.bom.vulnerabilities.append(Present())
        _let_go(element, parent)

    def _end_declarations(self, element: etree._Element, parent: str) -> None:
        if _is_top(element):
            self.bom.declarations = _PRESENT
        _let_go(element, parent)

    def _end_definitions(self, element: etree._Element, parent: str) -> None:
        if _is_top(element):
            self.bom.definitions = _PRESENT
        _let_go(element, parent)

    def _end_composition(self, element: etree._Element, parent: str) -> None:
        _let_go(element, parent)

    _end_annotation = _end_formula = _end_composition

    def _end_metadata(self, element: etree._Element, parent: str) -> None:
        if parent != "bom" or self.bom.metadata is None:
            return
        metadata = self.bom.metadata
        metadata.timestamp = child_text(element, "timestamp")
        for child in element:
            name = local(child)
            if name == "properties":
                metadata.properties = properties(child)
            elif name == "authors":
                metadata.authors = [named(one) for one in child if local(one) == "author"]
            elif name in _ORGANISATIONS:
                setattr(metadata, name, named(child))
            elif name == "lifecycles":
                metadata.lifecycles = [lifecycle(one) for one in child if local(one) == "lifecycle"]
            elif name == "tools":
                self._tools.extend(
                    {key: child_text(tool, key) for key in ("vendor", "name", "version")}
                    for tool in child
                    if local(tool) == "tool"
                )
        metadata.tools = self._tools


def _parent(element: etree._Element | None) -> str:
    parent = element.getparent() if element is not None else None
    return local(parent) if parent is not None else ""


def _is_top(element: etree._Element) -> bool:
    """Tell whether the element is the document's own, not a component's or a formula's."""
    around = element.getparent()
    return around is not None and local(around) == "bom" and around.getparent() is None


def _let_go(element: etree._Element, parent: str) -> None:
    """Free an element's content, and in long lists its elder siblings with it."""
    element.clear()
    if parent not in _LISTS:
        return
    holder = element.getparent()
    while holder is not None and element.getprevious() is not None:
        del holder[0]
