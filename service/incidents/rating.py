"""How bad an incident is, worked out again whenever its advisories, or others who know of it, say more.

A feed's first word is often not its last: the distribution's record comes without a score, the others follow, and one
day somebody exploits it. What becomes more urgent gets nearer deadlines; a deadline never moves away. Whatever changes
stands in the timeline with its reason, what eases too.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, func, or_, select

from service.advisories.findings import Profile, profiles
from service.advisories.models import VulnerabilityAlias
from service.advisories.signal_models import Epss, Kev
from service.advisories.signals import Signals
from service.db import ReadSession, WriteSession, any_of
from service.incidents.models import Exposure, Incident
from service.incidents.presence import ACTIVE
from service.incidents.priority import LIKELY, STILL_LIKELY, due, is_likely, priority_of, worst
from service.incidents.timeline import Entry, write_timeline

#: Statuses in which clocks run, or will run on.
_RUNNING = ACTIVE | {"risk_accepted"}


class Rating(NamedTuple):
    """What follows from a vulnerability's advisories and signals; its fields are the incident's columns."""

    kind: str
    title: str
    severity: str
    priority: str
    known_exploited: str | None
    likely_exploited: bool


class _Change(NamedTuple):
    """An incident that is rated otherwise now, and what signals have to do with it."""

    incident: Incident
    before: Rating
    after: Rating
    signals: list[str]

    @property
    def reason(self) -> str:
        """Say for the incident's timeline why."""
        before, after = (f"{rating.severity}, {rating.priority}" for rating in (self.before, self.after))
        moved = [f"{before} before; now {after}"] if before != after else []
        return "; ".join([*self.signals, *moved]) or "its advisories say more"

    @property
    def demands_action(self) -> bool:
        """Tell whether it has become so bad that nobody could have accepted it knowingly."""
        newly_exploited = bool(self.after.known_exploited) and not self.before.known_exploited
        return newly_exploited or (self.after.priority == "act" and self.before.priority != "act")


def rate(profile: Profile, *, likely_before: bool = False) -> Rating:
    """Rate a vulnerability; malicious code is always the worst."""
    malicious, (kev, epss) = profile.kind == "malware", profile.signals
    severity = "critical" if malicious else worst(profile.severities)
    likely = is_likely(epss.score if epss else None, before=likely_before)
    return Rating(
        kind="malware" if malicious else "vulnerability",
        title=profile.title,
        severity=severity,
        priority=priority_of(severity, profile.kind, exploited=kev is not None, likely=likely),
        known_exploited=kev.cve if kev else None,
        likely_exploited=likely,
    )


def known_to_be_exploited(signals: Signals) -> str:
    """Say since when CISA lists it; '' where it does not."""
    kev = signals.kev
    if kev is None:
        return ""
    ransomware = ", in ransomware campaigns too" if kev.ransomware else ""
    return f"CISA listed {kev.cve} as exploited on {kev.added_on}{ransomware}"


def out_of_step(session: ReadSession) -> list[int]:
    """Give the vulnerabilities whose incidents were rated by other signals than there are now."""
    said = (
        select(
            VulnerabilityAlias.vulnerability_id,
            func.bool_or(Kev.cve.is_not(None)).label("listed"),
            func.coalesce(func.max(Epss.score), 0.0).label("score"),
        )
        .join(Incident, Incident.vulnerability_id == VulnerabilityAlias.vulnerability_id)
        .outerjoin(Kev, Kev.cve == VulnerabilityAlias.alias)
        .outerjoin(Epss, Epss.cve == VulnerabilityAlias.alias)
        .group_by(VulnerabilityAlias.vulnerability_id)
        .subquery()
    )
    counts = said.c.score >= case((Incident.likely_exploited, STILL_LIKELY), else_=LIKELY)
    rows = (
        select(Incident.vulnerability_id)
        .join(said, said.c.vulnerability_id == Incident.vulnerability_id)
        .where(Incident.status != "merged")
        .where(or_(Incident.known_exploited.is_not(None) != said.c.listed, Incident.likely_exploited != counts))
        .order_by(Incident.vulnerability_id)
    )
    return [id_ for id_ in session.scalars(rows) if id_ is not None]


