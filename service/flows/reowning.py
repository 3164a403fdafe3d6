"""Owners follow: when rules are replaced, a team retires or can be reached again, or a product changes hands.

What decides is committed first, and then exposures follow in batches; the batch that a crash or a race leaves out
follows at the next tick of the job (`jobs.kinds`). Running it again changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from service.access import audit, teams
from service.access.models import Team
from service.access.roles import Actor
from service.access.teams import TeamFields
from service.db import ReadSession, WriteSession, reading
from service.flows.traffic import in_transaction
from service.incidents.ownership import Following, Reowned, follow_rules, reowned
from service.inventory.ownership_file import Stated
from service.inventory.ownership_sets import lock_rules, replace_rules, understand, version_of

#: A dry run names so many of the exposures that would change hands, and counts the rest.
MOST_NAMED = 500
#: Exposures are looked at, and written, in batches: looking locks nothing, writing locks as few as it may.
_LOOKED_AT, _WRITTEN = 2_000, 500


@dataclass(frozen=True)
class Replaced:
    """What came of replacing the rules. `changes` are named where nothing was changed yet."""

    version: int
    changed: int
    warnings: tuple[str, ...]
    changes: tuple[Reowned, ...] = ()


def try_rules(session: ReadSession, stated: Sequence[Stated]) -> Replaced:
    """Say what these rules would change, and change nothing.

    Raises:
        BadOwnershipRules: They cannot be taken.
    """
    understood = understand(session, stated)
    named: list[Reowned] = []
    changed = 0
    after: int | None = 0
    while after is not None:
        changes, after = reowned(session, Following(), rules=understood.rules, after=after, limit=_LOOKED_AT)
        moved = [change for change in changes if change.changes_hands]
        changed += len(moved)
        named += moved[: MOST_NAMED - len(named)]
    return Replaced(version_of(session), changed, understood.warnings, tuple(named))


def put_rules(
    engine: Engine, stated: Sequence[Stated], *, check: Callable[[int], None], actor: Actor, now: datetime
) -> Replaced:
    """Replace the rules, and let exposures follow.

    Args:
        engine: For transactions of its own.
        stated: All rules, in order.
        check: Refuses, by raising, to change this version.
        actor: For the record.
        now: For the record and the timeline.

    Raises:
        BadOwnershipRules: They cannot be taken; nothing was changed.
    """

    def act(session: WriteSession) -> Replaced:
        lock_rules(session)
        check(version_of(session))
        understood = understand(session, stated)
        if replace_rules(session, stated, understood, made_by=actor.name, now=now):
            audit.record(session, actor, "ownership-rules.put", "ownership rules", {"count": len(stated)}, now=now)
        return Replaced(version_of(session), 0, understood.warnings)

    stored = in_transaction(engine, act)
    changed = let_follow(engine, Following(), actor=actor.name, now=now)
    return Replaced(stored.version, changed, stored.warnings)


def put_team(
    engine: Engine, name: str, fields: TeamFields, *, said: dict[str, object], actor: Actor, now: datetime
) -> tuple[Team, bool]:
    """Make a team, or say anew how it is reached; where that makes it live, or no longer so, exposures follow.

    Args:
        engine: For transactions of its own.
        name: The team's.
        fields: How it is reached.
        said: For the record, without secrets.
        actor: For the record.
        now: For the record and the timeline.

    Returns:
        The team, and whether it is new.
    """

    def act(session: WriteSession) -> tuple[Team, bool, bool]:
        before = teams.is_reachable(session, name)
        team, is_new = teams.put_team(session, name, fields, now=now)
        audit.record(session, actor, "team.put", name, said, now=now)
        return team, is_new, before is not None and before != teams.is_reachable(session, name)

    team, is_new, differs = in_transaction(engine, act)
    if differs:
        let_follow(engine, Following(), actor=actor.name, now=now)
    return team, is_new


def retire_team(engine: Engine, name: str, *, successor: str | None, reason: str, actor: Actor, now: datetime) -> int:
    """Let a team end, and its exposures go to whoever is next; gives how many there were."""

    def act(session: WriteSession) -> None:
        teams.retire_team(session, name, successor=successor, now=now)
        audit.record(session, actor, "team.retire", name, {"reason": reason, "successor": successor}, now=now)

    in_transaction(engine, act)
    return let_follow(engine, Following(), actor=actor.name, now=now)


def let_follow(
    engine: Engine,
    following: Following,
    *,
    actor: str,
    now: datetime,
    go_on: Callable[[], None] = lambda: None,
) -> int:
    """Give exposures to whom the rules name, batch by batch; gives how many changed hands.

    Looks without locks and writes only where something is to change, so that it costs those nothing who work.
    """
    changed = 0
    after: int | None = 0
    while after is not None:
        go_on()
        with reading(engine) as session:
            changes, after = reowned(session, following, after=after, limit=_LOOKED_AT)
        ids = [change.exposure_id for change in changes]
        for start in range(0, len(ids), _WRITTEN):
            go_on()
            act = partial(follow_rules, exposure_ids=ids[start : start + _WRITTEN], actor=actor, now=now)
            changed += in_transaction(engine, act)
    return changed


def let_product_follow(session: WriteSession, product_id: int, *, actor: str, now: datetime) -> int:
    """Give a product's exposures to whom the rules name, in the transaction in which it changed hands."""
    session.flush()  # the rules look at the product as it is now
    changed = 0
    after: int | None = 0
    while after is not None:
        changes, after = reowned(session, Following([product_id]), after=after)
        if changes:
            changed += follow_rules(session, [change.exposure_id for change in changes], actor=actor, now=now)
    return changed
