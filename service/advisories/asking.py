"""What is known of packages that no SBOM need list: questions, answered by the rules that match components.

A question is the coordinates of one component (`service.purls.identify` gives them, `asked_for` those of an OSV name).
They stand in for `component_coord` in the statements of `matching`, so that asking and matching cannot disagree.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import CTE, BigInteger, Text, and_, literal, select

from service.advisories.matching import match_asked
from service.db import ReadSession, arrays
from service.inventory.catalogue_models import ComponentCoord, OsvPackage
from service.inventory.coordinates import coordinate_rows
from service.purls import Coordinate, base_of, canonical_ecosystem, normalise_name, place_of
from service.purls.builds import build_of
from service.versions import family_of

#: Coordinates of one component; none is a component that OSV cannot speak of.
Question = Sequence[Coordinate]


class Hit(NamedTuple):
    """An advisory that affects what was asked about, as a row of `match` says it.

    `certainty`: ``certain`` or ``possible``. `rule`: ``package:range``, ``source:version``… '' bounds are open.
    """

    advisory_id: int
    certainty: str
    rule: str
    osv_package_id: int
    lo_version: str
    hi_version: str
    fixed: str


def matches_of(session: ReadSession, questions: Sequence[Question], *, origin: str = "") -> list[list[Hit]]:
    """Find what affects each question's component, in their order; the hits of one by advisory id.

    Three statements, however many questions there are. The component need not be in the inventory. *origin* is where
    all of them came from (`service.purls.provenance`); '' if nobody says.
    """
    hits: list[list[Hit]] = [[] for _ in questions]
    stand_ins = stand_ins_for(session, questions, origin=origin)
    if not stand_ins:
        return hits
    for number, advisory_id, certainty, rule, package_id, lo, hi, fixed, _ in match_asked(session, stand_ins):
        hits[number].append(Hit(advisory_id, certainty, rule, package_id, lo, hi, fixed))
    for found in hits:
        found.sort()
    return hits


def stand_ins_for(session: ReadSession, questions: Sequence[Question], *, origin: str = "") -> list[CTE]:
    """Write questions as rows of `component_coord` and `osv_package`; the number of a question is its component's id.

    None where no advisory and no component has been heard of at any of their names.
    """
    places = places_of(session, {(one.ecosystem, one.name) for question in questions for one in question})
    placed = _placed(questions, places)
    return _stand_ins(placed, places, origin) if placed else []


def asked_for(ecosystem: str, name: str, version: str) -> Question:
    """Give the coordinates of a package as OSV itself names it: ``Debian:13``, ``xz-utils``, ``5.6.1-1``.

    A distribution without its release is what a component without one is: its matches are possible.
    """
    where = place_of(canonical_ecosystem(ecosystem))
    release_known = base_of(f"{where}:any") != where
    build = build_of(_PACKAGED.get(family_of(where) or "", ""), version, {})
    return (Coordinate(where, normalise_name(where, name), version, "package", release_known, build),)


#: Types of purls by the family that orders them.
_PACKAGED: Final = {"dpkg": "deb", "rpm": "rpm"}


#: Ecosystem and normalised name.
Name = tuple[str, str]


class Place(NamedTuple):
    """A package as `osv_package` has it, or would have: then its id is negative, and stands for nothing."""

    id: int
    base_id: int | None


def places_of(session: ReadSession, names: set[Name]) -> dict[Name, Place]:
    """Find packages by (ecosystem, name). Those of which nothing is known, nor of their base, are left out."""
    bases = {(base, name) for ecosystem, name in names if (base := base_of(ecosystem))}
    ids = _package_ids(session, names | bases)
    places = {}
    for number, name in enumerate(sorted(names), start=1):
        own_id, base_id = ids.get(name), ids.get((base_of(name[0]), name[1]))
        if own_id is not None or base_id is not None:
            places[name] = Place(-number if own_id is None else own_id, base_id)
    return places


def _package_ids(session: ReadSession, names: Iterable[Name]) -> dict[Name, int]:
    ordered = sorted(names)
    if not ordered:
        return {}
    asked = arrays(ecosystem=(Text(), [one[0] for one in ordered]), name=(Text(), [one[1] for one in ordered]))
    rows = session.execute(
        select(OsvPackage.ecosystem, OsvPackage.name, OsvPackage.id).join(
            asked, and_(OsvPackage.ecosystem == asked.c.ecosystem, OsvPackage.name == asked.c.name)
        )
    )
    return {(ecosystem, name): package_id for ecosystem, name, package_id in rows}


def _placed(questions: Sequence[Question], places: dict[Name, Place]) -> dict[tuple[int, int], Coordinate]:
    """Place coordinates as the catalogue does; the number of the question is its component's id."""
    placed: dict[tuple[int, int], Coordinate] = {}
    for number, question in enumerate(questions):
        for one in question:
            place = places.get((one.ecosystem, one.name))
            if place is not None:
                placed.setdefault((number, place.id), one)
    return placed


def _stand_ins(placed: dict[tuple[int, int], Coordinate], places: dict[Name, Place], origin: str) -> list[CTE]:
    named = list(places)
    packages = arrays(
        id=(BigInteger(), [places[one].id for one in named]),
        ecosystem=(Text(), [one[0] for one in named]),
        name=(Text(), [one[1] for one in named]),
        base_id=(BigInteger(), [places[one].base_id for one in named]),
    )
    return [
        select(*coordinate_rows(placed).c, literal(origin).label("provenance")).cte(ComponentCoord.__tablename__),
        select(*packages.c).cte(OsvPackage.__tablename__),
    ]
