"""Groups, whatever happens to their records, against the connected components worked out from scratch."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from osv_bucket import Record, make_record, to_bytes
from sqlalchemy import select

from service.advisories.models import Advisory, Vulnerability, VulnerabilityAdvisory, VulnerabilityAlias
from service.advisories.osv_record import read_record
from service.advisories.references import preference, references
from service.advisories.storing import retract, store
from service.db import WriteSession

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [f"CVE-2024-{number:04}" for number in range(1111, 1116)] + ["GHSA-2222-2222-2222", "GHSA-3333-3333-3333"]
RECORDS = [
    "PYSEC-2024-1",
    "RUSTSEC-2024-0001",
    "GHSA-2222-2222-2222",
    "DSA-1-1",
    "ECHO-1",
    "GO-2024-1",
    "CVE-2024-1111",
]


class World:
    """What records say now, and when they said it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - made up, and repeatable
        self.now = START
        self.records: dict[str, Record] = {}
        self.vanished: set[str] = set()

    def step(self, session: WriteSession) -> None:
        """Let one to three records change at once, or some vanish."""
        self.now += timedelta(hours=1)
        if self.records and self.random.random() < 0.2:
            gone = self.random.sample(sorted(self.records), self.random.randint(1, min(3, len(self.records))))
            self.vanished |= set(gone)
            retract(session, gone, now=self.now)
            return
        changed = [self._record(osv_id) for osv_id in self.random.sample(RECORDS, self.random.randint(1, 3))]
        self.records |= {record["id"]: record for record in changed}
        self.vanished -= {record["id"] for record in changed}
        store(session, [read_record(to_bytes(record)) for record in changed])

    def _record(self, osv_id: str) -> Record:
        old = self.records.get(osv_id)
        fields: Record = {name: old[name] for name in ("aliases", "upstream") if name in old} if old else {}
        if self.random.random() < 0.7:
            fields = {"aliases": self._some(3), "upstream": self._some(2) if osv_id in ("DSA-1-1", "ECHO-1") else []}
        if self.random.random() < 0.25:
            fields["withdrawn"] = self.now.isoformat()
        return make_record(osv_id, modified=self.now.isoformat(), **fields)

    def _some(self, most: int) -> list[str]:
        return self.random.sample(NAMES, self.random.randint(0, most))

    def expected(self) -> tuple[set[frozenset[str]], set[tuple[str, str]]]:
        """Give the groups of names, and which advisory speaks of which group, by the group's name."""
        live = {
            osv_id: references(read_record(to_bytes(record)))
            for osv_id, record in self.records.items()
            if osv_id not in self.vanished and "withdrawn" not in record
        }
        groups: list[set[str]] = [{name} for name in {name for each in live.values() for name in each.spoken}]
        for each in live.values():
            touched = [group for group in groups if group & set(each.names)]
            groups = [group for group in groups if group not in touched] + ([set().union(*touched)] if touched else [])
        name_of = {name: min(group, key=preference) for group in groups for name in group}
        links = {(osv_id, name_of[name]) for osv_id, each in live.items() for name in each.spoken}
        return {frozenset(group) for group in groups}, links


def found(session: WriteSession) -> tuple[set[frozenset[str]], set[tuple[str, str]]]:
    live = (
        select(VulnerabilityAdvisory.vulnerability_id)
        .join(Advisory, Advisory.id == VulnerabilityAdvisory.advisory_id)
        .where(Advisory.withdrawn_at.is_(None))
    )
    groups: dict[int, set[str]] = {}
    for name, vulnerability_id in session.execute(
        select(VulnerabilityAlias.alias, VulnerabilityAlias.vulnerability_id).where(
            VulnerabilityAlias.vulnerability_id.in_(live)
        )
    ):
        groups.setdefault(vulnerability_id, set()).add(name)
    links = session.execute(
        select(Advisory.osv_id, Vulnerability.name)
        .join(VulnerabilityAdvisory, VulnerabilityAdvisory.advisory_id == Advisory.id)
        .join(Vulnerability, Vulnerability.id == VulnerabilityAdvisory.vulnerability_id)
        .where(Advisory.withdrawn_at.is_(None))
    )
    return {frozenset(group) for group in groups.values()}, {(osv_id, name) for osv_id, name in links}


def holders(session: WriteSession) -> dict[str, int]:
    """Give the vulnerability that bears each name as its title, of those that are not merged away."""
    rows = select(Vulnerability.name, Vulnerability.id).where(Vulnerability.merged_into_id.is_(None))
    return dict(session.execute(rows).all())


def _hold(session: WriteSession, seed: int, steps: int) -> None:
    world = World(seed)
    for _ in range(steps):
        before = holders(session)
        world.step(session)
        assert found(session) == world.expected(), seed
        after = dict(session.execute(select(VulnerabilityAlias.alias, VulnerabilityAlias.vulnerability_id)).all())
        for title, id_ in before.items():
            # Whoever had the name keeps it, or an older vulnerability took both in.
            assert title not in after or after[title] <= id_, seed


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_what_the_live_records_connect(session: WriteSession, seed: int) -> None:
    _hold(session, seed, 25)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_030))
def test_groups_are_so_for_long(session: WriteSession, seed: int) -> None:
    _hold(session, seed, 60)
