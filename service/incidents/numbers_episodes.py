"""Numbers about episodes: how fast they are seen and proved over, what came back, what was late. One statement.

`measures.MEASURES` defines each of them.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)

from service.access.models import Team
from service.db import ReadSession
from service.incidents.measures import Number, Slice, Window, count, seconds, share
from service.incidents.models import Episode, Exposure, Transition
from service.inventory.models import Product

#: Steps that say more than "we are looking".
STATEMENTS = ("in_progress", "fix_claimed", "not_affected", "risk_accepted", "resolved")


def episode_numbers(session: ReadSession, window: Window, asked: Slice) -> Iterator[Number]:
    """Give how episodes of the period went, by group and origin."""
    spell = spells(window, asked)
    group = group_of(spell, asked)
    rows = session.execute(
        grouped(spell, asked, group).add_columns(*_columns(spell, window)).group_by(group, spell.c.origin)
    )
    for row in rows:
        yield from _numbers(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to names


def spells(window: Window, asked: Slice) -> Subquery:
    """Select episodes that the period may speak of, with what was so at their end, or is so now while they run."""
    running = Episode.ended_at.is_(None)
    kept = {
        name: case((running, getattr(Exposure, name)), else_=getattr(Episode, name))
        for name in ("acknowledged_at", "acknowledge_due_at", "remediate_due_at")
    }
    whose = {
        name: func.coalesce(getattr(Episode, name), getattr(Exposure, name))
        for name in ("team_id", "priority", "origin")
    }
    following = func.lead(Episode.opened_at).over(partition_by=Episode.exposure_id, order_by=Episode.number)
    rows = (
        select(
            Episode.exposure_id,
            Exposure.product_id,
            Episode.opened_at,
            Episode.ended_at,
            Episode.outcome,
            following.label("reopened_at"),
            and_(running, Exposure.status == "risk_accepted").label("accepted"),
            *(column.label(name) for name, column in (kept | whose).items()),
        )
        .join(Exposure, Exposure.id == Episode.exposure_id)
        # What was merged into another goes on there.
        .where(func.coalesce(Episode.outcome, Exposure.status) != "merged", Episode.opened_at < window.until)
    )
    return sliced(rows.subquery("every_episode"), asked)


def sliced(rows: Subquery, asked: Slice) -> Subquery:
    """Leave what was not asked for out; after windows over all rows were computed."""
    wanted = (("team_id", asked.team_id), ("product_id", asked.product_id), ("priority", asked.priority))
    conditions = [rows.c[name] == value for name, value in wanted if value is not None]
    return select(rows).where(*conditions).subquery("spell")


def group_of(rows: FromClause, asked: Slice) -> ColumnElement[Any]:
    """Give the column by which rows are divided."""
    columns: dict[str, ColumnElement[Any]] = {
        "team": Team.__table__.c.name,
        "product": Product.__table__.c.slug,
        "priority": rows.c.priority,
    }
    return columns.get(asked.by, cast(null(), Text()))


def grouped(rows: FromClause, asked: Slice, group: ColumnElement[Any]) -> Select[Any, Any]:
    """Begin a statement whose rows are divided by group and origin."""
    statement = select(group.label("group"), rows.c.origin.label("origin")).select_from(rows)
    if asked.by == "team":
        return statement.join(Team, Team.id == rows.c.team_id)
    return statement.join(Product, Product.id == rows.c.product_id) if asked.by == "product" else statement


def within(column: ColumnElement[Any], window: Window) -> ColumnElement[bool]:
    """Tell whether an instant lies in what is known of the period."""
    return and_(column >= window.from_at, column < window.until)


def lasted(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give the seconds between two instants."""
    return func.extract("epoch", until - since)


def quantile(share_of: float, of: ColumnElement[Any], where: ColumnElement[bool]) -> ColumnElement[Any]:
    """Give the value that this share of the rows does not exceed, interpolated."""
    return func.percentile_cont(share_of).within_group(of).filter(where)


