"""Two real servers on one database, four clients, a feed from a folder and an own advisory: no 5xx, nothing missed."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from agreement import disagreements
from crowd import OWN, Crowd
from osv_bucket import Record, write_ecosystem
from serving import Served, serving
from story import Story

from service.clock import utc_now
from service.db import connect
from service.flows.applying import apply_feed


def _live_through(url: str, bucket: Path, *, builds: int, rounds: int) -> None:
    crowd = Crowd()
    with serving(url) as one, serving(url) as other, ThreadPoolExecutor(6) as pool:
        servers = (one, other)
        running = [pool.submit(_build, servers[seed % 2], crowd, seed, builds) for seed in range(4)]
        running.append(pool.submit(_feed, url, bucket, crowd, rounds))
        running.append(pool.submit(_publish, other, crowd))
        for each in running:
            each.result()
    engine = connect(url)
    assert disagreements(Story(engine), crowd.model) == []
    engine.dispose()


def _build(server: Served, crowd: Crowd, seed: int, builds: int) -> None:
    with server.new_client() as client:

        def send(product: str, stream: str, data: bytes) -> dict[str, Any]:
            answer = client.post(f"/v1/products/{product}/sboms", params={"stream": stream}, content=data)
            assert answer.status_code == httpx.codes.CREATED, answer.text
            found: dict[str, Any] = answer.json()
            return found

        crowd.build(seed, builds, send)


def _feed(url: str, bucket: Path, crowd: Crowd, rounds: int) -> None:
    """Sync a folder that changes in between; a record stands in the folder of its first package's ecosystem."""
    chance, said, engine = random.Random(7), dict[str, Record](), connect(url)  # noqa: S311 - a repeatable story
    for _ in range(rounds):
        fresh = {record["id"]: record for record in (crowd.say(chance), crowd.say(chance), crowd.say(chance))}
        for record in fresh.values():
            crowd.model.tell(record)
        said |= fresh
        folders: dict[str, list[Record]] = {"npm": [], "PyPI": [], "Debian": []}
        for record in said.values():
            folders[record["affected"][0]["package"]["ecosystem"].partition(":")[0]].append(record)
        for ecosystem, records in folders.items():
            write_ecosystem(bucket, ecosystem, records)
        for synced in apply_feed(engine, bucket.as_uri(), "all", now=utc_now()):
            assert synced.error is None
            assert not synced.malformed
    engine.dispose()


def _publish(server: Served, crowd: Crowd) -> None:
    with server.new_client() as client:
        answer = client.put(f"/v1/advisories/{OWN['id']}", json=OWN)
    assert answer.status_code in (httpx.codes.OK, httpx.codes.CREATED), answer.text
    crowd.model.tell(OWN)


@pytest.mark.soak
def test_two_servers_share_a_database(new_database: Callable[[], str], tmp_path: Path) -> None:
    _live_through(new_database(), tmp_path, builds=6, rounds=3)


@pytest.mark.soak
def test_two_servers_share_a_database_for_long(new_database: Callable[[], str], tmp_path: Path) -> None:
    _live_through(new_database(), tmp_path, builds=100, rounds=40)
