"""Following the numbered changes: what has become rows here is never made again, and nothing is passed over.

Whoever follows holds the cursor's row until the rows and the new place are committed together. So a crash in between
leaves both as they were, and of two processes one waits its turn by doing something else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql as pg

from service.changes.reading import last_seq
from service.db import ReadSession, WriteSession
from service.feedback.models import FeedbackCursor

#: Changes that are followed in one transaction.
BATCH = 5_000


@dataclass(frozen=True)
class Stretch:
    """Changes to be followed: those after `after`, up to `upto`."""

    after: int
    upto: int


def follow(session: WriteSession, name: str) -> Iterator[Stretch]:
    """Give the next stretch of changes, if there is one, and move the cursor over it once the caller is done."""
    cursor = hold(session, name)
    if cursor is None:
        return
    # A statement of its own after the lock: it sees whatever the last holder has seen.
    upto = min(last_seq(session), cursor.seq + BATCH)
    if upto > cursor.seq:
        yield Stretch(cursor.seq, upto)
        cursor.seq = upto


def is_behind(session: ReadSession, name: str) -> bool:
    """Tell whether there is anything to follow; costs two rows."""
    return last_seq(session) > (session.scalar(select(FeedbackCursor.seq).where(FeedbackCursor.name == name)) or 0)


def place_of(session: WriteSession, name: str) -> int:
    """Give a cursor's place and keep it there until the transaction ends."""
    session.execute(pg.insert(FeedbackCursor).values(name=name, seq=0).on_conflict_do_nothing())
    row = select(FeedbackCursor.seq).where(FeedbackCursor.name == name).with_for_update()
    return session.scalars(row).one()


def hold(session: WriteSession, name: str) -> FeedbackCursor | None:
    """Lock a cursor; None while somebody else is at it."""
    row = select(FeedbackCursor).where(FeedbackCursor.name == name).with_for_update(skip_locked=True)
    found = session.scalar(row.execution_options(populate_existing=True))
    if found is not None:
        return found
    made = pg.insert(FeedbackCursor).values(name=name, seq=0).on_conflict_do_nothing().returning(FeedbackCursor)
    return session.scalar(made)
