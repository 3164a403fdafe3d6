"""Our own advisories: OSV records by the CERT, matched against everything at once."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import orjson
from sqlalchemy import Engine, select

from service.access import audit
from service.access.roles import Actor
from service.advisories.matching import match_advisories
from service.advisories.models import Advisory, Match
from service.advisories.osv_record import OsvRecord, read_record
from service.advisories.osv_schema import OsvAffected
from service.advisories.own_ids import refuse_public
from service.advisories.own_records import Remark, remarks_on
from service.advisories.storing import Stored, store
from service.db import ReadSession, WriteSession, reading, writing
from service.errors import Conflict, NotFound, Refused, Unreadable
from service.flows.hits import statuses_of
from service.flows.names_in_use import remarks_on_names
from service.flows.reach import Reach, reach_of, spoken_vulnerabilities
from service.flows.settling import settle
from service.flows.traffic import in_transaction


@dataclass(frozen=True)
class Published:
    """What an own advisory meets: see `Reach`, and `Remark` for what is odd about it.

    `unevaluated` are parts of it that match nothing because they cannot be read.
    """

    osv_id: str
    created: bool
    unevaluated: list[dict[str, str]]
    remarks: list[Remark]
    reach: Reach = field(repr=False)

    @property
    def component_count(self) -> int:
        """Count the components that match, in any SBOM ever received."""
        return len(self.reach.hits.matched)

    @property
    def product_count(self) -> int:
        """Count the products that have one of them in the field."""
        return self.reach.hits.product_count


class NotOurs(Conflict):
    """This advisory belongs to a feed."""

    slug = "not-ours"


class _Put(NamedTuple):
    """A record that was stored, and how things were before.

    `matched` are the components that its earlier form matched, `statuses` those of the exposures to what it speaks of.
    """

    created: bool
    matched: frozenset[int]
    statuses: dict[int, str]
    stored: Stored


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

    Raises:
        Unreadable: It is no OSV record.
        NotOurs: A feed's advisory has this id.
        PublicId: It is new, and its id is of a public database.
    """
    if record.setdefault("id", osv_id) != osv_id:
        raise Unreadable(f"The record's id is {record['id']}, but it was put as {osv_id}.")
    record["modified"] = now.isoformat().replace("+00:00", "Z")
    parsed = read_record(_written(record))

    if dry_run:
        with writing(engine) as session:
            put = _put(session, parsed, now)
            match_advisories(session, put.stored.changed)
            published = _describe(session, parsed, put, dry_run=True)
            session.rollback()
            return published

    def publish(session: WriteSession) -> _Put:
        put = _put(session, parsed, now)
        step = "withdraw" if parsed.withdrawn_at else "publish"
        audit.record(session, actor, f"advisory.{step}", osv_id, now=now)
        return put

    put = in_transaction(engine, publish)
    settle(engine, actor=actor.name, now=now, only=put.stored.changed)
    with reading(engine) as snapshot:
        return _describe(snapshot, parsed, put, dry_run=False)


def _put(session: WriteSession, parsed: OsvRecord, now: datetime) -> _Put:
    osv_id = parsed.osv_id
    known = session.execute(select(Advisory.id, Advisory.source).where(Advisory.osv_id == osv_id)).one_or_none()
    if known is None:
        refuse_public(osv_id, year=now.year)
    elif known.source == "osv":
        raise NotOurs(f"{osv_id} comes from a feed; publish your own with another id and this one among its aliases.")
    advisory_id = 0 if known is None else known.id
    matched = frozenset(session.scalars(select(Match.component_id).where(Match.advisory_id == advisory_id)))
    stored = store(session, [parsed], source="own")
    (advisory_id,) = stored.changed or (advisory_id,)
    statuses = statuses_of(session, spoken_vulnerabilities(session, advisory_id))
    return _Put(known is None, matched, statuses, stored)


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


def _describe(session: ReadSession, parsed: OsvRecord, put: _Put, *, dry_run: bool) -> Published:
    advisory = session.scalars(select(Advisory).where(Advisory.osv_id == parsed.osv_id)).one()
    remarks = remarks_on(parsed, _affected(parsed))
    if parsed.withdrawn_at is None:
        remarks += remarks_on_names(session, advisory.id, advisory.record)
    return Published(
        osv_id=parsed.osv_id,
        created=put.created,
        unevaluated=advisory.unevaluated,
        remarks=remarks,
        reach=reach_of(
            session,
            advisory,
            matched_before=None if put.created else put.matched,
            statuses_before=None if dry_run else put.statuses,
        ),
    )


class _Entries(msgspec.Struct, frozen=True):
    affected: list[OsvAffected] | None = None


def _affected(parsed: OsvRecord) -> Collection[OsvAffected]:
    return msgspec.json.decode(parsed.raw, type=_Entries).affected or ()
