"""Components as an older version of ours read them, read again: coordinates, sort keys, why they cannot be evaluated.

All of that follows from what is stored of a component: identifying it by its own purl, source and distribution gives
what its document gave (a test holds that over real SBOMs). Its digest stays; whoever lists it finds it again.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import BigInteger, Text, delete, func, or_, select, update

from service.db import ReadSession, WriteSession, any_of, arrays
from service.inventory.catalogue_models import Component, ComponentCoord, OsvPackage
from service.inventory.coordinates import coordinate_rows, key_of, place, why_unevaluated
from service.inventory.osv_packages import osv_package_ids
from service.purls import Coordinate, Identity, identify
from service.versions import KEY_VERSION

#: Another version of ours read it; two comparisons, since an index finds what is lower or higher, not what differs.
OUTDATED = or_(Component.key_version < KEY_VERSION, Component.key_version > KEY_VERSION)
#: Columns of `component_coord` that follow from an identity: its key, then the fields of a `Coordinate` but its name.
DERIVED = ("sort_key", "flagged", "version", "relation", "release_known", "build")
#: A coordinate's place: component id, OSV package id.
Place = tuple[int, int]


class Rekeyed(NamedTuple):
    """How many components were read again, and whose matches may change: by component, by OSV package."""

    read: int
    components: frozenset[int] = frozenset()
    packages: frozenset[int] = frozenset()


class _Row(NamedTuple):
    """What is stored of a component that decides who it is; in the order of `_COLUMNS`."""

    id: int
    purl: str
    version: str
    source_name: str
    source_version: str
    distribution: str
    unevaluated: str


_COLUMNS = [getattr(Component, name) for name in _Row._fields]


class _Keyed(NamedTuple):
    """A coordinate and the key it has, or should have."""

    coordinate: Coordinate
    key: bytes | None
    flagged: bool


def component_ids(session: ReadSession) -> tuple[int, int]:
    """Give the lowest and the highest id of a component; (1, 0) where there is none."""
    lowest, highest = session.execute(select(func.min(Component.id), func.max(Component.id))).one()
    return (lowest, highest) if lowest else (1, 0)


def rekey_components(session: WriteSession, count: int) -> Rekeyed:
    """Read so many outdated components again; those that somebody else has in hand are left to them."""
    outdated = select(*_COLUMNS).where(OUTDATED).limit(count).with_for_update(skip_locked=True)
    rows = [_Row(*row) for row in session.execute(outdated)]
    if not rows:
        return Rekeyed(0)
    identities = {row.id: identity_of(row) for row in rows if row.purl}
    wanted = _wanted(session, identities)
    standing = _standing(session, identities)
    changed = {at for at in standing.keys() | wanted.keys() if standing.get(at) != wanted.get(at)}
    _remove(session, changed - wanted.keys())
    _correct(session, {at: wanted[at].coordinate for at in changed & standing.keys() & wanted.keys()})
    place(session, {at: wanted[at].coordinate for at in changed - standing.keys()})
    _mark(session, {row.id: _reason(row, identities) for row in rows})
    return Rekeyed(len(rows), frozenset(at[0] for at in changed), frozenset(at[1] for at in changed))


def _reason(row: _Row, identities: Mapping[int, Identity]) -> str:
    """Say why a component cannot be evaluated; without purl, only its document knew."""
    return why_unevaluated(identities[row.id]) if row.id in identities else row.unevaluated


def identity_of(row: Component | _Row) -> Identity:
    """Identify a stored component by what is stored of it."""
    os_id, _, os_version = row.distribution.partition(":")
    return identify(
        purl=row.purl,
        name="",
        version=row.version,
        source_name=row.source_name,
        source_version=row.source_version,
        os_id=os_id,
        os_version=os_version,
    )


def _wanted(session: WriteSession, identities: Mapping[int, Identity]) -> dict[Place, _Keyed]:
    names = {(one.ecosystem, one.name) for identity in identities.values() for one in identity.coordinates}
    packages = osv_package_ids(session, names)
    wanted: dict[Place, _Keyed] = {}
    for component_id, identity in identities.items():
        for one in identity.coordinates:
            wanted.setdefault((component_id, packages[one.ecosystem, one.name]), _Keyed(one, *key_of(one)))
    return wanted


def _standing(session: ReadSession, component_ids: Iterable[int]) -> dict[Place, _Keyed]:
    columns = [getattr(ComponentCoord, name) for name in DERIVED[2:]]
    rows = session.execute(
        select(
            ComponentCoord.component_id,
            ComponentCoord.osv_package_id,
            ComponentCoord.sort_key,
            ComponentCoord.flagged,
            OsvPackage.ecosystem,
            OsvPackage.name,
            *columns,
        )
        .join(OsvPackage, OsvPackage.id == ComponentCoord.osv_package_id)
        .where(ComponentCoord.component_id == any_of(list(component_ids)))
    )
    return {(row[0], row[1]): _Keyed(Coordinate(*row[4:]), row[2], row[3]) for row in rows}


def _remove(session: WriteSession, places: Collection[Place]) -> None:
    if not places:
        return
    component_ids, package_ids = zip(*sorted(places), strict=True)
    gone = arrays(component_id=(BigInteger(), component_ids), osv_package_id=(BigInteger(), package_ids))
    session.execute(
        delete(ComponentCoord).where(
            ComponentCoord.component_id == gone.c.component_id, ComponentCoord.osv_package_id == gone.c.osv_package_id
        ),
        execution_options={"synchronize_session": False},
    )


def _correct(session: WriteSession, placed: Mapping[Place, Coordinate]) -> None:
    """Write what follows from the identity; what else stands in these rows is left as it is."""
    if not placed:
        return
    right = coordinate_rows(placed).c
    session.execute(
        update(ComponentCoord)
        .where(ComponentCoord.component_id == right.component_id, ComponentCoord.osv_package_id == right.osv_package_id)
        .values({name: right[name] for name in DERIVED} | {"key_version": KEY_VERSION}),
        execution_options={"synchronize_session": False},
    )


def _mark(session: WriteSession, reasons: Mapping[int, str]) -> None:
    read = arrays(id=(BigInteger(), list(reasons)), unevaluated=(Text(), list(reasons.values())))
    session.execute(
        update(Component)
        .where(Component.id == read.c.id)
        .values(unevaluated=read.c.unevaluated, key_version=KEY_VERSION),
        execution_options={"synchronize_session": False},
    )
