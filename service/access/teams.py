"""Teams own things and are reachable; one of them owns what nobody else does.

A team retires, and never comes back under its name: what it owned goes on to its successor (`inventory.owners`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import func, or_, select
from sqlalchemy.dialects import postgresql as pg

from service.access.models import Team
from service.db import ReadSession, WriteSession, any_of
from service.errors import Conflict, NotFound, Refused, Unreadable

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class BadTeamName(Unreadable):
    """A team's name is made of a-z, 0-9, dot, underscore and dash."""

    slug = "bad-team-name"


class TeamRetired(Conflict):
    """The team was retired."""

    slug = "team-retired"


class CannotSucceed(Unreadable):
    """This team cannot go on in the other's place."""

    slug = "cannot-succeed"


class FallbackStays(Refused):
    """The team that owns what nobody else does cannot retire."""

    slug = "fallback-stays"


class TeamFields(TypedDict, total=False):
    """How a team is reached; what is left out stays as it is, None takes it away.

    `chat` is an address in apprise's notation; `on_call`, `manager` and `members` are addresses of mail.
    """

    email: str | None
    webhook: str | None
    chat: str | None
    on_call: str | None
    manager: str | None
    members: Sequence[str]


@dataclass(frozen=True)
class Recipient:
    """Where messages to a team go; None where it has no such address."""

    email: str | None
    webhook: str | None
    chat: str | None
    on_call: str | None
    manager: str | None
    members: tuple[str, ...]
    team: str


def get_team(session: ReadSession, name: str) -> Team:
    """Give the team of this name."""
    team = session.scalar(select(Team).where(Team.name == name))
    if team is None:
        raise NotFound(f"There is no team {name}; PUT /v1/teams/{name} makes one.")
    return team


def list_teams(session: ReadSession, *, after: str = "", limit: int = 50) -> list[Team]:
    """List teams by name, retired ones included."""
    return list(session.scalars(select(Team).where(Team.name > after).order_by(Team.name).limit(limit)))


def team_names(session: ReadSession, ids: Iterable[int]) -> dict[int, str]:
    """Give the names of teams by id."""
    return {row.id: row.name for row in session.execute(select(Team.id, Team.name).where(Team.id == any_of(set(ids))))}


def recipients(session: ReadSession, team_ids: Iterable[int]) -> dict[int, Recipient]:
    """Say, in one statement, where messages to these teams go. The fallback team may have no address at all."""
    columns = (Team.email, Team.webhook, Team.chat, Team.on_call, Team.manager, Team.members, Team.name)
    rows = session.execute(select(Team.id, *columns).where(Team.id == any_of(set(team_ids)))).all()
    return {
        row.id: Recipient(row.email, row.webhook, row.chat, row.on_call, row.manager, tuple(row.members), row.name)
        for row in rows
    }


def is_reachable(session: ReadSession, name: str) -> bool | None:
    """Tell whether a team has an address of its own; None where there is no such team."""
    own = or_(
        Team.email.is_not(None), Team.webhook.is_not(None), Team.chat.is_not(None), func.cardinality(Team.members) > 0
    )
    return session.scalar(select(own).where(Team.name == name))


def put_team(session: WriteSession, name: str, fields: TeamFields, *, now: datetime) -> tuple[Team, bool]:
    """Make a team, or say anew how it is reached; tells whether it is new.

    Raises:
        BadTeamName: The name does not fit into addresses.
        TeamRetired: There was a team of this name.
    """
    if not _NAME.fullmatch(name):
        raise BadTeamName(f"{name!r} is no name for a team: use a-z, 0-9, '.', '_', '-', at most 100 of them.")
    new = pg.insert(Team).values(name=name, created_at=now)
    inserted = session.scalar(new.on_conflict_do_nothing(index_elements=["name"]).returning(Team.id))
    team = lock_team(session, name)
    refuse_retired(team)
    for column, value in fields.items():
        setattr(team, column, value)
    session.flush()  # whoever resolves owners in this transaction sees it
    return team, inserted is not None


def lock_team(session: WriteSession, name: str) -> Team:
    """Give a team and lock its row until the transaction ends: nobody retires it meanwhile."""
    get_team(session, name)
    row = select(Team).where(Team.name == name).with_for_update(key_share=True)
    return session.scalars(row, execution_options={"populate_existing": True}).one()


def refuse_retired(team: Team) -> None:
    """Raise `TeamRetired` where nothing new may be given to a team."""
    if team.retired_at is not None:
        raise TeamRetired(f"{team.name} was retired on {team.retired_at:%Y-%m-%d}; choose another team.")


def retire_team(session: WriteSession, name: str, *, successor: str | None, now: datetime) -> Team:
    """Let a team end. Its successor goes on where no rule names somebody else; the caller lets exposures follow.

    Raises:
        FallbackStays: Somebody has to own what nobody else does.
        TeamRetired: It was retired before, or the successor was.
        CannotSucceed: It would succeed itself.
    """
    # Both rows in the order of their names: two teams that retire into each other queue up.
    rows = {each: lock_team(session, each) for each in sorted({name, successor or name})}
    team, heir = rows[name], rows[successor] if successor else None
    if team.fallback:
        raise FallbackStays(f"{name} owns what nobody else does, and stays.")
    if heir is team:
        raise CannotSucceed(f"{name} cannot succeed itself.")
    for row in rows.values():
        refuse_retired(row)
    team.retired_at, team.successor_id = now, heir.id if heir else None
    session.flush()  # whoever resolves owners in this transaction sees it
    return team


def fallback_team(session: ReadSession) -> Team:
    """Give the team that owns what nobody else does; the first migration made it."""
    return session.scalars(select(Team).where(Team.fallback)).one()
