"""Matches, read as what they say of components: which vulnerability, by which advisories, how bad, fixed where."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, Row, case, func, select, type_coerce

from service.advisories.declared import IS_DECLARED
from service.advisories.models import Advisory, Match, Vulnerability, VulnerabilityAdvisory
from service.advisories.signals import SILENCE, Signals, signals_of
from service.db import ReadSession, any_of


class Evidence(NamedTuple):
    """One advisory's word that a component has a vulnerability.

    `edition` is another one as soon as anything is another that is stored of the advisory's record.
    """

    component_id: int
    vulnerability_id: int
    vulnerability: str
    advisory_id: int
    advisory: str
    certainty: str
    kind: str
    severity: str
    fixed: str
    rule: str
    score: float | None
    vector: str | None
    severity_source: str
    informational: str | None
    osv_package_id: int
    note: str = ""
    edition: bytes = b""


#: The class of what is no vulnerability: RustSec's unmaintained, unsound, notice; else an update that fixes none.
#: Records are opened for those alone.
_CLASS = case(
    (
        Advisory.kind == "informational",
        func.coalesce(Advisory.record["affected"][0]["database_specific"]["informational"].astext, "update"),
    )
)

#: The class of our own declarations; only own records are opened for it.
_DECLARED = case((Advisory.source == "own", Advisory.record["database_specific"]["declaration"]["class"].astext))

#: A record's bytes, the version of ours that read them, and whether it still holds.
EDITION = type_coerce(
    Advisory.digest.op("||")(func.int4send(Advisory.key_version)).op("||")(
        func.boolsend(Advisory.withdrawn_at.is_(None))
    ),
    LargeBinary(),
)


def evidence_about(
    session: ReadSession, component_ids: Iterable[int], vulnerability_ids: Iterable[int] | None = None
) -> list[Evidence]:
    """Give all that is known of the named components, perhaps only about the named vulnerabilities."""
    rows = (
        select(
            Match.component_id,
            Vulnerability.id,
            Vulnerability.name,
            Advisory.id,
            Advisory.osv_id,
            Match.certainty,
            Advisory.kind,
            Advisory.severity,
            Match.fixed,
            Match.rule,
            Advisory.score,
            Advisory.vector,
            Advisory.severity_source,
            _CLASS,
            Match.osv_package_id,
            Match.note,
            EDITION,
        )
        .join(Advisory, Advisory.id == Match.advisory_id)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .join(Vulnerability, Vulnerability.id == VulnerabilityAdvisory.vulnerability_id)
        .where(Match.component_id == any_of(component_ids))
    )
    if vulnerability_ids is not None:
        rows = rows.where(VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids))
    return [Evidence._make(row) for row in session.execute(rows)]


class EvidenceBook:
    """What is known of components, looked up once: for one transaction that asks about the same ones repeatedly."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session
        self._known: dict[int, list[Evidence]] = {}

    def look_up(self, component_ids: Iterable[int]) -> None:
        """Read what is known of these components, if it was not read yet."""
        missing = set(component_ids) - self._known.keys()
        if missing:
            self._known |= {component_id: [] for component_id in missing}
            for item in evidence_about(self._session, missing):
                self._known[item.component_id].append(item)

    def about(self, component_ids: Iterable[int]) -> list[Evidence]:
        """Give all that is known of the named components."""
        wanted = set(component_ids)
        self.look_up(wanted)
        return [item for component_id in wanted for item in self._known[component_id]]


def vulnerabilities_of(session: ReadSession, advisory_ids: Iterable[int]) -> set[int]:
    """Give the vulnerabilities that the named advisories speak of."""
    rows = select(VulnerabilityAdvisory.vulnerability_id).where(
        VulnerabilityAdvisory.advisory_id == any_of(advisory_ids)
    )
    return set(session.scalars(rows))


