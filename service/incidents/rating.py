"""How bad an incident is, worked out again whenever its advisories say more.

A feed's first word is often not its last: the distribution's record comes without a score, the others follow. What
becomes more urgent gets nearer deadlines; a deadline never moves away.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from service.advisories.findings import Profile, profiles
from service.db import WriteSession, any_of
from service.incidents.models import Exposure, Incident
from service.incidents.presence import ACTIVE
from service.incidents.priority import due, priority_of, worst
from service.incidents.timeline import Entry, write_timeline


class Rating(NamedTuple):
    """What follows from a vulnerability's advisories."""

    kind: str
    title: str
    severity: str
    priority: str


def rate(profile: Profile) -> Rating:
    """Rate a vulnerability; malicious code is always the worst."""
    malicious = profile.kind == "malware"
    severity = "critical" if malicious else worst(profile.severities)
    kind = "malware" if malicious else "vulnerability"
    return Rating(kind, profile.title, severity, priority_of(severity, profile.kind))


def rate_anew(session: WriteSession, vulnerability_ids: Iterable[int], *, actor: str, now: datetime) -> int:
    """Rate the incidents of some vulnerabilities again; gives how many changed."""
    wanted = sorted(set(vulnerability_ids))
    changed = _changed(session, wanted)
    if not changed:
        return 0
    # Exposures before incidents, each in the order of ids, as everybody else locks them.
    exposures = session.scalars(
        select(Exposure)
        .where(Exposure.incident_id == any_of(incident.id for incident, _ in changed), Exposure.status.in_(ACTIVE))
        .order_by(Exposure.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    entries = []
    for incident, rating in changed:
        entries.append(_entry(incident, rating))
        incident.kind, incident.title, incident.severity, incident.priority = rating
    ratings = {incident.id: rating for incident, rating in changed}
    for exposure in exposures:
        entries += _follow(exposure, ratings[exposure.incident_id], now)
    session.flush()  # the timeline's changes carry incidents and exposures as they are now
    write_timeline(session, entries, actor=actor, now=now)
    return len(changed)


def _changed(session: WriteSession, vulnerability_ids: list[int]) -> list[tuple[Incident, Rating]]:
    rows = session.scalars(
        select(Incident)
        .where(Incident.vulnerability_id == any_of(vulnerability_ids), Incident.status != "merged")
        .order_by(Incident.id)
    ).all()
    described = profiles(session, (i.vulnerability_id for i in rows if i.vulnerability_id is not None))
    rated = [(i, rate(described[i.vulnerability_id])) for i in rows if i.vulnerability_id in described]
    return [(i, rating) for i, rating in rated if rating != (i.kind, i.title, i.severity, i.priority)]


def _entry(incident: Incident, rating: Rating) -> Entry:
    before, after = (incident.severity, incident.priority), (rating.severity, rating.priority)
    reason = f"{', '.join(before)} before; now {', '.join(after)}" if before != after else "its advisories say more"
    return Entry(incident.id, "rated", reason, from_status=incident.status, to_status=incident.status)


def _follow(exposure: Exposure, rating: Rating, now: datetime) -> list[Entry]:
    if exposure.priority == rating.priority:
        return []
    reason = f"{exposure.priority} before; now {rating.priority}"
    exposure.priority = rating.priority
    deadlines = due(rating.priority, baseline=exposure.origin == "baseline", opened_at=now)
    exposure.acknowledge_due_at = _nearer(exposure.acknowledge_due_at, deadlines.acknowledge_at)
    exposure.remediate_due_at = _nearer(exposure.remediate_due_at, deadlines.remediate_at)
    exposure.updated_at = now
    exposure.version += 1
    return [Entry(exposure.incident_id, "rated", reason, exposure.id, exposure.status, exposure.status)]


def _nearer(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)
