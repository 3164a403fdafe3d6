"""What came with a base: its owner has the work, and whoever builds on it waits.

An exposure is inherited while all that affects its product is in the base's newest SBOM too, and the base's own
exposure stands. It has no clocks of its own then. Once the base is done with it, rebuilding on the new base is the
owner's: the clocks begin. Where only the bond to the base was taken away, they count from the first day, as if it had
never been.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from service.advisories.findings import Evidence
from service.db import WriteSession, any_of
from service.incidents.models import Exposure, Incident
from service.incidents.opening import Opening, open_exposures
from service.incidents.presence import ENDED_BY_PROOF
from service.incidents.priority import due
from service.incidents.representing import exposure_name
from service.incidents.timeline import Entry, write_timeline
from service.incidents.weighing import Pair, affected_components
from service.inventory.bases import Base
from service.inventory.field import FieldUse

Exposures = Mapping[Pair, Exposure]


class Inheriting:
    """Who is built on whom, and what of it is affected."""

    def __init__(self, bases: Sequence[Base], uses: Iterable[FieldUse], evidence: Collection[Evidence]) -> None:
        self._bases = {base.product_id: base for base in bases}
        streams = {base.stream_id for base in bases if base.live}
        listed = list(uses) if bases else []
        # As if the base's stream were a product: only what it contains now came with it.
        heads = [u._replace(product_id=u.stream_id) for u in listed if u.stream_id in streams and u.release_id is None]
        self._own = affected_components(listed, evidence) if bases else {}
        self._in_base = affected_components(heads, evidence)

    def __bool__(self) -> bool:
        return bool(self._bases)

    def base_of(self, pair: Pair) -> Pair | None:
        """Give the base's product, with the same vulnerability."""
        base = self._bases.get(pair[0])
        return None if base is None else (base.base_product_id, pair[1])

    def own(self, pair: Pair) -> set[int]:
        """Give what affects a product."""
        return self._own.get(pair, set())

    def comes_with_base(self, pair: Pair) -> bool:
        """Tell whether all that affects a product is in its base too."""
        base = self._bases.get(pair[0])
        return (
            base is not None
            and bool(own := self.own(pair))
            and own <= self._in_base.get((base.stream_id, pair[1]), set())
        )


def open_after_bases(
    session: WriteSession,
    openings: Sequence[Opening],
    inheriting: Inheriting,
    standing: Exposures,
    *,
    actor: str,
    now: datetime,
) -> list[int]:
    """Open exposures, those of bases before those that wait for them; gives the ids of the new ones."""
    above = {pair: exposure.id for pair, exposure in standing.items() if exposure.status in ENDED_BY_PROOF}
    coming = {opening.pair for opening in openings}
    waits = {
        opening.pair: base
        for opening in openings
        if inheriting.comes_with_base(opening.pair) and (base := inheriting.base_of(opening.pair))
        if base in above or base in coming
    }
    opened = open_exposures(session, [o for o in openings if o.pair not in waits], actor=actor, now=now)
    waiting = [opening for opening in openings if opening.pair in waits]
    while waiting:
        above |= {pair: exposure.id for pair, exposure in exposures_by_pair(session, opened).items()}
        ready = [
            replace(o, inherited_from_id=above[waits[o.pair]]) for o in waiting if waits[o.pair] in above
        ] or waiting
        opened += open_exposures(session, ready, actor=actor, now=now)
        done = {opening.pair for opening in ready}
        waiting = [opening for opening in waiting if opening.pair not in done]
    return opened


def exposures_by_pair(session: WriteSession, exposure_ids: Collection[int]) -> dict[Pair, Exposure]:
    """Give exposures by product and vulnerability."""
    if not exposure_ids:
        return {}
    rows = session.execute(
        select(Exposure, Incident.vulnerability_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Exposure.id == any_of(exposure_ids))
    )
    return {(exposure.product_id, v): exposure for exposure, v in rows if v is not None}


def follow_bases(
    session: WriteSession, inheriting: Inheriting, exposures: Exposures, *, actor: str, now: datetime
) -> None:
    """Let exposures wait for their bases, or go on by themselves. The session holds their row locks."""
    entries = []
    for pair, exposure in sorted(exposures.items(), key=lambda item: item[1].id):
        if exposure.status in ENDED_BY_PROOF:
            above = exposures.get(inheriting.base_of(pair) or (0, 0))
            waits_for = _waits_for(exposure, pair, above, inheriting)
            if exposure.inherited_from_id != waits_for:
                entries.append(_follow(exposure, waits_for, above, now))
    if entries:
        session.flush()  # the timeline's changes carry the exposures as they are now
        write_timeline(session, entries, actor=actor, now=now)


def _waits_for(exposure: Exposure, pair: Pair, above: Exposure | None, inheriting: Inheriting) -> int | None:
    if above is None or above.status not in ENDED_BY_PROOF:
        return None
    if inheriting.comes_with_base(pair):
        return above.id
    # What nobody can tell of either of them changes nothing: it waits as it did.
    is_unclear = above.presence == "unknown" or not inheriting.own(pair)
    return above.id if is_unclear and exposure.inherited_from_id == above.id else None


def _follow(exposure: Exposure, waits_for: int | None, above: Exposure | None, now: datetime) -> Entry:
    exposure.inherited_from_id = waits_for
    exposure.version += 1
    exposure.updated_at = now
    if waits_for is not None:
        exposure.acknowledge_due_at = exposure.remediate_due_at = None
        reason = f"it came with what this is built on: {exposure_name(waits_for)} has the work"
        return Entry(exposure.incident_id, "inherited", reason, exposure.id, exposure.status, exposure.status)
    since = exposure.opened_at if above is None else now
    deadlines = due(
        exposure.priority, baseline=exposure.origin == "baseline", opened_at=since, inputs=exposure.priority_inputs
    )
    exposure.acknowledge_due_at, exposure.remediate_due_at = deadlines
    exposure.acknowledge_from_at = exposure.remediate_from_at = since
    return Entry(exposure.incident_id, "released", _why_released(above), exposure.id, exposure.status, exposure.status)


def _why_released(above: Exposure | None) -> str:
    if above is None:
        return "it is not built any more on what it came with"
    if above.status in ENDED_BY_PROOF:
        return f"not all of it came with what this is built on: {exposure_name(above.id)} is not the whole work"
    return f"{exposure_name(above.id)} of what this is built on is {above.status}: rebuild on it, or decide"
