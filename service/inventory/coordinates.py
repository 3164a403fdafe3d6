"""Where components stand in OSV, as rows: package, version, sort key. Coordinates come from `purls.identify`."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, LargeBinary, TableValuedAlias, Text, literal, select
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.types import TypeEngine

from service.db import WriteSession, arrays
from service.inventory.catalogue_models import Component, ComponentCoord
from service.inventory.origins import EFFECTIVE
from service.purls import Coordinate, Identity
from service.versions import KEY_VERSION, UnparsableVersion, sort_key

#: Of `Component.unevaluated`: the ecosystem cannot order this version.
UNPARSABLE = "unparsable-version"

_COORDINATE_COLUMNS: dict[str, TypeEngine[Any]] = {
    "component_id": BigInteger(),
    "osv_package_id": BigInteger(),
    "sort_key": LargeBinary(),
    "flagged": Boolean(),
    "version": Text(),
    "relation": Text(),
    "release_known": Boolean(),
    "build": Text(),
}


def coordinate_rows(placed: Mapping[tuple[int, int], Coordinate]) -> TableValuedAlias:
    """Write coordinates as rows of `component_coord`, sorted: what is added to it, or asked about in its place.

    Args:
        placed: By (component id, OSV package id); not empty.
    """
    rows = [(*key, *_coordinate_row(placed[key])) for key in sorted(placed)]
    values = zip(*rows, strict=True)
    columns = zip(_COORDINATE_COLUMNS.items(), values, strict=True)
    return arrays(**{name: (kind, each) for (name, kind), each in columns})


def place(session: WriteSession, placed: Mapping[tuple[int, int], Coordinate]) -> None:
    """Add coordinates, by (component id, OSV package id); those that are there already are left alone."""
    if not placed:
        return
    source = coordinate_rows(placed)
    session.execute(
        pg.insert(ComponentCoord)
        .from_select(
            [*_COORDINATE_COLUMNS, "key_version", "provenance"],
            select(*source.c, literal(KEY_VERSION), EFFECTIVE).join(Component, Component.id == source.c.component_id),
        )
        .on_conflict_do_nothing()
    )


def why_unevaluated(identity: Identity) -> str:
    """Give the reason why no advisory can be matched with certainty; '' if there is none."""
    if identity.unevaluated or not identity.coordinates:
        return identity.unevaluated
    return UNPARSABLE if all(key_of(one)[0] is None for one in identity.coordinates) else ""


def _coordinate_row(coordinate: Coordinate) -> tuple[object, ...]:
    return (
        *key_of(coordinate),
        coordinate.version,
        coordinate.relation,
        coordinate.release_known,
        coordinate.build,
    )


def key_of(coordinate: Coordinate) -> tuple[bytes | None, bool]:
    """Give a coordinate's sort key and whether it is only approximate; None where the version has no order."""
    try:
        return sort_key(coordinate.ecosystem, coordinate.version)
    except UnparsableVersion:
        return None, False
