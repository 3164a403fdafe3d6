"""The record of who did what. Rows are only ever added, in the transaction of the act itself."""

from collections.abc import Mapping
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
    """Write down one act.

    *action* is noun and verb, as in ``product.archive``; *subject* what it was done to, under its readable id;
    *detail* holds JSON values and never a secret.
    """
    session.add(Audit(at=now, actor=actor.name, action=action, subject=subject, detail=dict(detail or {})))


def list_audit(session: ReadSession, *, before: int | None = None, limit: int = 50) -> list[Audit]:
    """List acts, the newest first, older than the row *before*."""
    rows = select(Audit).order_by(Audit.id.desc()).limit(limit)
    return list(session.scalars(rows if before is None else rows.where(Audit.id < before)))
