"""What a build system hears after an upload: affected, new, gone, held, and what could not be judged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal, NamedTuple

from sqlalchemy import select

from service.advisories.coverage import uncovered
from service.advisories.findings import Evidence, EvidenceBook
from service.advisories.fixes import Fixes
from service.advisories.fixes_known import fixes_of
from service.advisories.models import Vulnerability
from service.advisories.rekeying import outdated
from service.advisories.signals import SILENCE, Signals, signals_of
from service.advisories.signals_severity import Said, severity_values
from service.advisories.wording import unevaluated_in_words
from service.clock import from_micros
from service.db import ReadSession, any_of
from service.incidents.assessing import Assessed
from service.incidents.models import Exposure, Incident
from service.incidents.presence import ACTIVE
from service.incidents.priority import SEVERITIES, at_least, worst
from service.incidents.reading import Standing, standing_of
from service.incidents.representing import exposure_name, incident_name
from service.inventory.catalogue_models import Component, Package
from service.inventory.history import DocumentFacts, document_facts
from service.inventory.models import Product, Stream, Upload
from service.inventory.scopes import SCOPES
from service.inventory.uploads import Placed
from service.sbom.quality import shown

#: Lists in an answer end here; the rest is read from the product's findings.
MOST = 1_000

Verdict = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True)
class Gate:
    """From which severity an undecided finding fails, and how old a feed may be to be believed."""

    severity: str = "high"
    fresh_within: timedelta = timedelta(hours=1)


class Row(NamedTuple):
    """A component as the answer names it."""

    id: int
    purl: str
    name: str
    version: str
    unevaluated: str


@dataclass(frozen=True)
class Finding:
    """One component with one vulnerability, however many advisories say so."""

    component: Row
    scope: str
    evidence: tuple[Evidence, ...]
    standing: Standing | None
    new: bool
    signals: Signals = SILENCE
    fixes: Fixes | None = None

    @cached_property
    def severity(self) -> str:
        """The worst that any of its advisories says."""
        return worst(item.severity for item in self.evidence)

    @cached_property
    def certainty(self) -> str:
        """Certain as soon as one advisory is."""
        return "certain" if any(item.certainty == "certain" for item in self.evidence) else "possible"

    @cached_property
    def kind(self) -> str:
        """Malware as soon as one advisory says so."""
        kinds = {item.kind for item in self.evidence}
        return next((kind for kind in ("malware", "vulnerability") if kind in kinds), "informational")

    @property
    def note(self) -> str | None:
        """What people should ask themselves first, while nothing is certain: ``dependency confusion?``."""
        return next((item.note for item in self.evidence if item.note and self.certainty != "certain"), None)

    @property
    def exploited(self) -> bool:
        """Tell whether CISA lists it as exploited."""
        return self.signals.kev is not None

    @property
    def rank(self) -> tuple[bool, int, int, str, str, int]:
        """Its place among others, the worst first."""
        return (
            self.certainty != "certain",
            0 if self.kind == "malware" else 1 if self.exploited else 2,
            SEVERITIES.index(self.severity),
            self.component.name,
            self.evidence[0].vulnerability,
            self.component.id,
        )

    def fails(self, gate: str) -> bool:
        """Tell whether a gate says no to it: certain, shipped or malware, undecided, and bad enough."""
        counts = self.kind == "malware" or (self.kind == "vulnerability" and self.scope in {"required", "optional"})
        undecided = self.standing is None or self.standing.status in ACTIVE
        bad = self.kind == "malware" or self.exploited or at_least(self.severity, gate)
        return self.certainty == "certain" and counts and undecided and bad

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        standing = self.standing
        said = [Said(e.advisory, e.severity, e.score, e.vector, e.severity_source) for e in self.evidence]
        return {
            "purl": self.component.purl,
            "name": self.component.name,
            "version": self.component.version,
            "scope": self.scope,
            "vulnerability": self.evidence[0].vulnerability,
            "advisories": sorted({item.advisory for item in self.evidence}),
            "severity": self.severity,
            "kind": self.kind,
            "informational": self._class,
            "certainty": self.certainty,
            "note": self.note,
            "fixed_in": sorted({item.fixed for item in self.evidence if item.fixed}),
            "fixes": self.fixes.as_values() if self.fixes else None,
            "incident": incident_name(standing.incident_id) if standing else None,
            "exposure": exposure_name(standing.exposure_id) if standing else None,
            "status": standing.status if standing else None,
            "new": self.new,
            "signals": self.signals.as_values() | severity_values(said) | {"malware": self.kind == "malware"},
        }

    @property
    def _class(self) -> str | None:
        if self.kind != "informational":
            return None
        return min((item.informational for item in self.evidence if item.informational), default=None)


@dataclass(frozen=True)
class Receipt:
    """The answer to an upload, as values; `created` is False where nothing was new."""

    created: bool
    verdict: Verdict
    component_count: int
    values: dict[str, object]


def findings_of(
    session: ReadSession,
    product_id: int,
    scopes: dict[int, int],
    *,
    added: frozenset[int] = frozenset(),
    book: EvidenceBook | None = None,
) -> list[Finding]:
    """Join components with what is known of them and where the product stands; worst first.

    Args:
        session: Reads.
        product_id: Whose exposures.
        scopes: Component id to scope code.
        added: Components that are new in this stream.
        book: What the transaction has looked up already.
    """
    grouped: defaultdict[tuple[int, int], list[Evidence]] = defaultdict(list)
    for item in (book or EvidenceBook(session)).about(scopes):
        grouped[item.component_id, item.vulnerability_id].append(item)
    rows = component_rows(session, {component_id for component_id, _ in grouped})
    vulnerability_ids = {vulnerability_id for _, vulnerability_id in grouped}
    standing, signals = standing_of(session, product_id, vulnerability_ids), signals_of(session, vulnerability_ids)
    findings = [
        Finding(
            component=rows[component_id],
            scope=SCOPES[scopes[component_id]],
            evidence=tuple(evidence),
            standing=standing.get(vulnerability_id),
            new=component_id in added,
            signals=signals.get(vulnerability_id, SILENCE),
        )
        for (component_id, vulnerability_id), evidence in grouped.items()
    ]
    return sorted(findings, key=lambda finding: finding.rank)


def with_fixes(session: ReadSession, findings: Sequence[Finding]) -> list[Finding]:
    """Find what fixes those that are to be shown; `fixes` is None where nobody has looked."""
    known = fixes_of(session, (item for finding in findings for item in finding.evidence))
    return [replace(one, fixes=known.get((one.component.id, one.evidence[0].vulnerability_id))) for one in findings]


def component_rows(session: ReadSession, component_ids: set[int] | frozenset[int]) -> dict[int, Row]:
    """Give components by id, named as their package is."""
    rows = session.execute(
        select(
            Component.id,
            Component.purl,
            Package.namespace,
            Package.name,
            Component.version,
            Component.unevaluated,
        )
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids))
    )
    return {row.id: Row(row.id, row.purl, row.name, row.version, row.unevaluated) for row in rows}


def unevaluated_of(session: ReadSession, component_ids: frozenset[int]) -> list[dict[str, str]]:
    """List the components about which no advisory can be matched with certainty, and why."""
    if not component_ids:
        return []
    rows = session.execute(
        select(Component.purl, Package.name, Component.version, Component.unevaluated)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids), Component.unevaluated != "")
        .order_by(Package.name, Component.version, Component.id)
        .limit(MOST)
    )
    return [
        {
            "purl": row.purl,
            "name": row.name,
            "version": row.version,
            "reason": row.unevaluated,
            "sentence": unevaluated_in_words(row.unevaluated),
        }
        for row in rows
    ]


@dataclass(frozen=True)
class Outcome:
    """What an upload did, for its answer.

    `unevaluated` are the components that may be so; None where nobody has looked: then all are asked about.
    """

    product: Product
    stream: Stream
    placed: Placed
    scopes: dict[int, int]
    assessed: Assessed
    unevaluated: frozenset[int] | None = None


def answer(
    session: ReadSession, outcome: Outcome, gate: Gate, *, book: EvidenceBook | None = None, now: datetime
) -> Receipt:
    """Say what is affected, what is new, what went away, what could not be judged."""
    placed = outcome.placed
    findings = findings_of(session, outcome.product.id, outcome.scopes, added=placed.added, book=book)
    unevaluated = unevaluated_of(session, placed.contents if outcome.unevaluated is None else outcome.unevaluated)
    missing_feeds = uncovered(session, placed.upload.ecosystems, fresh_since=now - gate.fresh_within)
    nothing_listed = not placed.contents  # and nothing can be said of nothing
    rekeying = outdated(session)
    unsure = bool(
        nothing_listed or unevaluated or missing_feeds or rekeying or any(f.certainty == "possible" for f in findings)
    )
    verdict: Verdict = "fail" if any(f.fails(gate.severity) for f in findings) else "unknown" if unsure else "pass"
    more = f"/v1/products/{outcome.product.slug}/findings" if len(findings) > MOST else None
    values = {
        **upload_values(session, outcome.product, outcome.stream, placed.upload),
        "duplicate": placed.duplicate,
        "verdict": verdict,
        "gate": gate.severity,
        "findings": [finding.as_values() for finding in with_fixes(session, findings[:MOST])],
        "resolved": _steps(session, outcome.assessed, "resolved"),
        "held": _steps(session, outcome.assessed, "held"),
        "unevaluated": unevaluated,
        "missing_feeds": missing_feeds,
        "rekeying": rekeying,
        "quality": shown(placed.upload.quality),
        "next": more,
    }
    return Receipt(not placed.duplicate, verdict, placed.upload.component_count, values)


def upload_values(session: ReadSession, product: Product, stream: Stream, upload: Upload) -> dict[str, object]:
    """Give an upload's record as the API shows it."""
    document = document_facts(session, [upload.document_id])[upload.document_id]
    return record_values(product.slug, stream.name, upload, document)


