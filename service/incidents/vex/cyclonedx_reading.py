"""CycloneDX with analyses of vulnerabilities, read from its JSON (XML becomes that first). Pure.

What an ``affects`` leads to is a component of the same document, one whose ``bom-ref`` is its purl, or a BOM-Link whose
element is. A component that lies in a whole (an application, an image) is a part of that; any other one is a part of
the document's subject.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from service.incidents.vex.fields import BadVex, Fields, bounded
from service.incidents.vex.statements import FIVE, Binding, Claim, Claims, Format, Named, Status

_STATES: Final = {
    "in_triage": Status.UNDER_INVESTIGATION,
    "exploitable": Status.AFFECTED,
    "resolved": Status.FIXED,
    "resolved_with_pedigree": Status.FIXED,
    "not_affected": Status.NOT_AFFECTED,
    "false_positive": Status.RETRACTED,
}
#: What a version's own status says against the statement's.
_CONTRARY: Final = {Status.NOT_AFFECTED: "affected", Status.FIXED: "affected", Status.AFFECTED: "unaffected"}
#: Types of what is a product of its own, should it lie in a document with others.
_WHOLES: Final = frozenset({"application", "container", "device", "firmware", "operating-system", "platform"})
_DEEPEST: Final = 60
_MOST_COMPONENTS: Final = 500_000


class _Held(NamedTuple):
    """A component, and the outermost one that it lies in."""

    named: Named
    around: Named | None


def is_cyclonedx(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object says that it is CycloneDX."""
    return document.get("bomFormat") == "CycloneDX"


def read(document: dict[str, Any]) -> Claims:
    """Read the analyses of a document; vulnerabilities without one say nothing.

    Raises:
        BadVex: It has something of another type.
        VexTooLarge: It binds too many components.
    """
    fields = Fields(document)
    metadata = fields.object("metadata")
    issued = metadata.instant("timestamp")
    held, subject = _held(fields, metadata)
    claims: list[Claim] = []
    count = 0
    for vulnerability in fields.objects("vulnerabilities"):
        if "analysis" in vulnerability.value and vulnerability.value["analysis"] is not None:
            claims.append(_claim(vulnerability, held, subject, issued))
            count += len(claims[-1].bindings)
            bounded(count)
    version = fields.number("version") or "1"
    return Claims(Format.CYCLONEDX, fields.text("serialNumber"), _author(metadata), version, issued, tuple(claims))


def _author(metadata: Fields) -> str:
    """Name who says so: the supplier's address or name, else the manufacturer's, else the first author's."""
    for key in ("supplier", "manufacturer", "manufacture"):
        if isinstance(metadata.value.get(key), dict):
            entity = metadata.object(key)
            if found := next(iter(entity.texts("url")), "") or entity.text("name"):
                return found
    for author in metadata.objects("authors"):
        if found := author.text("email") or author.text("name"):
            return found
    return ""


def _held(document: Fields, metadata: Fields) -> tuple[dict[str, _Held], Named | None]:
    held: dict[str, _Held] = {}
    subject = None
    if isinstance(metadata.value.get("component"), dict):
        component = metadata.object("component")
        subject = _named(component)
        held[subject.id] = _Held(subject, None)
        _within(component, subject, held)
    for component in document.objects("components"):
        named = _named(component)
        held.setdefault(named.id, _Held(named, subject))
        whole = component.text("type") in _WHOLES or subject is None
        _within(component, named if whole else subject or named, held)
    return held, subject


def _within(component: Fields, outermost: Named, held: dict[str, _Held]) -> None:
    waiting = [(component, 0)]
    while waiting:
        around, depth = waiting.pop()
        if depth > _DEEPEST or len(held) > _MOST_COMPONENTS:
            raise BadVex(f"{around.place}: components are too many, or nested more than {_DEEPEST} deep.")
        for inner in around.objects("components"):
            named = _named(inner)
            held.setdefault(named.id, _Held(named, outermost))
            waiting.append((inner, depth + 1))


def _named(component: Fields) -> Named:
    purl = component.text("purl")
    name = "/".join(filter(None, (component.text("group"), component.text("name"))))
    return Named(component.text("bom-ref") or purl, purl, name, component.text("version"))


def _claim(vulnerability: Fields, held: dict[str, _Held], subject: Named | None, issued: datetime | None) -> Claim:
    analysis = vulnerability.object("analysis")
    status = _status(analysis)
    return Claim(
        place=vulnerability.place,
        names=_names(vulnerability),
        status=status,
        justification=_justification(analysis) if status == Status.NOT_AFFECTED else None,
        reason=analysis.prose("detail"),
        at=analysis.instant("lastUpdated") or vulnerability.instant("updated") or issued,
        bindings=tuple(_bindings(vulnerability, status, held, subject)),
    )


def _status(analysis: Fields) -> Status:
    state = analysis.text("state") or "in_triage"
    if state not in _STATES:
        raise BadVex(f"{analysis.place}/state is none of CycloneDX: {state[:40]}.")
    return _STATES[state]


def _justification(analysis: Fields) -> str | None:
    said = analysis.text("justification")
    if said and said not in FIVE:
        raise BadVex(f"{analysis.place}/justification is none of CycloneDX: {said[:40]}.")
    return said or None


def _names(vulnerability: Fields) -> tuple[str, ...]:
    names = [vulnerability.text("id"), *(one.text("id") for one in vulnerability.objects("references"))]
    found = tuple(dict.fromkeys(name for name in names if name))
    if not found:
        raise BadVex(f"{vulnerability.place}/id is missing.")
    return found


def _bindings(
    vulnerability: Fields, status: Status, held: dict[str, _Held], subject: Named | None
) -> Iterator[Binding]:
    for affected in vulnerability.objects("affects"):
        product, component = _meant(affected.needed("ref"), held, subject)
        ranges = list(_versions(affected, status, component))
        for versions in ranges:
            yield Binding(product, component, versions)
        if not ranges and not affected.items("versions"):
            yield Binding(product, component)


def _versions(affected: Fields, status: Status, component: Named | None) -> Iterator[str]:
    """Give the versions that the statement is about: '' for the component's own, else a vers expression."""
    for one in affected.objects("versions"):
        if one.text("status") == _CONTRARY.get(status):
            continue
        exactly, ranged = one.text("version"), one.text("range")
        if ranged.startswith("vers:"):
            yield ranged
        elif exactly and component is not None and component.version in ("", exactly):
            yield "" if component.version else f"vers:generic/{exactly}"
        elif exactly:
            yield f"vers:generic/{exactly}"


def _meant(ref: str, held: dict[str, _Held], subject: Named | None) -> tuple[Named | None, Named | None]:
    """Give the product and the component that a reference leads to."""
    if ref in held:
        found = held[ref]
        # The outermost is a product or a component: only the inventory knows.
        return (found.named, None) if found.around is None else (found.around, found.named)
    if ref.startswith("pkg:"):
        return subject, Named(id=ref, purl=ref)
    link, _, element = ref.partition("#")
    if ref.startswith("urn:cdx:"):
        element = unquote(element)
        component = Named(id=element, purl=element) if element.startswith("pkg:") else None
        return Named(id=link), component
    return Named(id=ref), None
