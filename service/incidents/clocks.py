"""The clocks that only some exposures have: containment, and reports to authorities.

Act is contained within a day. What a product tagged `eu` has, and is exploited, is reported under Article 14 of the
Cyber Resilience Act: early warning after 24 hours, notification after 72, the final report 14 days after a fix.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, any_, func, literal, select, update
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import aliased

from service.db import WriteSession, any_of
from service.errors import Conflict, NotFound
from service.incidents.clock_models import ExposureClock
from service.incidents.models import Episode, Exposure, Incident, Transition
from service.incidents.presence import ACTIVE
from service.incidents.priority import CONTAIN
from service.incidents.representing import exposure_name
from service.incidents.timeline import Entry, write_timeline
from service.inventory.models import Product

#: Products with this tag are on the Union's market.
EU = "eu"
_EXPLOITED_IN_EU = {"cra_early_warning": timedelta(hours=24), "cra_notification": timedelta(hours=72)}
_FINAL_REPORT = timedelta(days=14)
#: Reports, which somebody has to say were sent; containment shows by itself.
REPORTS = ("cra_early_warning", "cra_notification", "cra_final_report")


def begin_clocks(session: WriteSession, exposure_ids: Iterable[int] | None, *, now: datetime) -> None:
    """Start the clocks that exposures have come to need; those that run already run on. None = of all exposures."""
    wanted = None if exposure_ids is None else sorted(set(exposure_ids))
    if wanted == []:
        return
    active = and_(Exposure.status.in_(sorted(ACTIVE)), Exposure.inherited_from_id.is_(None))
    reported = and_(Incident.known_exploited.is_not(None), literal(EU) == any_(Product.tags))
    needed = {"contain": (CONTAIN, Exposure.priority == "act")}
    needed |= {name: (budget, reported) for name, budget in _EXPLOITED_IN_EU.items()}
    for name, (budget, condition) in needed.items():
        _insert(session, _standing(wanted, name, now, budget).where(active, condition))


def _standing(
    exposure_ids: Iterable[int] | None, name: str, started_at: datetime, budget: timedelta
) -> Select[*tuple[Any, ...]]:
    rows = (
        select(Exposure.id, _episode(), literal(name), literal(started_at), literal(started_at + budget))
        .join(Incident, Incident.id == Exposure.incident_id)
        .join(Product, Product.id == Exposure.product_id)
        .where(~_has(name))
    )
    return rows if exposure_ids is None else rows.where(Exposure.id == any_of(exposure_ids))


def _episode() -> ColumnElement[int]:
    last = select(func.coalesce(func.max(Episode.number), 1)).where(Episode.exposure_id == Exposure.id)
    return last.correlate(Exposure).scalar_subquery()


def _has(name: str) -> ColumnElement[bool]:
    one = aliased(ExposureClock)
    return select(one.name).where(one.exposure_id == Exposure.id, one.name == name, one.episode == _episode()).exists()


def _insert(session: WriteSession, rows: Select[*tuple[Any, ...]]) -> None:
    # A foreign key waits for whoever holds the exposure; those that somebody acts on have their clock a minute later.
    rows = rows.order_by(Exposure.id).with_for_update(read=True, key_share=True, of=Exposure, skip_locked=True)
    into = pg.insert(ExposureClock).from_select(["exposure_id", "episode", "name", "started_at", "due_at"], rows)
    session.execute(into.on_conflict_do_nothing())


def follow_clocks(session: WriteSession, *, now: datetime) -> None:
    """Stop what was contained, at the step that did, and let the final report follow where a fix is said or proven."""
    begin_clocks(session, None, now=now)
    contained = (
        select(func.min(Transition.at))
        .where(Transition.exposure_id == ExposureClock.exposure_id, Transition.at >= ExposureClock.started_at)
        .where(Transition.to_status.not_in(["open", "acknowledged"]))
        .scalar_subquery()
    )
    unmet = update(ExposureClock).where(ExposureClock.name == "contain", ExposureClock.met_at.is_(None))
    session.execute(
        unmet.where(contained.is_not(None)).values(met_at=contained, met_by="work begun"),
        execution_options={"synchronize_session": False},
    )
    fixed_at = (
        select(func.min(Transition.at))
        .where(Transition.exposure_id == ExposureClock.exposure_id, Transition.at >= ExposureClock.started_at)
        .where(Transition.to_status.in_(["fix_claimed", "resolved"]))
        .scalar_subquery()
    )
    rows = (
        select(
            ExposureClock.exposure_id,
            ExposureClock.episode,
            literal("cra_final_report"),
            fixed_at,
            fixed_at + literal(_FINAL_REPORT),
        )
        .join(Exposure, Exposure.id == ExposureClock.exposure_id)
        .where(ExposureClock.name == "cra_early_warning", fixed_at.is_not(None))
        .where(~_has("cra_final_report"))
    )
    _insert(session, rows)


class NoSuchClock(NotFound):
    """The exposure has no such clock."""

    slug = "no-such-clock"


def meet_clock(
    session: WriteSession, exposure: Exposure, name: str, *, note: str, actor: str, now: datetime
) -> Exposure:
    """Note that a report was sent. The session holds the exposure's lock.

    Raises:
        NoSuchClock: This exposure needs no such report.
        Conflict: It was sent already.
    """
    clock = session.scalar(
        select(ExposureClock)
        .where(ExposureClock.exposure_id == exposure.id, ExposureClock.name == name, ExposureClock.name.in_(REPORTS))
        .order_by(ExposureClock.episode.desc())
        .limit(1)
    )
    if clock is None:
        raise NoSuchClock(f"{exposure_name(exposure.id)} has no clock {name}.")
    if clock.met_at is not None:
        raise Conflict(f"{name} was met at {clock.met_at.isoformat()} by {clock.met_by}.")
    clock.met_at, clock.met_by, clock.note = now, actor, note.strip() or None
    exposure.version += 1
    exposure.updated_at = now
    session.flush()  # the timeline's change carries the exposure as it is now
    late = f", {now - clock.due_at} late" if now > clock.due_at else ""
    said = f"{name.replace('_', ' ')} sent{late}" + (f": {note.strip()}" if note.strip() else "")
    write_timeline(
        session,
        [Entry(exposure.incident_id, "reported", said, exposure.id, evidence={"clock": name})],
        actor=actor,
        now=now,
    )
    return exposure
