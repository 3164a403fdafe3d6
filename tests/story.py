"""A story of uploads and advisories, told through the flows: each act a minute after the one before, all committed.

``story.upload("shop", LODASH)``, ``story.publish(record)``, and then ``story.exposure("shop", "CVE-2024-1")``.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from osv_bucket import Record, make_record, to_bytes
from sboms import Part, make_sbom
from sqlalchemy import Engine, event, select, text, update

from service.access.models import Team
from service.access.roles import SYSTEM
from service.advisories.models import Advisory, VulnerabilityAlias
from service.advisories.osv_record import read_record
from service.advisories.own_ids import is_public
from service.advisories.storing import store
from service.changes.models import Change
from service.db import ReadSession, reading, writing
from service.flows import retiring
from service.flows.answering import Receipt
from service.flows.publishing import Published, publish_advisory, withdraw_advisory
from service.flows.receiving import Request, receive_upload, void_upload
from service.flows.reconciling import Difference, differences
from service.flows.settling import settle
from service.incidents.models import Episode, Exposure, Incident, Transition
from service.inventory.models import Product

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CERT = SYSTEM

#: An answer, as the API gives it.
Values = dict[str, Any]


class Step(NamedTuple):
    """A line of an exposure's timeline."""

    step: str
    from_status: str | None
    to_status: str | None
    reason: str
    actor: str
    evidence: dict[str, Any]


