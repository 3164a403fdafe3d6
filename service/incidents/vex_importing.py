"""What a trusted document does to exposures: decisions, claims of fixes, and words for the timeline.

A document is heard as often as it comes and acts once: what it said of an exposure stands (`vex_statement`) until a
newer version of it says otherwise. Whatever it decided, and people took back since, it does not decide again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import insert, select, update

from service.access.roles import Actor
from service.db import WriteSession, any_of
from service.incidents.decisions import MadeDecision, bound_values, decisions_of
from service.incidents.guards import LEADS_ON_FROM
from service.incidents.lifecycle import take_transitions
from service.incidents.locking import locked
from service.incidents.models import Exposure
from service.incidents.presence import ACTIVE
from service.incidents.representing import exposure_name
from service.incidents.requests import Decision, Request
from service.incidents.timeline import Entry, write_timeline
from service.incidents.vex.binding import Reason, Unbound
from service.incidents.vex.judging import Wish
from service.incidents.vex.statements import Status
from service.incidents.vex_models import VexStatement

_ASSESSMENTS = {
    Status.AFFECTED: "exploitable",
    Status.UNDER_INVESTIGATION: "in_triage",
    Status.FIXED: "resolved",
    Status.RETRACTED: "false_positive",
    Status.NOT_AFFECTED: None,
}


class Speaker(NamedTuple):
    """Which version of which document speaks; `row_id` is ours. `alone`: one person believes it and brings it."""

    author: str
    document_id: str
    version: str
    row_id: int
    alone: bool = False

    @property
    def source(self) -> str:
        """Name it as decisions do."""
        return f"vex:{self.document_id}"

    def __str__(self) -> str:
        return f"{self.author}: {self.document_id} version {self.version or '?'}"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a wish, for whoever sent the document."""

    exposure_id: int
    outcome: Literal["applied", "noted", "ignored"]
    status: str
    why: Unbound | None = None


def carry_out(
    session: WriteSession, wishes: Mapping[int, Wish], speaker: Speaker, *, actor: Actor, now: datetime
) -> dict[int, Done]:
    """Do what a document wants, end what its older versions wanted and it does not; gives the former by exposure."""
    before = _standing(session, speaker)
    exposures = locked(session, [*wishes, *before])
    decided = {
        id_: made[0]
        for id_, made in decisions_of(session, list(exposures), standing=True).items()
        if made[0].source == speaker.source
    }
    done = {id_: _settled(exposures[id_], wish, before.get(id_), decided.get(id_)) for id_, wish in wishes.items()}
    open_wishes = [wishes[id_] for id_, one in done.items() if one is None]
    dropped = [id_ for id_ in before if id_ not in wishes]
    _take_back(session, [id_ for id_ in (*dropped, *(w.exposure_id for w in open_wishes)) if id_ in decided], speaker,
               actor=actor, now=now)  # fmt: skip
    _end(session, [before[id_].id for id_ in (*dropped, *(w.exposure_id for w in open_wishes)) if id_ in before], now)
    results = _take(session, open_wishes, speaker, actor=actor, now=now)
    notes = [wish for wish in open_wishes if wish.act == "note"]
    _note(session, notes, exposures, speaker, actor=actor, now=now)
    _remember(session, [wish for wish in open_wishes if wish.exposure_id not in results or
                        results[wish.exposure_id] is None], speaker, now=now)  # fmt: skip
    session.expire_all()
    after = _statuses(session, list(wishes))
    return {id_: _done(wishes[id_], done[id_], results.get(id_), after[id_]) for id_ in wishes}


def _done(wish: Wish, settled: Unbound | None, refusal: str | None, status: str) -> Done:
    if settled is not None:
        return Done(wish.exposure_id, "ignored", status, settled)
    if refusal is not None:
        return Done(wish.exposure_id, "ignored", status, Unbound(Reason.REFUSED, refusal))
    return Done(wish.exposure_id, "noted" if wish.act == "note" else "applied", status, wish.short)


def _settled(
    exposure: Exposure, wish: Wish, before: VexStatement | None, decided: MadeDecision | None
) -> Unbound | None:
    """Say why there is nothing to do; None where there is."""
    name = exposure_name(exposure.id)
    if before is not None and _same(before, wish):
        if wish.act == "decide" and decided is None:
            return Unbound(Reason.NOTHING_TO_DO, f"It was decided so for {name} and taken back since.")
        return Unbound(Reason.NOTHING_TO_DO, f"{name} has heard so already.")
    status = "open" if decided is not None else exposure.status
    wanted = {"decide": "not_affected", "claim": "fix_claimed"}.get(wish.act)
    possible = LEADS_ON_FROM[wanted] if wanted else ACTIVE
    if status not in possible:
        return Unbound(Reason.NOTHING_TO_DO, f"{name} is {exposure.status} already.")
    return None


