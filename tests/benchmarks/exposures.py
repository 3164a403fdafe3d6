"""Ten thousand open exposures: lists, filters, a batch of 500, a tick of the clocks, messages and digests.

    python -m benchmarks.exposures [--products N] [--advisories N]

A thousand products of twenty teams share ten components; a feed opens an exposure for each pair. Everything is asked
through the application in this process, so times have no network in them; beside each stands how many statements the
database was sent.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.meanwhile import fill, sync
from fastapi.testclient import TestClient
from osv_bucket import make_record, serve_bucket, write_ecosystem
from pydantic import SecretStr
from sqlalchemy import Engine, update
from stopped_clock import StoppedClock
from story import statements

from service import embedded
from service.access.keys import create_key
from service.access.models import Team
from service.access.roles import Role
from service.changes.sequencing import number_changes
from service.clock import utc_now
from service.db import connect, migrate, writing
from service.feedback.digests import make_digests
from service.feedback.gathering import gather
from service.incidents.ticking import tick
from service.inventory.models import Product
from service.log import configure
from service.main import create_app
from service.settings import Settings

TEAMS = 20
REPEATED = 5
MAIL = frozenset({"mail"})


@dataclass
class House:
    """The application over a filled database."""

    engine: Engine
    clock: StoppedClock
    client: TestClient


def main(arguments: Sequence[str] = ()) -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="exposures")
    parser.add_argument("--products", type=int, default=1_000)
    parser.add_argument("--advisories", type=int, default=10)
    asked = parser.parse_args(arguments)
    with _house(asked.products, asked.advisories) as house:
        _lists(house)
        _batches(house)
        _clocks(house)
        _messages(house)


@contextmanager
def _house(products: int, advisories: int) -> Iterator[House]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        bucket = Path(folder) / "bucket"
        shared = [f"pkg:npm/shared-{number}@1.0.0" for number in range(advisories)]
        write_ecosystem(bucket, "npm", [_record(number) for number in range(advisories)])
        with embedded.start(Path(folder) / "postgres") as server, serve_bucket(bucket) as feed:
            migrate(server.url)
            fill(server.url, shared, products)
            engine = connect(server.url)
            _give_to_teams(engine)
            print(f"the feed took {sync(server.url, feed.url):.1f} s to open {products * advisories:,} exposures")
            clock = StoppedClock(utc_now())
            configure(level="ERROR")
            app = create_app(Settings(secret_key=SecretStr("of the benchmark")), engine=engine, clock=clock)
            with writing(engine) as session:
                token = create_key(session, "the CERT", Role.CERT, now=clock()).token
            with writing(engine) as session:
                gather(session, channels=MAIL, now=clock())  # its place in the feed begins here
            _number(engine)
            yield House(engine, clock, TestClient(app, headers={"Authorization": f"Bearer {token}"}))
            engine.dispose()


def _record(number: int) -> dict[str, Any]:
    """Write an advisory that is critical, as many are, so that its exposures have short clocks."""
    severity = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
    return make_record(
        f"GHSA-2222-2222-{number:04}", f"npm/shared-{number}", "introduced 0", "fixed 2.0.0", severity=severity
    )


def _give_to_teams(engine: Engine) -> None:
    with writing(engine) as session:
        for number in range(TEAMS):
            team = Team(name=f"team-{number}", email=f"team-{number}@example.org")
            session.add(team)
            session.flush()
            owned = update(Product).where(Product.id % TEAMS == number).values(team_id=team.id)
            session.execute(owned, execution_options={"synchronize_session": False})


def _number(engine: Engine) -> None:
    more = True
    while more:
        with writing(engine) as session:
            more = bool(number_changes(session))


@contextmanager
def _measured(house: House, what: str) -> Iterator[None]:
    with statements(house.engine) as sent:
        started = time.perf_counter()
        yield
        seconds = time.perf_counter() - started
    _say(what, [seconds], sent)


def _say(what: str, seconds: Sequence[float], sent: Counter[str], times: int = 1) -> None:
    took = f"{median(seconds) * 1000:8.1f} ms"
    print(f"{what:58} {took}   {sum(sent.values()) / times:6.0f} statements", flush=True)


def _ask(house: House, what: str, ask: Callable[[], Any]) -> None:
    """Ask several times, and say the median of it."""
    seconds = []
    with statements(house.engine) as sent:
        for _ in range(REPEATED):
            started = time.perf_counter()
            answer = ask()
            seconds.append(time.perf_counter() - started)
            answer.raise_for_status()
    _say(what, seconds, sent, REPEATED)


def _lists(house: House) -> None:
    ask = house.client.get
    _ask(house, "exposures, a page of 50", lambda: ask("/v1/exposures"))
    _ask(house, "exposures, a page of 500", lambda: ask("/v1/exposures?limit=500"))
    _ask(
        house, "exposures of a team that are open, 500", lambda: ask("/v1/exposures?owner=team-3&status=open&limit=500")
    )
    _ask(house, "exposures of a product", lambda: ask("/v1/exposures?product=product-7"))
    _ask(house, "incidents, open, with counts", lambda: ask("/v1/incidents?status=open"))
    _ask(house, "an incident with 50 of its exposures", lambda: ask("/v1/incidents/INC-1"))
    with _measured(house, "all exposures in pages of 500"):
        page = ask("/v1/exposures?limit=500").json()
        seen = len(page["items"])
        while page["next"]:
            page = ask(f"/v1/exposures?limit=500&after={page['next']}").json()
            seen += len(page["items"])
    print(f"  which were {seen:,}")


def _batches(house: House) -> None:
    listed = house.client.get("/v1/exposures?limit=500").json()["items"]
    for count in (1, 500):
        items = [{"exposure": each["id"], "to": "acknowledged"} for each in listed[:count]]
        with _measured(house, f"a batch that acknowledges {count}"):
            answer = house.client.post("/v1/exposures:batch", json={"items": items})
            answer.raise_for_status()
        listed = listed[count:] or house.client.get("/v1/exposures?limit=500&status=open").json()["items"]


def _clocks(house: House) -> None:
    _tick(house, "a tick at which nothing is due")
    house.clock.advance(timedelta(days=3))
    while _tick(house, "a tick after three days of silence"):
        pass
    _tick(house, "the tick after that")


def _tick(house: House, what: str) -> int:
    with _measured(house, what), writing(house.engine) as session:
        ticked = tick(session, now=house.clock())
    print(f"  escalated {ticked.escalated:,}", flush=True)
    return ticked.escalated


def _messages(house: House) -> None:
    _number(house.engine)
    with _measured(house, "messages about all of that"), writing(house.engine) as session:
        print(f"  {gather(session, channels=MAIL, now=house.clock())} begun or added to")
    day = datetime.combine(house.clock().date() + timedelta(days=1), datetime.min.time(), UTC)
    with _measured(house, "the digests of a day"), writing(house.engine) as session:
        made = make_digests(session, hour=0, channels=MAIL, now=day + timedelta(hours=8))
        print(f"  {made} digests")


if __name__ == "__main__":
    main()