def matched_components(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, set[int]]:
    """Give, for each vulnerability, every component that any of its advisories matches."""
    rows = session.execute(
        select(VulnerabilityAdvisory.vulnerability_id, Match.component_id)
        .join(Match, Match.advisory_id == VulnerabilityAdvisory.advisory_id)
        .where(VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids))
    )
    matched: dict[int, set[int]] = {}
    for vulnerability_id, component_id in rows:
        matched.setdefault(vulnerability_id, set()).add(component_id)
    return matched


def possible_components(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, set[int]]:
    """Give, for each vulnerability, the components that some advisory may affect, though not with certainty."""
    rows = session.execute(
        select(VulnerabilityAdvisory.vulnerability_id, Match.component_id)
        .join(Match, Match.advisory_id == VulnerabilityAdvisory.advisory_id)
        .join(Advisory, Advisory.id == Match.advisory_id)
        .where(VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids))
        .where(Match.certainty == "possible", Advisory.kind != "informational")
    )
    possible: dict[int, set[int]] = {}
    for vulnerability_id, component_id in rows:
        possible.setdefault(vulnerability_id, set()).add(component_id)
    return possible


def malware_among(session: ReadSession, vulnerability_ids: Iterable[int]) -> set[int]:
    """Tell which of the vulnerabilities are malicious code, by any of their advisories, withdrawn ones too."""
    rows = (
        select(VulnerabilityAdvisory.vulnerability_id)
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids), Advisory.kind == "malware")
    )
    return set(session.scalars(rows))


def declared_among(session: ReadSession, vulnerability_ids: Iterable[int]) -> set[int]:
    """Tell which of the vulnerabilities we declared ourselves, before others spoke of them or beside them."""
    rows = (
        select(VulnerabilityAdvisory.vulnerability_id)
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids))
        .where(IS_DECLARED, Advisory.withdrawn_at.is_(None))
    )
    return set(session.scalars(rows))


def merged_away(session: ReadSession, vulnerability_ids: Iterable[int]) -> set[int]:
    """Tell which of the vulnerabilities have turned out to be others."""
    rows = select(Vulnerability.id).where(
        Vulnerability.id == any_of(vulnerability_ids), Vulnerability.merged_into_id.is_not(None)
    )
    return set(session.scalars(rows))


class Profile(NamedTuple):
    """A vulnerability in a line: its preferred name, a title, what its own advisories say, and what others know.

    `declared` is the class under which we declared it ourselves, '' if we did not.
    """

    vulnerability_id: int
    name: str
    title: str
    severities: frozenset[str]
    kind: str
    signals: Signals
    declared: str = ""


def profiles(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, Profile]:
    """Describe vulnerabilities by their live advisories; those that have none are left out.

    Evidence speaks only where a vulnerability has no advisory of its own.
    """
    rows = session.execute(
        select(
            Vulnerability.id,
            Vulnerability.name,
            VulnerabilityAdvisory.relation,
            Advisory.kind,
            Advisory.severity,
            Advisory.summary,
            _DECLARED.label("declared"),
        )
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.vulnerability_id == Vulnerability.id)
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(Vulnerability.id == any_of(vulnerability_ids), Advisory.withdrawn_at.is_(None))
        .order_by(Vulnerability.id, VulnerabilityAdvisory.relation, Advisory.osv_id)
    )
    described: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        described.setdefault(row.id, []).append(row)
    signals = signals_of(session, described)
    return {id_: _profile(said, signals.get(id_, SILENCE)) for id_, said in described.items()}


def _profile(said: list[Row[*tuple[Any, ...]]], signals: Signals) -> Profile:
    own = [row for row in said if row.relation == "alias" and row.severity != "unscored"]
    kinds = {row.kind for row in said}
    kind = next((kind for kind in ("malware", "vulnerability") if kind in kinds), "informational")
    # Under its own title people know it by now, whatever a public record calls it later.
    titles = [row.summary for row in sorted(said, key=lambda row: row.declared is None) if row.summary]
    severities = frozenset(row.severity for row in own or said)
    declared = next((row.declared for row in said if row.declared), "")
    title = next(iter(titles), said[0].name)
    return Profile(said[0].id, said[0].name, title, severities, kind, signals, declared)
