"""Why somebody owns something: each step that was tried, and why it hit or fell through."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from service.advisories.models import VulnerabilityAlias
from service.db import ReadSession
from service.errors import NotFound
from service.incidents.models import Exposure, Incident
from service.incidents.ownership import components_of
from service.incidents.representing import exposure_name
from service.inventory.owners import Attempt, Owner, Question, attempts, learn
from service.inventory.ownership_rules import package_of
from service.inventory.products import find_product

#: Stands for a purl that is asked about, whether or not some SBOM lists it.
_ASKED = -1


@dataclass(frozen=True)
class Explained:
    """The way to an owner; its last step hits. `exposure` is the one that was asked about, where there is one."""

    product: str
    exposure: str | None
    team: str
    reason: str
    steps: Sequence[Attempt]


def explain(
    session: ReadSession, product: str, *, purl: str | None = None, vulnerability: str | None = None
) -> Explained:
    """Say who owns a product, or what a package or a vulnerability brings to it, and why.

    Args:
        session: To read with.
        product: A slug.
        purl: As if this were what is affected.
        vulnerability: By any of its names; what it affects, and whom somebody chose, is the exposure's.

    Raises:
        NotFound: No such product or vulnerability.
    """
    row = find_product(session, product)
    exposure = _exposure(session, row.id, vulnerability) if vulnerability else None
    question = _question(session, row.id, exposure)
    if purl:
        question = replace(question, component_ids=question.component_ids | {_ASKED})
    known = learn(session, [question])
    if purl:
        known = replace(known, packages={**known.packages, _ASKED: package_of(purl)})
    steps = list(attempts(known, question))
    team = steps[-1].team or known.fallback
    name = exposure_name(exposure.id) if exposure is not None else None
    return Explained(row.slug, name, team.name, steps[-1].reason, steps)


def _question(session: ReadSession, product_id: int, exposure: Exposure | None) -> Question:
    if exposure is None:
        return Question(product_id)
    chosen = Owner(exposure.team_id, exposure.owner_reason) if exposure.owner_manual else None
    return Question(product_id, components_of(session, [exposure.id]).get(exposure.id, frozenset()), chosen)


def _exposure(session: ReadSession, product_id: int, vulnerability: str) -> Exposure | None:
    """Find a product's exposure to a vulnerability; None where it has none."""
    known = select(VulnerabilityAlias.vulnerability_id).where(VulnerabilityAlias.alias == vulnerability)
    vulnerability_id = session.scalar(known)
    if vulnerability_id is None:
        raise NotFound(f"No advisory here speaks of {vulnerability}.")
    return session.scalar(
        select(Exposure)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Incident.vulnerability_id == vulnerability_id, Exposure.product_id == product_id)
        .where(Exposure.status != "merged")
    )
