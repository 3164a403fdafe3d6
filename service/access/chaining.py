"""The chain over the record: each row takes in the hash of the row before it, so that none changes unnoticed.

Rows get their place after commit, one process at a time, as changes get their numbers (`changes/sequencing.py`): in the
order in which they became visible, without gaps. Rows from before there was a chain are its beginning.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import BigInteger, LargeBinary, func, select, update

from service.access.models import Audit, AuditChain
from service.db import Lock, ReadSession, WriteSession, arrays

#: What stands before the first row.
BEGINNING = bytes(32)
_BATCH = 5_000


@dataclass(frozen=True)
class Head:
    """The end of the chain: the last place, and the hash there, which stands for everything before it."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq} {self.hash.hex()}"


def hash_of(row: Audit, seq: int, prev: bytes) -> bytes:
    """Give the hash of a row at a place of the chain.

    SHA-256 over *prev* and then the row as JSON: sorted keys, no blanks, UTF-8, the instant in UTC with microseconds.
    """
    said = {
        "seq": seq,
        "id": row.id,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
        "key": row.key,
        "address": row.address,
        "request_id": row.request_id,
    }
    return sha256(prev + json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()


def chain_audit(session: WriteSession) -> int:
    """Give rows that are committed and have no place the next ones; how many, 0 where another process is at it."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(Lock.CHAINING_AUDIT))):
        return 0
    # A statement of its own after the lock: only then does it see what the last holder committed.
    waiting = session.scalars(select(Audit).where(Audit.seq.is_(None)).order_by(Audit.id).limit(_BATCH)).all()
    if not waiting:
        return 0
    chain = session.scalars(select(AuditChain).with_for_update()).one()
    links, prev = [], chain.head
    for seq, row in enumerate(waiting, chain.last_seq + 1):
        links.append((row.id, seq, prev, hash_of(row, seq, prev)))
        prev = links[-1][3]
        session.expunge(row)  # a row is told its place by the one statement below
    ids, seqs, prevs, hashes = zip(*links, strict=True)
    linked = arrays(
        id=(BigInteger(), ids), seq=(BigInteger(), seqs), prev=(LargeBinary(), prevs), hash=(LargeBinary(), hashes)
    )
    session.execute(
        update(Audit).where(Audit.id == linked.c.id).values(seq=linked.c.seq, prev=linked.c.prev, hash=linked.c.hash),
        execution_options={"synchronize_session": False},
    )
    chain.last_seq, chain.head = seqs[-1], prev
    return len(waiting)


def head_of(session: ReadSession) -> Head:
    """Give the end of the chain as it is now."""
    chain = session.scalars(select(AuditChain)).one()
    return Head(chain.last_seq, chain.head)


def unchained(session: ReadSession) -> tuple[int, datetime | None]:
    """Count the rows that wait for their place, and tell since when the oldest does."""
    waiting = select(func.count(), func.min(Audit.at)).where(Audit.seq.is_(None))
    count, oldest = session.execute(waiting).one()
    return count, oldest


def rows_in_chain(session: ReadSession, *, after: int = 0) -> Iterator[Audit]:
    """Walk the chain in order, in batches."""
    while True:
        rows = session.scalars(select(Audit).where(Audit.seq > after).order_by(Audit.seq).limit(_BATCH)).all()
        if not rows:
            return
        yield from rows
        after = rows[-1].seq or after
        session.expunge_all()
