"""A round of all ticket systems: what changed here becomes work, work is done, what changed there is heard.

A system that fails or wants us to wait is left alone for a while; the others are not held up by it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from service.db import reading, writing
from service.errors import ServiceError, UpstreamUnavailable
from service.feedback.tickets.connecting import Clashed, Connector, Denied, Missing, Rejected, Throttled
from service.feedback.tickets.following import follow, put_off
from service.feedback.tickets.hearing import hear
from service.feedback.tickets.models import TicketSystem
from service.feedback.tickets.reconciling import reconcile_tickets
from service.feedback.tickets.systems import Connect, list_systems
from service.feedback.tickets.telling import NotYet, Task, fail, take, tell
from service.log import logger

log = logger("tickets")

#: What one system may cost a round; the rest is done in the next.
MOST_TASKS: Final = 200
ROUND: Final = timedelta(seconds=20)
RECONCILED_EVERY: Final = timedelta(days=1)
#: After a failure of the server, of one exposure, and after a refusal that needs a person.
SERVER_REST: Final = timedelta(minutes=2)
FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Round:
    """What a round needs. `pages` is the address of our pages; `go_on` raises when the process is about to stop."""

    engine: Engine
    connect: Connect
    clock: Callable[[], datetime]
    pages: str = ""
    go_on: Callable[[], None] = field(default=lambda: None)


def work_all(turn: Round) -> dict[str, object]:
    """Go round all systems once; gives what was done, by system."""
    with reading(turn.engine) as session:
        systems = list_systems(session, enabled_only=True)
    done: dict[str, object] = {}
    for system in systems:
        turn.go_on()
        if system.waits_until is None or system.waits_until <= turn.clock():
            done[system.name] = _work_one(turn, system)
    return done


def _work_one(turn: Round, system: TicketSystem) -> dict[str, object]:
    try:
        with turn.connect(system) as connector:
            return _keep_in_step(turn, system, connector)
    except ServiceError as error:
        rest = error.wait if isinstance(error, Throttled) else SERVER_REST
        log.warning("ticket system left alone", system=system.name, error=error.detail, seconds=rest.total_seconds())
        with writing(turn.engine) as session:
            put_off(session, system.id, turn.clock() + rest, error.detail)
        return {"error": error.detail}


def _keep_in_step(turn: Round, system: TicketSystem, connector: Connector) -> dict[str, object]:
    told = _tell_all(turn, system, connector)
    heard = hear(turn.engine, system, connector, now=turn.clock())
    if system.reconciled_at is None or system.reconciled_at <= turn.clock() - RECONCILED_EVERY:
        found = reconcile_tickets(turn.engine, system, connector, now=turn.clock())
        log.info("tickets reconciled", system=system.name, **found.as_values())
    return {"told": told, "heard": heard}


def _tell_all(turn: Round, system: TicketSystem, connector: Connector) -> int:
    while True:
        with writing(turn.engine) as session:
            if not follow(session, system.id, now=turn.clock()):
                break
    begun, told = turn.clock(), 0
    while told < MOST_TASKS and turn.clock() - begun < ROUND:
        turn.go_on()
        with writing(turn.engine) as session:
            task = take(session, system.id, now=turn.clock())
        if task is None:
            break
        _tell_one(turn, system, connector, task)
        told += 1
    return told


def _tell_one(turn: Round, system: TicketSystem, connector: Connector, task: Task) -> None:
    """Tell of one exposure. What concerns the whole system is raised; what concerns this ticket is noted."""
    try:
        tell(turn.engine, system, connector, task, pages=turn.pages, now=turn.clock())
    except NotYet as later:
        _retry(turn, task, later.at, str(later))
    except (Clashed, Missing) as error:
        _retry(turn, task, turn.clock() + _delay(task), error.detail)
    except Rejected as error:
        # Asking again helps only once somebody has changed the workflow there, or the exposure here.
        log.warning("ticket rejected", system=system.name, exposure=task.exposure_id, error=error.detail)
        _retry(turn, task, turn.clock() + LONGEST_RETRY, error.detail)
    except (Throttled, Denied, UpstreamUnavailable) as error:
        _retry(turn, task, turn.clock() + _delay(task), error.detail)
        raise


def _retry(turn: Round, task: Task, at: datetime, error: str) -> None:
    with writing(turn.engine) as session:
        fail(session, task, at=at, error=error)


def _delay(task: Task) -> timedelta:
    return min(FIRST_RETRY * (1 << min(task.attempts - 1, 10)), LONGEST_RETRY)
