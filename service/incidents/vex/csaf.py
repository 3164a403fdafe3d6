"""CSAF 2.0 in the profile VEX, written. Pure.

Source: OASIS, Common Security Advisory Framework 2.0: section 4.5 (profile), 3.2 (properties), 6.1 (mandatory tests).
Every component stands in the product tree by itself and, through a relationship, as part of a version of the product;
statements speak of the latter only.
"""

import re
from typing import Any

from service.incidents.vex.statements import (
    FIVE,
    OUTSIDE,
    Part,
    PartRange,
    ProductVersion,
    Status,
    Telling,
    Told,
    with_justification,
)

_STATUSES = {
    Status.UNDER_INVESTIGATION: "under_investigation",
    Status.AFFECTED: "known_affected",
    Status.FIXED: "fixed",
    Status.NOT_AFFECTED: "known_not_affected",
    Status.RETRACTED: "known_not_affected",
}
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
#: What is done about it, in CSAF's words; it has none for a fix that is on its way.
_REMEDIES = {"claimed": "vendor_fix", "workaround": "workaround", "accepted": "no_fix_planned", "outside": "mitigation"}


def write(telling: Telling) -> dict[str, Any]:
    """Write what we say."""
    tree = _Tree(telling)
    cves: set[str] = set()
    vulnerabilities = [_vulnerability(told, tree, cves, telling) for told in telling.statements]
    return {"document": _document(telling), "product_tree": tree.written(), "vulnerabilities": vulnerabilities}


def _document(telling: Telling) -> dict[str, Any]:
    publisher, issue = telling.publisher, telling.issue
    return {
        "category": "csaf_vex",
        "csaf_version": "2.0",
        "distribution": {"tlp": {"label": "AMBER" if telling.restricted else "WHITE"}},
        "lang": "en",
        "notes": [
            {
                "category": "summary",
                "title": "What this is",
                "text": f"What is known of vulnerabilities in {telling.title}, from its incidents as they stand.",
            }
        ],
        "publisher": {"category": "vendor", "name": publisher.name, "namespace": publisher.namespace},
        "references": [
            {"category": "self", "summary": "This document, as it is now", "url": f"{telling.address}?format=csaf"}
        ],
        "title": f"VEX of {telling.title}",
        "tracking": {
            "id": issue.id.rpartition("/")[2],
            "initial_release_date": issue.dates[0].isoformat(),
            "current_release_date": issue.dates[-1].isoformat(),
            "version": str(issue.version),
            "status": "final",
            "revision_history": [
                {
                    "number": str(number),
                    "date": at.isoformat(),
                    "summary": "Statements changed." if number > 1 else "First issued.",
                }
                for number, at in enumerate(issue.dates, 1)
            ],
            "generator": {"engine": {"name": "muster", "version": telling.tool_version}},
        },
    }


def _vulnerability(told: Told, tree: "_Tree", cves: set[str], telling: Telling) -> dict[str, Any]:
    products = tree.meant_by(told)
    cve = next((name for name in told.names if _CVE.fullmatch(name) and name not in cves), "")
    cves.add(cve)
    written: dict[str, Any] = {"cve": cve} if cve else {}
    # A second statement of one CVE would be a fault (6.1.23), so what it is called else names it.
    others = [name for name in told.names if name != cve] or ([told.incident] if not cve else [])
    if others:
        written["ids"] = [{"system_name": _system(name, told, telling), "text": name} for name in others]
    return {
        **written,
        "title": told.title or told.names[0],
        "notes": [{"category": "description", "title": "Incident", "text": f"{told.incident}, {told.exposure}"}],
        "product_status": {_STATUSES[_seen(told)]: products},
        **_said(told, products),
    }


def _seen(told: Told) -> Status:
    outside = told.status == Status.NOT_AFFECTED and told.justification == OUTSIDE
    return Status.AFFECTED if outside else told.status


