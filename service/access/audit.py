"""The record of who did what, when and from where. Rows are only ever added, in the transaction of the act itself.

They are chained after commit (`chaining.py`), so that writers do not queue for the end of the chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from service.access.models import Audit
from service.access.roles import Actor
from service.db import ReadSession, WriteSession


def record(
    session: WriteSession,
    actor: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, object] | None = None,
    *,
    now: datetime,
) -> None:
    """Write down one act; where it came from is the actor's `origin`.

    *action* is noun and verb, as in ``product.archive``; *subject* what it was done to, under its readable id;
    *detail* holds JSON values and never a secret.
    """
    origin = actor.origin
    row = Audit(at=now, actor=actor.name, action=action, subject=subject, detail=dict(detail or {}), key=actor.key)
    if origin is not None:
        row.address, row.request_id = origin.address, origin.request_id
        origin.recorded += 1
    session.add(row)


@dataclass(frozen=True)
class Wanted:
    """Which acts; None means any.

    Args:
        action: Exact, or the beginning of it up to a dot: ``exposure`` means all that was done to exposures.
        since: From this instant on.
        until: Up to, but excluding, this instant.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_audit(
    session: ReadSession, wanted: Wanted | None = None, *, before: int | None = None, limit: int = 50
) -> list[Audit]:
    """List acts, the newest first, older than the row *before*."""
    wanted = wanted or Wanted()
    rows = select(Audit).order_by(Audit.id.desc()).limit(limit)
    if before is not None:
        rows = rows.where(Audit.id < before)
    if wanted.actor is not None:
        rows = rows.where(Audit.actor == wanted.actor)
    if wanted.action is not None:
        whole = Audit.action == wanted.action
        rows = rows.where(whole | Audit.action.startswith(f"{wanted.action}.", autoescape=True))
    if wanted.subject is not None:
        rows = rows.where(Audit.subject == wanted.subject)
    if wanted.since is not None:
        rows = rows.where(Audit.at >= wanted.since)
    if wanted.until is not None:
        rows = rows.where(Audit.at < wanted.until)
    return list(session.scalars(rows))
