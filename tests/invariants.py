"""The invariants of `service/incidents/README.md`, checked: each violation begins with its number."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lives import Due, Lives
from proofs import affecting, carriers_of, comes_with_base, doubted, pair_of, ships, unproved
from sqlalchemy import text

from service.db import reading
from service.incidents.presence import ACTIVE

RUNNING = ACTIVE | {"risk_accepted"}
ENDED = {"resolved", "withdrawn", "retired", "not_affected", "merged"}
#: Steps after which an exposure may be due later than before; each says so on the timeline.
MAY_BE_LATER = {"reopened", "released", "inherited", "paused", "resumed", "moved"}

Row = Any
Facts = dict[str, Sequence[Row]]

_QUERIES = {
    "exposures": """
        SELECT e.*, p.slug AS product, i.vulnerability_id, a.alias AS name, i.status AS incident_status
        FROM exposure e JOIN product p ON p.id = e.product_id JOIN incident i ON i.id = e.incident_id
        LEFT JOIN LATERAL (SELECT min(alias) AS alias FROM vulnerability_alias v
                           WHERE v.vulnerability_id = i.vulnerability_id) a ON true ORDER BY e.id""",
    "incidents": "SELECT * FROM incident ORDER BY id",
    "transitions": "SELECT * FROM transition ORDER BY id",
    "episodes": "SELECT * FROM episode ORDER BY exposure_id, number",
    "decisions": "SELECT * FROM decision WHERE ended_at IS NULL",
    "bounds": """SELECT b.*, p.type, p.name FROM decision_bound b JOIN package p ON p.id = b.package_id""",
    "proposals": "SELECT * FROM proposal WHERE ended_at IS NULL",
    "changes": "SELECT id, type, incident, exposure, data, at FROM change ORDER BY id",
    "voided": "SELECT id FROM upload WHERE voided_at IS NOT NULL",
}


def violations(lives: Lives) -> list[str]:
    """Check every invariant; empty when all hold."""
    with reading(lives.story.engine) as session:
        facts = {name: session.execute(text(query)).all() for name, query in _QUERIES.items()}
    found = [f"{number}: {what}" for number, check in CHECKS.items() for what in check(lives, facts)]
    _remember(lives, facts)
    return found


def _live(facts: Facts) -> list[Row]:
    return [e for e in facts["exposures"] if e.status != "merged"]


def _new(lives: Lives, facts: Facts) -> list[Row]:
    return [t for t in facts["transitions"] if t.id > lives.memory.last_transition_id]


def _standing(facts: Facts) -> dict[int, Row]:
    return {d.exposure_id: d for d in facts["decisions"]}


def status_is_the_last_step(_: Lives, facts: Facts) -> Iterator[str]:
    last = {t.exposure_id: t.to_status for t in facts["transitions"] if t.exposure_id and t.to_status}
    for e in facts["exposures"]:
        if last.get(e.id) != e.status:
            yield f"EXP-{e.id} is {e.status}, its timeline says {last.get(e.id)}"


def one_of_each(lives: Lives, facts: Facts) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for e in _live(facts):
        if e.vulnerability_id is None or e.name is None:
            yield f"EXP-{e.id} is left behind in a merged incident"
        elif pair_of(lives, e) in seen:
            yield f"two exposures of {pair_of(lives, e)}"
        else:
            seen.add(pair_of(lives, e))


def what_is_affected_stands(lives: Lives, facts: Facts) -> Iterator[str]:
    standing = {pair_of(lives, e): e for e in _live(facts) if e.name}
    decided = _standing(facts)
    for pair in sorted(lives.model.affected()):
        e = standing.get(pair)
        if e is None:
            yield f"{pair} is affected and has no exposure"
        elif e.presence != "present" or e.hold_reason:
            yield f"EXP-{e.id} {pair} is affected, its presence is {e.presence}"
        elif e.status not in ACTIVE and (e.id not in decided or decided[e.id].to_status != e.status):
            yield f"EXP-{e.id} {pair} is affected and {e.status}"


def what_is_not_affected_is_held_or_over(lives: Lives, facts: Facts) -> Iterator[str]:
    affected = lives.model.affected()
    for e in _live(facts):
        if not e.name or pair_of(lives, e) in affected:
            continue
        if e.presence == "present":
            yield f"EXP-{e.id} {pair_of(lives, e)} is present, nothing is affected"
        if e.status in RUNNING and not (e.presence == "unknown" and e.hold_reason):
            yield f"EXP-{e.id} {pair_of(lives, e)} is {e.status} and {e.presence}, nothing is affected or holds"


def resolved_is_proved(lives: Lives, facts: Facts) -> Iterator[str]:
    exposures = {e.id: e for e in _live(facts)}
    fresh = {t.exposure_id: t for t in _new(lives, facts) if t.step == "resolved" and not t.evidence.get("log")}
    voided = {row.id for row in facts["voided"]} - lives.memory.voided
    proofs: dict[int, Row] = {t.exposure_id: t for t in facts["transitions"] if t.step == "resolved"}
    for id_, e in exposures.items():
        if e.status != "resolved" or id_ in _standing(facts) or not e.name:
            continue
        product, flaw = pair_of(lives, e)
        if id_ in fresh:
            yield from (f"EXP-{id_} {product} {flaw} was resolved, {why}" for why in unproved(lives, product, flaw))
        elif (proof := proofs.get(id_)) is not None and proof.evidence.get("sbom") in voided:
            yield from (f"EXP-{id_} {product} {flaw} stays resolved, {why}" for why in doubted(lives, product, flaw))


def somebody_owns_it(_: Lives, facts: Facts) -> Iterator[str]:
    for e in facts["exposures"]:
        if e.team_id is None or not e.owner_reason:
            yield f"EXP-{e.id} is nobody's"


def episodes_run(_: Lives, facts: Facts) -> Iterator[str]:
    of: defaultdict[int, list[Row]] = defaultdict(list)
    for episode in facts["episodes"]:
        of[episode.exposure_id].append(episode)
    for e in facts["exposures"]:
        episodes = of[e.id]
        if [episode.number for episode in episodes] != list(range(1, len(episodes) + 1)):
            yield f"EXP-{e.id} has episodes {[episode.number for episode in episodes]}"
        running = sum(episode.ended_at is None for episode in episodes)
        if running != (e.status in RUNNING) or any(episode.ended_at is None for episode in episodes[:-1]):
            yield f"EXP-{e.id} is {e.status}, and {running} episodes run"
        if (e.ended_at is not None) != (e.status in ENDED):
            yield f"EXP-{e.id} is {e.status} and ended at {e.ended_at}"


def due_is_never_later_silently(lives: Lives, facts: Facts) -> Iterator[str]:
    for e in _live(facts):
        before = lives.memory.dues.get(e.id)
        if before is None or before.remediate_due_at is None:
            continue
        later = e.remediate_due_at is None or e.remediate_due_at > before.remediate_due_at
        steps = {t.step for t in facts["transitions"] if t.exposure_id == e.id and t.id > before.transition_id}
        if later and e.status in RUNNING and not steps & MAY_BE_LATER:
            yield f"EXP-{e.id} was due at {before.remediate_due_at}, and is at {e.remediate_due_at} after {steps}"


def decided_by_two_for_what_is_there(lives: Lives, facts: Facts) -> Iterator[str]:
    standing = _standing(facts)
    affected = lives.model.affected()
    for e in _live(facts):
        made = standing.get(e.id)
        if made is not None and made.to_status != e.status:
            yield f"EXP-{e.id} is {e.status}, the decision that stands says {made.to_status}"
        if e.status in ("not_affected", "risk_accepted") and made is None:
            yield f"EXP-{e.id} is {e.status}, and no decision stands"
        keys = {made.decided_key_id, made.approved_key_id} - {None} if made is not None else set()
        if made is not None and made.to_status != "risk_accepted" and len(keys) < 2:
            yield f"EXP-{e.id} is {e.status} by {made.decided_key_id} and {made.approved_key_id}"
        if made is not None and e.name and pair_of(lives, e) in affected:
            names = {b.name for b in facts["bounds"] if b.decision_id == made.id}
            yield from (f"EXP-{e.id} is {e.status}, not decided for {n}" for n in affecting(lives, e) - names)


def acceptances_expire(lives: Lives, facts: Facts) -> Iterator[str]:
    for e in _live(facts):
        if e.status == "risk_accepted" and (e.expires_at is None or e.expires_at <= lives.clock_ran_at):
            yield f"EXP-{e.id} was accepted until {e.expires_at}, and the clock ran at {lives.clock_ran_at}"
        if e.status == "risk_accepted" and e.expires_at and (e.expires_at - lives.story.now).days > 90:
            yield f"EXP-{e.id} is accepted for more than 90 days"


def exploitation_ends_acceptance(_: Lives, facts: Facts) -> Iterator[str]:
    exploited = {i.id for i in facts["incidents"] if i.known_exploited}
    standing = _standing(facts)
    for e in _live(facts):
        made = standing.get(e.id)
        if made and e.incident_id in exploited and e.presence != "absent" and not made.grounds["known_exploited"]:
            yield f"EXP-{e.id} is {e.status}, decided before its exploitation was known"


def merged_points_on(lives: Lives, facts: Facts) -> Iterator[str]:
    exposures = {e.id: e for e in facts["exposures"]}
    yield from _last_steps(facts)
    for e in facts["exposures"]:
        goes_on = exposures.get(e.merged_into_id or 0)
        if (e.status == "merged") != (goes_on is not None):
            yield f"EXP-{e.id} is {e.status} and points to {e.merged_into_id}"
        elif goes_on is not None and (goes_on.status == "merged" or goes_on.product_id != e.product_id):
            yield f"EXP-{e.id} merged into EXP-{goes_on.id}, which is {goes_on.status} of {goes_on.product}"
        elif goes_on is not None and goes_on.opened_at > e.opened_at:
            yield f"EXP-{goes_on.id} was opened after EXP-{e.id}, for which it goes on"
    yield from _first_days(lives, facts, exposures)
    for i in facts["incidents"]:
        if (i.status == "merged") != (i.merged_into_id is not None) or (i.status == "merged" and i.vulnerability_id):
            yield f"INC-{i.id} is {i.status} and points to {i.merged_into_id}"


def _last_steps(facts: Facts) -> Iterator[str]:
    last: dict[int, str] = {}
    for t in facts["transitions"]:
        if last.get(t.exposure_id or 0) == "merged":
            yield f"EXP-{t.exposure_id} takes the step {t.step} after it merged"
        if t.exposure_id:
            last[t.exposure_id] = t.step


def _first_days(lives: Lives, facts: Facts, exposures: dict[int, Row]) -> Iterator[str]:
    began = {episode.exposure_id: episode.opened_at for episode in facts["episodes"]}
    for t in _new(lives, facts):
        goes_on = (
            exposures.get(exposures[t.exposure_id].merged_into_id or 0)
            if t.step == "merged" and t.exposure_id
            else None
        )
        if goes_on is not None and goes_on.status in RUNNING and began[goes_on.id] > began[t.exposure_id]:
            yield f"EXP-{goes_on.id} counts from after the day of EXP-{t.exposure_id}, for which it goes on"


def incidents_follow(_: Lives, facts: Facts) -> Iterator[str]:
    of: defaultdict[int, list[str]] = defaultdict(list)
    for e in _live(facts):
        of[e.incident_id].append(e.status)
    for i in facts["incidents"]:
        if i.status == "merged" or not of[i.id]:
            continue
        expected = _derived(of[i.id])
        if i.status != expected and (i.status, expected) != ("closed", "resolved"):
            yield f"INC-{i.id} is {i.status} and not {expected}"


def _derived(statuses: Sequence[str]) -> str:
    active = [status for status in statuses if status in ACTIVE]
    if any(status in ("open", "acknowledged") for status in active):
        return "open"
    if active:
        return "contained"
    return "withdrawn" if set(statuses) == {"withdrawn"} else "resolved"


def every_step_is_told(_: Lives, facts: Facts) -> Iterator[str]:
    if len(facts["changes"]) != len(facts["transitions"]):
        yield f"{len(facts['transitions'])} steps, {len(facts['changes'])} changes"
    versions: dict[str, int] = {}
    for change in facts["changes"]:
        if change.exposure and change.data.get("version", 0) < versions.get(change.exposure, 0):
            yield f"{change.exposure} is told at version {change.data['version']} after {versions[change.exposure]}"
        if change.exposure:
            versions[change.exposure] = change.data.get("version", 0)


def what_came_with_a_base_waits(lives: Lives, facts: Facts) -> Iterator[str]:
    exposures = {e.id: e for e in facts["exposures"]}
    standing = {pair_of(lives, e): e for e in _live(facts) if e.name}
    for e in _live(facts):
        above = exposures.get(e.inherited_from_id or 0)
        if e.status in RUNNING and (e.remediate_due_at is None) != (above is not None):
            yield f"EXP-{e.id} waits for {e.inherited_from_id} and is due at {e.remediate_due_at}"
        if above is not None and (e.status not in RUNNING | {"not_affected"} or above.status == "merged"):
            yield f"EXP-{e.id} is {e.status} and waits for EXP-{above.id}, which is {above.status}"
        if not e.name or e.status not in RUNNING:
            continue
        base = standing.get((lives.bases.get(e.product, ("", ""))[0], pair_of(lives, e)[1]))
        if comes_with_base(lives, e) and base is not None and base.status in RUNNING and above is None:
            yield f"EXP-{e.id} came with its base and does not wait for EXP-{base.id}"
        if above is not None and (base is None or base.id != above.id):
            yield f"EXP-{e.id} waits for EXP-{above.id} of {above.product}, on which it is not built"
        if above is not None and e.presence == above.presence == "present" and not comes_with_base(lives, e):
            yield f"EXP-{e.id} waits for its base, and not all of it came with that"


def claims_do_not_outlive_sboms(lives: Lives, facts: Facts) -> Iterator[str]:
    for e in _live(facts):
        if e.status != "fix_claimed" or not e.name or e.presence != "present":
            continue
        carriers = carriers_of(lives, pair_of(lives, e)[1])
        for line in lives.lines(e.product):
            head = line.head()
            counts = head is not None and not line.preview and not line.retired and ships(head, carriers)
            if head and counts and e.claimed_at < head.received_at == lives.story.now:
                yield f"EXP-{e.id} is claimed to be fixed, and an SBOM that came later has it"


def proposals_wait_for_what_is_active(_: Lives, facts: Facts) -> Iterator[str]:
    statuses = {e.id: e.status for e in facts["exposures"]}
    waiting = [p.exposure_id for p in facts["proposals"]]
    yield from (f"EXP-{id_} is {statuses[id_]}, and a proposal waits" for id_ in waiting if statuses[id_] not in ACTIVE)


def bases_make_no_circle(lives: Lives, _: Facts) -> Iterator[str]:
    for product in lives.bases:
        seen, below = {product}, lives.bases.get(product)
        while below and below[0] not in seen:
            seen.add(below[0])
            below = lives.bases.get(below[0])
        if below:
            yield f"{product} is built on itself by way of {sorted(seen)}"


Check = Callable[[Lives, Facts], Iterator[str]]

#: By their numbers in the README.
CHECKS: dict[int, Check] = dict(
    enumerate(
        (
            status_is_the_last_step,
            one_of_each,
            what_is_affected_stands,
            what_is_not_affected_is_held_or_over,
            resolved_is_proved,
            somebody_owns_it,
            episodes_run,
            due_is_never_later_silently,
            decided_by_two_for_what_is_there,
            acceptances_expire,
            exploitation_ends_acceptance,
            merged_points_on,
            incidents_follow,
            every_step_is_told,
            what_came_with_a_base_waits,
            claims_do_not_outlive_sboms,
            proposals_wait_for_what_is_active,
            bases_make_no_circle,
        ),
        start=1,
    )
)


def _remember(lives: Lives, facts: Facts) -> None:
    last = max((t.id for t in facts["transitions"]), default=0)
    lives.memory.last_transition_id = last
    lives.memory.voided = {row.id for row in facts["voided"]}
    lives.memory.dues = {e.id: Due(e.remediate_due_at, last) for e in facts["exposures"]}
