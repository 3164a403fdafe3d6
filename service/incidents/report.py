"""The report on an incident: what happened, who decided what, which clocks held, who was told, and what proves it.

It is made of what is stored and of nothing else: no clock is read, what is still running is judged as of the last step.
So the same state gives the same bytes, and a digest says which state a copy shows.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from statistics import median
from typing import Any, Final

import orjson
from sqlalchemy import select

from service.access.models import Team
from service.advisories.declaration import declaration_in
from service.advisories.declared import IS_DECLARED
from service.advisories.models import Advisory, VulnerabilityAdvisory
from service.clock import from_micros
from service.db import ReadSession, any_of
from service.incidents.broadcasting import broadcasts_of
from service.incidents.clock_values import clock_values, clocks_beside
from service.incidents.decisions import decisions_of
from service.incidents.declaration_models import Closing, IncidentAnswer
from service.incidents.history import timeline_of
from service.incidents.models import Exposure, Incident, Transition
from service.incidents.report_forensics import ever_in_use
from service.incidents.representing import exposure_name, incidents_as_values
from service.inventory.models import Document, Product, Upload

#: Steps of the timeline, and rows of any other list.
MOST_STEPS: Final = 20_000

Values = dict[str, Any]


def report_of(session: ReadSession, incident: Incident, *, since: datetime | None = None) -> Values:
    """Gather everything about one incident, as JSON values; a constant number of statements.

    Args:
        session: One snapshot.
        incident: May have ended.
        since: What was in use before, and no longer then, is left out of the list for forensics.
    """
    values = incidents_as_values(session, [incident.id])[incident.id]
    exposures = _exposures(session, incident)
    timeline = [step for _, step in timeline_of(session, incident_id=incident.id, limit=MOST_STEPS)]
    report: Values = {
        "incident": values,
        "as_of": incident.updated_at,
        "declarations": _declarations(session, incident),
        "numbers": _numbers(exposures, timeline),
        "timeline": timeline,
        "decisions": _decisions(session, exposures),
        "exposures": exposures,
        "broadcasts": [vars(told) for told in broadcasts_of(session, incident.id, limit=MOST_STEPS)],
        "answers": _answers(session, incident.id),
        "closings": _closings(session, incident.id),
        "ever_in_use": ever_in_use(session, incident, since=since),
        "ever_in_use_since": since,
    }
    written = orjson.dumps(report, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    plain: Values = orjson.loads(written)
    return {**plain, "digest": f"sha256:{sha256(written).hexdigest()}"}


def _declarations(session: ReadSession, incident: Incident) -> list[Values]:
    rows = session.execute(
        select(Advisory.osv_id, Advisory.record)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .where(VulnerabilityAdvisory.vulnerability_id == incident.vulnerability_id, IS_DECLARED)
        .order_by(Advisory.id)
    )
    read = ((osv_id, declaration_in(record)) for osv_id, record in rows)
    return [{"advisory": osv_id, **said.as_values()} for osv_id, said in read if said is not None]


def _exposures(session: ReadSession, incident: Incident) -> list[Values]:
    rows = session.execute(
        select(Exposure, Product.slug, Team.name)
        .join(Product, Product.id == Exposure.product_id)
        .join(Team, Team.id == Exposure.team_id)
        .where(Exposure.incident_id == incident.id, Exposure.status != "merged")
        .order_by(Product.slug)
    ).all()
    beside = clocks_beside(session, (exposure.id for exposure, _, _ in rows))
    proofs = _proofs(session, [exposure.id for exposure, _, _ in rows])
    return [
        {
            "id": exposure_name(exposure.id),
            "product": product,
            "team": team,
            "owner_reason": exposure.owner_reason,
            "status": exposure.status,
            "presence": exposure.presence,
            "assessment": exposure.assessment,
            "priority": exposure.priority,
            "opened_at": exposure.opened_at,
            "acknowledged_at": exposure.acknowledged_at,
            "ended_at": exposure.ended_at,
            "reopen_count": exposure.reopen_count,
            **clock_values(exposure, beside[exposure.id], incident.updated_at),
            "proof": proofs.get(exposure.id),
        }
        for exposure, product, team in rows
    ]


def _proofs(session: ReadSession, exposure_ids: Collection[int]) -> dict[int, Values]:
    """Give the SBOM that ended each exposure: the machine's last word, and the bytes it rests on."""
    rows = session.execute(
        select(Transition.exposure_id, Transition.at, Transition.evidence)
        .where(Transition.exposure_id == any_of(exposure_ids), Transition.step == "resolved")
        .order_by(Transition.id)
    ).all()
    said = {row.exposure_id: row for row in rows if isinstance(row.evidence.get("sbom"), int)}
    uploads = {row.evidence["sbom"] for row in said.values()}
    documents = session.execute(
        select(Upload.id, Upload.at_us, Upload.tool, Document.sha256)
        .join(Document, Document.id == Upload.document_id)
        .where(Upload.id == any_of(uploads))
    )
    known = {row.id: row for row in documents}
    return {
        exposure_id: {
            "sbom": upload.id,
            "stream": row.evidence.get("stream"),
            "at": from_micros(upload.at_us),
            "tool": upload.tool,
            "sha256": upload.sha256.hex(),
            "proved_at": row.at,
        }
        for exposure_id, row in said.items()
        if exposure_id is not None and (upload := known.get(row.evidence["sbom"])) is not None
    }


