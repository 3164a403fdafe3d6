"""What the machine weighs before it moves exposures: why nothing matches any more, and what holds all the same."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.advisories.findings import Evidence, malware_among
from service.db import ReadSession
from service.incidents.holds import Absent, absences, holds
from service.incidents.models import Exposure
from service.incidents.presence import HELD, Absence, Seen, Step, step_for
from service.incidents.suspecting import SHIPPED, Suspicion
from service.inventory.field import FieldUse
from service.inventory.scopes import SCOPE_CODE

EVERY_SCOPE = frozenset(SCOPE_CODE.values())

#: Product and vulnerability.
Pair = tuple[int, int]


@dataclass(frozen=True)
class Cause:
    """Who or what made us look, and when.

    Attributes:
        actor: For the timeline.
        at: Aware UTC.
        baseline: Products whose first SBOM this is.
        departure: Why the components in question left the field, if not because a later SBOM does not list them:
            support ended, or an upload was taken back. Either ends an exposure, and proves no fix.
        departed: The components that left for that reason, now or earlier; None: those in question.
        unproved: Exposures that an SBOM had proved clean that was taken back or corrected just now.
        evidence: For the timeline.
    """

    actor: str
    at: datetime
    baseline: frozenset[int] = frozenset()
    departure: Absence = Absence.LEFT
    departed: frozenset[int] | None = None
    unproved: frozenset[int] = frozenset()
    evidence: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Looked:
    """What the field showed of some exposures.

    Attributes:
        standing: The exposures, locked.
        known: Exposure id to the components that made it affected, now or earlier.
        affected: What is certainly affected now.
        suspected: What may be, where we declared it.
        uses: What of all these components is in the field.
        component_ids: What came or left, and may have made a difference.
    """

    standing: Mapping[Pair, Exposure]
    known: Mapping[int, set[int]]
    affected: Mapping[Pair, set[int]]
    suspected: Mapping[Pair, Suspicion]
    uses: Collection[FieldUse]
    component_ids: frozenset[int]

    def present(self, pair: Pair) -> set[int]:
        """Give the components that affect a product now, for certain or perhaps."""
        suspicion = self.suspected.get(pair)
        return self.affected.get(pair) or (set(suspicion.component_ids) if suspicion else set())


def weigh(session: ReadSession, looked: Looked, cause: Cause) -> list[tuple[Exposure, Step]]:
    """Say what the inventory makes of exposures, in the order of their ids."""
    why, held = _why_absent(session, looked, cause)
    steps = []
    for pair, exposure in sorted(looked.standing.items(), key=lambda item: item[1].id):
        suspicion = looked.suspected.get(pair)
        seen = Seen(
            present=pair in looked.affected,
            absence=why.get(exposure.id, Absence.LEFT),
            hold=suspicion.reason if suspicion else held.get(exposure.id, ""),
            suspected=suspicion is not None,
            retracted=exposure.id in cause.unproved,
        )
        step = step_for(exposure.status, exposure.presence, exposure.hold_reason, seen)
        if step is not None:
            steps.append((exposure, step))
    return steps


def _why_absent(session: ReadSession, looked: Looked, cause: Cause) -> tuple[dict[int, Absence], dict[int, str]]:
    """Give, for exposures that nothing matches any more, why that is, and what holds them open all the same."""
    missing = {
        pair: exposure
        for pair, exposure in looked.standing.items()
        if pair not in looked.affected and pair not in looked.suspected
        if exposure.status in HELD or exposure.id in cause.unproved
    }
    if not missing:
        return {}, {}
    malware = malware_among(session, {vulnerability_id for _, vulnerability_id in missing})
    absent = [
        Absent(
            exposure.id,
            product_id,
            vulnerability_id,
            frozenset(looked.known[exposure.id]),
            EVERY_SCOPE if vulnerability_id in malware else SHIPPED,
        )
        for (product_id, vulnerability_id), exposure in missing.items()
    ]
    plain = absences(session, absent, looked.uses)
    why = {id_: _departed(absence, id_, looked, cause) for id_, absence in plain.items()}
    gone = [
        replace(item, to_be_proved=why[item.exposure_id] is Absence.LEFT)
        for item in absent
        if plain[item.exposure_id] in (Absence.LEFT, Absence.TAKEN_BACK)
    ]
    return why, holds(session, gone)


def _departed(absence: Absence, exposure_id: int, looked: Looked, cause: Cause) -> Absence:
    """Say why components left: for the reason that made us look, if it is about them."""
    departed = looked.component_ids if cause.departed is None else cause.departed
    is_about_them = not departed.isdisjoint(looked.known[exposure_id])
    return cause.departure if absence is Absence.LEFT and is_about_them else absence


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
