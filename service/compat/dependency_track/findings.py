"""Findings and counts of one project, in Dependency-Track's shapes, from what our own answers are made of.

A finding has its severity where our own gate would count it (certain, shipped or malware); what is only possible, or
there for development, is listed as UNASSIGNED, which no usual threshold stops at: visible, and no false alarm.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, NotRequired

from sqlalchemy import Row, func, select
from typing_extensions import TypedDict

from service.advisories.models import Advisory, VulnerabilityAlias
from service.clock import OPEN
from service.compat.dependency_track.projects import Project, milliseconds
from service.compat.dependency_track.uuids import Kind, to_uuid
from service.db import ReadSession, any_of
from service.flows.answering import Finding, findings_of
from service.inventory.catalogue_models import Component, Package
from service.inventory.usage import contents

#: Their place is Dependency-Track's `severityRank`; INFO stands between LOW and UNASSIGNED and is never given.
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO", "UNASSIGNED")
_RATED = frozenset({"critical", "high", "medium", "low"})
#: What one finding adds to the risk score.
_WEIGHTS = {"CRITICAL": 10, "HIGH": 5, "MEDIUM": 3, "LOW": 1, "UNASSIGNED": 5}

_STATES = {
    "acknowledged": "IN_TRIAGE",
    "in_progress": "EXPLOITABLE",
    "fix_claimed": "EXPLOITABLE",
    "risk_accepted": "EXPLOITABLE",
    "not_affected": "NOT_AFFECTED",
}
#: Decisions after which nobody is to be stopped by it.
_SUPPRESSED = frozenset({"risk_accepted", "not_affected"})
_ALIAS_KEYS = (("CVE-", "cveId"), ("GHSA-", "ghsaId"), ("", "osvId"))
#: Characters; some records tell a whole story.
_LONGEST_DESCRIPTION = 10_000
_SCORES = (("CVSS:3", "cvssV3BaseScore"), ("CVSS:4", "cvssV4Score"), ("", "cvssV2BaseScore"))


class ComponentOut(TypedDict):
    """A component of the project."""

    uuid: str
    name: str
    group: NotRequired[str]
    version: NotRequired[str]
    purl: NotRequired[str]
    project: str


class VulnerabilityOut(TypedDict):
    """What is known of a vulnerability."""

    uuid: str
    source: str
    vulnId: str
    title: NotRequired[str]
    description: NotRequired[str]
    recommendation: NotRequired[str]
    severity: str
    severityRank: int
    cvssV2BaseScore: NotRequired[float]
    cvssV3BaseScore: NotRequired[float]
    cvssV4Score: NotRequired[float]
    aliases: list[dict[str, str]]


class AnalysisOut(TypedDict):
    """What was decided."""

    state: str
    isSuppressed: bool


class AttributionOut(TypedDict):
    """Who found it."""

    analyzerIdentity: str


class FindingOut(TypedDict):
    """One component with one vulnerability."""

    component: ComponentOut
    vulnerability: VulnerabilityOut
    analysis: AnalysisOut
    attribution: AttributionOut
    matrix: str


class MetricsOut(TypedDict):
    """Counts of a project as it is now; suppressed findings count as `suppressed` only."""

    critical: int
    high: int
    medium: int
    low: int
    unassigned: int
    vulnerabilities: int
    vulnerableComponents: int
    components: int
    suppressed: int
    findingsTotal: int
    findingsAudited: int
    findingsUnaudited: int
    inheritedRiskScore: int
    policyViolationsFail: int
    policyViolationsWarn: int
    policyViolationsInfo: int
    policyViolationsTotal: int
    firstOccurrence: int
    lastOccurrence: int


class _Known(NamedTuple):
    """What describes findings, read for all of them at once."""

    groups: dict[int, str]
    advisories: dict[int, Row[*tuple[Any, ...]]]
    aliases: dict[int, list[str]]


def findings_in(session: ReadSession, project: Project, *, suppressed: bool) -> list[FindingOut]:
    """Give a project's findings, worst first; decided ones only if *suppressed*; in a constant number of statements."""
    every = findings_of(session, project.product.id, _components(session, project))
    found = [one for one in every if suppressed or not _is_suppressed(one)]
    known = _look_up(session, found)
    return [_shape(project, one, known) for one in found]


def metrics_of(session: ReadSession, project: Project, *, now: datetime) -> MetricsOut:
    """Count a project's components and findings."""
    components = _components(session, project)
    found = findings_of(session, project.product.id, components)
    shown = [one for one in found if not _is_suppressed(one)]
    counts = Counter(_severity(one) for one in shown)
    audited = sum(_state(one) not in {"NOT_SET", "IN_TRIAGE"} for one in shown)
    return MetricsOut(
        critical=counts["CRITICAL"],
        high=counts["HIGH"],
        medium=counts["MEDIUM"],
        low=counts["LOW"],
        unassigned=counts["UNASSIGNED"],
        vulnerabilities=len(shown),
        vulnerableComponents=len({one.component.id for one in shown}),
        components=len(components),
        suppressed=len(found) - len(shown),
        findingsTotal=len(shown),
        findingsAudited=audited,
        findingsUnaudited=len(shown) - audited,
        inheritedRiskScore=sum(_WEIGHTS[severity] * count for severity, count in counts.items()),
        policyViolationsFail=0,
        policyViolationsWarn=0,
        policyViolationsInfo=0,
        policyViolationsTotal=0,
        firstOccurrence=milliseconds(now),
        lastOccurrence=milliseconds(now),
    )


