"""Why a declared incident no longer means what it once opened: the versions, or the words, were narrowed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import select

from service.advisories.declared import IS_DECLARED, Meant, declarations, reached
from service.advisories.models import Advisory, VulnerabilityAdvisory
from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component

#: Vulnerability, or advisory, and component.
Pair = tuple[int, int]


class Opened(NamedTuple):
    """What opened an exposure: the vulnerability, and the components that were affected."""

    vulnerability_id: int
    component_ids: frozenset[int]


def narrowed(session: ReadSession, opened: Mapping[int, Opened]) -> dict[int, str]:
    """Give reasons by exposure, where the vulnerability is declared. One statement where none is, three otherwise."""
    by_vulnerability = _declaring(session, {one.vulnerability_id for one in opened.values()})
    if not by_vulnerability:
        return {}
    spoken = declarations(session, {id_ for ids in by_vulnerability.values() for id_ in ids})
    components = {c for one in opened.values() for c in one.component_ids}
    said = {
        (one.advisory_id, one.component_id): one for one in reached(session, spoken, Component.id == any_of(components))
    }
    reasons = {}
    for exposure_id, one in opened.items():
        pairs = [(a, c) for a in by_vulnerability.get(one.vulnerability_id, ()) for c in sorted(one.component_ids)]
        still = [said[pair] for pair in pairs if pair in said]
        # What is meant as before was withdrawn for another reason: an SBOM that was taken back, say.
        if pairs and not any(each.certainty for each in still):
            reasons[exposure_id] = _reason(still)
    return reasons


def cleared(session: ReadSession, vulnerability_ids: Iterable[int], component_ids: Iterable[int]) -> set[Pair]:
    """Give (vulnerability, component) where a declaration names the component and its version is not meant.

    Feeds cannot evaluate what has no purl; what we declared by name can be told from its version all the same.
    """
    by_vulnerability = _declaring(session, set(vulnerability_ids))
    if not by_vulnerability:
        return set()
    spoken = declarations(session, {id_ for ids in by_vulnerability.values() for id_ in ids})
    said: defaultdict[Pair, list[str]] = defaultdict(list)
    for one in reached(session, spoken, Component.id == any_of(component_ids)):
        said[one.advisory_id, one.component_id].append(one.certainty)
    return {
        (vulnerability_id, component_id)
        for vulnerability_id, ids in by_vulnerability.items()
        for (advisory_id, component_id), certainties in said.items()
        if advisory_id in ids and not any(certainties)
    }


def _reason(reached_still: list[Meant]) -> str:
    if not reached_still:
        return "the declaration does not name it any more"
    detail = next((one.detail for one in reached_still if one.detail), "")
    return f"{detail}, which is not among the versions declared" if detail else "not among the versions declared"


def _declaring(session: ReadSession, vulnerability_ids: set[int]) -> dict[int, list[int]]:
    rows = session.execute(
        select(VulnerabilityAdvisory.vulnerability_id, Advisory.id)
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids))
        .where(IS_DECLARED, Advisory.withdrawn_at.is_(None))
        .order_by(Advisory.id)
    )
    found: defaultdict[int, list[int]] = defaultdict(list)
    for vulnerability_id, advisory_id in rows:
        found[vulnerability_id].append(advisory_id)
    return dict(found)
