"""Decisions made anew: what is known of an incident or of a product has changed, and its exposures follow.

What becomes more urgent gets nearer deadlines; a deadline never moves away. Whatever changes stands in the timeline
with its reason, what eases too. An exposure that has ended keeps its clocks, and knows how urgent it would be.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from service.db import ReadSession, WriteSession, any_of
from service.incidents.clocks import begin_clocks
from service.incidents.deciding import Decision, Place, decide, read_facts
from service.incidents.judging import reopen_outgrown
from service.incidents.models import Exposure, Incident
from service.incidents.pausing import end_pauses_of_act, running_pauses
from service.incidents.presence import ACTIVE
from service.incidents.priority import PRIORITIES, due
from service.incidents.timeline import Entry, write_timeline
from service.inventory.models import Product

#: Statuses in which clocks run, or will run on.
RUNNING = ACTIVE | {"risk_accepted"}


class Restated(NamedTuple):
    """An incident of which something else is known now: the row already says what; and what signals have said.

    `is_first`: nothing was known of it in this form before, so that nothing need have changed.
    """

    incident: Incident
    severity_before: str
    signals: Sequence[str] = ()
    newly_exploited: bool = False
    is_first: bool = False


def places_of(session: ReadSession, product_ids: Iterable[int]) -> dict[int, Place]:
    """Give what decisions need to know of products."""
    rows = select(Product.id, Product.tier, Product.exposed).where(Product.id == any_of(product_ids))
    return {id_: Place(tier, exposed) for id_, tier, exposed in session.execute(rows)}


def decisions_of(session: ReadSession, pairs: Iterable[tuple[Incident, int]]) -> dict[tuple[int, int], Decision]:
    """Decide how urgent incidents are in products, by (incident, product): one statement for all of them."""
    wanted = list(pairs)
    places = places_of(session, {product_id for _, product_id in wanted})
    facts = {incident.id: read_facts(incident.priority_facts) for incident, _ in wanted}
    return {(incident.id, p): decide(facts[incident.id], places[p]) for incident, p in wanted}


def decide_anew(session: WriteSession, restated: Sequence[Restated], *, actor: str, now: datetime) -> None:
    """Let the exposures of incidents follow what is known of these now."""
    if not restated:
        return
    by_id = {one.incident.id: one for one in restated}
    # Exposures before incidents, each in the order of ids, as everybody else locks them: what is said of incidents is
    # not written before.
    with session.no_autoflush:
        exposures = _locked(session, Exposure.incident_id == any_of(by_id))
    entries = _decide(session, exposures, by_id, now)
    entries = [*_on_incidents(restated, exposures), *entries]
    session.flush()  # the timeline's changes carry incidents and exposures as they are now
    begin_clocks(session, [one.id for one in exposures if by_id[one.incident_id].incident.is_confirmed], now=now)
    write_timeline(session, entries, actor=actor, now=now)
    reopen_outgrown(session, exposures, actor=actor, now=now)


def decide_product_anew(session: WriteSession, product_id: int, *, actor: str, now: datetime) -> int:
    """Let a product's exposures follow what it is now; gives how many steps that made.

    The caller holds the product's row, and has flushed what changed.
    """
    exposures = _locked(session, Exposure.product_id == product_id)
    incidents = session.scalars(select(Incident).where(Incident.id == any_of({e.incident_id for e in exposures})))
    by_id = {incident.id: Restated(incident, incident.severity) for incident in incidents}
    entries = _decide(session, exposures, by_id, now)
    session.flush()  # the timeline's changes carry the exposures as they are now
    begin_clocks(session, [one.id for one in exposures if by_id[one.incident_id].incident.is_confirmed], now=now)
    write_timeline(session, entries, actor=actor, now=now)
    reopen_outgrown(session, exposures, actor=actor, now=now)
    return len(entries)


def _locked(session: WriteSession, which: Any) -> Sequence[Exposure]:  # noqa: ANN401 - a condition, whatever its type
    return session.scalars(
        select(Exposure)
        .where(which, Exposure.status != "merged")
        .order_by(Exposure.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _decide(
    session: WriteSession, exposures: Sequence[Exposure], by_id: Mapping[int, Restated], now: datetime
) -> list[Entry]:
    places = places_of(session, {exposure.product_id for exposure in exposures})
    facts = {id_: read_facts(one.incident.priority_facts) for id_, one in by_id.items()}
    paused = running_pauses(session, [exposure.id for exposure in exposures])
    entries = []
    for exposure in exposures:
        decision = decide(facts[exposure.incident_id], places[exposure.product_id])
        running = paused.get(exposure.id)
        rest = max(running.ends_by - now, timedelta()) if running else timedelta()
        entry = _follow(exposure, by_id[exposure.incident_id], decision, rest, now)
        if entry is not None:
            entries.append(entry)
    return [*entries, *end_pauses_of_act(exposures, paused, now=now)]


def _follow(exposure: Exposure, restated: Restated, decision: Decision, rest: timedelta, now: datetime) -> Entry | None:
    """Let an exposure follow a decision; *rest*: what is left of a pause, which no budget counts."""
    status, before, urgent_before = exposure.status, exposure.priority_inputs, exposure.priority
    after = decision.as_values()
    newly_act = decision.priority == "act" and urgent_before != "act"
    # Nobody could have accepted it knowingly.
    ends_acceptance = status == "risk_accepted" and (restated.newly_exploited or newly_act)
    reasons = [*restated.signals, *_moved(before, after, said=bool(restated.signals))]
    if urgent_before != decision.priority:
        reasons.append(f"{urgent_before} before; now {decision.priority}")
    exposure.priority, exposure.priority_inputs = decision.priority, after
    runs = status in RUNNING and exposure.inherited_from_id is None  # else the base's clocks run
    # What was decided before there were tables may have a budget that they do not give, in the same class.
    sooner = runs and before is None and _tighten(exposure, after, rest, now)
    if not (ends_acceptance or sooner or _differs(before, after, urgent_before)):
        return None
    if runs:
        _tighten(exposure, after, rest, now)
    if ends_acceptance:
        exposure.status, exposure.assessment, exposure.expires_at = "open", None, None
        reasons.append("the risk was accepted before that")
    exposure.updated_at = now
    exposure.version += 1
    step = "reopened" if ends_acceptance else "rated"
    reason = "; ".join(reasons) or "decided by published tables"
    evidence: dict[str, object] = {"priority_inputs": after}
    return Entry(exposure.incident_id, step, reason, exposure.id, status, exposure.status, evidence=evidence)


def _tighten(exposure: Exposure, inputs: Mapping[str, Any], rest: timedelta, now: datetime) -> bool:
    """Give new budgets from now on where they are due before the old ones; tells whether any is."""
    before = exposure.acknowledge_due_at, exposure.remediate_due_at
    deadlines = due(exposure.priority, baseline=exposure.origin == "baseline", opened_at=now, inputs=inputs)
    acknowledge, remediate = deadlines.acknowledge_at, deadlines.remediate_at + rest
    if acknowledge and (exposure.acknowledge_due_at is None or acknowledge < exposure.acknowledge_due_at):
        exposure.acknowledge_from_at, exposure.acknowledge_due_at = now, acknowledge
    if exposure.remediate_due_at is None or remediate < exposure.remediate_due_at:
        exposure.remediate_from_at, exposure.remediate_due_at = now + rest, remediate
    return before != (exposure.acknowledge_due_at, exposure.remediate_due_at)


def _values(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in inputs["inputs"]}


def _differs(before: Mapping[str, Any] | None, after: Mapping[str, Any], urgent_before: str) -> bool:
    """Tell whether more than the wording of sources has changed."""
    if before is None:
        return urgent_before != str(after["outcome"])
    same_rule: bool = all(before[name] == after[name] for name in ("outcome", "rule"))
    return not same_rule or _values(before) != _values(after)


#: What signals have said in a sentence of their own.
_OF_SIGNALS = {"exploitation", "in_kev"}


def _moved(before: Mapping[str, Any] | None, after: Mapping[str, Any], *, said: bool) -> list[str]:
    """Say which inputs have other values now."""
    if before is None:
        return []
    old, new = _values(before), _values(after)
    names = [name for name in new if name in old and old[name] != new[name] and not (said and name in _OF_SIGNALS)]
    moved = [f"{name.replace('_', ' ')} {old[name]} before, {new[name]} now" for name in names]
    if before["rule"] != after["rule"]:
        moved.append(_RULES[after["rule"]])
    return moved


_RULES = {
    "tables": "the tables have their inputs now",
    "words": "there are only words to go by now",
    "forced": "no table is asked any more",
}


def _on_incidents(restated: Sequence[Restated], exposures: Sequence[Exposure]) -> list[Entry]:
    urgent: defaultdict[int, set[str]] = defaultdict(set)
    for exposure in exposures:
        if exposure.status in ACTIVE:
            urgent[exposure.incident_id].add(exposure.priority)
    entries = []
    for incident, severity_before, signals, _, is_first in restated:
        alone = decide(read_facts(incident.priority_facts)).priority
        now = min(urgent[incident.id], key=PRIORITIES.index, default=alone)
        before, after = f"{severity_before}, {incident.priority}", f"{incident.severity}, {now}"
        moved = [f"{before} before; now {after}"] if before != after else []
        reason = "; ".join([*signals, *moved]) or "its advisories say more"
        incident.priority = now
        if is_first and not (signals or moved):
            continue
        entries.append(Entry(incident.id, "rated", reason, None, incident.status, incident.status))
    return entries
