"""What stored advisories claim: read again from their records, only for the groups where that matters.

A group is what its live advisories say it is, and their records are kept as received; a table of claims would repeat
thirty thousand lists of names to serve the few groups a week that lose one.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, exists, not_, select

from service.advisories.models import Advisory, VulnerabilityAdvisory, VulnerabilityAlias
from service.advisories.osv_record import names_in
from service.advisories.references import References, references
from service.db import ReadSession, any_of, arrays


class _Stored(NamedTuple):
    osv_id: str
    aliases: tuple[str, ...]
    upstream: tuple[str, ...]
    related: tuple[str, ...]


def _claims() -> Select[*tuple[Any, ...]]:
    lists = (Advisory.record[name] for name in ("aliases", "upstream", "related"))
    return select(Advisory.id, Advisory.osv_id, *lists)


def _read(session: ReadSession, claims: Select[*tuple[Any, ...]]) -> dict[int, References]:
    return {
        id_: references(_Stored(osv_id, *(names_in(each) for each in lists)))
        for id_, osv_id, *lists in session.execute(claims)
    }


def claims_of(session: ReadSession, advisory_ids: Iterable[int]) -> dict[int, References]:
    """Give what advisories refer to, as they are stored."""
    return _read(session, _claims().where(Advisory.id == any_of(advisory_ids)))


def live_claims(
    session: ReadSession, vulnerability_ids: Iterable[int], *, besides: Collection[int]
) -> dict[int, References]:
    """Give what the live advisories of some vulnerabilities refer to, *besides* the named ones."""
    linked = select(VulnerabilityAdvisory.advisory_id).where(
        VulnerabilityAdvisory.vulnerability_id == any_of(vulnerability_ids)
    )
    live = _claims().where(Advisory.id.in_(linked), Advisory.withdrawn_at.is_(None))
    return _read(session, live.where(not_(Advisory.id == any_of(besides))))


def dormant_among(session: ReadSession, vulnerability_ids: Collection[int], *, besides: Collection[int]) -> set[int]:
    """Tell of which vulnerabilities no live advisory speaks, *besides* the named ones."""
    if not vulnerability_ids:
        return set()
    asked = arrays(id=(BigInteger(), sorted(vulnerability_ids)))
    spoken_of = (
        exists()
        .where(VulnerabilityAdvisory.vulnerability_id == asked.c.id)
        .where(VulnerabilityAdvisory.advisory_id == Advisory.id, Advisory.withdrawn_at.is_(None))
        .where(not_(Advisory.id == any_of(besides)))
    )
    return set(session.scalars(select(asked.c.id).where(~spoken_of)))


def names_held(session: ReadSession, vulnerability_ids: Iterable[int]) -> dict[str, int]:
    """Give all names of some vulnerabilities, each with its holder."""
    rows = session.execute(
        select(VulnerabilityAlias.alias, VulnerabilityAlias.vulnerability_id).where(
            VulnerabilityAlias.vulnerability_id == any_of(vulnerability_ids)
        )
    )
    return dict(rows.all())


def dropped_names(before: Mapping[int, References], after: Mapping[int, References]) -> set[str]:
    """Give the names about which some advisory has taken back a claim: that it is among its own, or any word of it."""
    nothing = References((), ())
    dropped: set[str] = set()
    for advisory, said in before.items():
        says = after.get(advisory, nothing)
        if not (set(said.names) <= set(says.names) and set(said.spoken) <= set(says.spoken)):
            dropped.update(said.spoken)
    return dropped
