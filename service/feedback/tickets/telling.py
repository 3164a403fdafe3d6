"""Telling a ticket system about one exposure: find or create its ticket, say what is, comment what happened.

Every step can be taken again after a crash. Before a ticket is asked for, the row says so; whoever comes later looks
for it by our id, and waits until their search must have seen it before another one is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, or_, select, update

from service.access.roles import Actor, Role
from service.db import ReadSession, WriteSession, reading, writing
from service.feedback.tickets.connecting import Connector, Draft, Missing, Ticket
from service.feedback.tickets.drafting import comment, draft
from service.feedback.tickets.following import may_know
from service.feedback.tickets.models import TicketSystem, TicketWork
from service.incidents.history import timeline_of
from service.incidents.lifecycle import lock_exposure
from service.incidents.linked import find_link
from service.incidents.links import Seen, put_link
from service.incidents.listing import exposures_in_full
from service.incidents.models import Exposure
from service.incidents.representing import exposure_name, incident_name, incidents_as_values

LEASE = timedelta(minutes=5)
#: By then their search has seen what was created.
SEARCH_LAGS = timedelta(minutes=10)
_MOST_STEPS = 200


@dataclass(frozen=True)
class Task:
    """One exposure to tell of, held under a lease."""

    system_id: int
    exposure_id: int
    told_id: int
    attempts: int
    creating_since: datetime | None
    taken_at: datetime


@dataclass(frozen=True)
class Told:
    """What to tell, and what the ticket was."""

    draft: Draft
    status: str
    version: int
    link_key: str | None
    link_state: str | None
    steps: Sequence[Mapping[str, Any]]
    last_id: int
    secret: bool = False


class NotYet(Exception):  # noqa: N818 - read as a sentence
    """A ticket was asked for, and may be there without being found; ask again then."""

    def __init__(self, at: datetime) -> None:
        super().__init__("a ticket was asked for, and their search may not have seen it yet")
        self.at = at


def actor_of(system: str) -> Actor:
    """Give who acts in the name of a ticket system."""
    return Actor(f"ticket:{system}", Role.INTEGRATION)


def take(session: WriteSession, system_id: int, *, now: datetime) -> Task | None:
    """Take the next exposure that a system has to be told of, and hold it."""
    free = or_(TicketWork.locked_until.is_(None), TicketWork.locked_until <= now)
    due = (
        select(TicketWork)
        .where(TicketWork.system_id == system_id, TicketWork.run_at <= now, free)
        .order_by(TicketWork.run_at, TicketWork.exposure_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    work = session.scalar(due.execution_options(populate_existing=True))
    if work is None:
        return None
    work.locked_until, work.attempts = now + LEASE, work.attempts + 1
    return Task(system_id, work.exposure_id, work.told_id, work.attempts, work.creating_since, now)


def tell(engine: Engine, system: TicketSystem, connector: Connector, task: Task, *, pages: str, now: datetime) -> None:
    """Bring one ticket up to date. Nothing is open in the database while the ticket system is asked.

    Raises:
        NotYet: See there.
        ServiceError: What the connector raises; the caller decides when to try again.
    """
    with reading(engine) as session:
        told = _what_to_tell(session, system, task, pages)
    if told.secret:
        _keep_secret(engine, task, told)
        return
    ticket = _ticket(engine, system, connector, task, told, now=now)
    if ticket is None:
        _note(engine, system, task, told, None, now=now)
        return
    if not ticket.is_open and told.link_state == "open":
        # Somebody closed it, which we have not heard yet: that comes first, or we would open it again.
        _note(engine, system, task, told, ticket, now=now, again=True)
        return
    wanted = replace(told.draft, is_open=ticket.is_open) if told.status == "fix_claimed" else told.draft
    ticket = connector.update(ticket, wanted)  # what was made just now too: that keeps one way through here
    text, mark = comment(told.steps, told.draft.ref, told.last_id)
    if text and not (task.attempts > 1 and connector.has_comment(ticket.key, mark)):
        connector.comment(ticket.key, text)
    _note(engine, system, task, told, ticket, now=now)


def _what_to_tell(session: ReadSession, system: TicketSystem, task: Task, pages: str) -> Told:
    exposure = session.get_one(Exposure, task.exposure_id)
    values = exposures_in_full(session, [exposure.id])[0]
    incident = incidents_as_values(session, [exposure.incident_id])[exposure.incident_id]
    link = find_link(session, exposure.id, system.name)
    steps = timeline_of(session, exposure_id=exposure.id, after=task.told_id, limit=_MOST_STEPS)
    address = f"{pages.rstrip('/')}/incidents/{incident_name(exposure.incident_id)}" if pages else ""
    return Told(
        draft=draft(values, incident, marker=system.marker, link=address),
        status=exposure.status,
        version=exposure.version,
        link_key=link.key if link else None,
        link_state=link.state if link else None,
        steps=[step for _, step in steps if step["actor"] != actor_of(system.name).name],
        last_id=steps[-1][0] if steps else task.told_id,
        secret=bool(incident["restricted"]) and not may_know(system),
    )


def _keep_secret(engine: Engine, task: Task, told: Told) -> None:
    """Say nothing of what is under embargo. Lifting it is a change; what was said until then stays here."""
    with writing(engine) as session:
        values: dict[str, Any] = {"locked_until": None, "attempts": 0, "last_error": None, "told_id": told.last_id}
        session.execute(_row(task).values(**values))
        session.execute(_row(task).where(TicketWork.run_at <= task.taken_at).values(run_at=None))


def _ticket(
    engine: Engine, system: TicketSystem, connector: Connector, task: Task, told: Told, *, now: datetime
) -> Ticket | None:
    """Give the ticket as it is; find or make it where we know of none. None: there is none, and none is needed."""
    if told.link_key is not None and told.link_state != "lost":
        try:
            return connector.get(told.link_key)
        except Missing:
            _mark_lost(engine, system, task, told, now=now)
    if not told.draft.is_open and task.creating_since is None:
        return None
    with writing(engine) as session:
        session.execute(_row(task).values(creating_since=task.creating_since or now))
    found = connector.find(told.draft.ref)
    if found:
        return found[0]
    if task.creating_since is not None and now < task.creating_since + SEARCH_LAGS:
        raise NotYet(task.creating_since + SEARCH_LAGS)
    if not told.draft.is_open:
        return None
    return connector.create(told.draft)


def _mark_lost(engine: Engine, system: TicketSystem, task: Task, told: Told, *, now: datetime) -> None:
    with writing(engine) as session:
        exposure = lock_exposure(session, exposure_name(task.exposure_id))
        gone = Seen(told.link_key or "", None, "lost")
        put_link(session, exposure, system.name, gone, actor=actor_of(system.name), now=now)


def _note(
    engine: Engine,
    system: TicketSystem,
    task: Task,
    told: Told,
    ticket: Ticket | None,
    *,
    now: datetime,
    again: bool = False,
) -> None:
    """Write down what the ticket is now. Work that came meanwhile stays; `again` leaves this one due."""
    with writing(engine) as session:
        if ticket is not None:
            exposure = lock_exposure(session, exposure_name(task.exposure_id))
            seen = Seen(ticket.key, ticket.url, "open" if ticket.is_open else "closed", told.version)
            put_link(session, exposure, system.name, seen, actor=actor_of(system.name), now=now)
        values: dict[str, Any] = {"locked_until": None, "creating_since": None, "attempts": 0, "last_error": None}
        session.execute(_row(task).values(**values, **({} if again else {"told_id": told.last_id})))
        if not again:
            session.execute(_row(task).where(TicketWork.run_at <= task.taken_at).values(run_at=None))


def fail(session: WriteSession, task: Task, *, at: datetime | None, error: str) -> None:
    """Try a task again at a time; None: not before something changes."""
    session.execute(_row(task).values(locked_until=None, run_at=at, last_error=error))


def _row(task: Task) -> Any:  # noqa: ANN401 - an update in the making
    own = (TicketWork.system_id == task.system_id, TicketWork.exposure_id == task.exposure_id)
    return update(TicketWork).where(*own).execution_options(synchronize_session=False)
