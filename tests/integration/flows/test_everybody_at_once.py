"""Four build systems, a feed and the CERT at the same time, with real commits; afterwards a slow model agrees."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Lock

import pytest
from agreement import disagreements
from histories import COMPONENTS, NAMES, RANGES, Line, Model, Sent
from osv_bucket import Record, make_record, to_bytes
from sboms import listed, make_sbom
from sqlalchemy import Engine, func, select
from story import CERT, Story

from service.advisories.models import Advisory
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.clock import to_micros, utc_now
from service.db import connect, reading, writing
from service.flows.publishing import publish_advisory
from service.flows.receiving import Request, receive_upload
from service.flows.settling import settle

PRODUCTS = tuple(f"product-{n}" for n in range(10))
OWN = make_record("OURS-1", "npm/lodash", "introduced 0", "fixed 5.0.0", aliases=["CVE-2024-1"])
FED = sorted(RANGES)


class Crowd:
    """All who work at the same time, and what they were told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.model = Model()
        self._writing_down = Lock()

    def builds(self, seed: int, count: int) -> None:
        """Upload to every product in turn, in an order of one's own; many components are new to all."""
        chance = random.Random(seed)  # noqa: S311 - a repeatable story
        for _ in range(count):
            product = chance.choice(PRODUCTS)
            contents = dict.fromkeys(chance.sample(sorted(COMPONENTS), chance.randint(1, 8)), "required")
            parts = [
                listed(purl) if purl.startswith("pkg:") else listed(name=purl, version="5.6.1") for purl in contents
            ]
            # Names that all of them bring at once, in different orders.
            unknown = [f"pkg:npm/new-{chance.randint(1, 400)}@1.0.0" for _ in range(60)]
            request = Request(product, actor=f"ci-{seed}", stream=chance.choice(("main", "2.x")))
            values = receive_upload(self.engine, make_sbom(*parts, *unknown), request, now=utc_now()).values
            self._note(product, request.stream, values, contents)

    def _note(self, product: str, stream: str, values: dict[str, object], contents: dict[str, str]) -> None:
        at, sbom = values["at"], values["sbom"]
        assert isinstance(at, datetime)
        assert isinstance(sbom, dict)
        with self._writing_down:
            line = self.model.lines.setdefault((product, stream), Line(preview=False))
            line.uploads.append(Sent(sbom["id"], to_micros(at), contents, label=None))

    def feed(self, seed: int, rounds: int) -> None:
        """Change, withdraw and bring back advisories, as a feed does."""
        chance = random.Random(seed)  # noqa: S311
        for _ in range(rounds):
            self._store([self._said(chance, osv_id) for osv_id in chance.sample(FED, 3)])

    def _said(self, chance: random.Random, osv_id: str) -> Record:
        record = make_record(osv_id, affected=chance.choice(RANGES[osv_id]), modified=utc_now().isoformat())
        record |= chance.choice(NAMES[osv_id])
        return record | ({"withdrawn": "2024-01-01T00:00:00Z"} if chance.random() < 0.2 else {})

    def _store(self, records: list[Record]) -> None:
        with writing(self.engine) as session:
            store(session, [read_record(to_bytes(record)) for record in records])
        for record in records:
            self.model.tell(record)
        settle(self.engine, actor="osv feed", now=utc_now())

    def publish(self) -> None:
        publish_advisory(self.engine, OWN["id"], dict(OWN), actor=CERT, now=utc_now())
        self.model.tell(OWN)


def _work(url: str, builds: int, rounds: int) -> tuple[Story, Model]:
    crowd = Crowd(connect(url))
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(crowd.builds, seed, builds) for seed in range(4)]
        running.append(pool.submit(crowd.feed, 99, rounds))
        running.append(pool.submit(crowd.publish))
        for one in running:
            one.result()
    return Story(crowd.engine), crowd.model


def _check(story: Story, model: Model) -> None:
    with reading(story.engine) as session:
        assert session.scalar(select(func.count()).where(~Advisory.settled)) == 0
    assert disagreements(story, model) == []
    story.engine.dispose()


def test_everybody_at_once_and_nothing_is_missed(new_database: Callable[[], str]) -> None:
    _check(*_work(new_database(), builds=8, rounds=6))


@pytest.mark.soak
@pytest.mark.parametrize("_again", range(10))
def test_everybody_at_once_for_long(new_database: Callable[[], str], _again: int) -> None:
    _check(*_work(new_database(), builds=60, rounds=60))