def _columns(spell: Subquery, window: Window) -> list[ColumnElement[Any]]:
    c = spell.c
    at = literal(window.until)
    acknowledged = within(c.acknowledged_at, window)
    resolved = and_(c.outcome == "resolved", within(c.ended_at, window))
    waiting = and_(_not_by(c.acknowledged_at, window.until), _not_by(c.ended_at, window.until))
    counted = func.coalesce(c.outcome, "") != "withdrawn"
    to_see, to_mend = (and_(counted, within(c[name], window)) for name in ("acknowledge_due_at", "remediate_due_at"))
    late = or_(c.ended_at.is_(None), c.ended_at > c.remediate_due_at)
    # Of none of the two, `least` takes the other.
    unseen = func.coalesce(func.least(c.acknowledged_at, c.ended_at) > c.acknowledge_due_at, True)
    to_see_for, to_prove_for = lasted(c.opened_at, c.acknowledged_at), lasted(c.opened_at, c.ended_at)

    def number_of(where: ColumnElement[bool], name: str) -> ColumnElement[Any]:
        return func.count().filter(where).label(name)

    return [
        number_of(within(c.opened_at, window), "opened"),
        number_of(acknowledged, "acknowledged"),
        quantile(0.5, to_see_for, acknowledged).label("mtta_median"),
        quantile(0.9, to_see_for, acknowledged).label("mtta_p90"),
        number_of(waiting, "unacknowledged"),
        func.max(lasted(c.opened_at, at)).filter(waiting).label("oldest"),
        number_of(resolved, "resolved"),
        func.avg(to_prove_for).filter(resolved).label("mttr_mean"),
        quantile(0.5, to_prove_for, resolved).label("mttr_median"),
        quantile(0.9, to_prove_for, resolved).label("mttr_p90"),
        number_of(and_(resolved, c.reopened_at < at), "reopened"),
        number_of(to_see, "to_acknowledge"),
        number_of(and_(to_see, unseen), "unseen"),
        number_of(to_mend, "due"),
        number_of(and_(to_mend, late, ~c.accepted), "late"),
        number_of(and_(to_mend, c.accepted), "accepted"),
    ]


def _not_by(column: ColumnElement[Any], at: datetime) -> ColumnElement[bool]:
    return or_(column.is_(None), column >= at)


def _numbers(row: Any) -> Iterator[Number]:  # noqa: ANN401 - a row's mapping
    group, origin = row["group"], row["origin"]
    yield count("opened", group, origin, row["opened"])
    for name in ("mtta_median", "mtta_p90"):
        yield seconds(name, group, origin, row[name], row["acknowledged"])
    yield count("unacknowledged", group, origin, row["unacknowledged"])
    yield seconds("unacknowledged_oldest", group, origin, row["oldest"], row["unacknowledged"])
    for name in ("mttr_mean", "mttr_median", "mttr_p90"):
        yield seconds(name, group, origin, row[name], row["resolved"])
    yield share("reopen_rate", group, origin, row["reopened"], row["resolved"])
    yield share("acknowledge_breach", group, origin, row["unseen"], row["to_acknowledge"])
    yield share("remediate_breach", group, origin, row["late"], row["due"])
    yield share("accepted_past_due", group, origin, row["accepted"], row["due"])


def vex_latency(session: ReadSession, window: Window, asked: Slice) -> Iterator[Number]:
    """Give how long exposures went without a statement that says more than "we are looking"."""
    spell = spells(window, asked)
    steps = (
        select(func.min(Transition.at).label("at"))
        .where(Transition.exposure_id == spell.c.exposure_id, Transition.to_status.in_(STATEMENTS))
        .where(Transition.at >= spell.c.opened_at)
        .where(or_(spell.c.ended_at.is_(None), Transition.at <= spell.c.ended_at))
        .lateral("first")
    )
    group = group_of(spell, asked)
    said, took = within(steps.c.at, window), lasted(spell.c.opened_at, steps.c.at)
    rows = session.execute(
        grouped(spell, asked, group)
        .join(steps, literal(True))
        .add_columns(func.count().filter(said), quantile(0.5, took, said), quantile(0.9, took, said))
        .where(or_(spell.c.ended_at.is_(None), spell.c.ended_at >= window.from_at))
        .group_by(group, spell.c.origin)
    )
    for its, origin, over, median, p90 in rows:
        yield seconds("vex_latency_median", its, origin, median, over)
        yield seconds("vex_latency_p90", its, origin, p90, over)
