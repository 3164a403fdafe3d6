"""What a statement is about, in our inventory: which product, which components, which of their versions. Pure.

A statement binds to a component identity or to nothing: a vulnerability's name alone, or a product's, would silence
what nobody looked at.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from service.incidents.bounds import Used, within
from service.incidents.vex.statements import Binding, Named
from service.inventory.constraints import BadConstraint
from service.purls import BadPurl, Identity, identify, parse
from service.purls.qualifiers import DISTRIBUTION_TYPES, telling


class Reason(StrEnum):
    """Why a statement, or a part of one, did not do what it says."""

    UNTRUSTED = "untrusted_source"
    UNSIGNED = "not_signed"
    BEYOND_TRUST = "beyond_trust"
    OLDER = "older_than_known"
    UNKNOWN_VULNERABILITY = "unknown_vulnerability"
    UNKNOWN_PRODUCT = "unknown_product"
    NO_COMPONENT = "no_component"
    NOT_IN_FIELD = "component_not_in_field"
    VERSION_OUTSIDE = "version_outside"
    NO_EXPOSURE = "no_exposure"
    CONTRADICTORY = "contradictory"
    PARTLY = "partly_covered"
    NO_JUSTIFICATION = "no_justification"
    SEVERAL_JUSTIFICATIONS = "several_justifications"
    NOTHING_TO_DO = "nothing_to_do"
    REFUSED = "refused"


class Unbound(NamedTuple):
    """Why a binding leads nowhere."""

    reason: Reason
    detail: str


class Spot(NamedTuple):
    """A component of an exposure in one place of the field; `label` is the release, or what the newest upload says."""

    stream: str
    label: str
    used: Used
    identity: Identity


class Meant(NamedTuple):
    """What a binding means: a component (`sources`: the source package of that name), perhaps in one product only.

    `stream` and `label` are '' where all are meant. `versions` is a vers expression, '' where the identity says it all.
    """

    product: str | None
    stream: str
    label: str
    part: Identity
    sources: bool
    versions: str

    def is_package_of(self, spot: Spot) -> bool:
        """Tell whether it is the same package, in whichever version."""
        ours, theirs = spot.identity, self.part
        if (ours.type, ours.namespace) != (theirs.type, theirs.namespace):
            return False
        if not _same_release(ours.distribution, theirs.distribution):
            return False
        return theirs.name == ((ours.source_name or ours.name) if self.sources else ours.name)

    def is_in(self, spot: Spot) -> bool:
        """Tell whether it is the version of the package, and of the product, that is there.

        Raises:
            BadConstraint: The range cannot be read.
        """
        if self.stream not in ("", spot.stream) or self.label not in ("", spot.label):
            return False
        if self.versions:
            return self.versions in _ALL or within(self.versions, spot.used, _ecosystem(spot.used))
        ours = (spot.identity.source_version or spot.identity.version) if self.sources else spot.identity.version
        return self.part.version in ("", ours)


_ALL: Final = frozenset({"vers:all/*", "vers:generic/*"})


def _same_release(ours: str, theirs: str) -> bool:
    return ":" not in theirs or ":" not in ours or ours == theirs


def _ecosystem(used: Used) -> str:
    return next((said.ecosystem for said in used.said), "")


class Ours(NamedTuple):
    """How to tell our products: every slug that there is or was, our address, and names that others have for them."""

    slugs: Mapping[str, str]
    base: str
    known_as: Mapping[str, str]

    def meaning(self, binding: Binding, packages: tuple[str, ...]) -> Meant | Unbound:
        """Say what a binding means to somebody who may speak of *packages* (beginnings of purls; none: of all)."""
        product, component = binding.product, binding.component
        place = self._place(product) if product is not None else _ANYWHERE
        if component is None:
            if product is None or place is not None or not product.purl:
                return Unbound(Reason.NO_COMPONENT, _NO_COMPONENT)
            # What it calls its product is a component of ours, wherever that is.
            place, component = _ANYWHERE, product
        elif place is None:
            if not _speaks_of_distribution(product, component, packages):
                said = product.purl or product.id or product.name if product is not None else ""
                return Unbound(Reason.UNKNOWN_PRODUCT, f"{said[:200]} is none of our products; known_as can say so.")
            place = _ANYWHERE
        return _meant(place, component, binding.versions, packages)

    def _place(self, product: Named) -> tuple[str | None, str, str] | None:
        """Find product, stream and release that a document names; None where it is none of ours."""
        for said in (product.id, product.purl):
            if said in self.known_as:
                return self.known_as[said], "", product.version
        for said in (product.purl, product.id):
            if found := self._by_purl(said) or self._by_address(said):
                return found
        return None

    def _by_purl(self, text: str) -> tuple[str, str, str] | None:
        try:
            purl = parse(text)
        except BadPurl:
            return None
        if (bare := purl.written("", {})) in self.known_as:
            return self.known_as[bare], purl.qualifiers.get("stream", ""), purl.version
        if purl.type != "generic" or purl.namespace or purl.name not in self.slugs:
            return None
        return self.slugs[purl.name], purl.qualifiers.get("stream", ""), purl.version

    def _by_address(self, text: str) -> tuple[str, str, str] | None:
        if not (self.base and text.startswith(f"{self.base}/v1/")):
            return None
        kind, _, rest = urlsplit(text).path.partition("/v1/")[2].partition("/")
        slug = unquote(rest.partition("/")[0])
        return (self.slugs[slug], "", "") if kind in ("vex", "products") and slug in self.slugs else None


_ANYWHERE: Final = (None, "", "")
_NO_COMPONENT: Final = "It names no component by its purl; a vulnerability in a product alone is not enough."


def _speaks_of_distribution(product: Named | None, component: Named, packages: tuple[str, ...]) -> bool:
    """Tell whether it is a distribution's word on its own package, for whom that is the product's part.

    The product is the distribution then (by CPE, mostly). Who may speak of anything is not meant by that: what does not
    matter in one vendor's application may well in another's.
    """
    try:
        kind = parse(component.purl).type
    except BadPurl:
        return False
    return kind in DISTRIBUTION_TYPES and bool(packages) and not (product and product.purl)


def _meant(
    place: tuple[str | None, str, str], component: Named, versions: str, packages: tuple[str, ...]
) -> Meant | Unbound:
    if not component.purl:
        return Unbound(Reason.NO_COMPONENT, _NO_COMPONENT)
    part = identify(purl=component.purl, name=component.name, version=component.version)
    if not part.type:
        return Unbound(Reason.NO_COMPONENT, f"{component.purl[:200]} is no package URL.")
    if packages and not part.purl.startswith(packages):
        return Unbound(Reason.BEYOND_TRUST, f"This author is not believed about {part.purl[:200]}.")
    said = parse(component.purl)
    sources = part.type in DISTRIBUTION_TYPES and said.qualifiers.get("arch") in ("src", "source")
    return Meant(*place, part, sources, versions)


def differs(meant: Meant, spot: Spot) -> bool:
    """Tell whether a qualifier that is no part of the version makes it another package."""
    theirs = telling(parse(meant.part.purl))
    ours = telling(parse(spot.identity.purl)) if spot.identity.purl else {}
    return any(ours.get(key) != value for key, value in theirs.items() if key not in ("distro", "epoch"))


def holds(meant: Meant, spot: Spot) -> tuple[bool, bool]:
    """Tell whether a spot is of the package that is meant, and whether it is meant itself."""
    if not meant.is_package_of(spot) or differs(meant, spot):
        return False, False
    try:
        return True, meant.is_in(spot)
    except BadConstraint:
        return True, False
