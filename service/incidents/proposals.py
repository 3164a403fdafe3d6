"""Decisions that wait for a second person. A proposal is about what was there when it was made, and dies with it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, insert, select, update

from service.access.roles import Actor
from service.db import ReadSession, WriteSession, any_of
from service.incidents.bounds import Bound, Grounds
from service.incidents.decision_models import Proposal
from service.incidents.decisions import DECIDED, bound_values, decisions_of, written
from service.incidents.models import Exposure
from service.incidents.requests import Decision


class NewProposal(NamedTuple):
    """A decision to propose, with what it would be bound to."""

    exposure_id: int
    decision: Decision
    bounds: tuple[Bound, ...]
    grounds: Grounds


@dataclass(frozen=True)
class Waiting:
    """A proposal that waits for a second person."""

    id: int
    exposure_id: int
    to: str
    justification: str | None
    reason: str
    evidence: dict[str, object]
    expires_at: datetime | None
    proposed_by: str
    proposed_key_id: int
    proposed_by_cert: bool
    proposed_at: datetime
    bounds: tuple[Bound, ...]
    grounds: Grounds

    def as_values(self) -> dict[str, object]:
        """Give it as the API shows it."""
        return {
            "to": self.to,
            "justification": self.justification,
            "reason": self.reason,
            "evidence": self.evidence,
            "expires_at": written(self.expires_at),
            "proposed_by": self.proposed_by,
            "proposed_at": written(self.proposed_at),
            "bounds": [bound_values(bound) for bound in self.bounds],
        }


def waiting_for(session: ReadSession, exposure_ids: Collection[int] | None = None) -> dict[int, Waiting]:
    """Give the proposals that wait, by exposure; None: all of them."""
    rows = select(Proposal).where(Proposal.ended_at.is_(None)).order_by(Proposal.exposure_id)
    if exposure_ids is not None:
        rows = rows.where(Proposal.exposure_id == any_of(exposure_ids))
    found = session.scalars(rows.execution_options(populate_existing=True))
    return {row.exposure_id: _as_waiting(row) for row in found}


def is_waiting() -> ColumnElement[bool]:
    """Tell, in a statement about exposures, whether something about one waits for a second person."""
    return exists().where(Proposal.exposure_id == Exposure.id, Proposal.ended_at.is_(None))


def judgements_of(session: ReadSession, statuses: Mapping[int, str]) -> dict[int, dict[str, object]]:
    """Give, by exposure, the standing decision and the proposal that waits, as the API shows them; None where none is.

    Which of the two there can be follows from the status, so that most exposures cost one statement, and many no more.
    """
    decided = [id_ for id_, status in statuses.items() if status in DECIDED]
    undecided = [id_ for id_, status in statuses.items() if status not in DECIDED]
    decisions = decisions_of(session, decided, standing=True) if decided else {}
    waiting = waiting_for(session, undecided) if undecided else {}
    return {
        id_: {
            "decision": decisions[id_][0].as_values() if id_ in decisions else None,
            "proposal": waiting[id_].as_values() if id_ in waiting else None,
        }
        for id_ in statuses
    }


def propose(session: WriteSession, proposals: Sequence[NewProposal], *, actor: Actor, now: datetime) -> None:
    """Write proposals down; one that waited before is replaced."""
    if not proposals:
        return
    end_proposals(session, [each.exposure_id for each in proposals], "replaced", actor=actor.name, now=now)
    session.execute(insert(Proposal), [_row(each, actor, now) for each in proposals])


def end_proposals(
    session: WriteSession, exposure_ids: Iterable[int], outcome: str, *, actor: str, now: datetime
) -> dict[int, str]:
    """End the proposals that wait, as `approved`, `declined`, `lapsed` or `replaced`; gives exposure to what it was."""
    ended = session.execute(
        update(Proposal)
        .where(Proposal.exposure_id == any_of(sorted(exposure_ids)), Proposal.ended_at.is_(None))
        .values(ended_at=now, ended_by=actor, outcome=outcome)
        .returning(Proposal.exposure_id, Proposal.to_status),
        execution_options={"synchronize_session": False},
    )
    return {row.exposure_id: row.to_status for row in ended}


def _row(proposal: NewProposal, actor: Actor, now: datetime) -> dict[str, object]:
    decision = proposal.decision
    return {
        "exposure_id": proposal.exposure_id,
        "to_status": decision.to,
        "justification": decision.justification,
        "reason": decision.reason,
        "evidence": decision.evidence or {},
        "expires_at": decision.expires_at,
        "proposed_by": actor.name,
        "proposed_key_id": actor.key_id,
        "proposed_by_cert": actor.may("declare"),
        "proposed_at": now,
        "bounds": [bound._asdict() for bound in proposal.bounds],
        "grounds": proposal.grounds.as_json(),
    }


def _as_waiting(row: Proposal) -> Waiting:
    return Waiting(
        row.id, row.exposure_id, row.to_status, row.justification, row.reason, row.evidence, row.expires_at,
        row.proposed_by, row.proposed_key_id, row.proposed_by_cert, row.proposed_at,
        tuple(_bound(stored) for stored in row.bounds), Grounds.read(row.grounds),
    )  # fmt: skip


def _bound(stored: Mapping[str, object]) -> Bound:
    return Bound(**stored)  # type: ignore[arg-type]  # as `_row` wrote it
