"""One vulnerability turns out to be two: what parts from it gets an incident of its own. Never re-keyed.

The new incident begins where the other left off: whoever owned an exposure owns the new one, and it counts from the
day on which the product was first known to be affected. Decisions stay where they were made; they were about both.
All of this holds while the split is being settled; what comes later is news like any other.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from service.advisories.models import Vulnerability
from service.db import ReadSession, any_of
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.incidents.presence import ACTIVE
from service.incidents.representing import exposure_name, incident_name
from service.incidents.timeline import Entry

#: (product, vulnerability).
Pair = tuple[int, int]

_STANDING = sorted(ACTIVE | {"risk_accepted", "not_affected"})


class Inherited(NamedTuple):
    """What an exposure takes over from the one that it was part of."""

    team_id: int
    owner_reason: str
    owner_manual: bool
    origin: str
    opened_at: datetime
    reason: str


def _splits() -> Select[int, int, str]:
    """Select what is being split: the vulnerability, the incident that it was part of, its name."""
    other = aliased(Vulnerability)
    return (
        select(Vulnerability.id, Incident.id, Vulnerability.name)
        .join(other, other.id == Vulnerability.split_from_id)
        .join(Incident, Incident.vulnerability_id == func.coalesce(other.merged_into_id, other.id))
        .where(~Vulnerability.settled, Vulnerability.merged_into_id.is_(None))
    )


def origins(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, int]:
    """Give, for vulnerabilities that are being split off, the incident that they were part of."""
    rows = session.execute(_splits().where(Vulnerability.id == any_of(vulnerability_ids)))
    return {vulnerability_id: incident_id for vulnerability_id, incident_id, _ in rows}


def inheritance(session: ReadSession, affected: Mapping[Pair, frozenset[int]]) -> dict[Pair, Inherited]:
    """Say what new exposures take over, where one of the components stands in the exposure that they were part of."""
    parted = origins(session, {vulnerability_id for _, vulnerability_id in affected})
    if not parted:
        return {}
    rows = session.execute(
        select(Exposure, func.array_agg(ExposureComponent.component_id))
        .join(ExposureComponent, ExposureComponent.exposure_id == Exposure.id)
        .where(Exposure.incident_id == any_of(set(parted.values())), Exposure.status.in_(_STANDING))
        .where(Exposure.product_id == any_of({product_id for product_id, _ in affected}))
        .group_by(Exposure.id)
    )
    standing = {(exposure.product_id, exposure.incident_id): (exposure, components) for exposure, components in rows}
    taken_over = {}
    for (product_id, vulnerability_id), components in affected.items():
        exposure, known = standing.get((product_id, parted.get(vulnerability_id, 0)), (None, ()))
        if exposure is not None and not components.isdisjoint(known):
            taken_over[product_id, vulnerability_id] = Inherited(
                exposure.team_id,
                exposure.owner_reason,
                exposure.owner_manual,
                exposure.origin,
                exposure.opened_at,
                f"split off {exposure_name(exposure.id)} of {incident_name(exposure.incident_id)}",
            )
    return taken_over


def first_entries(session: ReadSession, reasons: Mapping[int, str]) -> list[Entry]:
    """Write how new incidents began: for a reason of their own, or, on both sides, that one was split off another."""
    new = aliased(Incident)
    splits = _splits().add_columns(new.id).join(new, new.vulnerability_id == Vulnerability.id)
    parted = {id_: (was, name) for _, was, name, id_ in session.execute(splits.where(new.id == any_of(reasons)))}
    entries = []
    for id_, own_reason in sorted(reasons.items()):
        reason = own_reason
        if id_ in parted:
            was, name = parted[id_]
            reason = f"split off {incident_name(was)}: no advisory joins the two any more"
            entries.append(Entry(was, "split", f"{name} is another vulnerability: {incident_name(id_)}"))
        entries.append(Entry(incident_id=id_, step="opened", to_status="open", reason=reason))
    return entries


def parted_reasons(session: ReadSession, ended: Iterable[Pair]) -> dict[Pair, str]:
    """Say, for exposures that no advisory speaks of any more, which incident does so since a split."""
    pairs = set(ended)
    split, exposed = aliased(Incident), aliased(Exposure)
    parting = (
        _splits()
        .with_only_columns(Incident.vulnerability_id, exposed.product_id, split.id)
        .join(split, split.vulnerability_id == Vulnerability.id)
        .join(exposed, exposed.incident_id == split.id)
        .where(Incident.vulnerability_id == any_of({vulnerability_id for _, vulnerability_id in pairs}))
        .where(exposed.product_id == any_of({product_id for product_id, _ in pairs}), exposed.status != "merged")
        .order_by(split.id)
    )
    into: defaultdict[Pair, list[str]] = defaultdict(list)
    for vulnerability_id, product_id, incident_id in session.execute(parting):
        if vulnerability_id is not None:
            into[product_id, vulnerability_id].append(incident_name(incident_id))
    return {
        pair: f"split: what is in the field is affected by {', '.join(names)}, another vulnerability since"
        for pair, names in into.items()
        if pair in pairs
    }
