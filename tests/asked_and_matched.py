"""Whether asking about components says what matching them has said."""

from collections import defaultdict

from sqlalchemy import select

from service.advisories.asking import Hit, matches_of
from service.advisories.models import Match
from service.db import ReadSession, any_of
from service.inventory.catalogue_models import Component, ComponentCoord, OsvPackage
from service.purls import Coordinate, identify


def disagreements(session: ReadSession, *, most: int = 1_000_000, after: int = 0) -> list[str]:
    """Compare the matches of components, by id, with what their coordinates and their purls are answered."""
    rows = session.execute(
        select(Component.id, Component.purl).where(Component.id > after).order_by(Component.id).limit(most)
    )
    purls = dict(rows.all())
    matched, coordinates = _matched(session, list(purls)), _coordinates(session, list(purls))
    by_coordinates = matches_of(session, [coordinates[component_id] for component_id in purls])
    # A source that only the document named is not in the purl: such a component is asked about by coordinates alone.
    told = [_told(component_id, purl, coordinates) for component_id, purl in purls.items()]
    by_purls = matches_of(session, told)
    return [
        f"{purl}: asked {asked}, matched {matched[component_id]}"
        for answers in (by_coordinates, by_purls)
        for (component_id, purl), asked in zip(purls.items(), answers, strict=True)
        if asked != matched[component_id]
    ]


def _told(component_id: int, purl: str, coordinates: dict[int, list[Coordinate]]) -> list[Coordinate]:
    own = list(identify(purl=purl, name="", version="").coordinates)
    return own if sorted(own, key=str) == sorted(coordinates[component_id], key=str) else coordinates[component_id]


def _matched(session: ReadSession, component_ids: list[int]) -> dict[int, list[Hit]]:
    columns = [getattr(Match, name) for name in Hit._fields]
    rows = session.execute(select(Match.component_id, *columns).where(Match.component_id == any_of(component_ids)))
    matched: defaultdict[int, list[Hit]] = defaultdict(list)
    for component_id, *hit in rows:
        matched[component_id].append(Hit(*hit))
    for hits in matched.values():
        hits.sort()
    return matched


def _coordinates(session: ReadSession, component_ids: list[int]) -> dict[int, list[Coordinate]]:
    rows = session.execute(
        select(ComponentCoord, OsvPackage.ecosystem, OsvPackage.name)
        .join(OsvPackage, OsvPackage.id == ComponentCoord.osv_package_id)
        .where(ComponentCoord.component_id == any_of(component_ids))
    )
    found: defaultdict[int, list[Coordinate]] = defaultdict(list)
    for row, ecosystem, name in rows:
        found[row.component_id].append(Coordinate(ecosystem, name, row.version, row.relation, row.release_known))
    return found
