"""Incidents with exposures in many products, and people who are told of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mail_sink import Sink
from outlets import PUBLIC_URL
from sqlalchemy import Engine, func, insert, select
from stopped_clock import StoppedClock

from service.access.models import Team
from service.access.seals import Seals
from service.changes.sequencing import number_changes
from service.db import reading, writing
from service.feedback.composing import Desk
from service.feedback.digests import make_digests
from service.feedback.gathering import gather
from service.feedback.guarded_client import Guard
from service.feedback.mail_client import mail_server
from service.feedback.models import Message
from service.feedback.offices import PostOffice
from service.feedback.posting import send_message, take_messages
from service.incidents.models import Exposure, Incident
from service.incidents.timeline import Entry, write_timeline
from service.inventory.models import Product

SENDER = "muster@acme.example"


class People:
    """A database with teams, a clock that is moved by hand, and a post office."""

    def __init__(self, engine: Engine, sink: Sink | None, *, options: str = "", chat: bool = False) -> None:
        self.engine, self.clock = engine, StoppedClock()
        server = mail_server(sink.url + options, SENDER) if sink else None
        self.office = PostOffice(Guard(allow_private=True), server, chat)
        self.seals = Seals("a secret of the tests")
        self.desk = Desk(PUBLIC_URL, self.seals)

    # --- what happens ------------------------------------------------------------------------------------------------

    def team(self, name: str, **addresses: object) -> int:
        with writing(self.engine) as session:
            team = Team(name=name, **addresses)
            session.add(team)
            session.flush()
            return team.id

    def fallback(self, **addresses: object) -> None:
        with writing(self.engine) as session:
            team = session.scalars(select(Team).where(Team.fallback)).one()
            for name, value in addresses.items():
                setattr(team, name, value)

    def incident(self, title: str = "xz", priority: str = "act", **columns: object) -> int:
        values = {"kind": "declared", "severity": "critical", "status": "open", **columns}
        with writing(self.engine) as session:
            now = self.clock()
            incident = Incident(title=title, priority=priority, opened_at=now, updated_at=now, **values)
            session.add(incident)
            session.flush()
            return incident.id

    def expose(
        self, incident_id: int, team_id: int, slugs: Iterable[str], *, priority: str = "act", origin: str = "new"
    ) -> list[int]:
        """Open an exposure in each of some new products."""
        now, slugs = self.clock(), list(slugs)
        with writing(self.engine) as session:
            products = [{"slug": slug, "title": slug, "created_at": now, "team_id": team_id} for slug in slugs]
            product_ids = session.scalars(insert(Product).returning(Product.id), products).all()
            rows = [
                {
                    "incident_id": incident_id,
                    "product_id": product_id,
                    "team_id": team_id,
                    "owner_reason": "the product's team",
                    "origin": origin,
                    "status": "open",
                    "presence": "present",
                    "priority": priority,
                    "opened_at": now,
                    "updated_at": now,
                    "acknowledge_due_at": now + timedelta(hours=1),
                }
                for product_id in product_ids
            ]
            ids = list(session.scalars(insert(Exposure).returning(Exposure.id), rows))
            entries = [Entry(incident_id, "opened", "found", id_, None, "open") for id_ in ids]
            write_timeline(session, entries, actor="tests", now=now)
        self.number()
        return ids

    def step(self, incident_id: int, exposure_ids: Sequence[int], step: str, *, priority: str | None = None) -> None:
        """Let something happen to exposures."""
        with writing(self.engine) as session:
            for id_ in exposure_ids if priority else ():
                session.get_one(Exposure, id_).priority = priority or ""
            session.flush()
            entries = [Entry(incident_id, step, "because", id_, "open", "open") for id_ in exposure_ids]
            write_timeline(session, entries, actor="tests", now=self.clock())
        self.number()

    def number(self) -> None:
        while True:
            with writing(self.engine) as session:
                if not number_changes(session):
                    return

    # --- what is sent ------------------------------------------------------------------------------------------------

    def gather(self) -> int:
        with writing(self.engine) as session:
            return gather(session, channels=self.office.channels, now=self.clock())

    def digest(self, hour: int = 7) -> int:
        with writing(self.engine) as session:
            return make_digests(session, hour=hour, channels=self.office.channels, now=self.clock())

    def send(self) -> int:
        with writing(self.engine) as session:
            messages = take_messages(session, 1000, now=self.clock())
        for message in messages:
            send_message(self.engine, self.office, self.desk, message, clock=self.clock)
        return len(messages)

    def pass_time(self, by: timedelta) -> None:
        """Gather, and send whatever becomes due meanwhile."""
        until = self.clock() + by
        self.gather()
        while (due := self._next_due()) is not None and due <= until:
            self.clock.now = max(due, self.clock())
            self.send()
        self.clock.now = until

    def _next_due(self) -> datetime | None:
        with reading(self.engine) as session:
            at = func.greatest(Message.due_at, Message.locked_until)
            waiting = Message.state.in_(["gathering", "sending"])
            due: datetime | None = session.scalar(select(func.min(at)).where(waiting))
            return due

    def messages(self) -> list[Message]:
        with reading(self.engine) as session:
            return list(session.scalars(select(Message).order_by(Message.id)))
