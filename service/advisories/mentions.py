"""Which advisories speak of a package at all, whatever its version: the question that names none."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Text, and_, false, func, literal_column, select, true, union

from service.advisories.asking import Name, Place, Question, places_of
from service.advisories.models import Advisory, Affected
from service.db import ReadSession, arrays
from service.purls import Coordinate


class Mention(NamedTuple):
    """An advisory that speaks of a package, whatever the version.

    `rule` is ``package:any``, or ``package:unevaluated`` where what it says of the package cannot be evaluated.
    """

    advisory_id: int
    certainty: str
    rule: str


def advisories_of(session: ReadSession, questions: Sequence[Question]) -> list[list[Mention]]:
    """Find every advisory that speaks of each question's package, by id. Three statements; versions do not count."""
    names = {(one.ecosystem, one.name) for question in questions for one in question}
    asked = [(number, one) for number, question in enumerate(questions) for one in question]
    rows = [*_affecting(session, asked, places_of(session, names)), *_unevaluated(session, asked)]
    found: list[dict[int, Mention]] = [{} for _ in questions]
    for number, mention in sorted(rows, reverse=True):
        found[number][mention.advisory_id] = mention  # the last is the first: certain before possible
    return [sorted(mentions.values()) for mentions in found]


_Asked = tuple[int, Coordinate]


def _affecting(
    session: ReadSession, asked: Sequence[_Asked], places: dict[Name, Place]
) -> Iterator[tuple[int, Mention]]:
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
    joins = (
        (Affected.osv_package_id == source.package_id, source.known),
        (and_(Affected.base_package_id == source.package_id, ~source.known), false()),
        (Affected.osv_package_id == source.base_id, false()),
    )
    found = union(
        *(
            select(source.number, Affected.advisory_id, certain.label("certain"))
            .join(Affected, join)
            .join(Advisory, Advisory.id == Affected.advisory_id)
            .where(Advisory.withdrawn_at.is_(None))
            for join, certain in joins
        )
    )
    for number, advisory_id, certain in session.execute(found):
        yield number, Mention(advisory_id, "certain" if certain else "possible", "package:any")


def _unevaluated(session: ReadSession, asked: Sequence[_Asked]) -> Iterator[tuple[int, Mention]]:
    """Find what speaks of a package and cannot be evaluated: it has no affected ranges to be found by."""
    if not asked:
        return
    source = arrays(
        number=(BigInteger(), [number for number, _ in asked]),
        label=(Text(), [f"{one.ecosystem}/{one.name}".lower() for _, one in asked]),
    ).c
    part = func.jsonb_array_elements(Advisory.unevaluated).table_valued("value")
    found = (
        select(source.number, Advisory.id)
        .select_from(Advisory)
        .join(part, true())
        .join(source.number.table, source.label == func.lower(part.c.value.op("->>")("package")))
        # Written out, so that the partial index is considered.
        .where(Advisory.unevaluated != literal_column("'[]'::jsonb"), Advisory.withdrawn_at.is_(None))
        .distinct()
    )
    for number, advisory_id in session.execute(found):
        yield number, Mention(advisory_id, "certain", "package:unevaluated")
