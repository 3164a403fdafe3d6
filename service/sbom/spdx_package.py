"""One SPDX package as a `Component`."""

from service.sbom.document import Component
from service.sbom.graph import References
from service.sbom.hashes import hashes
from service.sbom.hints import source_from_info
from service.sbom.oddities import Oddities
from service.sbom.scrutiny import looked_over
from service.sbom.soundness import is_licence
from service.sbom.spdx_model import ExternalRef, Package
from service.sbom.texts import given, remembering, text

_WITH_ROLE = ("Organization:", "Person:", "Tool:")
_ROLES = frozenset({"organization", "person", "tool"})
#: SPDX 2.3, "primary package purpose", our spelling.
_PURPOSES = frozenset(
    {
        "application", "archive", "container", "device", "file", "firmware", "framework", "install", "library",
        "operating-system", "other", "source",
    }
)  # fmt: skip
# trivy names no purpose before SPDX 2.3, but its ids do.
_OS_ID = "SPDXRef-OperatingSystem-"


def component(package: Package, place: int, refs: References, oddities: Oddities) -> Component | None:
    """Read one package; ``None`` (and a warning) when nothing tells what it is."""
    where = f"line {package.line}" if package.line else f"/packages/{place}"
    identifier, name = given(package.id), given(package.name)
    if not identifier:
        oddities.note("missing-field", where)
    purl, cpes = identifiers(package.refs, where, oddities) if package.refs else ("", ())
    if not name:
        name = purl or identifier
        oddities.note("missing-name" if name else "empty-component", where)
        if not name:
            return None
    digests, bad = hashes((one.algorithm, one.value) for one in package.checksums) if package.checksums else ((), 0)
    if bad:
        oddities.note("bad-hash", where, count=bad)
    info = package.source_info
    source_name, source_version = source_from_info(info) if info else ("", "")
    found = Component(
        ref=refs.claim(identifier or f"#/packages/{place}", where),
        name=name,
        version=given(package.version),
        type=_type(package, identifier, where, oddities),
        purl=purl,
        cpes=cpes,
        hashes=digests,
        licence=_licence(package, where, oddities),
        supplier=_supplier(package, where, oddities),
        source_name=source_name,
        source_version=source_version,
        obtained_from=given(package.download) if package.download else "",
        stated=_stated(package),
    )
    return looked_over(found, where, oddities)


def identifiers(refs: list[ExternalRef], where: str, oddities: Oddities) -> tuple[str, tuple[str, ...]]:
    """Give the first purl and all CPEs; a second, different purl is warned about."""
    purl, cpes = "", []
    for ref in refs:
        kind = ref.kind
        if kind and kind.startswith("http"):
            kind = kind.rpartition("/")[2]  # SPDX 2.2 also spells types as http://spdx.org/rdf/references/purl
        if kind in ("cpe23Type", "cpe22Type"):
            cpes.append(text(ref.locator))
        elif kind and kind.lower() == "purl":
            locator = text(ref.locator)
            if purl and locator != purl:
                oddities.note("several-purls", where)
            purl = purl or locator
    return purl, tuple(dict.fromkeys(filter(None, cpes)))


def _type(package: Package, identifier: str, where: str, oddities: Oddities) -> str:
    purpose = given(package.purpose) if package.purpose else ""
    if not purpose:
        return "operating-system" if identifier.startswith(_OS_ID) else "library"
    kind = purpose.lower().replace("_", "-")
    if kind not in _PURPOSES:
        oddities.note("unknown-type", where)
        return "library"
    if purpose != purpose.upper():
        oddities.note("wrong-case", where)
    return kind


def _licence(package: Package, where: str, oddities: Oddities) -> str:
    licence = given(package.concluded) or given(package.declared)
    if licence and not is_licence(licence):
        oddities.note("bad-licence", where)
    return licence


def _supplier(package: Package, where: str, oddities: Oddities) -> str:
    said = given(package.supplier) or given(package.originator)
    if not said:
        return ""
    name, has_role = _named(said)
    if not has_role:
        oddities.note("missing-role", where)
    return name or party(package.originator)


@remembering(4_096)
def _named(said: str) -> tuple[str, bool]:
    """Give a party's name, and whether its role is said. A document names few of them, and each again and again."""
    return party(said), said.startswith(_WITH_ROLE) or said.partition(":")[0].lower() in _ROLES


def _stated(package: Package) -> tuple[str, ...]:
    supplier, originator = package.supplier, package.originator
    reachable = (supplier and "@" in supplier) or (originator and "@" in originator)
    if package.file and given(package.file):
        return ("contact", "filename") if reachable else ("filename",)
    return ("contact",) if reachable else ()


def party(said: str | None) -> str:
    """Give the name of ``Organization: Red Hat ()``: role and mail taken off."""
    words = given(said)
    if not words:
        return ""
    role, colon, name = words.partition(":")
    name = name.strip() if colon and role.lower() in _ROLES else words
    return given(without_mail(name)[0])


def without_mail(name: str) -> tuple[str, str]:
    """Split ``Jane (jane@example.org)`` and ``Red Hat ()`` into name and mail; a pattern would take quadratic time."""
    if not name.endswith(")"):
        return name, ""
    before, bracket, said = name[:-1].rpartition("(")
    mail = said.strip()
    is_mail = "@" in mail[1:-1] and ")" not in mail and len(mail.split()) == 1
    return (before.rstrip(), mail) if bracket and (is_mail or not mail) else (name, "")