def rate_anew(session: WriteSession, vulnerability_ids: Iterable[int], *, actor: str, now: datetime) -> int:
    """Rate the incidents of some vulnerabilities again; gives how many changed."""
    wanted = sorted(set(vulnerability_ids))
    changed = {change.incident.id: change for change in _changed(session, wanted)}
    if not changed:
        return 0
    # Exposures before incidents, each in the order of ids, as everybody else locks them.
    exposures = session.scalars(
        select(Exposure)
        .where(Exposure.incident_id == any_of(changed), Exposure.status != "merged")
        .order_by(Exposure.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    entries = []
    for change in changed.values():
        incident = change.incident
        for name, value in change.after._asdict().items():
            setattr(incident, name, value)
        entries.append(Entry(incident.id, "rated", change.reason, None, incident.status, incident.status))
    for exposure in exposures:
        entries += _follow(exposure, changed[exposure.incident_id], now)
    session.flush()  # the timeline's changes carry incidents and exposures as they are now
    write_timeline(session, entries, actor=actor, now=now)
    return len(changed)


def _changed(session: WriteSession, vulnerability_ids: list[int]) -> list[_Change]:
    rows = session.scalars(
        select(Incident)
        .where(Incident.vulnerability_id == any_of(vulnerability_ids), Incident.status != "merged")
        .order_by(Incident.id)
    ).all()
    described = profiles(session, (i.vulnerability_id for i in rows if i.vulnerability_id is not None))
    changed = []
    for incident in rows:
        profile = described.get(incident.vulnerability_id or 0)
        before = Rating(*(getattr(incident, name) for name in Rating._fields))
        after = rate(profile, likely_before=before.likely_exploited) if profile else before
        if profile and after != before:
            changed.append(_Change(incident, before, after, _signals(before, after, profile)))
    return changed


def _signals(before: Rating, after: Rating, profile: Profile) -> list[str]:
    kev, epss = profile.signals
    reasons = []
    if kev and not before.known_exploited:
        reasons.append(known_to_be_exploited(profile.signals))
    if before.known_exploited and not kev:
        reasons.append(f"CISA does not list {before.known_exploited} as exploited any more")
    if after.likely_exploited and not before.likely_exploited and epss:
        reasons.append(f"EPSS gives {epss.cve} {epss.score:.2f}, which is {LIKELY} or more")
    if before.likely_exploited and not after.likely_exploited:
        reasons.append(f"EPSS gives it less than {STILL_LIKELY} now")
    return reasons


def _follow(exposure: Exposure, change: _Change, now: datetime) -> list[Entry]:
    """Let an exposure follow its incident. One that has ended keeps its clocks, and knows how urgent it would be."""
    rating, status = change.after, exposure.status
    ends_acceptance = status == "risk_accepted" and change.demands_action
    if exposure.priority == rating.priority and not ends_acceptance:
        return []
    reasons = [*change.signals, f"{exposure.priority} before; now {rating.priority}"]
    exposure.priority = rating.priority
    if status in _RUNNING:
        deadlines = due(rating.priority, baseline=exposure.origin == "baseline", opened_at=now)
        exposure.acknowledge_due_at = _nearer(exposure.acknowledge_due_at, deadlines.acknowledge_at)
        exposure.remediate_due_at = _nearer(exposure.remediate_due_at, deadlines.remediate_at)
    if ends_acceptance:
        exposure.status, exposure.assessment, exposure.expires_at = "open", None, None
        reasons.append("the risk was accepted before that")
    exposure.updated_at = now
    exposure.version += 1
    step = "reopened" if ends_acceptance else "rated"
    return [Entry(exposure.incident_id, step, "; ".join(reasons), exposure.id, status, exposure.status)]


def _nearer(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)
