"""Four build systems, a feed and the CERT at the same time, with real commits; afterwards a slow model agrees."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from agreement import disagreements
from crowd import OWN, Crowd
from osv_bucket import to_bytes
from sqlalchemy import Engine, func, select
from story import CERT, Story

from service.advisories.models import Advisory
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.clock import utc_now
from service.db import connect, reading, writing
from service.flows.publishing import publish_advisory
from service.flows.receiving import Request, receive_upload
from service.flows.settling import settle


def _live_through(url: str, *, builds: int, rounds: int) -> None:
    engine, crowd = connect(url), Crowd()

    def send(product: str, stream: str, data: bytes) -> dict[str, Any]:
        return receive_upload(engine, data, Request(product, actor="ci", stream=stream), now=utc_now()).values

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(crowd.build, seed, builds, send) for seed in range(4)]
        running.append(pool.submit(_feed, engine, crowd, rounds))
        running.append(pool.submit(_publish, engine, crowd))
        for one in running:
            one.result()
    with reading(engine) as session:
        assert session.scalar(select(func.count()).where(~Advisory.settled)) == 0
    assert disagreements(Story(engine), crowd.model) == []
    engine.dispose()


def _feed(engine: Engine, crowd: Crowd, rounds: int) -> None:
    chance = random.Random(99)  # noqa: S311 - a repeatable story
    for _ in range(rounds):
        records = {record["id"]: record for record in (crowd.say(chance), crowd.say(chance))}
        for record in records.values():
            crowd.model.tell(record)
        with writing(engine) as session:
            store(session, [read_record(to_bytes(record)) for record in records.values()])
        settle(engine, actor="osv feed", now=utc_now())


def _publish(engine: Engine, crowd: Crowd) -> None:
    publish_advisory(engine, OWN["id"], dict(OWN), actor=CERT, now=utc_now())
    crowd.model.tell(OWN)


@pytest.mark.soak
def test_everybody_at_once_and_nothing_is_missed(new_database: Callable[[], str]) -> None:
    _live_through(new_database(), builds=8, rounds=6)


@pytest.mark.soak
@pytest.mark.parametrize("_again", range(10))
def test_everybody_at_once_for_long(new_database: Callable[[], str], _again: int) -> None:
    _live_through(new_database(), builds=60, rounds=60)
