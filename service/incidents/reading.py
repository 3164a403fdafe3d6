"""Questions about incidents and exposures that several rooms ask."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import and_, or_, select

from service.db import ReadSession, any_of
from service.incidents.models import Exposure, ExposureComponent, Incident, Transition
from service.incidents.presence import HELD


def products_exposed_to(session: ReadSession, vulnerability_ids: Iterable[int]) -> set[int]:
    """Give the products that have an exposure to any of the vulnerabilities, whatever its status."""
    rows = (
        select(Exposure.product_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .where(Incident.vulnerability_id == any_of(vulnerability_ids))
        .distinct()
    )
    return set(session.scalars(rows))


def vulnerabilities_touched(session: ReadSession, product_id: int, component_ids: Iterable[int]) -> set[int]:
    """Give a product's vulnerabilities that a change of some components may end, or free from their hold.

    What is claimed to be fixed is looked at whenever a new SBOM comes: it may have it still.
    """
    own = select(Incident.vulnerability_id, Exposure.id).join(Exposure).where(Exposure.product_id == product_id)
    by_component = own.join(ExposureComponent, ExposureComponent.exposure_id == Exposure.id).where(
        ExposureComponent.component_id == any_of(component_ids)
    )
    held = and_(Exposure.hold_reason.is_not(None), Exposure.status.in_(sorted(HELD)))
    waiting = own.where(or_(held, Exposure.status == "fix_claimed"))
    rows = (*session.execute(by_component), *session.execute(waiting))
    return {vulnerability_id for vulnerability_id, _ in rows if vulnerability_id is not None}


def proved_by(session: ReadSession, product_id: int, upload_id: int) -> dict[int, int]:
    """Give a product's exposures that an SBOM proved clean, and which are so still: exposure id to vulnerability."""
    said = Transition.evidence["sbom"].as_integer() == upload_id
    rows = session.execute(
        select(Exposure.id, Incident.vulnerability_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .join(Transition, and_(Transition.exposure_id == Exposure.id, Transition.step == "resolved", said))
        .where(Exposure.product_id == product_id, Exposure.status == "resolved", Transition.at == Exposure.ended_at)
    )
    return {id_: vulnerability_id for id_, vulnerability_id in rows if vulnerability_id is not None}


class Standing(NamedTuple):
    """Where a product stands with a vulnerability."""

    incident_id: int
    exposure_id: int
    status: str


def standing_of(session: ReadSession, product_id: int, vulnerability_ids: Iterable[int]) -> dict[int, Standing]:
    """Give a product's exposures by vulnerability."""
    rows = session.execute(
        select(Incident.vulnerability_id, Incident.id, Exposure.id, Exposure.status)
        .join(Exposure, Exposure.incident_id == Incident.id)
        .where(Exposure.product_id == product_id, Incident.vulnerability_id == any_of(vulnerability_ids))
    )
    return {row[0]: Standing(*row[1:]) for row in rows if row[0] is not None}
