"""Every exposure has an owner, always: a person's choice, or what the rules say (`inventory.owners`).

A person's choice stands until its team retires, or somebody gives the exposure back to the rules. All other exposures
that are not over follow the rules: when these change, when a team retires or can be reached again, when a product
changes hands.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Select, Text, case, func, literal, or_, select, update
from sqlalchemy.orm import aliased

from service.access.models import Team
from service.access.teams import team_names
from service.db import ReadSession, WriteSession, any_of, arrays
from service.incidents.models import Exposure, ExposureComponent
from service.incidents.presence import ACTIVE
from service.incidents.timeline import Entry, write_timeline
from service.inventory.owners import Owner, Question, learn, owners_of
from service.inventory.ownership_rules import Rule

__all__ = ["Following", "Owner", "Pair", "Reowned", "follow_rules", "owners_for", "reowned"]

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
    """Which exposures are looked at: all that are not over, or those of products, or those of a team."""

    product_ids: Collection[int] | None = None
    team_id: int | None = None


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
    rows = session.execute(_ruled(following, after).limit(limit)).all()
    changes = _changes(session, [row[0] for row in rows], rules)
    return changes, rows[-1][0].id if len(rows) == limit else None


def follow_rules(
    session: WriteSession,
    following: Following,
    *,
    actor: str,
    now: datetime,
    after: int = 0,
    limit: int = 500,
) -> tuple[int, int | None]:
    """Let exposures follow the rules, beginning behind the exposure *after*; locks what it looks at, in id order.

    Who changes hands takes a step; where the same team has it for another reason, the sentence follows quietly.

    Returns:
        How many changed hands, and where to go on; None at the end.
    """
    locked = _ruled(following, after).limit(limit).with_for_update(of=Exposure)
    rows = session.scalars(locked, execution_options={"populate_existing": True}).all()
    changes = _changes(session, rows, None)
    reown(session, changes, actor=actor, now=now)
    return sum(change.changes_hands for change in changes), rows[-1].id if len(rows) == limit else None


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
        execution_options={"synchronize_session": False},
    )
    session.expire_all()


def _entry(change: Reowned, names: Mapping[int, str]) -> Entry:
    before, after = names[change.before.team_id], names[change.after.team_id]
    evidence: dict[str, object] = {"team": after, "from": before, "to": after, "manual": False}
    return Entry(change.incident_id, "assigned", change.after.reason, change.exposure_id, evidence=evidence)


def _ruled(following: Following, after: int) -> Select[Exposure]:
    """Select exposures whose owner the rules decide, in id order."""
    team = aliased(Team)
    rows = (
        select(Exposure)
        .join(team, team.id == Exposure.team_id)
        .where(Exposure.id > after, Exposure.status.in_(sorted(STANDING)))
        .where(or_(~Exposure.owner_manual, team.retired_at.is_not(None)))
        .order_by(Exposure.id)
    )
    if following.product_ids is not None:
        rows = rows.where(Exposure.product_id == any_of(sorted(following.product_ids)))
    return rows if following.team_id is None else rows.where(Exposure.team_id == following.team_id)


def _changes(session: ReadSession, exposures: Iterable[Exposure], rules: tuple[Rule, ...] | None) -> list[Reowned]:
    rows = list(exposures)
    components = components_of(session, [row.id for row in rows])
    wanted = {row.id: Question(row.product_id, components.get(row.id, frozenset()), _chosen(row)) for row in rows}
    owners = owners_of(session, wanted, learn(session, wanted.values(), rules))
    return [
        Reowned(row.id, row.incident_id, row.product_id, Owner(row.team_id, row.owner_reason), new, row.owner_manual)
        for row in rows
        if (new := owners[row.id]) != Owner(row.team_id, row.owner_reason)
    ]


def _chosen(exposure: Exposure) -> Owner | None:
    return Owner(exposure.team_id, exposure.owner_reason) if exposure.owner_manual else None


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
