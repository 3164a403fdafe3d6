"""The timeline, read: what happened to an incident or an exposure, who did it, and why."""

from collections.abc import Collection, Iterable

from sqlalchemy import BigInteger, ColumnElement, literal, or_, select

from service.db import ReadSession, any_of
from service.incidents.models import Exposure, Incident, Transition
from service.incidents.representing import exposure_name, incident_name
from service.inventory.catalogue_models import Component, Package


def timeline_of(
    session: ReadSession,
    *,
    incident_id: int | None = None,
    exposure_id: int | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[tuple[int, dict[str, object]]]:
    """Give what happened to an incident, its exposures included, or to one exposure, in order: (id, values).

    What happened to others before they merged into it is part of it; each step says of which it was.
    """
    of = _of_incident(incident_id) if exposure_id is None else _of_exposure(exposure_id)
    rows = select(Transition).where(of, Transition.id > after).order_by(Transition.id).limit(limit)
    steps = session.scalars(rows).all()
    names = _component_names(session, {c for step in steps for c in _components_in(step)})
    return [(step.id, _step_values(step, names)) for step in steps]


def _of_incident(incident_id: int | None) -> ColumnElement[bool]:
    # One merges into another that merges later: the way on is short, and walked.
    way = select(literal(incident_id, BigInteger()).label("id")).cte("way", recursive=True)
    way = way.union(select(Incident.id).join(way, Incident.merged_into_id == way.c.id))
    return Transition.incident_id.in_(select(way.c.id))


def _of_exposure(exposure_id: int) -> ColumnElement[bool]:
    merged = select(Exposure.id).where(Exposure.merged_into_id == exposure_id)
    return or_(Transition.exposure_id == exposure_id, Transition.exposure_id.in_(merged))


def _step_values(step: Transition, names: dict[int, str]) -> dict[str, object]:
    named = [names[c] for c in _components_in(step) if c in names]
    return {
        "at": step.at,
        "actor": step.actor,
        "step": step.step,
        "incident": incident_name(step.incident_id),
        "exposure": exposure_name(step.exposure_id) if step.exposure_id is not None else None,
        "from_status": step.from_status,
        "to_status": step.to_status,
        "reason": step.reason,
        "justification": step.justification,
        "expires_at": step.expires_at,
        "evidence": {**step.evidence, "components": named} if named else step.evidence,
    }


def _components_in(step: Transition) -> Iterable[int]:
    """Give the ids of components that opened an exposure; evidence of other steps is people's, and stays as it is."""
    listed = step.evidence.get("components") if step.step == "opened" else None
    return [c for c in listed if isinstance(c, int)] if isinstance(listed, list) else []


def _component_names(session: ReadSession, component_ids: Collection[int]) -> dict[int, str]:
    """Name components by purl, or by name and version where they have none."""
    if not component_ids:
        return {}
    rows = session.execute(
        select(Component.id, Component.purl, Package.name, Component.version)
        .join(Package, Package.id == Component.package_id)
        .where(Component.id == any_of(component_ids))
    )
    return {row.id: row.purl or f"{row.name} {row.version}".strip() for row in rows}