def _numbers(exposures: Sequence[Values], timeline: Sequence[Mapping[str, Any]]) -> Values:
    acknowledged = [e["acknowledged_at"] - e["opened_at"] for e in exposures if e["acknowledged_at"]]
    resolved = [e["ended_at"] - e["opened_at"] for e in exposures if e["status"] == "resolved" and e["ended_at"]]
    clocks = [(clock["name"], clock["breached"]) for e in exposures for clock in e["clocks"]]
    return {
        "products": len(exposures),
        "teams": len({e["team"] for e in exposures}),
        "by_status": dict(sorted(Counter(e["status"] for e in exposures).items())),
        "first_step_at": timeline[0]["at"] if timeline else None,
        "last_step_at": timeline[-1]["at"] if timeline else None,
        "acknowledged": len(acknowledged),
        "median_minutes_to_acknowledge": _minutes(acknowledged),
        "resolved": len(resolved),
        "median_minutes_to_resolve": _minutes(resolved),
        "reopened": sum(e["reopen_count"] for e in exposures),
        "clocks_held": dict(sorted(Counter(name for name, breached in clocks if breached is False).items())),
        "clocks_breached": dict(sorted(Counter(name for name, breached in clocks if breached).items())),
    }


def _minutes(spans: Sequence[Any]) -> float | None:
    return round(median(span.total_seconds() for span in spans) / 60, 1) if spans else None


def _decisions(session: ReadSession, exposures: Sequence[Values]) -> list[Values]:
    product = {int(e["id"].removeprefix("EXP-")): e["product"] for e in exposures}
    made = [one for each in decisions_of(session, product).values() for one in each]
    return [
        {"product": product[one.exposure_id], "exposure": exposure_name(one.exposure_id), **one.as_values()}
        for one in sorted(made, key=lambda one: one.id)
    ]


def _answers(session: ReadSession, incident_id: int) -> list[Values]:
    rows = session.execute(
        select(IncidentAnswer, Product.slug)
        .join(Product, Product.id == IncidentAnswer.product_id)
        .where(IncidentAnswer.incident_id == incident_id)
        .order_by(IncidentAnswer.id)
    )
    return [
        {"at": row.at, "product": product, "affected": row.affected, "sentence": row.sentence, "by": row.actor}
        for row, product in rows
    ]


def _closings(session: ReadSession, incident_id: int) -> list[Values]:
    rows = session.scalars(select(Closing).where(Closing.incident_id == incident_id).order_by(Closing.id))
    return [
        {
            "proposed_at": row.proposed_at,
            "proposed_by": row.proposed_by,
            "reason": row.reason,
            "standing": row.standing,
            "agreed_at": row.agreed_at,
            "agreed_by": row.agreed_by,
        }
        for row in rows
    ]