def _same(before: VexStatement, wish: Wish) -> bool:
    said = (before.status, before.justification, before.reason, before.decided, before.versions)
    return said == (wish.status.value, wish.justification, wish.reason, wish.act == "decide", _versions(wish))


def _versions(wish: Wish) -> dict[str, object]:
    return {"bounds": [bound_values(bound) for bound in wish.bounds]}


def _standing(session: WriteSession, speaker: Speaker) -> dict[int, VexStatement]:
    rows = session.scalars(
        select(VexStatement)
        .where(VexStatement.author == speaker.author, VexStatement.document_id == speaker.document_id)
        .where(VexStatement.ended_at.is_(None))
        .order_by(VexStatement.exposure_id)
    )
    return {row.exposure_id: row for row in rows}


def _statuses(session: WriteSession, exposure_ids: Collection[int]) -> dict[int, str]:
    return dict(session.execute(select(Exposure.id, Exposure.status).where(Exposure.id == any_of(exposure_ids))).all())


def _take_back(
    session: WriteSession, exposure_ids: Sequence[int], speaker: Speaker, *, actor: Actor, now: datetime
) -> None:
    """Open again what an older version decided."""
    reason = f"{speaker} does not say any more what was decided by it"
    take_transitions(session, [Request(id_, Decision("open", reason)) for id_ in exposure_ids], actor=actor, now=now)


def _end(session: WriteSession, statement_ids: Collection[int], now: datetime) -> None:
    session.execute(
        update(VexStatement).where(VexStatement.id == any_of(statement_ids)).values(ended_at=now),
        execution_options={"synchronize_session": False},
    )


def _take(
    session: WriteSession, wishes: Iterable[Wish], speaker: Speaker, *, actor: Actor, now: datetime
) -> dict[int, str | None]:
    """Take the steps that are wanted: exposure id to the refusal, None where it was taken."""
    alone = {wish.exposure_id: _ONE_PERSON for wish in wishes if speaker.alone and wish.act == "decide"}
    steps = [wish for wish in wishes if wish.act != "note" and wish.exposure_id not in alone]
    requests = [Request(wish.exposure_id, _step(wish, speaker)) for wish in steps]
    outcomes = take_transitions(session, requests, actor=actor, now=now)
    return {**alone, **{one.exposure_id: one.refusal.detail if one.refusal else None for one in outcomes}}


_ONE_PERSON = (
    "It takes two people: the key that had this author believed cannot bring the document as well, unless the author"
    " is believed only where it is signed. Bring it with another key."
)


def _step(wish: Wish, speaker: Speaker) -> Decision:
    said = {"vex": {"author": speaker.author, "document": speaker.document_id, "version": speaker.version}}
    if wish.act == "claim":
        reason = f"{speaker.author} says that it is fixed. {wish.reason}".strip()
        return Decision("fix_claimed", reason, evidence=dict(said))
    return Decision(
        "not_affected",
        wish.reason,
        justification=wish.justification,
        evidence=dict(said),
        source=speaker.source,
        # Whoever believes an author has looked at it beforehand: nothing waits for a second person.
        approved_by=f"trusted author {speaker.author}",
        bounds=wish.bounds,
    )


def _note(
    session: WriteSession,
    wishes: Sequence[Wish],
    exposures: Mapping[int, Exposure],
    speaker: Speaker,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    entries = []
    for wish in wishes:
        exposure = exposures[wish.exposure_id]
        exposure.assessment = _ASSESSMENTS[wish.status] or exposure.assessment
        exposure.version += 1
        exposure.updated_at = now
        entries.append(
            Entry(
                exposure.incident_id,
                "assessed",
                f"{speaker.author} says: {wish.status.value}. {wish.reason}".strip(),
                exposure.id,
                evidence={
                    "vex": {
                        "author": speaker.author,
                        "document": speaker.document_id,
                        "version": speaker.version,
                        "status": wish.status.value,
                        "short": wish.short.detail if wish.short else None,
                    }
                },
            )
        )
    session.flush()  # the timeline's changes carry the exposures as they are now
    write_timeline(session, entries, actor=actor.name, now=now)


def _remember(session: WriteSession, wishes: Sequence[Wish], speaker: Speaker, *, now: datetime) -> None:
    rows = [
        {
            "exposure_id": wish.exposure_id,
            "vex_document_id": speaker.row_id,
            "author": speaker.author,
            "document_id": speaker.document_id,
            "status": wish.status.value,
            "justification": wish.justification,
            "reason": wish.reason,
            "versions": _versions(wish),
            "decided": wish.act == "decide",
            "since_at": now,
        }
        for wish in wishes
    ]
    if rows:
        session.execute(insert(VexStatement), rows)
