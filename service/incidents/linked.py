"""The tickets that speak of exposures, read."""

from collections.abc import Iterable

from sqlalchemy import select

from service.db import ReadSession, any_of
from service.incidents.link_models import Link


def find_link(session: ReadSession, exposure_id: int, system: str) -> Link | None:
    """Give an exposure's link to a system, if it has one."""
    return session.scalar(select(Link).where(Link.exposure_id == exposure_id, Link.system == system))


def links_of(session: ReadSession, exposure_ids: Iterable[int]) -> dict[int, list[dict[str, object]]]:
    """Give the links of exposures as values, by exposure and then by system."""
    rows = session.scalars(
        select(Link).where(Link.exposure_id == any_of(exposure_ids)).order_by(Link.exposure_id, Link.system)
    )
    found: dict[int, list[dict[str, object]]] = {}
    for link in rows:
        found.setdefault(link.exposure_id, []).append(link_values(link))
    return found


def link_values(link: Link) -> dict[str, object]:
    """Give a link as the API shows it."""
    return {
        "system": link.system,
        "key": link.key,
        "url": link.url,
        "state": link.state,
        "version_seen": link.version_seen,
        "updated_at": link.updated_at.isoformat().replace("+00:00", "Z"),
    }
