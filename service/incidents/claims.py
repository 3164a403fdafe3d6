"""A claimed fix that nothing proves: doubted after a while, and at once when a newer SBOM still has it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, and_, func, or_, select

from service.advisories.models import Match, VulnerabilityAdvisory
from service.db import ReadSession, WriteSession, any_of, arrays
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.incidents.moving import state_of, write_states
from service.incidents.timeline import Entry, write_timeline
from service.inventory.field import is_live, literal_open
from service.inventory.models import Stream, Upload, Usage

#: How long a claim may stand without proof.
BELIEVED_FOR = timedelta(days=7)

_MICROSECONDS = 1_000_000
#: Of one transaction; the job goes on until there are none.
_AT_ONCE = 500


def contradicted(session: ReadSession, affecting: Mapping[int, Collection[int]]) -> dict[int, str]:
    """Give, of exposures, those whose claimed fix a newer SBOM in the field contradicts: it still has what is affected.

    Set-based; exposures in other statuses are left out.

    Args:
        session: Sees the field as it is to be judged.
        affecting: Exposure id to the components that affect it now.
    """
    pairs = [(id_, component_id) for id_, components in affecting.items() for component_id in components]
    listed = arrays(
        exposure_id=(BigInteger(), [id_ for id_, _ in pairs]),
        component_id=(BigInteger(), [component_id for _, component_id in pairs]),
    )
    claimed_us = func.extract("epoch", Exposure.claimed_at) * _MICROSECONDS
    rows = session.execute(
        select(Exposure.id, func.min(Stream.name))
        .join(listed, listed.c.exposure_id == Exposure.id)
        .join(Stream, Stream.product_id == Exposure.product_id)
        .join(Usage, and_(Usage.stream_id == Stream.id, Usage.component_id == listed.c.component_id))
        # What the stream's newest upload has is open: any later upload is that one, or has it too.
        .join(Upload, and_(Upload.stream_id == Stream.id, Upload.voided_at.is_(None), Upload.at_us > claimed_us))
        .where(Exposure.status == "fix_claimed", is_live(), Usage.to_us == literal_open())
        .group_by(Exposure.id)
    )
    return {id_: f"a newer SBOM of {stream} still has it" for id_, stream in rows}


def doubt_claims(session: WriteSession, *, now: datetime) -> int:
    """Take back claims that a newer SBOM contradicts, or that nothing has proved for seven days.

    Gives how many there were. Idempotent.
    """
    affecting = _affecting(session)
    against = contradicted(session, affecting) if affecting else {}
    unproved = session.scalars(
        select(Exposure)
        .where(Exposure.status == "fix_claimed")
        .where(or_(Exposure.claimed_at <= now - BELIEVED_FOR, Exposure.id == any_of(against)))
        .order_by(Exposure.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    entries = [
        Entry(
            exposure.incident_id,
            "doubted",
            against.get(exposure.id, f"nothing has proved the fix for {BELIEVED_FOR.days} days"),
            exposure.id,
            "fix_claimed",
            "in_progress",
        )
        for exposure in unproved
    ]
    doubted = [(exposure, state_of(exposure)._replace(status="in_progress", claimed_at=None)) for exposure in unproved]
    write_states(session, doubted, now)
    write_timeline(session, entries, actor="clock", now=now)
    return len(entries)


def _affecting(session: ReadSession) -> dict[int, set[int]]:
    """Give the components that are affected with certainty, of exposures whose fix is claimed and that are there."""
    rows = session.execute(
        select(Exposure.id, ExposureComponent.component_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .join(ExposureComponent, ExposureComponent.exposure_id == Exposure.id)
        .join(Match, Match.component_id == ExposureComponent.component_id)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Match.advisory_id)
        .where(Exposure.status == "fix_claimed", Exposure.presence == "present", Match.certainty == "certain")
        .where(VulnerabilityAdvisory.vulnerability_id == Incident.vulnerability_id)
    )
    affecting: dict[int, set[int]] = {}
    for id_, component_id in rows:
        affecting.setdefault(id_, set()).add(component_id)
    return affecting
