"""From what is in the field to incidents and exposures: opened, reopened, held, ended.

One act serves uploads, feeds, own advisories, voids and retirements: look again at some vulnerabilities in some
products. It is idempotent, and set-based: twenty products cost as many statements as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from service.advisories.findings import Evidence, EvidenceBook, merged_away
from service.db import WriteSession, any_of
from service.incidents.inheriting import Exposures, Inheriting, exposures_by_pair, follow_bases, open_after_bases
from service.incidents.judging import heed_people
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.incidents.narrowing import Opened, narrowed
from service.incidents.opening import Opening
from service.incidents.presence import Step
from service.incidents.splitting import parted_reasons
from service.incidents.stepping import Evidenced, Taken, take_steps
from service.incidents.suspecting import suspicions
from service.incidents.weighing import Cause, Looked, Pair, affected_components, weigh
from service.inventory.bases import Base, bases_of
from service.inventory.field import FieldUse, uses_of_products
from service.inventory.origins import internal_among

__all__ = ["Assessed", "Cause", "Question", "affected_components", "assess"]


@dataclass(frozen=True)
class Question:
    """Which vulnerabilities to look at, in which products, and which components may have made a difference.

    `component_ids` need not hold what already stands in an exposure: that is looked at anyway.
    """

    product_ids: frozenset[int]
    vulnerability_ids: frozenset[int]
    component_ids: frozenset[int]


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
    bases = bases_of(session, question.product_ids)
    everybody = _lock_exposures(session, question, bases)
    known = _components_of(session, everybody)
    # A new statement after the locks: usage that was committed while we waited is seen.
    in_question = question.component_ids.union(*known.values())
    uses = uses_of_products(session, question.product_ids.union(product_id for product_id, _ in everybody), in_question)
    said = (book or EvidenceBook(session)).about(use.component_id for use in uses)
    evidence = [item for item in said if item.vulnerability_id in question.vulnerability_ids]
    # What was merged away just now has no evidence left; whoever merged it moves its exposures and looks again.
    gone = merged_away(session, question.vulnerability_ids)
    everybody = {pair: exposure for pair, exposure in everybody.items() if pair[1] not in gone}
    looked = _look(session, question, everybody, known, uses, evidence)
    inheriting = Inheriting(bases, uses, evidence)
    openings = _openings(looked, cause)
    opened = open_after_bases(session, openings, inheriting, everybody, actor=cause.actor, now=cause.at)
    steps = _reasoned(session, weigh(session, looked, cause), looked)
    standing = looked.standing
    certain = {standing[pair].id: looked.affected[pair] for pair in standing.keys() & looked.affected.keys()}
    steps = heed_people(session, steps, standing.values(), certain)
    seen_now = {exposure.id: looked.present(pair) for pair, exposure in standing.items()}
    taken = take_steps(session, steps, Evidenced(seen_now, known, cause.evidence), actor=cause.actor, now=cause.at)
    if inheriting:
        everybody |= exposures_by_pair(session, opened)
    follow_bases(session, inheriting, everybody, actor=cause.actor, now=cause.at)
    return Assessed(sorted(opened), taken)


def _look(
    session: WriteSession,
    question: Question,
    everybody: Exposures,
    known: Mapping[int, set[int]],
    uses: Sequence[FieldUse],
    evidence: Sequence[Evidence],
) -> Looked:
    """Put together what the field shows of the products in question, without their bases and who builds on them."""
    own = [use for use in uses if use.product_id in question.product_ids]
    affected = affected_components(own, evidence)
    return Looked(
        standing={pair: exposure for pair, exposure in everybody.items() if pair[0] in question.product_ids},
        known=known,
        affected=affected,
        suspected=suspicions(session, own, evidence, affected),
        uses=own,
        component_ids=question.component_ids,
    )


def _openings(looked: Looked, cause: Cause) -> list[Opening]:
    return [
        Opening(
            *pair,
            frozenset(looked.present(pair)),
            baseline=pair[0] in cause.baseline,
            suspicion=looked.suspected[pair].reason if pair in looked.suspected else "",
        )
        for pair in sorted(looked.affected.keys() | looked.suspected.keys())
        if pair not in looked.standing
    ]


def _reasoned(session: WriteSession, steps: list[tuple[Exposure, Step]], looked: Looked) -> list[tuple[Exposure, Step]]:
    """Give the reason of what is withdrawn: a name is ours, a vulnerability has parted, a declaration was narrowed."""
    withdrawn = {exposure.id for exposure, step in steps if step.to_status == "withdrawn"}
    if not withdrawn:
        return steps
    standing, known = looked.standing, looked.known
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


def _lock_exposures(session: WriteSession, question: Question, bases: Sequence[Base]) -> dict[Pair, Exposure]:
    """Lock the exposures in question in the order of their ids, with those of bases and of who builds on them."""
    kin = {product_id for base in bases for product_id in (base.product_id, base.base_product_id)}
    rows = session.execute(
        select(Exposure, Incident.vulnerability_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(
            Exposure.product_id == any_of(question.product_ids | kin),
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