def record_values(product: str, stream: str, upload: Upload, document: DocumentFacts) -> dict[str, object]:
    """Give the record of an upload whose document is known."""
    return {
        "sbom": {
            "id": upload.id,
            "sha256": document.sha256.hex(),
            "format": document.format,
            "spec_version": document.spec_version,
            "size_bytes": document.size_bytes,
            "received_at": upload.received_at,
            "tool": upload.tool,
            "envelope": document.envelope,
        },
        "product": product,
        "stream": stream,
        "version": upload.version_label,
        "sequence": upload.sequence,
        "at": from_micros(upload.at_us),
        "late": upload.late,
        "voided": {"at": upload.voided_at, "reason": upload.void_reason} if upload.voided_at else None,
        "components": {
            "total": upload.component_count,
            "listed": upload.listed_count,
            "added": upload.added_count,
            "removed": upload.removed_count,
            "unidentified": upload.unidentified_count,
        },
        "warnings": upload.warnings,
    }


def _steps(session: ReadSession, assessed: Assessed, name: str) -> list[dict[str, object]]:
    taken = {step.exposure_id: step for step in assessed.stepped if step.name == name}
    if not taken:
        return []
    rows = session.execute(
        select(Exposure.id, Exposure.incident_id, Vulnerability.name)
        .join(Incident, Incident.id == Exposure.incident_id)
        .join(Vulnerability, Vulnerability.id == Incident.vulnerability_id)
        .where(Exposure.id == any_of(taken))
        .order_by(Exposure.id)
    )
    return [
        {
            "incident": incident_name(row.incident_id),
            "exposure": exposure_name(row.id),
            "vulnerability": row.name,
            "reason": taken[row.id].reason,
        }
        for row in rows
    ]
