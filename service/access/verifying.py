"""Walking the chain of the record: whether every row is still what it was, and the first that is not."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from service.access.chaining import BEGINNING, Head, hash_of, head_of, rows_in_chain, unchained
from service.access.models import Audit
from service.db import ReadSession
from service.errors import Unreadable

Fault = Literal["changed", "missing", "out of order", "rewritten", "cut off"]

_HEAD = re.compile(r"\b(\d{1,18})\b[^0-9\n]{1,12}?\b([0-9a-f]{64})\b")
_SAYS: Mapping[Fault, str] = {
    "changed": "its content is not what was recorded",
    "missing": "no row has this place any more",
    "out of order": "it does not follow the row before it",
    "rewritten": "the chain holds together, but is another one than the head of earlier says",
    "cut off": "the chain once was longer",
}


@dataclass(frozen=True)
class Broken:
    """The first place where the chain does not hold. `id` is the row's, where there is one."""

    seq: int
    fault: Fault
    id: int | None = None

    def __str__(self) -> str:
        named = f" (audit row {self.id})" if self.id is not None else ""
        return f"{self.seq}{named}: {self.fault}; {_SAYS[self.fault]}"


@dataclass(frozen=True)
class Verdict:
    """What walking the chain found; `broken` None: all of it holds. `waiting` rows have no place yet."""

    head: Head
    rows: int
    waiting: int
    broken: Broken | None


def verify_audit(session: ReadSession, former: Iterable[Head] = ()) -> Verdict:
    """Walk the chain from its beginning, and compare it with heads that were kept elsewhere."""
    head, (waiting, _) = head_of(session), unchained(session)
    known = {one.seq: one.hash for one in former}
    seq, prev = 0, BEGINNING
    for row in rows_in_chain(session):
        broken = _check(row, seq + 1, prev, known)
        if broken is not None:
            return Verdict(head, seq, waiting, broken)
        seq, prev = seq + 1, row.hash or b""
    longest = max([head.seq, *known])
    if seq < longest:
        return Verdict(head, seq, waiting, Broken(seq + 1, "cut off"))
    if prev != head.hash:
        return Verdict(head, seq, waiting, Broken(seq, "rewritten"))
    return Verdict(head, seq, waiting, None)


def _check(row: Audit, seq: int, prev: bytes, known: Mapping[int, bytes]) -> Broken | None:
    if row.seq != seq:
        return Broken(seq, "missing")
    if row.prev != prev:
        return Broken(seq, "out of order", row.id)
    if row.hash != hash_of(row, seq, prev):
        return Broken(seq, "changed", row.id)
    if known.get(seq, row.hash) != row.hash:
        return Broken(seq, "rewritten", row.id)
    return None


def read_heads(text: str) -> list[Head]:
    """Read heads that were kept: lines that hold a number and, after it, 64 hexadecimal digits.

    Lines of the log and of ``muster audit head`` will do, as will the answers of ``GET /v1/audit/head``.

    Raises:
        Unreadable: There is none.
    """
    heads = [Head(int(seq), bytes.fromhex(digits)) for seq, digits in _HEAD.findall(text)]
    if not heads:
        raise Unreadable("No head of the chain is in there: a number, and 64 hexadecimal digits after it.")
    return heads
