"""CSAF 2.0 with statements of VEX, read: the profile itself, and security advisories, which say the same. Pure.

Products are named by their purl or, through relationships, as a component of a product. Groups, nested branches and
nested relationships are followed; a product that names nothing but itself binds nothing.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from service.errors import Refused
from service.incidents.vex.fields import BadVex, Fields, bounded
from service.incidents.vex.statements import (
    OUTSIDE,
    Binding,
    Claim,
    Claims,
    Format,
    Named,
    Status,
    justified,
    split_justification,
)

_STATUSES: Final = {
    "under_investigation": Status.UNDER_INVESTIGATION,
    "known_affected": Status.AFFECTED,
    "first_affected": Status.AFFECTED,
    "last_affected": Status.AFFECTED,
    "fixed": Status.FIXED,
    "first_fixed": Status.FIXED,
    "known_not_affected": Status.NOT_AFFECTED,
}
_RETRACTED: Final = "Retracted: "
#: Branches within each other; the deepest real trees have six.
_DEEPEST: Final = 30


class Draft(Refused):
    """The document is a draft."""

    slug = "vex-draft"


def is_csaf(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object says that it is CSAF."""
    inner = document.get("document")
    return isinstance(inner, dict) and "csaf_version" in inner


def read(document: dict[str, Any]) -> Claims:
    """Read CSAF 2.0; the author is the publisher's namespace, which tells it from others of its name.

    Raises:
        BadVex: It lacks what it needs, or has something of another type.
        Draft: It says itself that it is not to be relied on.
        VexTooLarge: It binds too many components.
    """
    fields = Fields(document)
    head = fields.object("document")
    tracking, publisher = head.object("tracking"), head.object("publisher")
    if not head.text("csaf_version").startswith("2."):
        raise BadVex(f"CSAF {head.text('csaf_version')[:20]} is not read; 2.0 is.")
    if tracking.text("status") == "draft":
        raise Draft("CSAF says that nobody should rely on a draft. Send it once it is interim or final.")
    products = _Products(fields.object("product_tree"))
    issued = tracking.instant("current_release_date")
    claims: list[Claim] = []
    count = 0
    for vulnerability in fields.objects("vulnerabilities"):
        for claim in _claims(vulnerability, products, issued):
            claims.append(claim)
            count += len(claim.bindings)
            bounded(count)
    return Claims(
        Format.CSAF,
        tracking.needed("id"),
        publisher.needed("namespace"),
        tracking.text("version"),
        issued,
        tuple(claims),
    )


def _claims(vulnerability: Fields, products: "_Products", issued: datetime | None) -> Iterator[Claim]:
    """Give one claim for all products of a status that have the same words."""
    names = _names(vulnerability)
    words = _Words(vulnerability, products)
    said = vulnerability.object("product_status")
    for key, status in _STATUSES.items():
        groups: dict[tuple[Status, str | None, str], list[str]] = {}
        for id_ in dict.fromkeys(said.texts(key)):
            groups.setdefault(words.about(id_, status), []).append(id_)
        for (meant, justification, reason), ids in groups.items():
            yield Claim(
                place=f"{said.place}/{key}",
                names=names,
                status=meant,
                justification=justification,
                reason=reason,
                at=issued,
                bindings=tuple(products.binding(id_, f"{said.place}/{key}") for id_ in ids),
            )


def _names(vulnerability: Fields) -> tuple[str, ...]:
    names = [vulnerability.text("cve"), *(one.text("text") for one in vulnerability.objects("ids"))]
    found = tuple(dict.fromkeys(name for name in names if name))
    if not found:
        raise BadVex(f"{vulnerability.place} names no vulnerability: it has neither cve nor ids.")
    return found


