"""Messages on their way: taken under a lease, written as things are by then, sent outside of any transaction, noted.

The same schedule as for webhooks; a mail server's 5xx is its last word, and a dead letter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy import Engine, and_, delete, or_, select, update

from service.access.models import Team
from service.db import ReadSession, WriteSession, any_of, reading, writing
from service.feedback.composing import Desk, compose
from service.feedback.digest_letters import compose_digest
from service.feedback.letters import Letter
from service.feedback.models import Message
from service.feedback.schedule import Reply, wait_before
from service.incidents.representing import incident_name

LEASE: Final = timedelta(minutes=2)
_REFUSED_FOR_GOOD = range(500, 600)
_TAKEN = range(200, 300)


@dataclass(frozen=True)
class Post:
    """A letter with what it needs to arrive: an address of mail, or a team's own, and what went before it."""

    letter: Letter
    to: str
    event_id: UUID
    earlier: tuple[UUID, ...]
    about: str | None
    at: datetime


class Office(Protocol):
    """Sends letters: by mail, to a team's address, into a chat room. Gives what came of it and never raises."""

    @property
    def channels(self) -> frozenset[str]:
        """The ways that are configured."""

    def send(self, channel: str, post: Post) -> Reply:
        """Send a letter, once."""


def take_messages(session: WriteSession, most: int, *, now: datetime) -> list[Message]:
    """Take messages that are due and hold them; what happens from now on goes into the next ones."""
    free = or_(Message.locked_until.is_(None), Message.locked_until <= now)
    due = (
        select(Message.id)
        .where(Message.state.in_(["gathering", "sending"]), Message.due_at <= now, free)
        .order_by(Message.due_at, Message.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    held = update(Message).where(Message.id == any_of(session.scalars(due).all())).returning(Message)
    values: dict[str, Any] = {"state": "sending", "locked_until": now + LEASE, "attempts": Message.attempts + 1}
    return list(session.scalars(held.values(values), execution_options={"populate_existing": True}))


def send_message(
    engine: Engine, office: Office, desk: Desk, message: Message, *, clock: Callable[[], datetime]
) -> None:
    """Write and send a message that is held, and note what came of it."""
    with reading(engine) as session:
        post = _write(session, message, desk, clock())
    reply = (
        office.send(message.channel, post) if post is not None else Reply(550, "the team has no such address any more")
    )
    with writing(engine) as session:
        note_message(session, message, reply, now=clock())


def note_message(session: WriteSession, message: Message, reply: Reply, *, now: datetime) -> None:
    """Write down what came of an attempt."""
    ours = and_(Message.id == message.id, Message.state == "sending", Message.attempts == message.attempts)
    values: dict[str, Any] = {"locked_until": None, "last_error": None}
    wait = wait_before(message.attempts + 1, reply, chance=random())  # noqa: S311 - spreads load, guards nothing
    if reply.status in _TAKEN:
        values |= {"state": "sent", "finished_at": now}
    elif wait is None or _is_final(message, reply):
        values |= {"state": "dead", "finished_at": now, "last_error": _why(reply)}
    else:
        values |= {"due_at": now + wait, "last_error": _why(reply)}
    session.execute(update(Message).where(ours).values(values), execution_options={"synchronize_session": False})


def purge_messages(session: WriteSession, *, before: datetime) -> int:
    """Forget messages that ended before an instant; tells how many."""
    old = delete(Message).where(Message.state.in_(["sent", "dead"]), Message.finished_at < before)
    return len(session.scalars(old.returning(Message.id)).all())


def body_for_rooms(letter: Letter) -> bytes:
    """Write what a team's own address is sent: the shape that most chat systems take."""
    return orjson.dumps({"text": f"{letter.subject}\n\n{letter.as_text()}"})


def _is_final(message: Message, reply: Reply) -> bool:
    """Tell whether asking again would not help: a mail server's 5xx, an address that is gone."""
    if reply.status is None:
        return False
    return reply.status in _REFUSED_FOR_GOOD if message.channel == "mail" else reply.status == 410  # noqa: PLR2004


def _why(reply: Reply) -> str:
    return f"{reply.status or ''} {reply.reason or reply.body}".strip() or "no reason was given"


def _write(session: ReadSession, message: Message, desk: Desk, now: datetime) -> Post | None:
    to = _address(session, message)
    if to is None:
        return None
    letter = compose_digest(message, desk) if message.digest else compose(session, message, desk, now=now)
    about = incident_name(message.incident_id) if message.incident_id is not None else None
    return Post(letter, to, message.event_id, _earlier(session, message), about, now)


def _address(session: ReadSession, message: Message) -> str | None:
    """Give where it goes now: a team may have got another address since."""
    if message.channel == "mail":
        return message.recipient
    team = session.get(Team, int(message.recipient.removeprefix("team:")))
    if team is None:
        return None
    return team.webhook if message.channel == "webhook" else team.chat


def _earlier(session: ReadSession, message: Message) -> tuple[UUID, ...]:
    """Give the first and the last message of the same thread before this one."""
    if message.incident_id is None or message.channel != "mail":
        return ()
    same = (
        Message.channel == message.channel,
        Message.recipient == message.recipient,
        Message.incident_id == message.incident_id,
        Message.id < message.id,
    )
    ids = session.scalars(select(Message.event_id).where(*same).order_by(Message.id)).all()
    return tuple(dict.fromkeys([*ids[:1], *ids[-1:]]))
