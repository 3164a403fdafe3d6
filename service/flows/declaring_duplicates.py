"""Incidents that may be about the same already: said before a second one is opened, never decided by the machine."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import select

from service.advisories.declaration import Declaration, declaration_in
from service.advisories.declared import IS_DECLARED
from service.advisories.models import Advisory, VulnerabilityAdvisory, VulnerabilityAlias
from service.db import ReadSession, among
from service.incidents.models import Incident
from service.incidents.representing import incident_name


class Duplicate(NamedTuple):
    """An incident that is about the same, or may be."""

    incident: str
    title: str
    status: str
    reason: str


def duplicates_of(
    session: ReadSession, declaration: Declaration, aliases: Collection[str], *, besides: str
) -> list[Duplicate]:
    """Find incidents that have one of the names, and declared ones that share a word. *besides*: the advisory's own."""
    found: dict[int, Duplicate] = {}
    for row in (*_named(session, aliases), *_declared(session, declaration, besides)):
        found.setdefault(row[0], Duplicate(incident_name(row[0]), *row[1:]))
    return [found[id_] for id_ in sorted(found)]


def _named(session: ReadSession, aliases: Collection[str]) -> Iterator[tuple[int, str, str, str]]:
    rows = session.execute(
        select(Incident.id, Incident.title, Incident.status, VulnerabilityAlias.alias)
        .join(VulnerabilityAlias, VulnerabilityAlias.vulnerability_id == Incident.vulnerability_id)
        .where(VulnerabilityAlias.alias.in_(among(sorted(aliases))))
        .order_by(Incident.id)
    )
    yield from ((*row[:3], f"it is known as {row.alias}, and this declaration will join it") for row in rows)


def _declared(session: ReadSession, declaration: Declaration, besides: str) -> Iterator[tuple[int, str, str, str]]:
    rows = session.execute(
        select(Incident.id, Incident.title, Incident.status, Advisory.osv_id, Advisory.record)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.vulnerability_id == Incident.vulnerability_id)
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(IS_DECLARED, Advisory.withdrawn_at.is_(None))
        .order_by(Incident.id)
    )
    words = _words(declaration)
    for id_, title, status, osv_id, record in rows:
        if osv_id == besides:
            yield id_, title, status, "it was declared in the same words"
            continue
        other = declaration_in(record)
        shared = sorted(words & _words(other)) if other else []
        if shared:
            yield id_, title, status, f"it was declared about {', '.join(shared[:5])} too"


def _words(declaration: Declaration) -> set[str]:
    return {*declaration.names, *declaration.families, *declaration.purls, *declaration.hashes}
