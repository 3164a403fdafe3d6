"""How bad an incident is, worked out again whenever its advisories, or others who know of it, say more.

A feed's first word is often not its last: the distribution's record comes without a score, the others follow, and one
day somebody exploits it. What is known of the vulnerability is rated here; what follows for each product is decided
in `redeciding`. Whatever changes stands in the timeline with its reason, what eases too.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import case, func, or_, select

from service.advisories.findings import Profile, profiles
from service.advisories.models import VulnerabilityAlias
from service.advisories.signal_models import Epss, Kev
from service.advisories.signals import Signals
from service.advisories.signals_severity import severity_said, severity_values
from service.db import ReadSession, WriteSession, any_of
from service.incidents.deciding import NOT_EXPLOITED, NOTHING_SAID, Facts, Said, decide, read_facts
from service.incidents.models import Incident
from service.incidents.priority import LIKELY, STILL_LIKELY, is_likely, worst
from service.incidents.redeciding import Restated, decide_anew
from service.incidents.vectors import read_vector


class Rating(NamedTuple):
    """What follows from a vulnerability's advisories and signals; its fields are the incident's columns."""

    kind: str
    title: str
    severity: str
    priority: str
    priority_facts: dict[str, Any]
    known_exploited: str | None
    likely_exploited: bool


def rate(
    profile: Profile,
    words: Mapping[str, Any] | None = None,
    *,
    likely_before: bool = False,
) -> Rating:
    """Rate a vulnerability; malicious code is always the worst.

    Args:
        profile: What it is.
        words: Which advisory's word decides and whose vector stands for it, as `severity_values` gives them.
        likely_before: EPSS counted until now.
    """
    malicious, (kev, epss) = profile.kind == "malware", profile.signals
    severity = "critical" if malicious else worst(profile.severities)
    likely = is_likely(epss.score if epss else None, before=likely_before)
    facts = _facts(profile, severity, words or {}, likely=likely, forced=_forced(profile))
    alone = decide(facts).priority
    return Rating(
        kind="declared" if profile.declared else "malware" if malicious else "vulnerability",
        title=profile.title,
        severity=severity,
        priority=alone,
        priority_facts=facts.as_values() | {"alone": alone},
        known_exploited=kev.cve if kev else None,
        likely_exploited=likely,
    )


def _forced(profile: Profile) -> str:
    """Say why no table is asked: what CISA's own scores make of malicious code is Track (the xz backdoor's were)."""
    if profile.declared:
        return f"the CERT declared it: {profile.declared.replace('_', ' ')}"
    return "an advisory calls it malicious code" if profile.kind == "malware" else ""


def ratings(session: ReadSession, described: Mapping[int, Profile]) -> dict[int, Rating]:
    """Rate vulnerabilities that no incident rates yet."""
    said = severity_said(session, described)
    return {id_: rate(profile, severity_values(said.get(id_, ()))) for id_, profile in described.items()}


def _facts(profile: Profile, severity: str, words: Mapping[str, Any], *, likely: bool, forced: str) -> Facts:
    kev, epss = profile.signals
    word, cvss = words.get("severity"), words.get("cvss")
    exploitation = NOT_EXPLOITED
    if likely and epss:
        exploitation = Said("public poc", f"EPSS gives {epss.cve} {LIKELY} or more")
    if kev:
        exploitation = Said("active", known_to_be_exploited(profile.signals))
    said = NOTHING_SAID if severity == "unscored" else Said(severity, f"{word['source']} says so" if word else "")
    if cvss:
        vector, source = read_vector(cvss["vector"]), f"CVSS {cvss['version']} by {cvss['source']}: {cvss['vector']}"
        scored = Said(vector.automatable, source), Said(vector.technical_impact, source)
        return Facts(said, exploitation, *scored, forced=forced)
    impact = None
    if word:
        total = severity in ("critical", "high")
        impact = Said("total" if total else "partial", f"no CVSS vector; {word['source']} calls it {severity}")
    return Facts(said, exploitation, None, impact, forced=forced)


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


def undecided(session: ReadSession, *, limit: int) -> list[int]:
    """Give vulnerabilities whose incidents were never decided by the tables: those of a version before them."""
    rows = (
        select(Incident.vulnerability_id)
        .where(Incident.priority_facts.is_(None), Incident.status != "merged", Incident.vulnerability_id.is_not(None))
        .order_by(Incident.id)
        .limit(limit)
    )
    return [id_ for id_ in session.scalars(rows) if id_ is not None]


def rate_anew(session: WriteSession, vulnerability_ids: Iterable[int], *, actor: str, now: datetime) -> int:
    """Rate the incidents of some vulnerabilities again, and decide their exposures; gives how many changed."""
    restated = _changed(session, sorted(set(vulnerability_ids)))
    decide_anew(session, restated, actor=actor, now=now)
    return len(restated)


def _changed(session: WriteSession, vulnerability_ids: list[int]) -> list[Restated]:
    rows = session.scalars(
        select(Incident)
        .where(Incident.vulnerability_id == any_of(vulnerability_ids), Incident.status != "merged")
        .order_by(Incident.id)
    ).all()
    ids = [i.vulnerability_id for i in rows if i.vulnerability_id is not None]
    described, said = profiles(session, ids), severity_said(session, ids)
    changed = []
    for incident in rows:
        id_ = incident.vulnerability_id or 0
        profile = described.get(id_)
        if profile is None:
            _settle_undescribed(incident)
            continue
        words = severity_values(said.get(id_, ()))
        after = rate(profile, words, likely_before=incident.likely_exploited)
        if _as_rated(incident) != after._replace(priority=""):
            changed.append(_restate(incident, after, profile))
    return changed


def _as_rated(incident: Incident) -> Rating:
    """Give what an incident was rated. Its priority follows from its exposures, and is compared nowhere."""
    said: dict[str, Any] = {name: getattr(incident, name) for name in Rating._fields}
    return Rating(**said | {"priority": ""})


def _settle_undescribed(incident: Incident) -> None:
    """Let an incident of which no advisory speaks any more count as decided."""
    if incident.priority_facts is None:
        incident.priority_facts = read_facts(None).as_values() | {"alone": incident.priority}


def _restate(incident: Incident, after: Rating, profile: Profile) -> Restated:
    before, severity, is_first = _as_rated(incident), incident.severity, incident.priority_facts is None
    for name, value in after._asdict().items():
        if name != "priority":
            setattr(incident, name, value)
    newly_exploited = bool(after.known_exploited) and not before.known_exploited
    return Restated(incident, severity, _signals(before, after, profile), newly_exploited, is_first)


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
