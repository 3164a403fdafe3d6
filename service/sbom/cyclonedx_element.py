"""XML elements of CycloneDX into the structs of `cyclonedx_model`."""

from collections.abc import Callable, Iterator
from typing import Any

from lxml.etree import _Element

from service.sbom.cyclonedx_model import Hash, License, LicenseChoice, Lifecycle, Named, Part, Property


def local(element: _Element) -> str:
    """Give the name without its namespace; ``""`` for comments and processing instructions."""
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""


def words(element: _Element) -> str:
    """Give the text, CDATA included, markup and comments left out."""
    return (element.text or "") if not len(element) else "".join(str(piece) for piece in element.itertext())


def child_text(element: _Element, name: str) -> str:
    """Give the text of the first child called *name*, or ``""``."""
    return next((words(child) for child in element if local(child) == name), "")


def part(element: _Element, children: list[Part]) -> Part:
    """Read a ``component`` element; its nested components were read before it ended."""
    made = Part(
        bom_ref=element.get("bom-ref", ""),
        type=element.get("type", ""),
        components=children or None,
        line=element.sourceline or 0,  # type: ignore[unreachable,arg-type]  # the stubs say Ellipsis
    )
    for child in element:
        read = _READERS.get(local(child))
        if read is not None:
            field, value = read
            setattr(made, field, value(child))
    return made


def properties(element: _Element) -> list[Property]:
    """Read a ``properties`` element."""
    return [Property(name=child.get("name", ""), value=words(child)) for child in element if local(child)]


def named(element: _Element) -> Named:
    """Read an organization or a person."""
    contacts = (child for child in element if local(child) == "contact")
    people = [{key: child_text(one, key) for key in ("name", "email")} for one in contacts]
    urls = [words(child) for child in element if local(child) == "url"]
    return Named(name=child_text(element, "name"), email=child_text(element, "email"), url=urls, contact=people)


def lifecycle(element: _Element) -> Lifecycle:
    """Read a phase of the standard's or of the author's own naming."""
    return Lifecycle(phase=child_text(element, "phase"), name=child_text(element, "name"))


def _hashes(element: _Element) -> list[Hash]:
    return [Hash(alg=child.get("alg", ""), content=words(child)) for child in element if local(child)]


def _licenses(element: _Element) -> list[LicenseChoice]:
    return list(_choices(element))


def _choices(element: _Element) -> Iterator[LicenseChoice]:
    for child in element:
        if local(child) == "expression":
            yield LicenseChoice(expression=words(child))
        elif local(child) == "expression-detailed":  # since 1.7
            yield LicenseChoice(expression=child.get("expression"))
        elif local(child) == "license":
            yield LicenseChoice(license=License(id=child_text(child, "id"), name=child_text(child, "name")))


def _distribution(element: _Element) -> str:
    """Give the address of the first reference that says where the component is distributed."""
    references = (child for child in element if child.get("type") == "distribution")
    return next((child_text(one, "url") for one in references), "")


_READERS: dict[str, tuple[str, Callable[[_Element], Any]]] = {
    **{name: (name, words) for name in ("name", "version", "group", "purl", "cpe", "publisher", "scope")},
    **{name: (name, named) for name in ("supplier", "manufacturer")},
    "hashes": ("hashes", _hashes),
    "licenses": ("licenses", _licenses),
    "properties": ("properties", properties),
    "externalReferences": ("distribution", _distribution),
}
