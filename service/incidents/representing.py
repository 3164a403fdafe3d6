"""Incidents and exposures as the values that API, feed of changes and pages show. One shape for all doors."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from service.access.models import Team
from service.advisories.models import Vulnerability, VulnerabilityAlias
from service.advisories.signals import SILENCE, signals_of
from service.advisories.signals_severity import severity_said, severity_values
from service.db import ReadSession, any_of
from service.errors import NotFound
from service.incidents.clock_values import clock_values, clocks_beside
from service.incidents.linked import links_of
from service.incidents.models import Exposure, Incident
from service.incidents.proposals import judgements_of
from service.inventory.models import Product


def incident_name(incident_id: int) -> str:
    """Give the readable id of an incident (`INC-7`)."""
    return f"INC-{incident_id}"


def exposure_name(exposure_id: int) -> str:
    """Give the readable id of an exposure (`EXP-41`)."""
    return f"EXP-{exposure_id}"


#: Of a bigint, and then one less: what has more is no id of ours.
_MOST_DIGITS = 18


def number_of(name: str, prefix: str) -> int:
    """Read `INC-7` or `EXP-41` back; anything else is not there."""
    digits = name.upper().removeprefix(f"{prefix}-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MOST_DIGITS:
        raise NotFound(f"{name} is not an id of the form {prefix}-7.")
    return int(digits)


def exposures_as_values(
    session: ReadSession, exposure_ids: Iterable[int], *, now: datetime | None = None
) -> dict[int, dict[str, object]]:
    """Give exposures by id, without their occurrences (`occurrences.of_exposures` adds those).

    *now* tells which clocks are breached.
    """
    rows = session.execute(
        select(Exposure, Product.slug, Product.kind, Team.name)
        .join(Product, Product.id == Exposure.product_id)
        .join(Team, Team.id == Exposure.team_id)
        .where(Exposure.id == any_of(exposure_ids))
    )
    found = list(rows)
    links = links_of(session, (exposure.id for exposure, *_ in found))
    judged = judgements_of(session, {exposure.id: exposure.status for exposure, *_ in found})
    beside = clocks_beside(session, (exposure.id for exposure, *_ in found))
    return {
        exposure.id: exposure_values(exposure, product, team)
        | clock_values(exposure, beside[exposure.id], now)
        | judged[exposure.id]
        | {"links": links.get(exposure.id, []), "product_kind": kind}
        for exposure, product, kind, team in found
    }


def exposure_values(exposure: Exposure, product: str, team: str) -> dict[str, object]:
    """Give one exposure as values; instants in ISO 8601."""
    return {
        "id": exposure_name(exposure.id),
        "incident": incident_name(exposure.incident_id),
        "product": product,
        "owner": {"team": team, "reason": exposure.owner_reason},
        "origin": exposure.origin,
        "status": exposure.status,
        "presence": exposure.presence,
        "hold_reason": exposure.hold_reason,
        "assessment": exposure.assessment,
        "priority": exposure.priority,
        "priority_inputs": exposure.priority_inputs,
        "opened_at": _instant(exposure.opened_at),
        "updated_at": _instant(exposure.updated_at),
        "acknowledged_at": _instant(exposure.acknowledged_at),
        "acknowledge_due_at": _instant(exposure.acknowledge_due_at),
        "remediate_due_at": _instant(exposure.remediate_due_at),
        "expires_at": _instant(exposure.expires_at),
        "plan": exposure.plan,
        "planned_for": exposure.planned_for.isoformat() if exposure.planned_for else None,
        "claimed_at": _instant(exposure.claimed_at),
        "ended_at": _instant(exposure.ended_at),
        "inherited_from": exposure_name(exposure.inherited_from_id) if exposure.inherited_from_id else None,
        "merged_into": exposure_name(exposure.merged_into_id) if exposure.merged_into_id else None,
        "reopen_count": exposure.reopen_count,
        "links": [],
        "version": exposure.version,
    }


def incidents_as_values(session: ReadSession, incident_ids: Iterable[int]) -> dict[int, dict[str, object]]:
    """Give incidents by id, without their exposures."""
    rows = session.execute(
        select(Incident, Vulnerability.name)
        .outerjoin(Vulnerability, Vulnerability.id == Incident.vulnerability_id)
        .where(Incident.id == any_of(incident_ids))
    ).all()
    vulnerability_ids = [i.vulnerability_id for i, _ in rows if i.vulnerability_id is not None]
    aliases, signals = _aliases(session, vulnerability_ids), _signals(session, vulnerability_ids)
    return {
        incident.id: _incident_values(incident, name, aliases.get(incident.vulnerability_id or 0, []))
        | {
            "signals": signals.get(incident.vulnerability_id or 0, _NO_SIGNALS)
            | {"malware": incident.kind == "malware"}
        }
        for incident, name in rows
    }


_NO_SIGNALS = SILENCE.as_values() | severity_values(())


def _class(incident: Incident) -> dict[str, object]:
    return {"malware": incident.kind == "malware"}


def _signals(session: ReadSession, vulnerability_ids: list[int]) -> dict[int, dict[str, object]]:
    known, said = signals_of(session, vulnerability_ids), severity_said(session, vulnerability_ids)
    return {id_: known.get(id_, SILENCE).as_values() | severity_values(said.get(id_, ())) for id_ in vulnerability_ids}


def _incident_values(incident: Incident, vulnerability: str | None, aliases: list[str]) -> dict[str, object]:
    return {
        "id": incident_name(incident.id),
        "kind": incident.kind,
        "vulnerability": vulnerability,
        "aliases": [alias for alias in aliases if alias != vulnerability],
        "title": incident.title,
        "severity": incident.severity,
        "priority": incident.priority,
        "status": incident.status,
        "merged_into": incident_name(incident.merged_into_id) if incident.merged_into_id else None,
        "restricted": incident.restricted,
        "opened_at": _instant(incident.opened_at),
        "updated_at": _instant(incident.updated_at),
        "version": incident.version,
    }


def _aliases(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[int, list[str]]:
    rows = session.execute(
        select(VulnerabilityAlias.vulnerability_id, VulnerabilityAlias.alias)
        .where(VulnerabilityAlias.vulnerability_id == any_of(vulnerability_ids))
        .order_by(VulnerabilityAlias.alias)
    )
    aliases: dict[int, list[str]] = {}
    for vulnerability_id, alias in rows:
        aliases.setdefault(vulnerability_id, []).append(alias)
    return aliases


def _instant(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
