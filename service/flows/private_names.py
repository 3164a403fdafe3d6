"""Names become the organisation's own, or cease to be: what they match is decided anew, visibly.

The pattern is committed first. Uploads on the way, which could not see it, then arrive (`traffic.barrier`); those that
set out later see it. Components follow in one transaction, which leaves the advisories that speak of them unsettled;
matches and exposures follow as they do behind a feed. A crash in between is picked up by whoever settles next.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine, exists, select, text, update

from service.access import audit
from service.access.roles import Actor
from service.advisories.origins import unsettle_about
from service.db import Lock, WriteSession, reading
from service.flows.settling import settle
from service.flows.traffic import barrier, in_transaction
from service.inventory import private_names
from service.inventory.catalogue_models import InternalNamespace
from service.inventory.origins import claim, internal_among


def set_namespace(
    engine: Engine, pattern: str, *, reason: str, actor: Actor, now: datetime
) -> tuple[InternalNamespace, bool]:
    """Declare names the organisation's own; gives the pattern as it is kept, and whether it is new.

    What public advisories said of them is withdrawn when this returns.
    """

    def act(session: WriteSession) -> tuple[InternalNamespace, bool]:
        row, is_new = private_names.put_namespace(session, pattern, reason=reason, actor=actor.name, now=now)
        audit.record(session, actor, "internal_namespace.put", row.pattern, {"reason": reason}, now=now)
        return row, is_new

    row, is_new = in_transaction(engine, act)
    follow_names(engine, actor=actor.name, now=now)
    return row, is_new


def remove_namespace(engine: Engine, pattern: str, *, actor: Actor, now: datetime) -> None:
    """Take a pattern away; what public advisories say of its names is heard again when this returns."""

    def act(session: WriteSession) -> None:
        row = private_names.remove_namespace(session, pattern, actor=actor.name, now=now)
        audit.record(session, actor, "internal_namespace.remove", row.pattern, now=now)

    in_transaction(engine, act)
    follow_names(engine, actor=actor.name, now=now)


def follow_names(engine: Engine, *, actor: str, now: datetime) -> int:
    """Let components, matches and exposures follow patterns that came or went; gives how many components did."""
    with reading(engine) as session:
        if not session.scalar(select(exists().where(~InternalNamespace.settled))):
            return 0
    barrier(engine)  # uploads that could not see the pattern have committed their components
    count, advisory_ids = in_transaction(engine, _follow)
    if advisory_ids:
        settle(engine, actor=actor, now=now, only=advisory_ids)
    return count


def _follow(session: WriteSession) -> tuple[int, set[int]]:
    # One settler at a time: what another matches meanwhile would be of names as they were.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.SETTLING})
    unsettled = select(InternalNamespace.id).where(~InternalNamespace.settled).order_by(InternalNamespace.id)
    pattern_ids = list(session.scalars(unsettled.with_for_update()))
    changed = private_names.claims_to_change(session)
    advisory_ids: set[int] = set()
    if changed:
        claim(session, changed)
        advisory_ids = unsettle_about(session, changed)
    session.execute(
        update(InternalNamespace).where(InternalNamespace.id.in_(pattern_ids)).values(settled=True),
        execution_options={"synchronize_session": False},
    )
    return len(changed), advisory_ids


def hear_origins(session: WriteSession, component_ids: Collection[int]) -> set[int]:
    """Have advisories looked at again after a document said more than was known of where components came from.

    Malware alone depends on that, unless a registry is the organisation's own. Gives the advisories.
    """
    if not component_ids:
        return set()
    own = internal_among(session, component_ids)
    concerned = unsettle_about(session, component_ids, malware_only=True)
    return concerned | unsettle_about(session, own) if own else concerned
