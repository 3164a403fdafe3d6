"""SPDX 2 as XML: element by element into the tree that its JSON would be; what has been read is let go at once."""

import io
from typing import Any

from lxml import etree

from service.sbom.oddities import Oddities
from service.sbom.prolog import root_of
from service.sbom.refusals import Malformed, TooDeep
from service.sbom.translation import PASSED_OVER, SOME_FILES, translated, without_what_is_passed_over

_XINCLUDE = "{http://www.w3.org/2001/XInclude}"
#: XML does not tell a list of one from a value; these are lists in JSON.
_LISTS = frozenset({
    "annotations", "attributionTexts", "checksums", "creators", "documentDescribes", "externalDocumentRefs",
    "externalRefs", "hasFiles", "licenseInfoFromFiles", "packageVerificationCodeExcludedFiles", "packages",
    "relationships",
})  # fmt: skip


def as_json(data: bytes) -> bytes:
    """Translate without spdx-tools' opinion."""
    oddities = Oddities()
    return translated(tree_of(data, oddities), oddities)


def tree_of(data: bytes, oddities: Oddities) -> dict[str, Any]:
    """Read XML whose encoding has been inspected.

    Raises:
        Malformed: A DOCTYPE, an XInclude, or broken XML.
        TooDeep: More than 256 elements within each other.
    """
    root_of(data)
    try:
        return without_what_is_passed_over(_gathered(data, oddities))
    except etree.XMLSyntaxError as error:
        if "depth" in str(error.msg):
            raise TooDeep("The XML is nested too deeply to be an SBOM. Flatten it and send it again.") from error
        raise Malformed(f"The XML cannot be read: {error.msg}. Create the SBOM again and send it whole.") from error
    except (ValueError, LookupError) as error:
        raise Malformed(f"The XML cannot be read: {error}. Create the SBOM again as UTF-8.") from error


def _gathered(data: bytes, oddities: Oddities) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    depth = 0
    events = etree.iterparse(
        io.BytesIO(data),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    for event, element in events:
        if event == "start":
            depth += 1
            if element.tag.startswith(_XINCLUDE):
                # Not followed; and reading the rest as complete would make an unsafe product look clean.
                place = element.sourceline
                raise Malformed(f"The XML includes another file (line {place}). Send one complete document.")
            continue
        depth -= 1
        if depth == 1:
            _member(tree, element, oddities, "")
            _let_go(element)
    return tree


def _let_go(element: etree._Element) -> None:
    element.clear()
    holder = element.getparent()
    while holder is not None and element.getprevious() is not None:
        del holder[0]


def _member(holder: dict[str, Any], element: etree._Element, oddities: Oddities, around: str) -> None:
    name = etree.QName(element).localname
    where = f"{around}/{name}"
    if not around and name in PASSED_OVER:
        if name == "files":
            holder[name] = SOME_FILES
        return
    if name in _LISTS:
        items = holder.setdefault(name, [])
        value = _value(element, oddities, f"{where}/{len(items)}")
        if value is not None:
            items.append(value)
        return
    if name in holder:  # what is no list and comes twice: the first one counts
        oddities.note("wrong-type", where)
        return
    holder[name] = _value(element, oddities, where)


def _value(element: etree._Element, oddities: Oddities, where: str) -> dict[str, Any] | str | None:
    if not len(element):
        return element.text or None
    members: dict[str, Any] = {}
    for child in element:
        _member(members, child, oddities, where)
    return members
