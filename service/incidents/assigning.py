"""Giving an exposure to a team by choice, giving it back to the rules, and who has had it so far."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from service.access.models import Team
from service.access.roles import Actor
from service.access.teams import get_team, refuse_retired, team_names
from service.db import ReadSession, WriteSession
from service.errors import Conflict, Forbidden, NotFound
from service.incidents.models import Exposure, Transition
from service.incidents.ownership import Reowned, components_of, reown
from service.incidents.representing import exposure_name
from service.incidents.timeline import Entry, write_timeline
from service.inventory.owners import Owner, Question, owners_of


class NobodyChose(Conflict):
    """The rules decide about this owner already."""

    slug = "nobody-chose"


@dataclass(frozen=True)
class Tenure:
    """A change of owner. `former` is None where the exposure began, or where it is not known any more."""

    at: datetime
    former: str | None
    to: str
    reason: str
    by: str
    manual: bool


def assign(session: WriteSession, exposure_id: int, team: str, *, actor: Actor, reason: str, now: datetime) -> Exposure:
    """Give an exposure to another team. It stays there until the team retires, or somebody gives it back to the rules.

    Raises:
        Forbidden: It is another team's.
        TeamRetired: The team is no more.
    """
    exposure = _locked(session, exposure_id, actor)
    new = get_team(session, team)
    refuse_retired(new)
    former = session.get_one(Team, exposure.team_id).name
    exposure.team_id, exposure.owner_reason, exposure.owner_manual = new.id, f"assigned by {actor.name}", True
    exposure.version += 1
    exposure.updated_at = now
    session.flush()  # the timeline's change carries the exposure as it is now
    evidence: dict[str, object] = {"team": team, "from": former, "to": team, "manual": True}
    entry = Entry(exposure.incident_id, "assigned", reason or f"to {team}", exposure.id, evidence=evidence)
    write_timeline(session, [entry], actor=actor.name, now=now)
    return exposure


def give_back(session: WriteSession, exposure_id: int, *, actor: Actor, now: datetime) -> Exposure:
    """Let the rules decide again who owns an exposure that somebody had assigned.

    Raises:
        Forbidden: It is another team's.
        NobodyChose: They decide already.
    """
    exposure = _locked(session, exposure_id, actor)
    if not exposure.owner_manual:
        raise NobodyChose(f"Nobody assigned {exposure_name(exposure_id)}: {exposure.owner_reason}.")
    question = Question(exposure.product_id, components_of(session, [exposure_id]).get(exposure_id, frozenset()))
    before, after = Owner(exposure.team_id, exposure.owner_reason), owners_of(session, {0: question})[0]
    change = Reowned(exposure_id, exposure.incident_id, exposure.product_id, before, after, was_manual=True)
    reown(session, [change], actor=actor.name, now=now)
    return session.get_one(Exposure, exposure_id)


def _locked(session: WriteSession, exposure_id: int, actor: Actor) -> Exposure:
    row = select(Exposure).where(Exposure.id == exposure_id).with_for_update()
    exposure = session.scalar(row.execution_options(populate_existing=True))
    if exposure is None:
        raise NotFound(f"There is no exposure {exposure_name(exposure_id)}.")
    if not actor.acts_for(exposure.team_id):
        raise Forbidden(f"{exposure_name(exposure.id)} belongs to another team.")
    return exposure


def tenures(session: ReadSession, exposure: Exposure) -> list[Tenure]:
    """Tell who has had an exposure, from its beginning to now."""
    steps = session.scalars(
        select(Transition)
        .where(Transition.exposure_id == exposure.id, Transition.step.in_(["opened", "assigned"]))
        .order_by(Transition.id)
    ).all()
    current = team_names(session, [exposure.team_id])[exposure.team_id]
    return list(_tenures(steps, exposure, current))


def _tenures(steps: Sequence[Transition], exposure: Exposure, current: str) -> Iterator[Tenure]:
    assigned = [step for step in steps if step.step == "assigned"]
    first = str(assigned[0].evidence.get("from", "")) if assigned else current
    former: str | None = None
    for step in steps:
        if step.step == "opened":
            if former is None and first:
                # Who had it first is not written at the beginning, but where it was taken away.
                reason = step.reason if assigned else exposure.owner_reason
                yield Tenure(step.at, None, first, reason, step.actor, manual=False)
                former = first
            continue
        said = step.evidence
        before = said.get("from") or former
        to = str(said.get("to") or said.get("team"))
        manual = bool(said.get("manual", True))  # what is older than the rules was a person's choice
        yield Tenure(step.at, str(before) if before else None, to, step.reason, step.actor, manual)
        former = to
