"""Several uploads in two transactions: what an import needs, where nobody waits for each answer.

Twenty SBOMs cost little more than one: their components are looked up, added and matched together, and exposures
follow for all their products at once. If one of them cannot be taken, each goes its own way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import DataError

from service.advisories.findings import EvidenceBook
from service.db import WriteSession
from service.errors import ServiceError, Unreadable
from service.flows.receiving import Request, Shared, arrive, receive_upload, repeats, share
from service.flows.traffic import hold_off_feeds, in_transaction
from service.incidents.assessing import Cause, Question, assess
from service.incidents.reading import vulnerabilities_touched
from service.inventory.slugs import slugify
from service.sbom import read
from service.sbom.document import Document


@dataclass(frozen=True)
class Taken:
    """What became of one SBOM of a batch."""

    component_count: int = 0
    created: bool = False
    error: ServiceError | None = None


@dataclass(frozen=True)
class _Readable:
    """An SBOM that was read, and its place in the batch."""

    position: int
    data: bytes
    document: Document
    request: Request


def receive_batch(engine: Engine, deliveries: Sequence[tuple[bytes, Request]], *, now: datetime) -> list[Taken]:
    """Take in several SBOMs; gives one result each, in order. A refused one does not hinder the others."""
    results: dict[int, Taken] = in_transaction(engine, partial(_repeated, deliveries=deliveries))
    readable: list[_Readable] = []
    for position, (data, request) in enumerate(deliveries):
        if position in results:
            continue
        try:
            readable.append(_Readable(position, data, read(data, trusted=request.trusted), request))
        except ServiceError as error:
            results[position] = Taken(error=error)
    results |= _together(engine, readable, now) if readable else {}
    return [results[position] for position in range(len(deliveries))]


def _repeated(session: WriteSession, deliveries: Sequence[tuple[bytes, Request]]) -> dict[int, Taken]:
    found = ((i, repeats(session, data, request)) for i, (data, request) in enumerate(deliveries))
    return {i: Taken(stood[1].component_count) for i, stood in found if stood is not None}


def _together(engine: Engine, readable: list[_Readable], now: datetime) -> dict[int, Taken]:
    received = [(item.data, item.document) for item in readable]
    try:
        shared = in_transaction(engine, partial(share, received=received, now=now))
        return in_transaction(engine, partial(_apply, readable=readable, shared=shared, now=now))
    except (ServiceError, DataError):
        return {item.position: _alone(engine, item, now) for item in readable}


def _alone(engine: Engine, item: _Readable, now: datetime) -> Taken:
    try:
        receipt = receive_upload(engine, item.data, item.request, now=now)
    except ServiceError as error:
        return Taken(error=error)
    except DataError as error:
        return Taken(error=Unreadable(f"A value in it cannot be stored: {error.orig}"))
    return Taken(receipt.component_count, receipt.created)


def _apply(session: WriteSession, readable: list[_Readable], shared: list[Shared], now: datetime) -> dict[int, Taken]:
    hold_off_feeds(session)
    results: dict[int, Taken] = {}
    baseline: set[int] = set()
    changed: dict[int, set[int]] = {}
    # Products in one order for every writer: two imports of the same folder queue up instead of deadlocking.
    for item, known in sorted(zip(readable, shared, strict=True), key=lambda pair: slugify(pair[0].request.product)):
        arrival = arrive(session, known, item.request, now)
        results[item.position] = Taken(arrival.placed.upload.component_count, not arrival.placed.duplicate)
        if arrival.in_field:
            changed.setdefault(arrival.product.id, set()).update(arrival.changed)
        if arrival.baseline:
            baseline.add(arrival.product.id)
    actor = readable[0].request.actor
    _assess(session, changed, Cause(actor=actor, at=now, baseline=frozenset(baseline)))
    return results


def _assess(session: WriteSession, changed: dict[int, set[int]], cause: Cause) -> None:
    book = EvidenceBook(session)
    component_ids = frozenset().union(*changed.values())
    concerned = {item.vulnerability_id for item in book.about(component_ids)}
    for product_id, own in changed.items():
        concerned |= vulnerabilities_touched(session, product_id, own)
    assess(session, Question(frozenset(changed), frozenset(concerned), component_ids), cause, book)
