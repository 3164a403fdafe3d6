"""One CycloneDX component as a `Component`."""

from collections.abc import Iterator

import msgspec

from service.sbom.cyclonedx_model import LicenseChoice, Part, Property, Reference
from service.sbom.document import Component, Scope
from service.sbom.graph import References
from service.sbom.hashes import hashes
from service.sbom.hints import (
    STATING,
    SYFT_CPE,
    cpes_from_properties,
    package_type_from_properties,
    scope_from_properties,
    source_from_properties,
    stated_in,
)
from service.sbom.licences import all_of
from service.sbom.oddities import Oddities
from service.sbom.parties import contact_of
from service.sbom.scrutiny import looked_over
from service.sbom.soundness import is_licence
from service.sbom.texts import given, text

_TYPES = frozenset(
    {
        "application", "container", "cryptographic-asset", "data", "device", "device-driver", "file", "firmware",
        "framework", "library", "machine-learning-model", "operating-system", "platform",
    }
)  # fmt: skip
_SCOPES = {"required": Scope.REQUIRED, "optional": Scope.OPTIONAL, "excluded": Scope.EXCLUDED, "": Scope.REQUIRED}


def component(
    part: Part, path: tuple[str, ...], pointer: str, refs: References, oddities: Oddities
) -> Component | None:
    """Read one component; ``None`` (and a warning) when nothing tells what it is."""
    where = f"line {part.line}" if part.line else pointer
    ref, name, purl, cpe = text(part.bom_ref), text(part.name), text(part.purl), text(part.cpe)
    if not name:
        name = _name_in(purl) or cpe or ref
        oddities.note("missing-name" if name else "empty-component", where)
        if not name:
            return None
    digests, bad = hashes([(one.alg, one.content) for one in part.hashes]) if part.hashes else ((), 0)
    if bad:
        oddities.note("bad-hash", where, count=bad)
    said = said_in(part.properties) if part.properties else {}
    source_name, source_version = source_from_properties(said) if said else ("", "")
    found = Component(
        ref=refs.claim(ref or f"#{pointer}", where),
        name=name,
        version=given(part.version),
        type=part.type if part.type in _TYPES else _type(part, where, oddities),
        namespace=text(part.group),
        purl=purl,
        cpes=_cpes(cpe, part) if SYFT_CPE in said else (cpe,) if cpe else (),
        hashes=digests,
        licence=all_of(_licences(part.licenses, where, oddities)) if part.licenses else "",
        supplier=_supplier(part),
        scope=(said and scope_from_properties(said))
        or (_scope(part, where, oddities) if part.scope else Scope.REQUIRED),
        source_name=source_name,
        source_version=source_version,
        package_type=package_type_from_properties(name, said) if said else "",
        obtained_from=_obtained_from(part, said),
        path=path,
        stated=_stated(part, said) if part.supplier or part.manufacturer or not STATING.isdisjoint(said) else (),
    )
    return looked_over(found, where, oddities)


_references = msgspec.json.Decoder(list[Reference])
#: In which cdxgen and syft say what a lock file says.
_RESOLVED = ("ResolvedUrl", "syft:metadata:resolved")


def _obtained_from(part: Part, said: dict[str, str]) -> str:
    """Give the address at which the component was had, or is distributed: only these references are read at all."""
    if said and (resolved := next((said[name] for name in _RESOLVED if name in said), "")):
        return resolved
    raw = bytes(part.references)
    if b'"distribution"' not in raw:
        return text(part.distribution)
    try:
        references = _references.decode(raw)
    except msgspec.MsgspecError:
        return ""
    return next((text(one.url) for one in references if one.type == "distribution"), "")


def said_in(properties: list[Property]) -> dict[str, str]:
    """Give properties by name; of one that is there twice the last."""
    return {one.name.strip() if one.name else "": one.value.strip() if one.value else "" for one in properties}


def _cpes(cpe: str, part: Part) -> tuple[str, ...]:
    further = cpes_from_properties((text(one.name), text(one.value)) for one in part.properties or ())
    return tuple(dict.fromkeys(filter(None, (cpe, *further))))


def _stated(part: Part, said: dict[str, str]) -> tuple[str, ...]:
    reachable = any(contact_of(party) for party in (part.supplier, part.manufacturer) if party)
    return ("contact", *stated_in(said)) if reachable else stated_in(said)


def _name_in(purl: str) -> str:
    return purl.partition("#")[0].partition("?")[0].rpartition("/")[2].partition("@")[0]


def _type(part: Part, where: str, oddities: Oddities) -> str:
    kind = text(part.type)
    if kind in _TYPES:
        return kind
    if kind.lower() in _TYPES:
        oddities.note("wrong-case", where)
        return kind.lower()
    oddities.note("unknown-type" if kind else "missing-type", where)
    return "library"


def _scope(part: Part, where: str, oddities: Oddities) -> Scope:
    said = text(part.scope)
    scope = _SCOPES.get(said)
    if scope is not None:
        return scope
    scope = _SCOPES.get(said.lower())
    oddities.note("wrong-case" if scope else "unknown-scope", where)
    return scope or Scope.REQUIRED


def _licences(choices: list[LicenseChoice], where: str, oddities: Oddities) -> Iterator[str]:
    """Give ids, names and expressions as they are; a name may be anything, the other two are warned about."""
    for choice in choices:
        licence = choice.license
        formal = given(licence.id if licence else choice.expression)
        if formal:
            if not is_licence(formal):
                oddities.note("bad-licence", where)
            yield formal
        elif named := given(licence.name if licence else ""):
            yield named
        elif not _says_none(choice):
            oddities.note("bad-licence", where)


def _says_none(choice: LicenseChoice) -> bool:
    """Tell whether a choice without a licence says so, in SPDX's words."""
    return bool(choice.expression or (choice.license and (choice.license.id or choice.license.name)))


def _supplier(part: Part) -> str:
    supplier = given(part.supplier.name) if part.supplier else ""
    manufacturer = given(part.manufacturer.name) if part.manufacturer and not supplier else ""
    return supplier or given(part.publisher) or manufacturer
