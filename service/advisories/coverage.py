"""Where a clean answer would be worth nothing: ecosystems whose feed was never loaded, or is stale."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from service.advisories.models import Feed
from service.db import ReadSession
from service.purls import canonical_ecosystem


def uncovered(session: ReadSession, ecosystems: Iterable[str], *, fresh_since: datetime) -> list[str]:
    """Name those of some ecosystems of which no feed is taken as of *fresh_since* or later; sorted."""
    fresh = select(Feed.ecosystem).where(Feed.as_of >= fresh_since)
    return sorted(set(ecosystems).difference(map(canonical_ecosystem, session.scalars(fresh))))
