"""Exposures by name or id, with their rows locked: in the order of ids, as everybody locks them."""

from collections.abc import Collection

from sqlalchemy import select

from service.access.roles import Actor
from service.access.visibility import Sight
from service.db import ReadSession, WriteSession, any_of
from service.errors import Forbidden, NotFound
from service.incidents.guards import Standing, may_act
from service.incidents.models import Exposure
from service.incidents.representing import exposure_name, number_of
from service.incidents.seeing import limits


def find_exposure(session: ReadSession, name: str) -> Exposure:
    """Give an exposure by its readable id (`EXP-41`)."""
    exposure = session.get(Exposure, number_of(name, "EXP"))
    if exposure is None:
        raise NotFound(f"There is no exposure {name}.")
    return exposure


def lock_exposure(session: WriteSession, name: str) -> Exposure:
    """Give an exposure and lock its row until the transaction ends: whoever compares its version sees the last one."""
    return locked_one(session, number_of(name, "EXP"))


def locked_one(session: WriteSession, exposure_id: int) -> Exposure:
    """Lock one exposure.

    Raises:
        NotFound: There is none.
    """
    exposure = locked(session, [exposure_id]).get(exposure_id)
    if exposure is None:
        raise NotFound(f"There is no exposure {exposure_name(exposure_id)}.")
    return exposure


def locked_for(session: WriteSession, exposure_id: int, actor: Actor) -> Exposure:
    """Lock one exposure for somebody who may act on it.

    Raises:
        Forbidden: It is another team's.
    """
    exposure = locked_one(session, exposure_id)
    if not may_act(standing_of(exposure), actor):
        raise Forbidden(f"{exposure_name(exposure.id)} belongs to another team.")
    return exposure


def locked(session: WriteSession, exposure_ids: Collection[int]) -> dict[int, Exposure]:
    """Lock exposures and give those that there are."""
    rows = (
        select(Exposure)
        .where(Exposure.id == any_of(sorted(set(exposure_ids))))
        .order_by(Exposure.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {exposure.id: exposure for exposure in session.scalars(rows)}


def seen_among(session: ReadSession, sight: Sight, exposure_ids: Collection[int]) -> set[int]:
    """Give those exposures that are there for whoever has this sight."""
    rows = select(Exposure.id).where(Exposure.id == any_of(exposure_ids))
    return set(session.scalars(rows.options(*limits(sight))))


def standing_of(exposure: Exposure) -> Standing:
    """Read what guards have to know."""
    return Standing(
        exposure_name(exposure.id),
        exposure.team_id,
        exposure.status,
        exposure.presence,
        exposure.priority,
        exposure.version,
    )
