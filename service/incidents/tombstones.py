"""What a change of sight leaves in the feed: a tombstone for those who see it no longer, all of it for those who do.

A tombstone carries identifiers alone. It is written for everybody, and shown to those for whom the thing is gone
(`feed_sight.py`): to whoever reads one team's changes, when an exposure goes to another; to whoever need not know, when
an embargo begins.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import select

from service.changes.writing import NewChange
from service.db import ReadSession, any_of
from service.incidents.models import Incident
from service.incidents.representing import incident_name

LOST, GAINED = "visibility_lost", "visibility_gained"

Values = Mapping[str, object]


class Step(Protocol):
    """What the timeline knows of a step."""

    @property
    def incident_id(self) -> int:
        """The incident's number."""

    @property
    def exposure_id(self) -> int | None:
        """The exposure's number; None where it is the incident's own step."""

    @property
    def step(self) -> str:
        """What happened."""

    @property
    def evidence(self) -> dict[str, object]:
        """What goes with it; `from` is the team that had the exposure."""


def changes_of_sight(
    session: ReadSession,
    steps: Sequence[Step],
    exposures: Mapping[int, Values],
    incidents: Mapping[int, Values],
    *,
    now: datetime,
) -> Iterator[NewChange]:
    """Give what steps mean to those who read only a team's: what went to another, and what they see at all from now."""
    concerning = [step for step in steps if step.exposure_id is not None and step.step in ("opened", "assigned")]
    if not concerning:
        return
    restricted = restricted_among(session, {step.incident_id for step in concerning})
    for step in concerning:
        former = step.evidence.get("from") if step.step == "assigned" else None
        exposure = exposures[step.exposure_id or 0]
        if isinstance(former, str) and former != team_of(exposure):
            yield exposure_lost(exposure, now=now, team=former, restricted=step.incident_id in restricted)
    for incident_id in sorted(restricted):
        yield incident_gained(incidents[incident_id], now=now)


def restricted_among(session: ReadSession, incident_ids: Collection[int]) -> set[int]:
    """Tell which incidents are under embargo."""
    return set(session.scalars(select(Incident.id).where(Incident.id == any_of(incident_ids), Incident.restricted)))


def team_of(exposure: Values) -> str | None:
    """Give the team that has an exposure."""
    owner = exposure["owner"]
    return str(owner["team"]) if isinstance(owner, dict) else None


def exposure_lost(exposure: Values, *, now: datetime, team: str | None = None, restricted: bool = False) -> NewChange:
    """Give the tombstone of an exposure; *team* had it, where that is not who has it now."""
    names = {name: exposure[name] for name in ("id", "incident", "product", "version")}
    return _of_exposure(LOST, exposure, names, now, team or team_of(exposure), restricted=restricted)


def exposures_gained(exposures: Iterable[Values], *, now: datetime) -> Iterator[NewChange]:
    """Give exposures as they are to those who see them from now on."""
    for exposure in exposures:
        yield _of_exposure(GAINED, exposure, exposure, now, team_of(exposure))


def incident_lost(incident_id: int, version: object, *, now: datetime) -> NewChange:
    """Give the tombstone of an incident."""
    name = incident_name(incident_id)
    return NewChange(f"incident.{LOST}", now, {"id": name, "version": version}, incident=name)


def incident_gained(incident: Values, *, now: datetime) -> NewChange:
    """Give an incident as it is to those who see it from now on."""
    return NewChange(f"incident.{GAINED}", now, incident, incident=str(incident["id"]))


def _of_exposure(
    kind: str, exposure: Values, data: Values, now: datetime, team: str | None, *, restricted: bool = False
) -> NewChange:
    return NewChange(
        f"exposure.{kind}",
        now,
        data,
        incident=str(exposure["incident"]),
        exposure=str(exposure["id"]),
        product=str(exposure["product"]),
        team=team,
        restricted=restricted,
    )
