"""Who says how severe a vulnerability is: the statement that decided, and the CVSS vector behind it."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select

from service.advisories.models import Advisory, VulnerabilityAdvisory
from service.advisories.severity import cvss_version, level_rank
from service.db import ReadSession, any_of


class Said(NamedTuple):
    """One advisory's word on severity; `stated_as` names the field of its record that it was read from."""

    advisory: str
    level: str
    score: float | None
    vector: str | None
    stated_as: str


def severity_values(said: Iterable[Said]) -> dict[str, object]:
    """Give the word that decides, and the vector that stands for it, as the API shows them.

    The worst word decides. Of vectors, those that say the same count first, then the newer CVSS, then the higher score.
    """
    words = [one for one in said if one.level != "unscored"]
    worst = min(words, key=lambda one: (-level_rank(one.level), one.vector is None, one.advisory), default=None)
    cvss = max((one for one in words if one.vector), key=_standing, default=None)
    return {
        "severity": {"level": worst.level, "source": worst.advisory, "stated_as": worst.stated_as} if worst else None,
        "cvss": {
            "version": cvss_version(cvss.vector or ""),
            "vector": cvss.vector,
            "score": cvss.score,
            "source": cvss.advisory,
        }
        if cvss
        else None,
    }


def _standing(one: Said) -> tuple[int, str, float, str]:
    return level_rank(one.level), cvss_version(one.vector or ""), one.score or 0.0, one.advisory


def severity_said(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, list[Said]]:
    """Give what live advisories say of vulnerabilities; evidence speaks only where none of their own does."""
    rows = session.execute(
        select(
            VulnerabilityAdvisory.vulnerability_id,
            VulnerabilityAdvisory.relation,
            Advisory.osv_id,
            Advisory.severity,
            Advisory.score,
            Advisory.vector,
            Advisory.severity_source,
        )
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids))
        .where(Advisory.withdrawn_at.is_(None), Advisory.severity != "unscored")
    )
    own: dict[int, list[Said]] = {}
    evidence: dict[int, list[Said]] = {}
    for vulnerability_id, relation, advisory, level, score, vector, stated_as in rows:
        said = Said(advisory, level, score, vector, stated_as)
        (own if relation == "alias" else evidence).setdefault(vulnerability_id, []).append(said)
    return evidence | own
