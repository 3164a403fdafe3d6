"""The first advisories of each question, by id; those that nobody asked to be told are left out.

Scanners cannot tell a possible match from a certain one, so only certain ones are told unless a client asks for more.
Malware is told in any case: whoever asks about a registry's package by name has named the registry, and silence about
code that is installed by now would cost more than a look. Names that are the organisation's own, or came from another
registry, are the exception: they share no more than the name.

Thousands of advisories speak of some packages, and a batch may ask about such a package a thousand times: all is
decided and cut in the database, so that a request holds no more than it answers.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import CTE, BigInteger, ColumnElement, Select, Text, and_, func, or_, select, true, union_all

from service.advisories.asking import Question, stand_ins_for
from service.advisories.matching import decided_by_comparator, decided_by_keys, with_rows
from service.advisories.mentions import mentions_of
from service.advisories.models import Advisory
from service.compat.osv.queries import Asked
from service.db import ReadSession, arrays
from service.purls.provenance import ELSEWHERE, PRIVATE

#: Ids as Python orders them, whatever the database's locale.
IN_ORDER: Final = Advisory.osv_id.collate("C")
_MALWARE: Final = Advisory.kind == "malware"


class Turn(NamedTuple):
    """What is asked, of which origin, and after which advisory to go on ('' at the beginning)."""

    asked: Asked
    origin: str
    after: str


class Told(NamedTuple):
    """One advisory of an answer; `certainty` and `rule` as a match says them."""

    osv_id: str
    certainty: str
    rule: str
    advisory_id: int
    modified: datetime


class _Said(NamedTuple):
    """What advisories say to some questions: rows of question, advisory, certainty, rule; and which of them are told.

    `stand_ins` belong to the statement.
    """

    rows: Any
    told: ColumnElement[bool]
    stand_ins: Sequence[CTE] = ()


def first_told(session: ReadSession, turns: Sequence[Turn], *, most: int, possible: bool) -> list[list[Told]]:
    """Find the first advisories of each question, by id, at most so many of each.

    Three statements, however many questions there are, and two more where some name no version; for each origin.
    With *possible* those are told, too, that are not certain.
    """
    best: list[dict[str, Told]] = [{} for _ in turns]
    for origin in sorted({turn.origin for turn in turns}):
        mine = [turn.asked if turn.origin == origin else None for turn in turns]
        for said in _said(session, mine, origin, possible=possible):
            for number, *columns in session.execute(_first(said, turns, most)):
                told = Told(*columns)
                # Certain before possible; among equals the lowest text, as matching keeps them.
                best[number][told.osv_id] = min(told, best[number].get(told.osv_id, told))
    return [sorted(some.values())[:most] for some in best]


def _said(session: ReadSession, asked: Sequence[Asked | None], origin: str, *, possible: bool) -> Iterator[_Said]:
    foreign = origin in (PRIVATE, ELSEWHERE)
    if stand_ins := stand_ins_for(session, _questions(asked, any_version=False), origin=origin):
        compared = list(decided_by_comparator(session, true(), stand_ins))
        rows = with_rows(decided_by_keys(true()), compared).subquery("said")
        surely = rows.c.certainty == "certain"
        yield _Said(rows, true() if possible else surely if foreign else or_(surely, _MALWARE), stand_ins)
    if mentions := mentions_of(session, _questions(asked, any_version=True)):
        rows = union_all(*mentions).subquery("said")
        surely = rows.c.certainty == "certain"
        ours = Advisory.source == "own"
        told = true() if possible else and_(surely, or_(~_MALWARE, ours)) if foreign else or_(surely, _MALWARE)
        # Matches of private names have been chosen already (`advisories.origins`), not what speaks of a package.
        heard = or_(_MALWARE, ours) if origin == PRIVATE else true()
        yield _Said(rows, and_(told, heard))


def _questions(asked: Iterable[Asked | None], *, any_version: bool) -> list[Question]:
    """Give the questions of one kind; the others ask nothing, in their places."""
    return [one.question if one and one.any_version == any_version else () for one in asked]


def _first(said: _Said, turns: Sequence[Turn], most: int) -> Select[*tuple[Any, ...]]:
    rows = said.rows.c
    after = arrays(number=(BigInteger(), range(len(turns))), id=(Text(), [turn.after for turn in turns])).c
    # One advisory may be said more than once to a question: ranks are dense, and all of its rows are given.
    place = func.dense_rank().over(partition_by=rows.component_id, order_by=IN_ORDER)
    ranked = (
        select(
            rows.component_id,
            Advisory.osv_id,
            rows.certainty,
            rows.rule,
            rows.advisory_id,
            Advisory.modified,
            place.label("place"),
        )
        .select_from(said.rows)
        .join(Advisory, Advisory.id == rows.advisory_id)
        .join(after.number.table, after.number == rows.component_id)
        .where(said.told, after.id < IN_ORDER)
        .subquery("ranked")
    )
    first = [column for column in ranked.c if column.name != "place"]
    return select(*first).where(ranked.c.place <= most).add_cte(*said.stand_ins)