class _Words:
    """What a vulnerability's flags, threats and remediations say of which product; without products, of all."""

    def __init__(self, vulnerability: Fields, products: "_Products") -> None:
        self._flags = _by_product(vulnerability, "flags", "label", products)
        impacts = (one for one in vulnerability.objects("threats") if one.text("category") == "impact")
        self._impacts = _gathered(impacts, "details", products)
        self._remedies = _by_product(vulnerability, "remediations", "details", products)

    def about(self, id_: str, status: Status) -> tuple[Status, str | None, str]:
        """Give status, justification and reason of one product."""
        if status == Status.AFFECTED:
            justification, reason = split_justification(_of(self._remedies, id_))
            outside = justification == OUTSIDE
            return (Status.NOT_AFFECTED, OUTSIDE, reason) if outside else (status, None, _of(self._remedies, id_))
        if status != Status.NOT_AFFECTED:
            return status, None, ""
        impact = _of(self._impacts, id_)
        if impact.startswith(_RETRACTED):
            return Status.RETRACTED, None, impact.removeprefix(_RETRACTED)
        return (status, *justified(_of(self._flags, id_), impact))


def _of(texts: dict[str, str], id_: str) -> str:
    return texts.get(id_) or texts.get("", "")


def _by_product(vulnerability: Fields, key: str, text: str, products: "_Products") -> dict[str, str]:
    return _gathered(vulnerability.objects(key), text, products)


def _gathered(rows: Iterator[Fields], text: str, products: "_Products") -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        said = row.prose(text)
        ids = [*row.texts("product_ids"), *(id_ for group in row.texts("group_ids") for id_ in products.group(group))]
        for id_ in ids or [""]:
            found.setdefault(id_, said)
    return found


class _Products:
    """A product tree: what each product id stands for."""

    def __init__(self, tree: Fields) -> None:
        self._named: dict[str, tuple[Named, str]] = {}
        self._inside: dict[str, tuple[str, str]] = {}
        for one in tree.objects("full_product_names"):
            self._add(one, "")
        self._branches(tree)
        for one in tree.objects("relationships"):
            name = one.object("full_product_name")
            self._add(name, "")
            self._inside[name.needed("product_id")] = (
                one.needed("product_reference"),
                one.needed("relates_to_product_reference"),
            )
        self._groups = {one.needed("group_id"): one.texts("product_ids") for one in tree.objects("product_groups")}

    def _branches(self, tree: Fields) -> None:
        waiting = [(tree, 0)]
        while waiting:
            around, depth = waiting.pop()
            if depth > _DEEPEST:
                raise BadVex(f"{around.place}: branches are nested more than {_DEEPEST} deep.")
            for branch in around.objects("branches"):
                waiting.append((branch, depth + 1))
                if "product" in branch.value:
                    ranged = branch.text("category") == "product_version_range"
                    self._add(branch.object("product"), branch.text("name") if ranged else "")

    def _add(self, product: Fields, versions: str) -> None:
        helper = product.object("product_identification_helper")
        id_ = product.needed("product_id")
        named = Named(id=id_, purl=helper.text("purl"), name=product.text("name"))
        self._named[id_] = named, versions if versions.startswith("vers:") else ""

    def group(self, id_: str) -> list[str]:
        """Give the products of a group."""
        return self._groups.get(id_, [])

    def binding(self, id_: str, place: str) -> Binding:
        """Give what a statement about a product id is about."""
        if id_ not in self._named:
            raise BadVex(f"{place} names {id_[:80]}, which the product tree lacks.")
        if id_ not in self._inside:
            # Whose product it is only the inventory knows: it may be ours, or a component of ours.
            named, versions = self._named[id_]
            return Binding(named, None, versions)
        part_id, place_id = self._inside[id_]
        part, versions = self._known(part_id, place)
        return Binding(self._outermost(place_id, place), part, versions)

    def _known(self, id_: str, place: str) -> tuple[Named, str]:
        if id_ not in self._named:
            raise BadVex(f"{place} leads to {id_[:80]}, which the product tree lacks.")
        return self._named[id_]

    def _outermost(self, id_: str, place: str) -> Named:
        seen = set()
        while id_ in self._inside and id_ not in seen:
            seen.add(id_)
            id_ = self._inside[id_][1]
        return self._known(id_, place)[0]