def _said(told: Told, products: list[str]) -> dict[str, Any]:
    if _seen(told) == Status.AFFECTED:
        outside = told.status == Status.NOT_AFFECTED
        return {
            "remediations": [
                {
                    "category": _REMEDIES.get("outside" if outside else told.answer, "none_available"),
                    "details": with_justification(OUTSIDE, told.reason) if outside else told.reason,
                    "date": told.since.isoformat(),
                    "product_ids": products,
                }
            ]
        }
    if told.status == Status.NOT_AFFECTED:
        flag = {"label": FIVE[told.justification], "date": told.since.isoformat(), "product_ids": products}
        return {
            "flags": [flag],
            "threats": _impact(told, with_justification(told.justification, told.reason), products),
        }
    if told.status == Status.RETRACTED:
        return {"threats": _impact(told, f"Retracted: {told.reason}", products)}
    return {}


def _impact(told: Told, details: str, products: list[str]) -> list[dict[str, Any]]:
    return [{"category": "impact", "details": details, "date": told.since.isoformat(), "product_ids": products}]


def _system(name: str, told: Told, telling: Telling) -> str:
    if name == told.incident:
        return telling.publisher.name
    return name.partition("-")[0]


class _Tree:
    """The product tree: versions of the product (P), components (C), versions of packages (R), and these in those."""

    def __init__(self, telling: Telling) -> None:
        self._products = {one: f"P{number}" for number, one in enumerate(telling.product_versions, 1)}
        parts = sorted({part for told in telling.statements for _, part in told.places}, key=lambda one: one.purl)
        ranges = sorted(
            {one for told in telling.statements for one in told.ranges}, key=lambda one: (one.package, one.versions)
        )
        self._parts: dict[Part, str] = {one: f"C{number}" for number, one in enumerate(parts, 1)}
        self._ranges: dict[PartRange, str] = {one: f"R{number}" for number, one in enumerate(ranges, 1)}
        self._inside: dict[str, dict[str, Any]] = {}

    def meant_by(self, told: Told) -> list[str]:
        """Give the ids of what a statement speaks of: components in versions of the product, then versions in them."""
        exactly = [self._within(part, self._parts[part], place) for place, part in told.places]
        places = dict.fromkeys(place for place, _ in told.places)
        ranged = [self._within(one, self._ranges[one], place) for place in places for one in told.ranges]
        return list(dict.fromkeys([*exactly, *ranged]))

    def _within(self, part: Part | PartRange, part_id: str, place: ProductVersion) -> str:
        place_id = self._products[place]
        id_ = f"{part_id}-{place_id}"
        self._inside.setdefault(
            id_,
            {
                "category": "default_component_of",
                "product_reference": part_id,
                "relates_to_product_reference": place_id,
                "full_product_name": {"product_id": id_, "name": f"{_named(part)} as a part of {place.name}"},
            },
        )
        return id_

    def written(self) -> dict[str, Any]:
        """Write the tree, with all that was asked for until now."""
        names = [_full_name(id_, one.purl, one.name) for one, id_ in self._products.items()]
        names += [_full_name(id_, part.purl, _named(part)) for part, id_ in self._parts.items()]
        tree: dict[str, Any] = {"full_product_names": names, "relationships": list(self._inside.values())}
        if self._ranges:
            tree["branches"] = [_branch(one, id_) for one, id_ in self._ranges.items()]
        return tree


def _full_name(id_: str, purl: str, name: str) -> dict[str, Any]:
    return {"product_id": id_, "name": name, "product_identification_helper": {"purl": purl}}


def _branch(one: PartRange, id_: str) -> dict[str, Any]:
    versions = {
        "category": "product_version_range",
        "name": one.versions,
        "product": _full_name(id_, one.package, _named(one)),
    }
    return {"category": "product_name", "name": one.package, "branches": [versions]}


def _named(part: Part | PartRange) -> str:
    if isinstance(part, PartRange):
        return f"{part.package} {part.versions}"
    return f"{part.name} {part.version}".strip()
