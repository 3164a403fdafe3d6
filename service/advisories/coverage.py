"""Where a clean answer would be worth nothing: ecosystems whose feed was never loaded, or is stale."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select

from service.advisories.models import Feed
from service.db import ReadSession, any_of
from service.inventory.catalogue_models import ComponentCoord, OsvPackage


def uncovered(session: ReadSession, component_ids: Iterable[int], *, fresh_since: datetime) -> list[str]:
    """Name the ecosystems of some components for which no feed has succeeded since *fresh_since*; sorted."""
    ecosystem = func.split_part(OsvPackage.ecosystem, ":", 1)
    used = (
        select(ecosystem.label("ecosystem"))
        .join(ComponentCoord, ComponentCoord.osv_package_id == OsvPackage.id)
        .where(ComponentCoord.component_id == any_of(component_ids))
        .distinct()
        .subquery()
    )
    fresh = select(Feed.ecosystem).where(Feed.succeeded_at >= fresh_since)
    return sorted(session.scalars(select(used.c.ecosystem).where(used.c.ecosystem.not_in(fresh))))
