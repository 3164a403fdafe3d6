"""Names in OSV ecosystems, shared by components (what they are) and advisories (what they affect)."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Text, and_, select
from sqlalchemy.dialects import postgresql as pg

from service.db import WriteSession, arrays
from service.inventory.catalogue_models import OsvPackage
from service.purls import base_of

OsvName = tuple[str, str]


def osv_package_ids(session: WriteSession, names: Iterable[OsvName]) -> dict[OsvName, int]:
    """Find packages by (ecosystem, normalised name), adding the missing ones and their bases.

    The base of ``Debian:13`` is ``Debian``: components whose release nobody names stand there. Names without a base
    go in before all that have one, both sorted, so that no two writers wait for each other.
    """
    wanted = set(names)
    baseless = {(base_of(ecosystem) or ecosystem, name) for ecosystem, name in wanted}
    ids = _found(session, wanted | baseless)
    for missing in (sorted(baseless - ids.keys()), sorted(wanted - baseless - ids.keys())):
        _insert(session, missing, ids)
        ids |= _found(session, missing)
    return ids


def _found(session: WriteSession, names: Iterable[OsvName]) -> dict[OsvName, int]:
    ordered = sorted(names)
    if not ordered:
        return {}
    keys = arrays(ecosystem=(Text(), [n[0] for n in ordered]), name=(Text(), [n[1] for n in ordered]))
    rows = session.execute(
        select(OsvPackage.ecosystem, OsvPackage.name, OsvPackage.id).join(
            keys, and_(OsvPackage.ecosystem == keys.c.ecosystem, OsvPackage.name == keys.c.name)
        )
    )
    return {(row.ecosystem, row.name): row.id for row in rows}


def _insert(session: WriteSession, missing: list[OsvName], bases: dict[OsvName, int]) -> None:
    if not missing:
        return
    base_ids = [bases.get((base, name)) if (base := base_of(ecosystem)) else None for ecosystem, name in missing]
    rows = arrays(
        ecosystem=(Text(), [n[0] for n in missing]),
        name=(Text(), [n[1] for n in missing]),
        base_id=(BigInteger(), base_ids),
    )
    session.execute(
        pg.insert(OsvPackage)
        .from_select(
            ["ecosystem", "name", "base_id"],
            select(rows.c.ecosystem, rows.c.name, rows.c.base_id).order_by(rows.c.ecosystem, rows.c.name),
        )
        .on_conflict_do_nothing(index_elements=["ecosystem", "name"])
    )