def _components(session: ReadSession, project: Project) -> dict[int, int]:
    # One tick before for ever: what the newest SBOM left there.
    return contents(session, project.stream.id, OPEN - 1)


def _status(finding: Finding) -> str:
    return finding.standing.status if finding.standing else "open"


def _is_suppressed(finding: Finding) -> bool:
    return _status(finding) in _SUPPRESSED


def _state(finding: Finding) -> str:
    state = _STATES.get(_status(finding), "NOT_SET")
    undecided = state == "NOT_SET" and finding.certainty == "possible"
    return "IN_TRIAGE" if undecided else state


def _severity(finding: Finding) -> str:
    """Rate a finding as our own gate would if nobody had decided about it."""
    counts = replace(finding, standing=None).fails("low")
    if counts and finding.kind == "malware":
        return "CRITICAL"
    return finding.severity.upper() if counts and finding.severity in _RATED else "UNASSIGNED"


def _look_up(session: ReadSession, found: Sequence[Finding]) -> _Known:
    component_ids = {one.component.id for one in found}
    groups = session.execute(
        select(Component.id, Package.namespace)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids))
    )
    advisories = session.execute(
        select(
            Advisory.id,
            Advisory.osv_id,
            Advisory.source,
            Advisory.summary,
            Advisory.score,
            Advisory.vector,
            func.left(Advisory.record["details"].astext, _LONGEST_DESCRIPTION).label("details"),
        ).where(Advisory.id == any_of(item.advisory_id for one in found for item in one.evidence))
    )
    names = session.execute(
        select(VulnerabilityAlias.vulnerability_id, VulnerabilityAlias.alias)
        .where(VulnerabilityAlias.vulnerability_id == any_of(one.evidence[0].vulnerability_id for one in found))
        .order_by(VulnerabilityAlias.alias)
    )
    aliases: defaultdict[int, list[str]] = defaultdict(list)
    for vulnerability_id, alias in names:
        aliases[vulnerability_id].append(alias)
    return _Known(dict(groups.all()), {row.id: row for row in advisories}, aliases)


def _shape(project: Project, finding: Finding, known: _Known) -> FindingOut:
    component = _component(project, finding, known)
    vulnerability = _vulnerability(finding, known)
    return FindingOut(
        component=component,
        vulnerability=vulnerability,
        analysis=AnalysisOut(state=_state(finding), isSuppressed=_is_suppressed(finding)),
        attribution=AttributionOut(analyzerIdentity="INTERNAL_ANALYZER"),
        matrix=f"{project.uuid}:{component['uuid']}:{vulnerability['uuid']}",
    )


def _component(project: Project, finding: Finding, known: _Known) -> ComponentOut:
    row = finding.component
    values = ComponentOut(uuid=to_uuid(Kind.COMPONENT, row.id), name=row.name, project=project.uuid)
    if group := known.groups.get(row.id):
        values["group"] = group
    if row.version:
        values["version"] = row.version
    if row.purl:
        values["purl"] = row.purl
    return values


def _vulnerability(finding: Finding, known: _Known) -> VulnerabilityOut:
    first, severity = finding.evidence[0], _severity(finding)
    rows = _telling(first.vulnerability, (known.advisories[item.advisory_id] for item in finding.evidence))
    values = VulnerabilityOut(
        uuid=to_uuid(Kind.VULNERABILITY, first.vulnerability_id),
        source=_source(first.vulnerability, rows),
        vulnId=first.vulnerability,
        severity=severity,
        severityRank=SEVERITIES.index(severity),
        aliases=[_alias(name) for name in known.aliases.get(first.vulnerability_id, ()) if name != first.vulnerability],
    )
    if title := next((row.summary for row in rows if row.summary), ""):
        values["title"] = title
    if details := next((row.details for row in rows if row.details), ""):
        values["description"] = details
    if fixed := sorted({item.fixed for item in finding.evidence if item.fixed}):
        values["recommendation"] = f"Fixed in {', '.join(fixed)}."
    for row in rows:
        if row.score is not None and row.vector:
            key = next(key for prefix, key in _SCORES if row.vector.startswith(prefix))
            values.setdefault(key, row.score)  # type: ignore[misc]  # one of three keys, all of them floats
    return values


def _telling(name: str, rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Row[*tuple[Any, ...]]]:
    """Order what advisories say: the one of the vulnerability's own name first, then the worst score."""
    return sorted(rows, key=lambda row: (row.osv_id != name, -(row.score or 0), row.osv_id))


def _source(name: str, rows: Sequence[Row[*tuple[Any, ...]]]) -> str:
    if all(row.source == "own" for row in rows):
        return "INTERNAL"
    return {"CVE": "NVD", "GHSA": "GITHUB"}.get(name.partition("-")[0], "OSV")


def _alias(name: str) -> dict[str, str]:
    return {next(key for prefix, key in _ALIAS_KEYS if name.startswith(prefix)): name}