class Story:
    """Acts on a database of its own, in order."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = START

    # --- acts ----------------------------------------------------------------------------------------------------

    def tick(self, by: timedelta = MINUTE) -> datetime:
        self.now += by
        return self.now

    def product(self, slug: str, *, team: str | None = None, **columns: Any) -> None:  # noqa: ANN401
        with writing(self.engine) as session:
            owner = None
            if team is not None:
                known = session.scalar(select(Team).where(Team.name == team))
                owner = known or Team(name=team, email=f"{team}@example.org")
                session.add(owner)
                session.flush()
            values = {"title": slug, "created_at": self.now, "team_id": owner.id if owner else None} | columns
            session.add(Product(slug=slug, **values))

    def upload(self, product: str, *components: str | Part, tool: str = "syft", **request: Any) -> Values:  # noqa: ANN401
        """Upload what lists these components; gives the answer as values."""
        return self.send(make_sbom(*components, tool=tool), product, **request).values

    def send(self, data: bytes, product: str, **request: Any) -> Receipt:  # noqa: ANN401
        """Upload these bytes."""
        return receive_upload(self.engine, data, Request(product, actor="ci", **request), now=self.tick())

    def void(self, sbom: Values, reason: str = "built from the wrong branch") -> None:
        void_upload(self.engine, sbom["sbom"]["id"], reason=reason, actor=CERT, now=self.tick())

    def publish(self, record: Record) -> Published:
        """Publish it. One with a public id is amended: ours of that kind are older than the rule against them."""
        if is_public(record["id"]):
            self._keep(record["id"])
        return publish_advisory(self.engine, record["id"], dict(record), actor=CERT, now=self.tick())

    def _keep(self, osv_id: str) -> None:
        with writing(self.engine) as session:
            if session.scalar(select(Advisory.id).where(Advisory.osv_id == osv_id)) is None:
                store(session, [read_record(to_bytes(make_record(osv_id)))], source="own")
                session.execute(update(Advisory).where(Advisory.osv_id == osv_id).values(settled=True))

    def withdraw(self, osv_id: str) -> Published:
        return withdraw_advisory(self.engine, osv_id, actor=CERT, now=self.tick())

    def feed(self, *records: Record) -> None:
        """Let a feed bring records that are newer than any before."""
        now = self.tick()
        stamped = [to_bytes(record | {"modified": now.isoformat()}) for record in records]
        with writing(self.engine) as session:
            store(session, [read_record(raw) for raw in stamped])
        settle(self.engine, actor="osv feed", now=now)

    def retire(self, product: str, stream: str = "main") -> None:
        retiring.retire(self.engine, product, stream, reason="end of life", actor=CERT, now=self.tick())

    def revive(self, product: str, stream: str = "main") -> None:
        retiring.revive(self.engine, product, stream, actor=CERT, now=self.tick())

    def support(self, product: str, version: str, *, supported: bool, stream: str | None = None) -> None:
        retiring.support(
            self.engine, product, version, supported=supported, retired=None, stream=stream, actor=CERT, now=self.tick()
        )

    def archive(self, product: str) -> None:
        retiring.archive(self.engine, product, reason="sold", actor=CERT, now=self.tick())

    def unarchive(self, product: str) -> None:
        retiring.unarchive(self.engine, product, actor=CERT, now=self.tick())

    # --- what can be seen ----------------------------------------------------------------------------------------

    def incident(self, vulnerability: str) -> Incident | None:
        with reading(self.engine) as session:
            return _incident(session, vulnerability)

    def exposure(self, product: str, vulnerability: str) -> Exposure | None:
        """Give a product's exposure to the vulnerability of this name; one that was merged away does not count."""
        with reading(self.engine) as session:
            incident = _incident(session, vulnerability)
            if incident is None:
                return None
            return session.scalar(
                select(Exposure)
                .join(Product, Product.id == Exposure.product_id)
                .where(Product.slug == product, Exposure.incident_id == incident.id, Exposure.status != "merged")
            )

    def status(self, product: str, vulnerability: str) -> str | None:
        """Give an exposure's status, ``held`` while it is held; None where there is none."""
        exposure = self.exposure(product, vulnerability)
        if exposure is None:
            return None
        return "held" if exposure.hold_reason is not None else exposure.status

    def owner(self, exposure: Exposure) -> str:
        with reading(self.engine) as session:
            return session.get_one(Team, exposure.team_id).name

    def steps(self, exposure: Exposure) -> list[Step]:
        with reading(self.engine) as session:
            rows = session.scalars(
                select(Transition).where(Transition.exposure_id == exposure.id).order_by(Transition.id)
            )
            return [Step(r.step, r.from_status, r.to_status, r.reason, r.actor, r.evidence) for r in rows]

    def episodes(self, exposure: Exposure) -> list[Episode]:
        with reading(self.engine) as session:
            rows = select(Episode).where(Episode.exposure_id == exposure.id).order_by(Episode.number)
            return list(session.scalars(rows))

    def changes(self) -> list[Change]:
        with reading(self.engine) as session:
            return list(session.scalars(select(Change).order_by(Change.id)))

    def differences(self) -> list[Difference]:
        return list(differences(self.engine))

    def rows(self) -> dict[str, int]:
        """Count the rows of every table."""
        with reading(self.engine) as session:
            tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
            return {name: session.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0 for name in sorted(tables)}  # noqa: S608


def _incident(session: ReadSession, vulnerability: str) -> Incident | None:
    known = VulnerabilityAlias.alias == vulnerability
    return session.scalar(
        select(Incident)
        .join(VulnerabilityAlias, VulnerabilityAlias.vulnerability_id == Incident.vulnerability_id)
        .where(known)
    )


@contextmanager
def statements(engine: Engine) -> Iterator[Counter[str]]:
    """Count the statements sent while the block runs, by their text."""
    sent: Counter[str] = Counter()

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        sent[statement] += 1

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def empty(engine: Engine) -> None:
    """Remove all that tests have committed."""
    kept = {"alembic_version", "team", "change_counter", "audit_chain"}
    with engine.begin() as connection:
        found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        # Deleting from what has rows is ten times as fast as truncating all.
        connection.execute(text("SET session_replication_role = replica"))
        for table in sorted(set(found.scalars()) - kept):
            connection.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608
        connection.execute(text("DELETE FROM team WHERE NOT fallback"))
        connection.execute(text("UPDATE change_counter SET last_seq = 0"))
        connection.execute(text("UPDATE audit_chain SET last_seq = 0, head = decode(repeat('00', 32), 'hex')"))
        connection.execute(text("SET session_replication_role = origin"))
