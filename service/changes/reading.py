"""Reading the feed: from a number on, at least once, nothing skipped."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select

from service.changes.models import Change, ChangeCounter
from service.db import ReadSession, WriteSession
from service.errors import NotFound

#: A reader who wants little and is far behind is answered after this many numbers, whatever was in them.
STRETCH = 20_000


class Forgotten(NotFound):
    """These changes are no longer kept."""

    slug = "changes-forgotten"


@dataclass(frozen=True)
class Filter:
    """Which changes; None means any. `products` are all names that one product has or had."""

    types: Collection[str] | None = None
    team: str | None = None
    products: Collection[str] | None = None
    incident: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Give the conditions on `Change`."""
        wanted: list[ColumnElement[bool]] = []
        if self.types is not None:
            wanted.append(Change.type.in_(sorted(self.types)))
        if self.team is not None:
            wanted.append(Change.team == self.team)
        if self.products is not None:
            wanted.append(Change.product.in_(sorted(self.products)))
        if self.incident is not None:
            wanted.append(Change.incident == self.incident)
        return wanted


@dataclass(frozen=True)
class Changes:
    """Part of the feed; `last` is the number to go on after."""

    items: list[Change]
    last: int
    has_more: bool


def changes_after(
    session: ReadSession,
    seq: int,
    *,
    limit: int = 50,
    wanted: Filter | None = None,
    seen: Sequence[ColumnElement[bool]] = (),
) -> Changes:
    """Read the changes after a number.

    Runs in one snapshot, so that `last` may jump over everything that is not wanted, or not seen.

    *seen* are conditions on `Change`: what whoever reads may see.

    Raises:
        Forgotten: Changes after that number were purged.
    """
    newest = last_seq(session)
    oldest = session.scalar(select(func.min(Change.seq)))
    first = newest if oldest is None else oldest - 1
    if 0 < seq < first:
        raise Forgotten("Read GET /v1/changes:snapshot to its end, then go on from the cursor it gives.")
    start = max(seq, first)
    upto = min(newest, start + STRETCH)
    rows = select(Change).where(Change.seq > start, Change.seq <= upto).order_by(Change.seq).limit(limit + 1)
    found = list(session.scalars(rows.where(*(wanted or Filter()).conditions(), *seen)))
    if len(found) <= limit:
        return Changes(found, max(upto, seq), has_more=upto < newest)
    return Changes(found[:limit], found[limit - 1].seq or 0, has_more=True)


def last_seq(session: ReadSession) -> int:
    """Give the last number given out."""
    return session.scalar(select(ChangeCounter.last_seq)) or 0


def purge_changes(session: WriteSession, *, before: datetime) -> int:
    """Forget numbered changes from before an instant, up to the first that is younger; tells how many.

    Instants are not quite in the order of the numbers. A gap behind the first number kept would be lost on readers.
    """
    youngest_kept = select(func.min(Change.seq)).where(Change.at >= before)
    first = session.scalar(youngest_kept) or last_seq(session) + 1
    return len(session.scalars(delete(Change).where(Change.seq < first).returning(Change.id)).all())
