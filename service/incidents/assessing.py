"""From what is in the field to incidents and exposures: opened, reopened, held, ended.

One act serves uploads, feeds, own advisories, voids and retirements: look again at some vulnerabilities in some
products. It is idempotent, and set-based: twenty products cost as many statements as one.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter

from sqlalchemy import select

from service.advisories.findings import Evidence, EvidenceBook, malware_among, merged_away
from service.db import WriteSession, any_of
from service.incidents.holds import Absent, absences, holds
from service.incidents.judging import heed_people
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.incidents.narrowing import Opened, narrowed
from service.incidents.opening import Opening, open_exposures
from service.incidents.presence import ENDED_BY_PROOF, Absence, Seen, Step, step_for
from service.incidents.splitting import parted_reasons
from service.incidents.stepping import Evidenced, Taken, take_steps
from service.incidents.suspecting import SHIPPED, Suspicion, suspicions
from service.inventory.field import FieldUse, uses_of_products
from service.inventory.origins import internal_among
from service.inventory.scopes import SCOPE_CODE

EVERY_SCOPE = frozenset(SCOPE_CODE.values())

Pair = tuple[int, int]


@dataclass(frozen=True)
class Question:
    """Which vulnerabilities to look at, in which products, and which components may have made a difference.

    `component_ids` need not hold what already stands in an exposure: that is looked at anyway.
    """

    product_ids: frozenset[int]
    vulnerability_ids: frozenset[int]
    component_ids: frozenset[int]


@dataclass(frozen=True)
class Cause:
    """Who or what made us look, and when. `baseline`: products whose first SBOM this is.

    `departure`: why components left the field, if not because a later SBOM does not list them: support ended, or an
    upload was taken back. Either ends an exposure, and proves no fix.
    """

    actor: str
    at: datetime
    baseline: frozenset[int] = frozenset()
    departure: Absence = Absence.LEFT
    evidence: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Assessed:
    """What came of it: ids of exposures."""

    opened: list[int] = field(default_factory=list)
    stepped: list[Taken] = field(default_factory=list)


def assess(session: WriteSession, question: Question, cause: Cause, book: EvidenceBook | None = None) -> Assessed:
    """Bring the exposures of some vulnerabilities in some products in line with what is in the field.

    *book* may hold what this transaction has looked up already; matches that came since are the feed's to follow up.
    """
    if not (question.product_ids and question.vulnerability_ids):
        return Assessed()
    standing = _lock_exposures(session, question)
    known = _components_of(session, standing)
    # A new statement after the locks: usage that was committed while we waited is seen.
    uses = uses_of_products(session, question.product_ids, question.component_ids.union(*known.values()))
    said = (book or EvidenceBook(session)).about(use.component_id for use in uses)
    evidence = [item for item in said if item.vulnerability_id in question.vulnerability_ids]
    # What was merged away just now has no evidence left; whoever merged it moves its exposures and looks again.
    gone = merged_away(session, question.vulnerability_ids)
    standing = {pair: exposure for pair, exposure in standing.items() if pair[1] not in gone}
    affected = affected_components(uses, evidence)
    suspected = suspicions(session, uses, evidence, affected)
    openings = [
        Opening(*pair, frozenset(components), baseline=pair[0] in cause.baseline)
        for pair, components in sorted(affected.items())
        if pair not in standing
    ] + [
        Opening(*pair, suspicion.component_ids, baseline=pair[0] in cause.baseline, suspicion=suspicion.reason)
        for pair, suspicion in sorted(suspected.items(), key=itemgetter(0))
        if pair not in standing
    ]
    opened = open_exposures(session, openings, actor=cause.actor, now=cause.at)
    certain = {pair: exposure for pair, exposure in standing.items() if pair not in suspected}
    why, held = _why_absent(session, certain, known, affected, uses)
    why = {i: cause.departure if absence is Absence.LEFT else absence for i, absence in why.items()}
    steps = _reasoned(session, _steps(standing, affected, suspected, why, held), standing, known)
    seen_now = {
        exposure.id: affected.get(pair) or (set(suspected[pair].component_ids) if pair in suspected else set())
        for pair, exposure in standing.items()
    }
    steps = heed_people(
        session,
        steps,
        standing.values(),
        {standing[pair].id: affected[pair] for pair in standing.keys() & affected.keys()},
    )
    evidence_now = Evidenced(components=seen_now, known=known, cause=cause.evidence)
    taken = take_steps(session, steps, evidence_now, actor=cause.actor, now=cause.at)
    return Assessed(opened, taken)


def _reasoned(
    session: WriteSession,
    steps: list[tuple[Exposure, Step]],
    standing: dict[Pair, Exposure],
    known: dict[int, set[int]],
) -> list[tuple[Exposure, Step]]:
    """Give the reason of what is withdrawn: a name is ours, a vulnerability has parted, a declaration was narrowed."""
    withdrawn = {exposure.id for exposure, step in steps if step.to_status == "withdrawn"}
    if not withdrawn:
        return steps
    internal = internal_among(session, set().union(*(known[id_] for id_ in withdrawn)))
    claims = {id_: sorted({internal[c] for c in known[id_] if c in internal}) for id_ in withdrawn}
    by_id = {
        id_: f"internal names, of which public advisories do not speak: {', '.join(c)}"
        for id_, c in claims.items()
        if c
    }
    reasons = parted_reasons(session, (pair for pair, exposure in standing.items() if exposure.id in withdrawn))
    by_id |= {standing[pair].id: reason for pair, reason in reasons.items()}
    opened = {
        exposure.id: Opened(pair[1], frozenset(known[exposure.id]))
        for pair, exposure in standing.items()
        if exposure.id in withdrawn
    }
    by_id = narrowed(session, opened) | by_id
    return [
        (exposure, replace(step, reason=by_id[exposure.id]) if exposure.id in by_id else step)
        for exposure, step in steps
    ]


def affected_components(uses: Iterable[FieldUse], evidence: Iterable[Evidence]) -> dict[Pair, set[int]]:
    """Join what is in the field with what is certain: (product, vulnerability) to the components that are affected."""
    said: defaultdict[int, set[tuple[int, bool]]] = defaultdict(set)
    for item in evidence:
        if item.certainty == "certain" and item.kind != "informational":
            said[item.component_id].add((item.vulnerability_id, item.kind == "malware"))
    affected: defaultdict[Pair, set[int]] = defaultdict(set)
    for use in uses:
        for vulnerability_id, is_malware in said.get(use.component_id, ()):
            if is_malware or use.scope in SHIPPED:
                affected[use.product_id, vulnerability_id].add(use.component_id)
    return dict(affected)


def _lock_exposures(session: WriteSession, question: Question) -> dict[Pair, Exposure]:
    rows = session.execute(
        select(Exposure, Incident.vulnerability_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(
            Exposure.product_id == any_of(question.product_ids),
            Incident.vulnerability_id == any_of(question.vulnerability_ids),
            Exposure.status != "merged",
        )
        .order_by(Exposure.id)
        .with_for_update(of=Exposure)
        .execution_options(populate_existing=True)
    )
    return {
        (exposure.product_id, vulnerability_id): exposure
        for exposure, vulnerability_id in rows
        if vulnerability_id is not None
    }


def _components_of(session: WriteSession, standing: dict[Pair, Exposure]) -> dict[int, set[int]]:
    known: dict[int, set[int]] = {exposure.id: set() for exposure in standing.values()}
    if known:
        rows = session.execute(
            select(ExposureComponent.exposure_id, ExposureComponent.component_id).where(
                ExposureComponent.exposure_id == any_of(known)
            )
        )
        for exposure_id, component_id in rows:
            known[exposure_id].add(component_id)
    return known


def _why_absent(
    session: WriteSession,
    standing: dict[Pair, Exposure],
    known: dict[int, set[int]],
    affected: dict[Pair, set[int]],
    uses: list[FieldUse],
) -> tuple[dict[int, Absence], dict[int, str]]:
    """Give, for exposures that nothing matches any more, why that is, and what holds them open all the same."""
    missing = {
        pair: exposure
        for pair, exposure in standing.items()
        if pair not in affected and exposure.status in ENDED_BY_PROOF
    }
    if not missing:
        return {}, {}
    malware = malware_among(session, {vulnerability_id for _, vulnerability_id in missing})
    absent = [
        Absent(
            exposure.id,
            product_id,
            vulnerability_id,
            frozenset(known[exposure.id]),
            EVERY_SCOPE if vulnerability_id in malware else SHIPPED,
        )
        for (product_id, vulnerability_id), exposure in missing.items()
    ]
    why = absences(session, absent, uses)
    gone = [item for item in absent if why[item.exposure_id] in (Absence.LEFT, Absence.TAKEN_BACK)]
    return why, holds(session, gone)


def _steps(
    standing: dict[Pair, Exposure],
    affected: dict[Pair, set[int]],
    suspected: dict[Pair, Suspicion],
    why: dict[int, Absence],
    held: dict[int, str],
) -> list[tuple[Exposure, Step]]:
    steps: list[tuple[Exposure, Step]] = []
    for pair, exposure in sorted(standing.items(), key=lambda item: item[1].id):
        seen = Seen(
            present=pair in affected,
            absence=why.get(exposure.id, Absence.LEFT),
            hold=suspected[pair].reason if pair in suspected else held.get(exposure.id, ""),
            suspected=pair in suspected,
        )
        step = step_for(exposure.status, exposure.presence, exposure.hold_reason, seen)
        if step is not None:
            steps.append((exposure, step))
    return steps
