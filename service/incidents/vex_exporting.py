"""What we say about a product: its exposures as statements, from what stands. The documents are `vex/`'s."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import func, select

from service.db import ReadSession, any_of
from service.incidents.bounds import Bound
from service.incidents.decisions import MadeDecision, decisions_of
from service.incidents.models import Exposure, Incident, Transition
from service.incidents.representing import exposure_name, incidents_as_values
from service.incidents.vex.statements import PartRange, Status, Told
from service.incidents.vex_places import Place, generic, places_of
from service.inventory.constraints import BadConstraint, Range, parse_range
from service.inventory.models import Product

#: What an exposure's status says to others. Merged and retired ones are not there any more.
_STATUSES: Final = {
    "open": Status.UNDER_INVESTIGATION,
    "acknowledged": Status.UNDER_INVESTIGATION,
    "in_progress": Status.AFFECTED,
    "fix_claimed": Status.AFFECTED,
    "risk_accepted": Status.AFFECTED,
    "resolved": Status.FIXED,
    "not_affected": Status.NOT_AFFECTED,
    "withdrawn": Status.RETRACTED,
}
#: Incidents that are about vulnerabilities; a licence is none.
_KINDS: Final = ("vulnerability", "malware", "declared")


class Statements(NamedTuple):
    """What we say, and whether something under embargo is among it."""

    told: tuple[Told, ...]
    restricted: bool


class _Step(NamedTuple):
    at: datetime
    reason: str
    justification: str | None


def statements_about(
    session: ReadSession, product: Product, *, stream: str | None = None, release: str | None = None
) -> Statements:
    """Give what is to be said of a product's vulnerabilities, in the order of their exposures.

    A constant number of statements. What the session's sight hides is left out.

    Args:
        session: One snapshot.
        product: Which.
        stream: Only as this stream has it.
        release: Only as this release has it.
    """
    rows = session.execute(
        select(Exposure, Incident)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Exposure.product_id == product.id, Incident.kind.in_(_KINDS), Incident.status != "merged")
        .where(Exposure.status.in_(list(_STATUSES)))
        .order_by(Exposure.id)
    ).all()
    exposures = [exposure for exposure, _ in rows]
    ids = [exposure.id for exposure in exposures]
    incidents = incidents_as_values(session, {exposure.incident_id for exposure in exposures})
    decisions = decisions_of(session, ids, standing=True)
    steps = _last_steps(session, ids)
    places = places_of(session, product, exposures, stream=stream, release=release)
    told = []
    restricted = False
    for exposure, incident in rows:
        if where := places[exposure.id]:
            values = incidents[incident.id]
            decision = next(iter(decisions.get(exposure.id, ())), None)
            told.append(_told(exposure, values, decision, steps.get(exposure.id), where))
            restricted = restricted or incident.restricted
    return Statements(tuple(told), restricted)


def _last_steps(session: ReadSession, exposure_ids: Collection[int]) -> dict[int, _Step]:
    """Give the step by which each exposure came to its status."""
    moved = Transition.to_status.is_not(None) & Transition.to_status.is_distinct_from(Transition.from_status)
    last = (
        select(func.max(Transition.id))
        .where(Transition.exposure_id == any_of(exposure_ids), moved)
        .group_by(Transition.exposure_id)
    )
    rows = session.execute(
        select(Transition.exposure_id, Transition.at, Transition.reason, Transition.justification).where(
            Transition.id.in_(last)
        )
    )
    return {row.exposure_id: _Step(row.at, row.reason, row.justification) for row in rows}


def _told(
    exposure: Exposure,
    incident: Mapping[str, Any],
    decision: MadeDecision | None,
    step: _Step | None,
    places: tuple[Place, ...],
) -> Told:
    main = incident["vulnerability"] or incident["id"]
    justification = decision.justification if decision else step.justification if step else None
    status = _STATUSES[exposure.status]
    if status is Status.NOT_AFFECTED and not justification:
        status = Status.UNDER_INVESTIGATION  # nobody is told a justification that nobody gave
    return Told(
        exposure=exposure_name(exposure.id),
        incident=incident["id"],
        names=(main, *sorted(set(incident["aliases"]) - {main})),
        title=incident["title"],
        status=status,
        justification=justification or "" if status is Status.NOT_AFFECTED else "",
        reason=_reason(exposure, decision, step.reason.strip() if step else ""),
        answer=_answer(exposure),
        first_at=exposure.opened_at,
        since=step.at if step else exposure.opened_at,
        places=places,
        ranges=_ranges(decision.bounds) if decision and status is Status.NOT_AFFECTED else (),
    )


def _answer(exposure: Exposure) -> str:
    if exposure.status == "in_progress":
        return exposure.plan or ""
    return {"fix_claimed": "claimed", "risk_accepted": "accepted"}.get(exposure.status, "")


def _reason(exposure: Exposure, decision: MadeDecision | None, said: str) -> str:
    """Say why it stands as it does, and what is done about it: never nothing where a format wants something."""
    match exposure.status:
        case "open" | "acknowledged":
            return ""
        case "in_progress":
            plan = f"{exposure.plan}, by {exposure.planned_for}" if exposure.plan and exposure.planned_for else ""
            return ": ".join(filter(None, (plan, said))) or "It is being worked on."
        case "fix_claimed":
            return f"A fix is claimed, and awaits the SBOM that proves it. {said}".strip()
        case "risk_accepted":
            until = f" until {exposure.expires_at:%Y-%m-%d}" if exposure.expires_at else ""
            return f"The risk is accepted{until}: {decision.reason if decision else said}"
        case "withdrawn":
            return said or "No advisory says so any more."
        case _:
            return (decision.reason if decision else said) or "Every SBOM in the field is clean."


def _ranges(bounds: Sequence[Bound]) -> tuple[PartRange, ...]:
    found = {PartRange(_purl(bound.package), _versions(bound)) for bound in bounds}
    return tuple(sorted(found, key=lambda one: (one.package, one.versions)))


def _purl(package: str) -> str:
    return package if package.startswith("pkg:") else generic(package, "")


def _versions(bound: Bound) -> str:
    """Give the range that somebody chose, or the advisory's; outside of the latter nothing is affected anyway."""
    if not bound.narrowed:
        return bound.range
    return bound.narrowed if bound.narrowed.startswith("vers:") else as_vers(bound.narrowed, bound.range)


def as_vers(text: str, like: str) -> str:
    """Write a range of bounds that all hold as a vers expression, in the scheme of another one.

    Alternatives (``||``) have a form of their own in vers only if they do not overlap; then the other one stands.
    """
    try:
        parsed: Range = parse_range(text)
    except BadConstraint:
        return like
    if len(parsed.alternatives) != 1:
        return like
    (bounds,) = parsed.alternatives
    scheme = like.removeprefix("vers:").partition("/")[0]
    written = "|".join(("" if one.operator == "=" else one.operator) + one.version for one in bounds)
    return f"vers:{scheme}/{written}"
