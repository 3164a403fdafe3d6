"""Where an incident stands, product by product: affected, suspected, cannot tell, clear; and which team is silent.

One answer for the board, for whoever broadcasts, and for whoever wants to close. Unknown is neither affected nor clear.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql as pg

from service.access.models import Team
from service.db import ReadSession
from service.incidents.declaration_models import Broadcast, BroadcastTeam, IncidentAnswer
from service.incidents.models import Exposure, Incident
from service.incidents.presence import ACTIVE
from service.inventory.cannot_tell import unjudged
from service.inventory.models import Product
from service.inventory.owners import Question, owners_of

#: Whoever accepts a risk has it still: it is in the field, and affected.
IN_THE_FIELD: Final = ACTIVE | {"risk_accepted"}


class Standing(NamedTuple):
    """An exposure, as far as the board needs it."""

    id: int
    product_id: int
    product: str
    team_id: int
    status: str
    presence: str
    opened_at: datetime
    acknowledged_at: datetime | None

    @property
    def is_affected(self) -> bool:
        """Tell whether something in the field is surely affected, and nobody has decided that it does not matter."""
        return self.status in IN_THE_FIELD and self.presence == "present"

    @property
    def is_suspected(self) -> bool:
        """Tell whether nobody can say yet."""
        return self.status in IN_THE_FIELD and self.presence == "unknown"

    @property
    def is_silent(self) -> bool:
        """Tell whether nobody has looked yet."""
        return self.status == "open" and self.acknowledged_at is None


@dataclass
class TeamStanding:
    """One team's share: slugs of products, and since when nobody of it has said a word."""

    team: str
    affected: list[str] = field(default_factory=list)
    suspected: list[str] = field(default_factory=list)
    cannot_tell: list[str] = field(default_factory=list)
    clear: int = 0
    open: int = 0
    acknowledged: int = 0
    silent_since: datetime | None = None
    told_at: datetime | None = None
    heard_at: datetime | None = None


@dataclass(frozen=True)
class Situation:
    """Where an incident stands. `teams` by key; `cannot_tell`: product to reason, without those answered for.

    Products are counted once: affected before suspected, suspected before cannot tell.
    """

    incident_id: int
    exposures: list[Standing]
    teams: dict[int, TeamStanding]
    cannot_tell: dict[str, str]
    product_count: int

    @property
    def affected(self) -> list[Standing]:
        """Give the exposures of products that are affected."""
        return [one for one in self.exposures if one.is_affected]

    @property
    def suspected(self) -> list[Standing]:
        """Give the exposures of products that may be."""
        return [one for one in self.exposures if one.is_suspected]

    @property
    def clear_count(self) -> int:
        """Count the products in the field that are neither affected, nor suspected, nor unknown."""
        return sum(team.clear for team in self.teams.values())

    @property
    def acknowledged_percent(self) -> float | None:
        """Give the share of exposures with work left that somebody has looked at; None where there are none."""
        opened = sum(team.open for team in self.teams.values())
        seen = sum(team.acknowledged for team in self.teams.values())
        return round(100 * seen / opened, 1) if opened else None

    @property
    def oldest_silence(self) -> tuple[str, datetime] | None:
        """Name the team that has been silent longest, and since when."""
        silent = [(team.silent_since, team.team) for team in self.teams.values() if team.silent_since is not None]
        return (min(silent)[1], min(silent)[0]) if silent else None


def situation_of(session: ReadSession, incident: Incident) -> Situation:
    """Say where an incident stands. A constant number of statements.

    What nobody can judge (no SBOM, a silent stream) counts where the incident is declared: there owners are asked.
    """
    exposures = _exposures(session, incident.id)
    concerned = {one.product for one in exposures if one.is_affected or one.is_suspected}
    asked = incident.kind == "declared"
    told = {one.product: one.reason for one in (unjudged(session, limit=None) if asked else ())}
    answered = _answered(session, incident.id)
    cannot_tell = {
        product: reason
        for product, reason in sorted(told.items())
        if product not in concerned and answered.get(product) is not False
    }
    owners = _owners(session)
    products = _product_owners(exposures, owners)
    teams = _teams(session, incident.id, {team_id for _, team_id in products.values()})
    for one in exposures:
        _count(teams[one.team_id], one)
    for slug, team_id in products.values():
        if slug in cannot_tell:
            teams[team_id].cannot_tell.append(slug)
        elif slug not in concerned:
            teams[team_id].clear += 1
    return Situation(incident.id, exposures, teams, cannot_tell, len(products))


def _exposures(session: ReadSession, incident_id: int) -> list[Standing]:
    rows = session.execute(
        select(
            Exposure.id,
            Exposure.product_id,
            Product.slug,
            Exposure.team_id,
            Exposure.status,
            Exposure.presence,
            Exposure.opened_at,
            Exposure.acknowledged_at,
        )
        .join(Product, Product.id == Exposure.product_id)
        .where(Exposure.incident_id == incident_id, Exposure.status != "merged")
        .order_by(Product.slug)
    )
    return [Standing(*row) for row in rows]


def _answered(session: ReadSession, incident_id: int) -> dict[str, bool]:
    """Give what was last said of products of which nobody can tell: whether they are affected."""
    rows = session.execute(
        select(Product.slug, IncidentAnswer.affected)
        .join(Product, Product.id == IncidentAnswer.product_id)
        .where(IncidentAnswer.incident_id == incident_id)
        .ext(pg.distinct_on(IncidentAnswer.product_id))
        .order_by(IncidentAnswer.product_id, IncidentAnswer.id.desc())
    )
    return dict(rows.all())


def _owners(session: ReadSession) -> dict[int, tuple[str, int]]:
    """Give every product that is not archived, and the team that answers for it: id to slug and team."""
    slugs = dict(session.execute(select(Product.id, Product.slug).where(Product.archived_at.is_(None))).all())
    owners = owners_of(session, {id_: Question(id_) for id_ in slugs})
    return {id_: (slug, owners[id_].team_id) for id_, slug in slugs.items()}


def _product_owners(exposures: list[Standing], owners: Mapping[int, tuple[str, int]]) -> dict[int, tuple[str, int]]:
    """Let the owner of an exposure answer for its product, whatever a rule says of the product as such."""
    return {**owners, **{one.product_id: (one.product, one.team_id) for one in exposures}}


def _count(team: TeamStanding, one: Standing) -> None:
    if one.is_affected:
        team.affected.append(one.product)
    if one.is_suspected:
        team.suspected.append(one.product)
    if one.status in ACTIVE:
        team.open += 1
        team.acknowledged += one.acknowledged_at is not None
    if one.is_silent:
        team.silent_since = min(filter(None, (team.silent_since, one.opened_at)))


def _teams(session: ReadSession, incident_id: int, team_ids: set[int]) -> dict[int, TeamStanding]:
    told = (
        select(
            BroadcastTeam.team_id,
            func.max(Broadcast.at).label("told_at"),
            func.max(BroadcastTeam.acknowledged_at).label("heard_at"),
        )
        .join(Broadcast, Broadcast.id == BroadcastTeam.broadcast_id)
        .where(Broadcast.incident_id == incident_id)
        .group_by(BroadcastTeam.team_id)
        .subquery()
    )
    rows = session.execute(
        select(Team.id, Team.name, told.c.told_at, told.c.heard_at)
        .outerjoin(told, told.c.team_id == Team.id)
        .where(Team.id.in_(team_ids))
        .order_by(Team.name)
    )
    return {id_: TeamStanding(name, told_at=told_at, heard_at=heard_at) for id_, name, told_at, heard_at in rows}
