"""Who uses it: the question a CERT asks first.

A search runs in two halves that meet in component ids only, because the catalogue and the streams may live in
different databases: `candidates` says which components are meant, `sightings` says where they are or were.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from service.clock import to_micros
from service.db import ReadSession
from service.inventory import owners as ownership
from service.inventory.answer import Answer, CannotTell, Excluded, Item, Named, Owner
from service.inventory.candidates import Candidate, Candidates, find_candidates
from service.inventory.cannot_tell import MAX_LISTED, unjudged
from service.inventory.paths import Path, components_named, paths_of
from service.inventory.question import Question
from service.inventory.sightings import BEGINNING, Position, Sighting, When, sightings

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

#: By product and component.
_Owners = Mapping[tuple[int, int], Owner]

#: Components that only look as if they were meant: so many are named.
MAX_EXCLUDED = 100


def search(
    session: ReadSession,
    question: Question,
    *,
    ever: bool = False,
    as_of: datetime | None = None,
    exact: bool = False,
    after: Position | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Answer:
    """Say who uses what is asked for, who owns that, and what cannot be told.

    Args:
        session: One snapshot for the whole answer.
        question: See `question.ask`.
        ever: Everything that ever contained it, with its window: past uploads, all releases, previews and retired
            streams. Otherwise what is in the field.
        as_of: What was in the field at this time. Which releases were supported then is not recorded; those that are
            now count from their upload on.
        exact: Only packages of exactly this name: no words, no source packages, no families.
        after: `Answer.next` of the page before.
        limit: Items on a page, at most `MAX_LIMIT`.

    Returns:
        Items by likelihood (exact name, source package, family, word), then by product, stream, component and time.
        A stream whose newest upload is a supported release gives an item for each of the two.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    when = When(ever=ever, as_of_us=to_micros(as_of) if as_of else None)
    candidates = find_candidates(session, question, exact=exact)
    first = after is None
    seen = _seen(session, candidates.meant, when, after=after or BEGINNING, limit=limit + 1)
    page = seen[:limit]
    paths = paths_of(session, page)
    doubtful = _seen(session, (one for one, _ in candidates.doubtful if first), when, limit=MAX_LISTED)
    excluded = candidates.excluded[:MAX_EXCLUDED] if first else []
    shown = {one.component_id for one in (*page, *doubtful)} | {one.component_id for one in excluded}
    owners = _owners(session, (*page, *doubtful))
    components = components_named(session, shown.union(*(path.steps for path in paths)))
    return Answer(
        items=_items(page, paths, candidates, components, owners),
        cannot_tell=_doubts(doubtful, candidates, components, owners)
        + (unjudged(session) if first and as_of is None else []),
        excluded=[Excluded(components[one.component_id], one.verdict.detail) for one in excluded],
        next=page[-1].position if len(seen) > limit else None,
        cut=candidates.cut,
    )


def _seen(
    session: ReadSession, candidates: Iterable[Candidate], when: When, *, after: Position = BEGINNING, limit: int
) -> list[Sighting]:
    places = [(candidate.component_id, int(candidate.place)) for candidate in candidates]
    return sightings(session, places, when, after=after, limit=limit) if places else []


def _owners(session: ReadSession, seen: Sequence[Sighting]) -> _Owners:
    """Say who would own it if what was seen had to be dealt with, in the words that exposures use."""
    asked = {
        (one.product_id, one.component_id): ownership.Question(one.product_id, frozenset({one.component_id}))
        for one in seen
    }
    return {key: Owner(*owner) for key, owner in ownership.owners_named(session, asked).items()}


def _items(
    page: Sequence[Sighting],
    paths: Sequence[Path],
    candidates: Candidates,
    components: Mapping[int, Named],
    owners: _Owners,
) -> list[Item]:
    shown = {one.component_id for one in page}
    reasons = {one.component_id: candidates.reasons(one) for one in candidates.meant if one.component_id in shown}
    return [
        Item(
            product=one.product,
            stream=one.stream,
            release=one.release or None,
            in_field=one.in_field,
            owner=owners[one.product_id, one.component_id],
            component=components[one.component_id],
            first_seen_at=one.first_seen_at,
            last_seen_at=one.last_seen_at,
            matched_by=reasons[one.component_id],
            path=path.names(components),
        )
        for one, path in zip(page, paths, strict=True)
    ]


def _doubts(
    seen: Sequence[Sighting], candidates: Candidates, components: Mapping[int, Named], owners: _Owners
) -> list[CannotTell]:
    reasons = {candidate.component_id: reason for candidate, reason in candidates.doubtful}
    return [
        CannotTell(
            product=one.product,
            stream=one.stream,
            release=one.release or None,
            owner=owners[one.product_id, one.component_id],
            reason=reasons[one.component_id],
            component=components[one.component_id],
        )
        for one in seen
    ]
