"""Our own advisories: OSV records by the CERT, matched against everything at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, select

from service.access import audit
from service.access.roles import Actor
from service.advisories.matching import match_advisories
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import read_record
from service.advisories.storing import Stored, store
from service.db import ReadSession, WriteSession, reading, writing
from service.errors import Conflict, NotFound, Refused, Unreadable
from service.flows.settling import settle
from service.flows.traffic import in_transaction
from service.inventory.field import products_using


@dataclass(frozen=True)
class Published:
    """What an own advisory meets: components that match, products that have them in the field."""

    osv_id: str
    created: bool
    component_count: int
    product_count: int
    unevaluated: list[dict[str, str]]


class NotOurs(Conflict):
    """This advisory belongs to a feed."""

    slug = "not-ours"


def publish_advisory(
    engine: Engine, osv_id: str, record: dict[str, Any], *, actor: Actor, now: datetime, dry_run: bool = False
) -> Published:
    """Publish or amend an own advisory; its exposures are open when this returns.

    Args:
        engine: Commits the record, its matches, and the exposures in turn, unless `dry_run`.
        osv_id: The id under which it is put; the record's own must be the same.
        record: OSV JSON. ``modified`` and ``schema_version`` may be missing.
        actor: Who publishes.
        now: Becomes ``modified``.
        dry_run: Say what it would meet, and keep nothing.
    """
    if record.setdefault("id", osv_id) != osv_id:
        raise Unreadable(f"The record's id is {record['id']}, but it was put as {osv_id}.")
    record["modified"] = now.isoformat().replace("+00:00", "Z")
    parsed = read_record(_written(record))

    def act(session: WriteSession) -> tuple[bool, Stored]:
        source = session.scalar(select(Advisory.source).where(Advisory.osv_id == osv_id))
        if source == "osv":
            raise NotOurs(
                f"{osv_id} comes from a feed; publish your own with another id and this one among its aliases."
            )
        return source is None, store(session, [parsed], source="own")

    if dry_run:
        with writing(engine) as session:
            created, stored = act(session)
            match_advisories(session, stored.changed)
            published = _describe(session, osv_id, created=created)
            session.rollback()
            return published

    def publish(session: WriteSession) -> tuple[bool, Stored]:
        created, stored = act(session)
        step = "withdraw" if parsed.withdrawn_at else "publish"
        audit.record(session, actor, f"advisory.{step}", osv_id, now=now)
        return created, stored

    created, stored = in_transaction(engine, publish)
    settle(engine, actor=actor.name, now=now, only=stored.changed)
    with reading(engine) as snapshot:
        return _describe(snapshot, osv_id, created=created)


def _written(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError as error:  # a number beyond 64 bits, half of a surrogate pair
        raise Unreadable(f"The record has a value that JSON cannot carry everywhere: {error}.") from error


def withdraw_advisory(engine: Engine, osv_id: str, *, actor: Actor, now: datetime) -> Published:
    """Withdraw an own advisory: what it alone opened is withdrawn, visibly and reversibly."""
    with reading(engine) as session:
        advisory = session.scalar(select(Advisory).where(Advisory.osv_id == osv_id))
    if advisory is None:
        raise NotFound(f"There is no advisory {osv_id}.")
    if advisory.source != "own":
        raise Refused(f"{osv_id} comes from a feed; only its publisher can withdraw it.")
    record = {**advisory.record, "withdrawn": now.isoformat().replace("+00:00", "Z")}
    return publish_advisory(engine, osv_id, record, actor=actor, now=now)


def _describe(session: ReadSession, osv_id: str, *, created: bool) -> Published:
    advisory = session.scalars(select(Advisory).where(Advisory.osv_id == osv_id)).one()
    component_ids = list(session.scalars(select(Match.component_id).where(Match.advisory_id == advisory.id)))
    return Published(
        osv_id=osv_id,
        created=created,
        component_count=len(component_ids),
        product_count=len(products_using(session, component_ids)),
        unevaluated=advisory.unevaluated,
    )
