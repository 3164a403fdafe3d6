"""What this door answers: full records, or their ids, page by page."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Text, cast, select

from service.access.seals import Seals
from service.advisories.models import Advisory
from service.compat.osv.queries import Query, meaning_of
from service.compat.osv.told import IN_ORDER, Told, Turn, first_told
from service.compat.osv.wording import Malformed
from service.db import ReadSession, any_of
from service.errors import NotFound
from service.inventory.private_names import standing_patterns
from service.purls.provenance import PRIVATE

#: Advisories in one page of one question.
PAGE: Final = 1_000
#: Once a batch has so many, the pages of its further questions are short.
MOST_IN_BATCH: Final = 10_000
_SHORT_PAGE: Final = 10
#: Questions of a batch whose pages are long, looked up together.
_LONG_AT_ONCE: Final = 10
#: A page of full records ends here.
_MOST_BYTES: Final = 10 * 2**20


class Page(NamedTuple):
    """Advisories by id, and where the next page begins; '' where this is the last."""

    told: Sequence[Told]
    next: str


class Pages:
    """Cuts answers into pages. A token goes on with its own question only, and is signed."""

    def __init__(self, seals: Seals, now: datetime) -> None:
        self._seals, self._now = seals, now

    def after(self, query: Query) -> str:
        """Give the advisory that the page before ended with; '' at the beginning.

        Raises:
            Malformed: The token is not ours, or another question's.
        """
        if not query.token:
            return ""
        values = self._seals.open(self._purpose(query), query.token, now=self._now)
        if values is None:
            raise Malformed("Invalid page token: send it back as it came, with the same question.")
        return str(values[0])

    def write(self, query: Query, last: str) -> str:
        """Write the token of the page after *last*."""
        return self._seals.seal(self._purpose(query), last)

    def cut(self, query: Query, told: Sequence[Told], size: int) -> Page:
        """Cut a page; it is never empty where something is left to tell."""
        if len(told) <= size:
            return Page(told, "")
        return Page(told[:size], self.write(query, told[size - 1].osv_id))

    @staticmethod
    def _purpose(query: Query) -> str:
        return f"osv page {query.digest()}"


class Answering(NamedTuple):
    """What all questions of one request share: the snapshot they are answered from, and how."""

    session: ReadSession
    pages: Pages
    possible: bool


def answer_query(answering: Answering, query: Query) -> tuple[bytes, str]:
    """Answer one question with full records: (JSON, why nothing can be said or '')."""
    turns = _turns(answering, [query])
    (told,) = first_told(answering.session, turns, most=PAGE + 1, possible=answering.possible)
    page = answering.pages.cut(query, told, PAGE)
    records = list(_within(_MOST_BYTES, _records(answering.session, page.told)))
    cut_short = len(records) < len(page.told)
    following = answering.pages.write(query, page.told[len(records) - 1].osv_id) if cut_short else page.next
    return _listed(records, following), turns[0].asked.unevaluated


def _within(most: int, records: Iterable[bytes]) -> Iterator[bytes]:
    """Give records while they are not too many bytes together; the first is given whatever its size."""
    size = 0
    for record in records:
        size += len(record)
        if size > most and size > len(record):
            return
        yield record


def answer_batch(answering: Answering, queries: Sequence[Query]) -> tuple[dict[str, object], list[str]]:
    """Answer many questions with ids: (JSON, why nothing can be said about some of them)."""
    turns = _turns(answering, queries)
    results, given = [], 0
    for query, told in zip(queries, _first_of_batch(answering, turns), strict=True):
        page = answering.pages.cut(query, told, PAGE if given < MOST_IN_BATCH else _SHORT_PAGE)
        given += len(page.told)
        results.append(_ids(page))
    return {"results": results}, [turn.asked.unevaluated for turn in turns if turn.asked.unevaluated]


def _turns(answering: Answering, queries: Sequence[Query]) -> list[Turn]:
    afters = [answering.pages.after(query) for query in queries]
    asked = [meaning_of(query) for query in queries]
    patterns = standing_patterns(answering.session)
    return [
        Turn(one, PRIVATE if patterns.claim(*one.name, one.address) else one.origin, after)
        for one, after in zip(asked, afters, strict=True)
    ]


def _first_of_batch(answering: Answering, turns: Sequence[Turn]) -> list[list[Told]]:
    """Find the first advisories of a batch's questions: one more than a page of each has."""
    session, possible = answering.session, answering.possible
    told = first_told(session, turns, most=_SHORT_PAGE + 1, possible=possible)
    longer = [number for number, some in enumerate(told) if len(some) > _SHORT_PAGE]
    for start in range(0, len(longer), _LONG_AT_ONCE):
        numbers = longer[start : start + _LONG_AT_ONCE]
        if sum(min(len(some), PAGE) for some in told[: numbers[0]]) >= MOST_IN_BATCH:
            break
        whole = first_told(session, [turns[number] for number in numbers], most=PAGE + 1, possible=possible)
        for number, some in zip(numbers, whole, strict=True):
            told[number] = some
    return told


def _ids(page: Page) -> dict[str, object]:
    if not page.told:
        return {}
    vulns = [{"id": one.osv_id, "modified": _instant(one.modified)} for one in page.told]
    return {"vulns": vulns, "next_page_token": page.next} if page.next else {"vulns": vulns}


def _instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


# --- records ---------------------------------------------------------------------------------------------------------


def find_record(session: ReadSession, osv_id: str) -> bytes:
    """Give a record by its id, withdrawn ones too.

    Raises:
        NotFound: There is none.
    """
    row = session.execute(_RECORD.where(Advisory.osv_id == osv_id)).one_or_none()
    if row is None:
        raise NotFound("Bug not found.")
    return _written(row.record, row.withdrawn_at, None)


_RECORD = select(Advisory.id, cast(Advisory.record, Text).label("record"), Advisory.withdrawn_at)


def _records(session: ReadSession, told: Sequence[Told]) -> Iterator[bytes]:
    """Give the records of advisories, in this order; read as they are asked for."""
    by_id = {one.advisory_id: one for one in told}
    rows = _RECORD.where(Advisory.id == any_of(by_id)).order_by(IN_ORDER)
    for row in session.execute(rows, execution_options={"yield_per": 50}):
        yield _written(row.record, row.withdrawn_at, by_id[row.id])


def _written(record: str, withdrawn_at: datetime | None, told: Told | None) -> bytes:
    """Write a record as received. It says so where its feed has dropped it, or where the match is only possible."""
    marks: dict[str, object] = {}
    if withdrawn_at is not None and '"withdrawn"' not in record:
        marks["withdrawn"] = _instant(withdrawn_at)
    possible = told is not None and told.certainty == "possible"
    if not marks and not possible:
        return record.encode()
    whole: dict[str, object] = orjson.loads(record) | marks
    if possible and told is not None:
        own = whole.get("database_specific")
        said = {"certainty": told.certainty, "rule": told.rule}
        whole["database_specific"] = {**(own if isinstance(own, dict) else {}), "muster": said}
    return orjson.dumps(whole)


def _listed(records: Sequence[bytes], following: str) -> bytes:
    """Write an answer without reading its records again; an empty one is ``{}``, as OSV's is."""
    if not records:
        return b"{}"
    token = b',"next_page_token":' + orjson.dumps(following) if following else b""
    return b'{"vulns":[' + b",".join(records) + b"]" + token + b"}"
