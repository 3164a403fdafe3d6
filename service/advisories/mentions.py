"""Which advisories speak of a package at all, whatever its version: the question that names none."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
)

from service.advisories.asking import Name, Place, Question, places_of
from service.advisories.models import Advisory, Affected
from service.db import ReadSession, arrays
from service.purls import Coordinate


def mentions_of(session: ReadSession, questions: Sequence[Question]) -> list[Select[*tuple[Any, ...]]]:
    """Select every advisory that speaks of each question's package; versions do not count.

    The columns are the question's number, the advisory's id, ``certain`` or ``possible``, and the rule:
    ``package:any``, or ``package:unevaluated`` where what it says of the package cannot be evaluated.
    """
    asked = [(number, one) for number, question in enumerate(questions) for one in question]
    if not asked:
        return []
    places = places_of(session, {(one.ecosystem, one.name) for _, one in asked})
    return [*_affecting(asked, places), _unevaluated(asked)]


_Asked = tuple[int, Coordinate]


def _affecting(asked: Sequence[_Asked], places: dict[Name, Place]) -> Iterator[Select[*tuple[Any, ...]]]:
    rows = [
        (number, *place, one.release_known)
        for number, one in asked
        if (place := places.get((one.ecosystem, one.name))) is not None
    ]
    if not rows:
        return
    numbers, package_ids, base_ids, known = zip(*rows, strict=True)
    source = arrays(
        number=(BigInteger(), numbers),
        package_id=(BigInteger(), package_ids),
        base_id=(BigInteger(), base_ids),
        known=(Boolean(), known),
    ).c
    joins: tuple[tuple[ColumnElement[bool], ColumnElement[bool]], ...] = (
        (Affected.osv_package_id == source.package_id, source.known),
        (and_(Affected.base_package_id == source.package_id, ~source.known), false()),
        (Affected.osv_package_id == source.base_id, false()),
    )
    for join, certain in joins:
        certainty = case((certain, "certain"), else_="possible").label("certainty")
        yield (
            select(
                source.number.label("component_id"),
                Affected.advisory_id,
                certainty,
                literal("package:any", Text()).label("rule"),
            )
            .join(Affected, join)
            .join(Advisory, Advisory.id == Affected.advisory_id)
            .where(Advisory.withdrawn_at.is_(None))
            .distinct()
        )


def _unevaluated(asked: Sequence[_Asked]) -> Select[*tuple[Any, ...]]:
    """Select what speaks of a package and cannot be evaluated: it has no affected ranges to be found by."""
    source = arrays(
        number=(BigInteger(), [number for number, _ in asked]),
        label=(Text(), [f"{one.ecosystem}/{one.name}".lower() for _, one in asked]),
    ).c
    part = func.jsonb_array_elements(Advisory.unevaluated).table_valued("value")
    return (
        select(
            source.number.label("component_id"),
            Advisory.id.label("advisory_id"),
            literal("certain", Text()).label("certainty"),
            literal("package:unevaluated", Text()).label("rule"),
        )
        .select_from(Advisory)
        .join(part, true())
        .join(source.number.table, source.label == func.lower(part.c.value.op("->>")("package")))
        # Written out, so that the partial index is considered.
        .where(Advisory.unevaluated != literal_column("'[]'::jsonb"), Advisory.withdrawn_at.is_(None))
        .distinct()
    )
