"""Where an exposure's product has the affected components in the field, now."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select

from service.advisories.explaining import of_component, why_matched
from service.advisories.findings import evidence_about
from service.advisories.fixes import Fixes
from service.advisories.fixes_known import fixes_of
from service.advisories.wording import Why
from service.db import ReadSession, any_of
from service.incidents.models import Exposure, ExposureComponent, Incident
from service.inventory.catalogue_models import Component, Package
from service.inventory.field import uses_of_products
from service.inventory.models import Release, Stream
from service.inventory.scopes import SCOPES


class Occurrence(NamedTuple):
    """An affected component in a stream's newest SBOM, or in a supported release."""

    stream: str
    release: str | None
    purl: str
    name: str
    version: str
    scope: str
    advisories: tuple[str, ...]
    fixed_in: tuple[str, ...]
    fixes: Fixes
    why: tuple[Why, ...]

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        return {**self._asdict(), "fixes": self.fixes.as_values(), "why": [one.as_values() for one in self.why]}


def of_exposures(session: ReadSession, exposure_ids: Iterable[int]) -> dict[int, list[Occurrence]]:
    """Give the occurrences of exposures by exposure id; an exposure that nothing matches any more has none."""
    rows = session.execute(
        select(Exposure.id, Exposure.product_id, Incident.vulnerability_id, ExposureComponent.component_id)
        .join(Incident, Incident.id == Exposure.incident_id)
        .join(ExposureComponent, ExposureComponent.exposure_id == Exposure.id)
        .where(Exposure.id == any_of(exposure_ids))
    ).all()
    component_ids = {row.component_id for row in rows}
    uses = uses_of_products(session, {row.product_id for row in rows}, component_ids)
    known = {row.vulnerability_id for row in rows if row.vulnerability_id is not None}
    said = defaultdict(list)
    for item in evidence_about(session, component_ids, known):
        if item.certainty == "certain":
            said[item.component_id, item.vulnerability_id].append(item)
    matched = [item for evidence in said.values() for item in evidence]
    why = why_matched(session, {item.component_id for item in matched}, {item.advisory_id for item in matched})
    fixes = fixes_of(session, matched)
    names = _Names(session, component_ids, {u.stream_id for u in uses}, {u.release_id for u in uses if u.release_id})
    exposures = defaultdict(list)
    for row in rows:
        exposures[row.product_id, row.component_id].append(row)
    found: defaultdict[int, list[Occurrence]] = defaultdict(list)
    for use in uses:
        for row in exposures[use.product_id, use.component_id]:
            evidence = said.get((use.component_id, row.vulnerability_id))
            if evidence:
                purl, name, version = names.components[use.component_id]
                found[row.id].append(
                    Occurrence(
                        stream=names.streams[use.stream_id],
                        release=names.releases.get(use.release_id or 0),
                        purl=purl,
                        name=name,
                        version=version,
                        scope=SCOPES[use.scope],
                        advisories=tuple(sorted({item.advisory for item in evidence})),
                        fixed_in=tuple(sorted({item.fixed for item in evidence if item.fixed})),
                        fixes=fixes[use.component_id, evidence[0].vulnerability_id],
                        why=of_component(why, use.component_id, (item.advisory_id for item in evidence)),
                    )
                )
    return {id_: sorted(set(occurrences), key=_by_place) for id_, occurrences in found.items()}


def _by_place(occurrence: Occurrence) -> tuple[str, str, str, str]:
    return occurrence.stream, occurrence.release or "", occurrence.name, occurrence.purl


class _Names:
    """Names for ids, read in three statements."""

    def __init__(
        self, session: ReadSession, component_ids: set[int], stream_ids: set[int], release_ids: set[int]
    ) -> None:
        components = session.execute(
            select(Component.id, Component.purl, Package.name, Component.version)
            .join(Package, Package.id == Component.package_id)
            .where(Component.id == any_of(component_ids))
        )
        streams = session.execute(select(Stream.id, Stream.name).where(Stream.id == any_of(stream_ids)))
        releases = session.execute(select(Release.id, Release.version).where(Release.id == any_of(release_ids)))
        self.components = {row.id: (row.purl, row.name, row.version) for row in components}
        self.streams = {row.id: row.name for row in streams}
        self.releases = {row.id: row.version for row in releases}
