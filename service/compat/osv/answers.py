"""What this door answers: full records, or their ids, page by page.

Scanners cannot tell a possible match from a certain one, so only certain ones are answered unless a client asks for
more. Malware is answered in any case: whoever asks about a registry's package by name has named the registry, and
silence about code that is installed by now would cost more than a look. Names that are the organisation's own, or came
from another registry, are the exception: they share no more than the name.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Text, cast, select

from service.access.seals import Seals
from service.advisories.asking import Hit, Question, matches_of
from service.advisories.mentions import Mention, advisories_of
from service.advisories.models import Advisory
from service.compat.osv.queries import Asked, Query, meaning_of
from service.compat.osv.wording import Malformed
from service.db import ReadSession, any_of
from service.errors import NotFound
from service.inventory.private_names import standing_patterns
from service.purls.provenance import ELSEWHERE, PRIVATE

#: Advisories in one page of one question.
PAGE: Final = 1_000
#: Once a batch has so many, the pages of its further questions are short.
MOST_IN_BATCH: Final = 10_000
_SHORT_PAGE: Final = 10
#: A page of full records ends here.
_MOST_BYTES: Final = 10 * 2**20


class Told(NamedTuple):
    """One advisory of an answer."""

    advisory_id: int
    osv_id: str
    modified: datetime
    hit: Hit | Mention


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
    after, asked = answering.pages.after(query), meaning_of(query)
    (told,) = _told(answering, [asked])
    page = answering.pages.cut(query, _later(told, after), PAGE)
    records = list(_within(_MOST_BYTES, _records(answering.session, page.told)))
    cut_short = len(records) < len(page.told)
    following = answering.pages.write(query, page.told[len(records) - 1].osv_id) if cut_short else page.next
    return _listed(records, following), asked.unevaluated


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
    afters = [answering.pages.after(query) for query in queries]
    asked = [meaning_of(query) for query in queries]
    results, given = [], 0
    for query, after, told in zip(queries, afters, _told(answering, asked), strict=True):
        page = answering.pages.cut(query, _later(told, after), PAGE if given < MOST_IN_BATCH else _SHORT_PAGE)
        given += len(page.told)
        results.append(_ids(page))
    return {"results": results}, [one.unevaluated for one in asked if one.unevaluated]


def _ids(page: Page) -> dict[str, object]:
    if not page.told:
        return {}
    vulns = [{"id": one.osv_id, "modified": _instant(one.modified)} for one in page.told]
    return {"vulns": vulns, "next_page_token": page.next} if page.next else {"vulns": vulns}


def _instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _later(told: Sequence[Told], after: str) -> Sequence[Told]:
    return [one for one in told if one.osv_id > after]


def _told(answering: Answering, asked: Sequence[Asked]) -> list[list[Told]]:
    """Find the advisories of each question, by id; those that nobody asked to be told are left out."""
    session = answering.session
    patterns = standing_patterns(session)
    origins = [PRIVATE if patterns.claim(*one.name, one.address) else one.origin for one in asked]
    found: list[list[Hit | Mention]] = [[] for _ in asked]
    for origin in sorted(set(origins)):
        mine = [one if origins[number] == origin else None for number, one in enumerate(asked)]
        for hits, more in zip(found, matches_of(session, _questions(mine), origin=origin), strict=True):
            hits.extend(more)
    for hits, mentions in zip(found, advisories_of(session, _questions(asked, any_version=True)), strict=True):
        hits.extend(mentions)
    advisories = _advisories(session, {hit.advisory_id for hits in found for hit in hits})
    return [
        sorted(_chosen(hits, advisories, origin, possible=answering.possible), key=_by_id)
        for hits, origin in zip(found, origins, strict=True)
    ]


def _questions(asked: Iterable[Asked | None], *, any_version: bool = False) -> list[Question]:
    """Give the questions of one kind; the others ask nothing, in their places."""
    return [one.question if one and one.any_version == any_version else () for one in asked]


def _by_id(told: Told) -> str:
    return told.osv_id


class _Advisory(NamedTuple):
    osv_id: str
    modified: datetime
    kind: str
    source: str


def _advisories(session: ReadSession, advisory_ids: set[int]) -> dict[int, _Advisory]:
    if not advisory_ids:
        return {}
    columns = [getattr(Advisory, name) for name in _Advisory._fields]
    rows = session.execute(select(Advisory.id, *columns).where(Advisory.id == any_of(sorted(advisory_ids))))
    return {advisory_id: _Advisory(*rest) for advisory_id, *rest in rows}


def _chosen(
    hits: Iterable[Hit | Mention], advisories: dict[int, _Advisory], origin: str, *, possible: bool
) -> Iterator[Told]:
    foreign = origin in (PRIVATE, ELSEWHERE)
    for hit in hits:
        advisory = advisories[hit.advisory_id]
        malware = advisory.kind == "malware"
        if origin == PRIVATE and not malware and advisory.source != "own":
            continue  # `advisories.origins` has left it out of the matches already, not of what speaks of a package
        surely = hit.certainty == "certain" and not (foreign and malware and isinstance(hit, Mention))
        if possible or surely or (malware and not foreign):
            yield Told(hit.advisory_id, advisory.osv_id, advisory.modified, hit)


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
    hits = {one.advisory_id: one.hit for one in told}
    rows = _RECORD.where(Advisory.id == any_of(hits)).order_by(Advisory.osv_id)
    for row in session.execute(rows, execution_options={"yield_per": 50}):
        yield _written(row.record, row.withdrawn_at, hits[row.id])


def _written(record: str, withdrawn_at: datetime | None, hit: Hit | Mention | None) -> bytes:
    """Write a record as received. It says so where its feed has dropped it, or where the match is only possible."""
    marks: dict[str, object] = {}
    if withdrawn_at is not None and '"withdrawn"' not in record:
        marks["withdrawn"] = _instant(withdrawn_at)
    possible = hit is not None and hit.certainty == "possible"
    if not marks and not possible:
        return record.encode()
    whole: dict[str, object] = orjson.loads(record) | marks
    if possible and hit is not None:
        own = whole.get("database_specific")
        said = {"certainty": hit.certainty, "rule": hit.rule}
        whole["database_specific"] = {**(own if isinstance(own, dict) else {}), "muster": said}
    return orjson.dumps(whole)


def _listed(records: Sequence[bytes], following: str) -> bytes:
    """Write an answer without reading its records again; an empty one is ``{}``, as OSV's is."""
    if not records:
        return b"{}"
    token = b',"next_page_token":' + orjson.dumps(following) if following else b""
    return b'{"vulns":[' + b",".join(records) + b"]" + token + b"}"
