"""What only may be affected. It opens nothing, except where we declared the incident: then owners have to say.

A feed's possible match is one of millions, and waits for whoever looks. What the CERT declares is urgent: a product
that carries the code without a version, or under version numbers of its own, gets an exposure with presence unknown.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from service.advisories.declared import RULE
from service.advisories.findings import Evidence, declared_among
from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component, Package
from service.inventory.field import FieldUse
from service.inventory.scopes import SCOPE_CODE

#: Scopes in which a component ships; the others count for malware alone.
SHIPPED = frozenset({SCOPE_CODE["required"], SCOPE_CODE["optional"]})

#: Product and vulnerability.
Pair = tuple[int, int]


@dataclass(frozen=True)
class Suspicion:
    """The components that may make a product affected, and why nobody can tell."""

    component_ids: frozenset[int]
    reason: str


def suspicions(
    session: ReadSession, uses: Iterable[FieldUse], evidence: Iterable[Evidence], affected: Collection[Pair]
) -> dict[Pair, Suspicion]:
    """Say which products may be affected by what we declared, beside those that are *affected*.

    No statement where nothing is possible, two otherwise.
    """
    possible = [item for item in evidence if item.certainty == "possible" and item.kind != "informational"]
    declared = declared_among(session, {item.vulnerability_id for item in possible}) if possible else set()
    said: defaultdict[int, list[Evidence]] = defaultdict(list)
    for item in possible:
        if item.vulnerability_id in declared:
            said[item.component_id].append(item)
    found: defaultdict[Pair, dict[int, Evidence]] = defaultdict(dict)
    for use in uses:
        for item in said.get(use.component_id, ()):
            pair = use.product_id, item.vulnerability_id
            if pair not in affected and (item.kind == "malware" or use.scope in SHIPPED):
                found[pair][item.component_id] = item
    labels = _labels(session, {component_id for components in found.values() for component_id in components})
    return {pair: _suspicion(components, labels) for pair, components in found.items()}


def _suspicion(components: Mapping[int, Evidence], labels: Mapping[int, tuple[str, str]]) -> Suspicion:
    first = min(components)
    name, version = labels[first]
    if not version:
        why = f"{name} may be affected: it has no version"
    elif RULE in components[first].rule:
        why = f"{name} {version} may be affected: its version numbers are its own"
    else:
        why = f"{name} {version} may be affected: nobody names the release that it belongs to"
    return Suspicion(frozenset(components), why)


def _labels(session: ReadSession, component_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    if not component_ids:
        return {}
    rows = session.execute(
        select(Component.id, Package.name, Component.version)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids))
    )
    return {id_: (name, version) for id_, name, version in rows}
