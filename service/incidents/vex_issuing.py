"""Which version of what we say this is: it rises only when statements change, and every one keeps its date."""

import hashlib
from dataclasses import asdict
from datetime import datetime

import orjson
from sqlalchemy import select
from sqlalchemy.dialects import postgresql as pg

from service.db import WriteSession
from service.incidents.vex.statements import Publisher, Told
from service.incidents.vex_models import VexIssue


def digest_of(told: tuple[Told, ...], publisher: Publisher) -> bytes:
    """Give the digest of what is said. Where the whole SBOM is to be had is no part of it: that changes every day."""
    statements = [asdict(one) for one in told]
    for statement in statements:
        statement["places"] = [[version["purl"], part] for version, part in statement["places"]]
    return hashlib.sha256(orjson.dumps([statements, asdict(publisher)])).digest()


def issue(session: WriteSession, product_id: int, scope: str, digest: bytes, *, now: datetime) -> tuple[datetime, ...]:
    """Give the dates of all versions up to this one; it is a new one if anything has changed.

    Two at once agree: the key of the table decides, and whoever comes second finds the other's.
    """
    dates, last = _issued(session, product_id, scope)
    if dates and last == digest:
        return dates
    new = pg.insert(VexIssue).values(
        product_id=product_id, scope=scope, version=len(dates) + 1, digest=digest, issued_at=now
    )
    session.execute(new.on_conflict_do_nothing())
    return _issued(session, product_id, scope)[0]


def _issued(session: WriteSession, product_id: int, scope: str) -> tuple[tuple[datetime, ...], bytes]:
    rows = session.execute(
        select(VexIssue.issued_at, VexIssue.digest)
        .where(VexIssue.product_id == product_id, VexIssue.scope == scope)
        .order_by(VexIssue.version)
    ).all()
    return tuple(row.issued_at for row in rows), rows[-1].digest if rows else b""
