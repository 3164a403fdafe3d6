"""The ownership rules as one set: read, compared and replaced as a whole, so that somebody meant their order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, text

from service.access.models import Team
from service.db import ReadSession, WriteSession, among
from service.inventory.ownership_file import MOST_RULES, BadOwnershipRules, Stated, check_stated
from service.inventory.ownership_models import OwnershipRule
from service.inventory.ownership_rules import BadRule, Rule


@dataclass(frozen=True)
class Kept:
    """A rule that is stored, and who made it."""

    rule: Stated
    made_by: str
    made_at: datetime


def version_of(session: ReadSession) -> int:
    """Give the version of the set: it grows with every change."""
    return session.scalar(select(func.max(OwnershipRule.id))) or 0


def kept_rules(session: ReadSession) -> list[Kept]:
    """Give the rules in their order."""
    rows = session.execute(
        select(OwnershipRule, Team.name).join(Team, Team.id == OwnershipRule.team_id).order_by(OwnershipRule.position)
    )
    return [Kept(Stated(rule.product, rule.purl, team, rule.note), rule.made_by, rule.made_at) for rule, team in rows]


@dataclass(frozen=True)
class Understood:
    """Rules with the ids of their teams, and what to know about them."""

    rules: tuple[Rule, ...]
    warnings: tuple[str, ...]


def understand(session: ReadSession, stated: Sequence[Stated]) -> Understood:
    """Look the teams of rules up.

    Raises:
        BadOwnershipRules: Naming every rule that means nothing, or whose team does not exist.
    """
    if len(stated) > MOST_RULES:
        raise BadOwnershipRules(f"These are {len(stated)} rules; {MOST_RULES} is the most.")
    columns = (Team.id, Team.name, Team.retired_at)
    rows = session.execute(select(*columns).where(Team.name.in_(among({rule.team for rule in stated})))).all()
    teams = {row.name: row for row in rows}
    if errors := list(_errors(stated, teams)):
        raise BadOwnershipRules.at(errors)
    return Understood(
        tuple(
            Rule(position, rule.product, rule.purl, teams[rule.team].id)
            for position, rule in enumerate(stated, start=1)
        ),
        tuple(
            f"{rule.where}: {rule.team} was retired; the rule falls through"
            for rule in stated
            if teams[rule.team].retired_at is not None
        ),
    )


def _errors(stated: Iterable[Stated], teams: Iterable[str]) -> Iterable[tuple[str, str]]:
    for rule in stated:
        try:
            check_stated(rule)
        except BadRule as error:
            yield rule.where, error.detail
        if rule.team not in teams:
            yield rule.where, f"there is no team {rule.team}; PUT /v1/teams/{rule.team} makes one"


def lock_rules(session: WriteSession) -> None:
    """Let nobody else replace the rules until the transaction ends."""
    session.execute(text("LOCK TABLE ownership_rule IN SHARE ROW EXCLUSIVE MODE"))


def replace_rules(
    session: WriteSession, stated: Sequence[Stated], understood: Understood, *, made_by: str, now: datetime
) -> bool:
    """Put these rules in the place of those that are stored; tells whether that changes anything.

    A rule that was there before keeps who made it, and when.
    """
    before = kept_rules(session)
    if [_content(kept.rule) for kept in before] == [_content(rule) for rule in stated]:
        return False
    authors = {_content(kept.rule): (kept.made_by, kept.made_at) for kept in before}
    session.execute(delete(OwnershipRule))
    rows = []
    for rule, known in zip(stated, understood.rules, strict=True):
        by, at = authors.get(_content(rule), (made_by, now))
        named = {"position": known.position, "product": rule.product, "purl": rule.purl, "team_id": known.team_id}
        rows.append({**named, "note": rule.note, "made_by": by, "made_at": at})
    if rows:
        session.execute(insert(OwnershipRule), rows)
    return True


def _content(rule: Stated) -> tuple[str | None, str | None, str, str]:
    return rule.product, rule.purl, rule.team, rule.note
