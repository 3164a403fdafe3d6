"""CycloneDX XML as the JSON that says the same, as far as a VEX is read. Pure.

DTDs are refused before any parser sees them, as for SBOMs.
"""

from typing import Any

from lxml import etree

from service.incidents.vex.fields import BadVex, VexTooLarge
from service.sbom.prolog import require_known_encoding, root_of

#: Tags in one document; each becomes some hundred bytes.
_MOST_TAGS = 1_000_000


def as_json(data: bytes, *, transcoded: bool) -> dict[str, Any]:
    """Read CycloneDX XML.

    Raises:
        BadVex: It is another XML, or damaged.
        VexTooLarge: It has too many elements.
        Malformed: It has a DOCTYPE, or an encoding that is not read.
    """
    if data.count(b"<") > 2 * _MOST_TAGS:
        raise VexTooLarge(f"The XML has more than {_MOST_TAGS:,} elements. Send it in parts.")
    require_known_encoding(data, transcoded=transcoded)
    name, start_tag = root_of(data)
    if name != "bom" or "cyclonedx.org/schema/bom/1." not in start_tag:
        raise BadVex("This XML is no CycloneDX. Send OpenVEX, CSAF 2.0 or CycloneDX.")
    parser = etree.XMLParser(
        encoding="utf-8" if transcoded else None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise BadVex(f"The XML cannot be read: {error}.") from error
    return _document(root)


def _document(root: etree._Element) -> dict[str, Any]:
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "components": _components(root),
        "vulnerabilities": [_vulnerability(one) for one in _inside(root, "vulnerabilities")],
    }
    if serial := root.get("serialNumber"):
        document["serialNumber"] = serial
    version = root.get("version", "1")
    document["version"] = int(version) if version.isdecimal() and len(version) < 10 else 1  # noqa: PLR2004 - digits
    metadata = _child(root, "metadata")
    if metadata is not None:
        document["metadata"] = _metadata(metadata)
    return document


def _metadata(element: etree._Element) -> dict[str, Any]:
    found = _texts(element, "timestamp")
    for key in ("supplier", "manufacturer", "manufacture"):
        entity = _child(element, key)
        if entity is not None:
            urls = [_said(one) for one in entity if _tag(one) == "url"]
            found[key] = _texts(entity, "name") | {"url": urls}
    found["authors"] = [_texts(one, "name", "email") for one in _inside(element, "authors")]
    component = _child(element, "component")
    if component is not None:
        found["component"] = _component(component)
    return found


def _components(around: etree._Element) -> list[dict[str, Any]]:
    return [_component(one) for one in _inside(around, "components") if _tag(one) == "component"]


def _component(element: etree._Element) -> dict[str, Any]:
    found = _texts(element, "group", "name", "version", "purl")
    for key in ("bom-ref", "type"):
        if value := element.get(key):
            found[key] = value
    found["components"] = _components(element)
    return found


def _vulnerability(element: etree._Element) -> dict[str, Any]:
    found = _texts(element, "id", "updated")
    found["references"] = [_texts(one, "id") for one in _inside(element, "references")]
    analysis = _child(element, "analysis")
    if analysis is not None:
        found["analysis"] = _texts(analysis, "state", "justification", "detail", "lastUpdated")
    found["affects"] = [
        _texts(one, "ref") | {"versions": [_texts(v, "version", "range", "status") for v in _inside(one, "versions")]}
        for one in _inside(element, "affects")
    ]
    return found


def _inside(around: etree._Element, name: str) -> list[etree._Element]:
    holder = _child(around, name)
    return [] if holder is None else list(holder)


def _child(around: etree._Element, name: str) -> etree._Element | None:
    return next((one for one in around if _tag(one) == name), None)


def _texts(around: etree._Element, *names: str) -> dict[str, Any]:
    return {_tag(one): _said(one) for one in reversed(around) if _tag(one) in names}


def _said(element: etree._Element) -> str:
    return (element.text or "").strip()


def _tag(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
