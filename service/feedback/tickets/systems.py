"""Ticket systems as they are configured: put, listed, connected to."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import exists, select

from service.access.roles import Actor
from service.access.vault import Vault
from service.changes.reading import last_seq
from service.db import ReadSession, WriteSession
from service.errors import Forbidden, NotFound, Unreadable
from service.feedback.tickets.connecting import Connector
from service.feedback.tickets.github_client import HEADERS, GitHub
from service.feedback.tickets.gitlab_client import GitLab
from service.feedback.tickets.jira_client import Jira
from service.feedback.tickets.models import TicketSystem
from service.feedback.tickets.servicenow_client import ServiceNow
from service.feedback.tickets.tracker_client import Tracker

#: Which exposures get a ticket unless somebody says otherwise.
USUAL: dict[str, object] = {
    "priorities": ["act", "attend"], "teams": [], "products": [], "baseline": False, "restricted": False,
}  # fmt: skip
_PURPOSE = "ticket system"


@dataclass(frozen=True)
class Configured:
    """What somebody says of a ticket system; `secret` None keeps the one that is stored."""

    kind: str
    url: str
    place: str
    login: str | None = None
    secret: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    wanted: dict[str, object] = field(default_factory=dict)
    enabled: bool = True


def put_system(
    session: WriteSession, name: str, said: Configured, *, vault: Vault, now: datetime
) -> tuple[TicketSystem, bool]:
    """Make a ticket system, or configure it anew; tells whether it is new. A new one follows from now on.

    Raises:
        Unreadable: It is new and has no secret; its address is none; it would become another kind of system.
    """
    if urlsplit(said.url).scheme not in ("http", "https") or not urlsplit(said.url).hostname:
        raise Unreadable("url is the address of the system's API: https://….")
    system = session.scalar(select(TicketSystem).where(TicketSystem.name == name).with_for_update())
    is_new = system is None
    if system is None:
        if said.secret is None:
            raise Unreadable("A new ticket system needs its secret: a token, or the password of login.")
        system = TicketSystem(
            name=name, kind=said.kind, created_at=now, seq=last_seq(session), marker=f"muster-{token_hex(4)}"
        )
        session.add(system)
    if system.kind != said.kind:
        raise Unreadable(f"{name} is {system.kind}; another kind of system needs another name.")
    system.url, system.place, system.login = said.url, said.place, said.login
    system.options, system.wanted, system.enabled = said.options, USUAL | said.wanted, said.enabled
    system.waits_until = system.last_error = None
    if said.secret is not None:
        system.secret = vault.lock(_PURPOSE, said.secret)
    session.flush()  # the answer shows its id
    return system, is_new


def find_system(session: ReadSession, name: str) -> TicketSystem:
    """Give a ticket system by its name."""
    system = session.scalar(select(TicketSystem).where(TicketSystem.name == name))
    if system is None:
        raise NotFound(f"There is no ticket system {name}; PUT /v1/ticket-systems/{name} makes one.")
    return system


def check_may_link(session: ReadSession, name: str, actor: Actor) -> None:
    """Refuse to link by hand what our own connector writes to: it would write over any ticket that somebody names.

    Raises:
        Forbidden: We keep that system in step ourselves, and this is not the CERT, which may adopt a ticket.
    """
    ours = exists().where(TicketSystem.name == name)
    if not actor.may("manage_webhooks") and session.scalar(select(ours)):
        raise Forbidden(f"muster keeps {name} in step itself; the CERT may link another ticket there.")


def list_systems(session: ReadSession, *, enabled_only: bool = False) -> list[TicketSystem]:
    """List ticket systems by name."""
    rows = select(TicketSystem).order_by(TicketSystem.name)
    return list(session.scalars(rows.where(TicketSystem.enabled) if enabled_only else rows))


#: Makes the connector of a system, for the length of a block.
Connect = Callable[[TicketSystem], AbstractContextManager[Connector]]


def connecting(vault: Vault) -> Connect:
    """Give the function that connects to a system with its secret."""

    @contextmanager
    def connect(system: TicketSystem) -> Iterator[Connector]:
        with _tracker(system, vault.open(_PURPOSE, system.secret)) as tracker:
            yield _CONNECTORS[system.kind](tracker, system)

    return connect


def _tracker(system: TicketSystem, secret: str) -> Tracker:
    if system.kind == "gitlab":
        return Tracker(system.url, headers={"PRIVATE-TOKEN": secret})
    if system.kind == "github":
        return Tracker(system.url, headers={**HEADERS, "Authorization": f"Bearer {secret}"})
    return _authorized(system, secret)


def _authorized(system: TicketSystem, secret: str) -> Tracker:
    """Log in with name and password where there is a name, with a token where there is none."""
    if system.login:
        return Tracker(system.url, auth=(system.login, secret))
    return Tracker(system.url, headers={"Authorization": f"Bearer {secret}"})


def _jira(tracker: Tracker, system: TicketSystem) -> Connector:
    return Jira(tracker, system.url, system.place, system.options)


def _github(tracker: Tracker, system: TicketSystem) -> Connector:
    return GitHub(tracker, system.place, system.options)


def _gitlab(tracker: Tracker, system: TicketSystem) -> Connector:
    return GitLab(tracker, system.place, system.options)


def _servicenow(tracker: Tracker, system: TicketSystem) -> Connector:
    return ServiceNow(tracker, system.url, system.place, system.options)


_CONNECTORS: dict[str, Callable[[Tracker, TicketSystem], Connector]] = {
    "jira": _jira,
    "github": _github,
    "gitlab": _gitlab,
    "servicenow": _servicenow,
}
