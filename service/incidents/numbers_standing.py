"""Numbers about what stands: whose it is, what nobody can tell, who changed hands, which products are covered."""

from collections.abc import Iterator

from sqlalchemy import Text, and_, cast, exists, func, null, or_, select

from service.access.models import Team
from service.db import ReadSession
from service.incidents.measures import Number, Slice, Window, count, share
from service.incidents.models import Exposure, Transition
from service.incidents.numbers_episodes import group_of, grouped, sliced, within
from service.incidents.presence import ACTIVE
from service.inventory.models import Product, Stream


def standing_numbers(session: ReadSession, asked: Slice) -> Iterator[Number]:
    """Give what there is to do at this moment, by group and origin."""
    rows = (
        select(Exposure.product_id, Exposure.team_id, Exposure.priority, Exposure.origin, Exposure.presence)
        .add_columns(Team.fallback)
        .join(Team, Team.id == Exposure.team_id)
        .where(Exposure.status.in_(sorted(ACTIVE)))
    )
    every = sliced(rows.subquery(), asked)
    group = group_of(every, asked)
    unknown, unowned = every.c.presence == "unknown", every.c.fallback
    found = session.execute(
        grouped(every, asked, group)
        .add_columns(func.count(), func.count().filter(unknown), func.count().filter(unowned))
        .group_by(group, every.c.origin)
    )
    for its, origin, active, cannot_tell, fallback in found:
        yield count("active", its, origin, active)
        yield share("cannot_tell", its, origin, cannot_tell, active)
        yield share("fallback_queue", its, origin, fallback, active)


def reassignments(session: ReadSession, window: Window, asked: Slice) -> Iterator[Number]:
    """Give how many of the period's exposures changed hands, by group and origin."""
    said = Transition.evidence
    moved = exists().where(
        Transition.exposure_id == Exposure.id,
        Transition.step == "assigned",
        Transition.at < window.until,
        # What is older than the rules does not say from whom.
        or_(said["from"].astext.is_(None), said["from"].astext != said["to"].astext),
    )
    rows = (
        select(Exposure.product_id, Exposure.team_id, Exposure.priority, Exposure.origin, moved.label("moved"))
        .where(within(Exposure.opened_at, window))  # type: ignore[arg-type]
        .where(Exposure.status != "merged")
    )
    every = sliced(rows.subquery(), asked)
    group = group_of(every, asked)
    found = session.execute(
        grouped(every, asked, group)
        .add_columns(func.count().filter(every.c.moved), func.count())
        .group_by(group, every.c.origin)
    )
    for its, origin, part, whole in found:
        yield share("reassignment_rate", its, origin, part, whole)


def coverage(session: ReadSession, asked: Slice) -> Iterator[Number]:
    """Give the share of active products that an SBOM speaks for at this moment; there is none of a priority."""
    if asked.by == "priority" or asked.priority is not None:
        return
    tracked = Stream.kind == "tracked"
    live = and_(tracked, Stream.retired_at.is_(None))
    heard = and_(Stream.last_upload_at.is_not(None), Stream.stale_since.is_(None))
    products = (
        select(
            Product.id,
            Product.slug,
            func.coalesce(Product.team_id, select(Team.id).where(Team.fallback).scalar_subquery()).label("team_id"),
            func.coalesce(func.bool_and(heard).filter(live), False).label("covered"),
        )
        .outerjoin(Stream, Stream.product_id == Product.id)
        .where(Product.archived_at.is_(None))
        .group_by(Product.id)
        .having(or_(func.count().filter(live) > 0, func.count(Stream.id).filter(tracked) == 0))
    )
    if asked.product_id is not None:
        products = products.where(Product.id == asked.product_id)
    every = products.subquery()
    group = {"team": Team.name, "product": every.c.slug}.get(asked.by, cast(null(), Text()))
    statement = (
        select(group, func.count().filter(every.c.covered), func.count())
        .select_from(every)
        .join(Team, Team.id == every.c.team_id)
        .group_by(group)
    )
    if asked.team_id is not None:
        statement = statement.where(every.c.team_id == asked.team_id)
    for its, covered, active in session.execute(statement):
        yield share("coverage", its, None, covered, active)
