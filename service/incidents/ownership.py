"""Every exposure has an owner, always: a person's choice, or what the rules say (`inventory.owners`).

A person's choice stands until its team retires, or somebody gives the exposure back to the rules. All other exposures
that are not over follow the rules: when these change, when a team retires or can be reached again, when a product
changes hands.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Select, Text, case, func, literal, or_, select, update

from service.access.models import Team
from service.access.teams import team_names
from service.db import ReadSession, WriteSession, any_of, arrays
from service.incidents.models import Exposure, ExposureComponent
from service.incidents.presence import ACTIVE
from service.incidents.timeline import Entry, write_timeline
from service.inventory.owners import Owner, Question, learn, owners_of
from service.inventory.ownership_rules import Rule

__all__ = ["Following", "Owner", "Pair", "Reowned", "follow_rules", "owners_for", "reown", "reowned"]

#: (product, vulnerability).
Pair = tuple[int, int]

#: What is not over: work to do, and decisions that end.
STANDING = frozenset(ACTIVE | {"risk_accepted", "not_affected"})


def owners_for(session: ReadSession, wanted: Mapping[Pair, frozenset[int]]) -> dict[Pair, Owner]:
    """Say who owns exposures that begin. Never empty; as many statements for a thousand as for one.

    Args:
        session: Reads products, teams, rules and components.
        wanted: By product and vulnerability, the components that are affected.
    """
    return owners_of(session, {pair: Question(pair[0], components) for pair, components in wanted.items()})


@dataclass(frozen=True)
class Following:
    """Which exposures are looked at: all that are not over, or those of products."""

    product_ids: Collection[int] | None = None


@dataclass(frozen=True)
class Reowned:
    """An exposure whose owner is another, or has it for another reason."""

    exposure_id: int
    incident_id: int
    product_id: int
    before: Owner
    after: Owner
    was_manual: bool

    @property
    def changes_hands(self) -> bool:
        """Tell whether another team has it now."""
        return self.before.team_id != self.after.team_id


def reowned(
    session: ReadSession,
    following: Following,
    *,
    rules: tuple[Rule, ...] | None = None,
    after: int = 0,
    limit: int = 500,
) -> tuple[list[Reowned], int | None]:
    """Say which exposures the rules give to others, beginning behind the exposure *after*.

    Args:
        session: To read with.
        following: Which exposures are looked at.
        rules: As if these were the rules; absent: those that are stored.
        after: The last exposure that was looked at before.
        limit: Looks at so many.

    Returns:
        What changes, and where to go on; None at the end.
    """
    rows = [_Owned(*row) for row in session.execute(_ruled(following, after).limit(limit))]
    changes = _changes(session, rows, rules)
    return changes, rows[-1].id if len(rows) == limit else None


def follow_rules(session: WriteSession, exposure_ids: Collection[int], *, actor: str, now: datetime) -> int:
    """Let exposures follow the rules; locks them in id order, and gives how many changed hands.

    Who changes hands takes a step; where the same team has it for another reason, the sentence follows quietly.
    """
    if not exposure_ids:
        return 0
    locked = _ruled(Following(), 0).where(Exposure.id == any_of(exposure_ids)).with_for_update(of=Exposure)
    changes = _changes(session, [_Owned(*row) for row in session.execute(locked)], None)
    reown(session, changes, actor=actor, now=now)
    return sum(change.changes_hands for change in changes)


def reown(session: WriteSession, changes: Sequence[Reowned], *, actor: str, now: datetime) -> None:
    """Give exposures to their new owners. The session holds the exposures' row locks."""
    if not changes:
        return
    _store(session, changes, now)
    moved = [change for change in changes if change.changes_hands]
    names = team_names(session, {id_ for change in moved for id_ in (change.before.team_id, change.after.team_id)})
    write_timeline(session, [_entry(change, names) for change in moved], actor=actor, now=now)


def _store(session: WriteSession, changes: Sequence[Reowned], now: datetime) -> None:
    new = arrays(
        id=(BigInteger(), [change.exposure_id for change in changes]),
        team=(BigInteger(), [change.after.team_id for change in changes]),
        reason=(Text(), [change.after.reason for change in changes]),
        moved=(Boolean(), [change.changes_hands for change in changes]),
    )
    session.execute(
        update(Exposure)
        .where(Exposure.id == new.c.id)
        .values(
            team_id=new.c.team,
            owner_reason=new.c.reason,
            owner_manual=False,
            version=Exposure.version + case((new.c.moved, 1), else_=0),
            updated_at=case((new.c.moved, literal(now)), else_=Exposure.updated_at),
        ),
        execution_options={"synchronize_session": "fetch"},
    )


def _entry(change: Reowned, names: Mapping[int, str]) -> Entry:
    before, after = names[change.before.team_id], names[change.after.team_id]
    evidence: dict[str, object] = {"team": after, "from": before, "to": after, "manual": False}
    return Entry(change.incident_id, "assigned", change.after.reason, change.exposure_id, evidence=evidence)


class _Owned(NamedTuple):
    """An exposure as ownership sees it."""

    id: int
    incident_id: int
    product_id: int
    team_id: int
    reason: str
    manual: bool

    @property
    def owner(self) -> Owner:
        return Owner(self.team_id, self.reason)


def _ruled(following: Following, after: int) -> Select[int, int, int, int, str, bool]:
    """Select exposures whose owner the rules decide, in id order; as `_Owned`."""
    rows = (
        select(
            Exposure.id,
            Exposure.incident_id,
            Exposure.product_id,
            Exposure.team_id,
            Exposure.owner_reason,
            Exposure.owner_manual,
        )
        .join(Team, Team.id == Exposure.team_id)
        .where(Exposure.id > after, Exposure.status.in_(sorted(STANDING)))
        .where(or_(~Exposure.owner_manual, Team.retired_at.is_not(None)))
        .order_by(Exposure.id)
    )
    return rows if following.product_ids is None else rows.where(Exposure.product_id == any_of(following.product_ids))


def _changes(session: ReadSession, rows: Sequence[_Owned], rules: tuple[Rule, ...] | None) -> list[Reowned]:
    components = components_of(session, [row.id for row in rows])
    questions = {
        row.id: Question(row.product_id, components.get(row.id, frozenset()), row.owner if row.manual else None)
        for row in rows
    }
    owners = owners_of(session, questions, learn(session, questions.values(), rules)) if rows else {}
    return [
        Reowned(row.id, row.incident_id, row.product_id, row.owner, owners[row.id], row.manual)
        for row in rows
        if owners[row.id] != row.owner
    ]


def components_of(session: ReadSession, exposure_ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """Give the components that made exposures' products affected, now or earlier."""
    if not exposure_ids:
        return {}
    rows = session.execute(
        select(ExposureComponent.exposure_id, func.array_agg(ExposureComponent.component_id))
        .where(ExposureComponent.exposure_id == any_of(exposure_ids))
        .group_by(ExposureComponent.exposure_id)
    )
    return {exposure_id: frozenset(components) for exposure_id, components in rows}
