"""Teams own things and are reachable; one of them owns what nobody else does."""

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql as pg

from service.access.models import Team
from service.db import ReadSession, WriteSession, any_of
from service.errors import NotFound, Unreadable

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class BadTeamName(Unreadable):
    """A team's name is made of a-z, 0-9, dot, underscore and dash."""

    slug = "bad-team-name"


def get_team(session: ReadSession, name: str) -> Team:
    """Give the team of this name."""
    team = session.scalar(select(Team).where(Team.name == name))
    if team is None:
        raise NotFound(f"There is no team {name}; PUT /v1/teams/{name} makes one.")
    return team


def list_teams(session: ReadSession, *, after: str = "", limit: int = 50) -> list[Team]:
    """List teams by name."""
    return list(session.scalars(select(Team).where(Team.name > after).order_by(Team.name).limit(limit)))


def team_names(session: ReadSession, ids: Iterable[int]) -> dict[int, str]:
    """Give the names of teams by id."""
    return {row.id: row.name for row in session.execute(select(Team.id, Team.name).where(Team.id == any_of(set(ids))))}


def put_team(
    session: WriteSession, name: str, *, email: str | None, webhook: str | None, now: datetime
) -> tuple[Team, bool]:
    """Make a team, or say anew how it is reached; tells whether it is new.

    Raises:
        BadTeamName: The name does not fit into addresses.
    """
    if not _NAME.fullmatch(name):
        raise BadTeamName(f"{name!r} is no name for a team: use a-z, 0-9, '.', '_', '-', at most 100 of them.")
    new = pg.insert(Team).values(name=name, email=email, webhook=webhook, created_at=now)
    inserted = session.scalar(new.on_conflict_do_nothing(index_elements=["name"]).returning(Team.id))
    team = get_team(session, name)
    team.email, team.webhook = email, webhook
    return team, inserted is not None


def fallback_team(session: ReadSession) -> Team:
    """Give the team that owns what nobody else does; the first migration made it."""
    return session.scalars(select(Team).where(Team.fallback)).one()
