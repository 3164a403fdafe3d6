"""The feed under fire: eight writers, two servers that number changes, three pullers that are killed and go on.

Every puller hears every change at least once, in order; after the database was dumped and restored into a fresh server,
the places that pullers had stored still hold. It burns for ``MUSTER_FIRE_SECONDS`` (60); `-s` shows the figures.
"""

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from data_folders import make_data_folder
from osv_bucket import make_record
from sboms import make_sbom
from serving import Served, serving
from sqlalchemy import select, text

from service import embedded
from service.access.chaining import head_of
from service.access.roles import CONSOLE
from service.access.verifying import verify_audit
from service.changes.models import Change
from service.clock import utc_now
from service.db import connect, reading, writing
from service.embedded.binaries import find
from service.incidents import lifecycle
from service.incidents.models import Exposure

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

SECONDS = float(os.environ.get("MUSTER_FIRE_SECONDS", "60"))
SEED = int(os.environ.get("MUSTER_FIRE_SEED", "7"))
WRITERS = 8
#: Seconds that each puller rests after a page.
PAUSES = (0.0, 0.2, 1.0)
PRODUCTS = [f"product-{number}" for number in range(6)]
PACKAGES = ("lodash", "minimist", "left-pad")
PULLER = Path(__file__).parents[1] / "feed_puller.py"

Values = dict[str, Any]


# --- writers ---------------------------------------------------------------------------------------------------------


def uses(*names: str) -> bytes:
    return make_sbom(*(f"pkg:npm/{name}@1.0.0" for name in names))


def prepare(client: httpx.Client) -> None:
    """Make products that share three incidents."""
    for team in ("red", "blue"):
        client.put(f"/v1/teams/{team}", json={}).raise_for_status()
    for number, product in enumerate(PRODUCTS):
        client.put(f"/v1/products/{product}", json={"team": ("red", "blue")[number % 2]}).raise_for_status()
        client.post(f"/v1/products/{product}/sboms", content=uses(*PACKAGES)).raise_for_status()
    for number, name in enumerate(PACKAGES):
        record = make_record("x", f"npm/{name}", "introduced 0", "fixed 2.0.0", summary=f"{name} is bad")
        body = {key: value for key, value in record.items() if key not in ("id", "modified")}
        client.put(f"/v1/advisories/x_FIRE-2026-{number:04}", json=body).raise_for_status()


def write(server: Served, seed: int, stop: Event) -> Counter[str]:
    """Do what people and pipelines do, on incidents that all writers share; gives what was answered."""
    chance, answered = random.Random(seed), Counter[str]()  # noqa: S311 - a repeatable story
    with server.new_client() as client:
        exposures = [one["id"] for one in client.get("/v1/exposures").json()["items"]]
        while not stop.is_set():
            act = chance.choice((comment, comment, step, assign, upload))
            answer = act(client, chance, chance.choice(exposures))
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            answered[f"{act.__name__} {answer.status_code}"] += 1
    return answered


def write_beside(url: str, seed: int, stop: Event) -> Counter[str]:
    """Comment through the room itself, which is ten times as fast as HTTP: transactions overlap in earnest."""
    chance, answered, engine = random.Random(seed), Counter[str](), connect(url)  # noqa: S311 - a repeatable story
    with reading(engine) as session:
        exposures = list(session.scalars(select(Exposure.id)))
    while not stop.is_set():
        with writing(engine) as session:
            lifecycle.comment(session, chance.choice(exposures), "beside the doors", actor=CONSOLE, now=utc_now())
            time.sleep(chance.random() / 100)  # others begin later, and commit before
        answered["beside"] += 1
    engine.dispose()
    return answered


def comment(client: httpx.Client, chance: random.Random, exposure: str) -> httpx.Response:
    return client.post(f"/v1/exposures/{exposure}/comments", json={"text": f"{chance.random()}"})


def step(client: httpx.Client, chance: random.Random, exposure: str) -> httpx.Response:
    body = {"to": chance.choice(("acknowledged", "in_progress", "fix_claimed")), "reason": "we update it"}
    return client.post(f"/v1/exposures/{exposure}/transitions", json=body, headers={"If-Match": "*"})


def assign(client: httpx.Client, chance: random.Random, exposure: str) -> httpx.Response:
    return client.put(f"/v1/exposures/{exposure}/owner", json={"team": chance.choice(("red", "blue"))})


def upload(client: httpx.Client, chance: random.Random, _exposure: str) -> httpx.Response:
    listed = uses(*chance.sample(PACKAGES, chance.randint(1, 3)))
    return client.post(f"/v1/products/{chance.choice(PRODUCTS)}/sboms", content=listed)


# --- pullers ---------------------------------------------------------------------------------------------------------


@dataclass
class Puller:
    """One integration, over all of its lives."""

    server: Served
    folder: Path
    pause_seconds: float
    began_after: int = 0
    kills: int = 0
    process: subprocess.Popen[bytes] | None = None
    places: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{self.server.port}"
        command = [sys.executable, str(PULLER), url, self.server.token, str(self.folder), str(self.pause_seconds)]
        self.process = subprocess.Popen(command)

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, "a puller ended by itself"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1
        heard = self.heard()
        if heard and (place := self.place()):
            self.places[place] = heard[-1]["seq"]

    def place(self) -> str:
        path = self.folder / "cursor"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def heard(self) -> list[Values]:
        path = self.folder / "heard.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]  # the others were cut off


def harass(pullers: list[Puller], stop: Event) -> None:
    """Kill pullers at random, and start them again a little later."""
    chance = random.Random(SEED)  # noqa: S311 - a repeatable story
    while not stop.wait(chance.uniform(0.5, 3)):
        victim = chance.choice(pullers)
        victim.kill()
        time.sleep(chance.uniform(0, 0.5))
        victim.start()


# --- the fire --------------------------------------------------------------------------------------------------------


def burn(servers: tuple[Served, Served], pullers: list[Puller]) -> Counter[str]:
    """Let them all loose; gives what writers were answered."""
    stop = Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        harassing = pool.submit(harass, pullers, stop)
        half = WRITERS // 2
        at_work = [pool.submit(write, servers[seed % 2], SEED + seed, stop) for seed in range(half)]
        at_work += [pool.submit(write_beside, servers[0].database, SEED + seed, stop) for seed in range(half, WRITERS)]
        time.sleep(SECONDS)
        stop.set()
        harassing.result(60)
        return sum((one.result(60) for one in at_work), Counter())


def all_changes(url: str) -> list[Change]:
    engine = connect(url)
    try:
        with reading(engine) as session:
            return list(session.scalars(select(Change).order_by(Change.seq)))
    finally:
        engine.dispose()


def wait_until_all_is_heard(url: str, pullers: list[Puller]) -> list[Change]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        changes = all_changes(url)
        numbered = all(change.seq is not None for change in changes)
        last = max((change.seq or 0 for change in changes), default=0)
        if numbered and all(one.heard() and one.heard()[-1]["seq"] == last for one in pullers):
            return changes
        time.sleep(0.5)
    raise TimeoutError("the pullers did not get there")


def check_numbers(changes: list[Change]) -> None:
    """Hold that the feed has no gap, and that what one incident went through stands in the order of its versions."""
    assert [change.seq for change in changes] == list(range(1, len(changes) + 1))
    versions: dict[str, int] = defaultdict(int)
    ids: dict[str, int] = defaultdict(int)
    for change in changes:
        of = change.exposure or change.incident or ""
        version = int(str(change.data["version"]))
        assert version >= versions[of], (of, change.seq)
        versions[of] = version
        incident = change.incident or ""
        assert change.id > ids[incident], ("written earlier, numbered later", change.seq)
        ids[incident] = change.id


def check_heard(heard: list[Values], changes: list[Change]) -> int:
    """Hold that all was heard, and in order; gives how often something was heard again."""
    shown = {str(change.event_id) for change in changes if not change.type.endswith("visibility_lost")}
    assert {one["event_id"] for one in heard} == shown
    first: dict[str, int] = {}
    for one in heard:
        first.setdefault(one["event_id"], one["seq"])
    assert list(first.values()) == sorted(first.values())
    return len(heard) - len(shown)


def lag_of(one: Values) -> float:
    return float(one["heard_at"]) - datetime.fromisoformat(one["at"]).timestamp()


def report(changes: list[Change], answered: Counter[str], pullers: list[Puller]) -> None:
    print(f"\n{len(changes)} changes in {SECONDS:g} s: {len(changes) / SECONDS:.0f} a second")
    print(f"of {len({change.incident for change in changes})} incidents; writers were answered {dict(answered)}")
    for one in pullers:
        heard = one.heard()
        lags = sorted(lag_of(each) for each in heard if each["seq"] > one.began_after)
        again = check_heard(heard, changes)
        print(
            f"puller resting {one.pause_seconds:g} s: killed {one.kills} times, heard {len(heard)}, {again} again; "
            f"lag p50 {statistics.median(lags):.2f} s, p99 {lags[len(lags) * 99 // 100]:.2f} s, max {lags[-1]:.2f} s"
        )


def test_every_puller_hears_every_change_in_order_and_goes_on_after_a_restore(
    new_database: Callable[[], str], postgres: embedded.Server, tmp_path: Path
) -> None:
    url = new_database()
    with serving(url) as one, serving(url) as other:
        prepare(one.client)
        prepared = len(all_changes(url))
        pullers = [Puller(one, tmp_path / f"puller {pause}", pause, prepared) for pause in PAUSES]
        for puller in pullers:
            puller.start()
        try:
            answered = burn((one, other), pullers)
            changes = wait_until_all_is_heard(url, pullers)
        finally:
            for puller in pullers:
                puller.kill()
        check_numbers(changes)
        report(changes, answered, pullers)
        assert len(changes) > SECONDS
        dump = tmp_path / "dump"
        run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={plain(url)}")
    with restored(dump) as fresh, serving(fresh) as server:
        check_places(server, pullers, changes)
        check_record(fresh)
    assert postgres.url


# --- the restore -----------------------------------------------------------------------------------------------------


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def run(program: str, *arguments: str) -> None:
    """Run a program of the server that comes with us."""
    found = subprocess.run([programs() / program, *arguments], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def programs() -> Path:
    return find(18).postgres.parent


@contextmanager
def restored(dump: Path) -> Iterator[str]:
    """Restore a dump into a server that has never seen anything; gives the URL."""
    folder = make_data_folder()
    with embedded.start(folder / "postgres", shared_buffers="128MB", durable=False) as server:
        run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={plain(server.url)}", str(dump))
        yield server.url
    embedded.remove(folder / "postgres")
    shutil.rmtree(folder)


def check_places(server: Served, pullers: list[Puller], changes: list[Change]) -> None:
    """Hold that each place that was ever stored gives exactly what came after it, and what comes now."""
    total = len(changes)
    exposure = next(change.exposure for change in reversed(changes) if change.exposure)
    comment_ = {"text": "after the restore"}
    server.client.post(f"/v1/exposures/{exposure}/comments", json=comment_).raise_for_status()
    shown = [change.seq for change in changes if not change.type.endswith("visibility_lost")] + [total + 1]
    for puller in pullers:
        for place in [puller.place(), *list(puller.places)[:5]]:
            found = everything_after(server.client, place)
            assert found[-1] == total + 1
            assert found == shown[-len(found) :]
    engine = connect(server.database)
    with reading(engine) as session:
        assert session.scalar(text("SELECT last_seq FROM change_counter")) == total + 1
    engine.dispose()


def everything_after(client: httpx.Client, place: str) -> list[int]:
    found: list[int] = []
    while True:
        page = client.get("/v1/changes", params={"after": place, "limit": 500, "wait": 10}).raise_for_status().json()
        found += [item["seq"] for item in page["items"]]
        place = page["next"]
        if not page["has_more"]:
            return found


def check_record(url: str) -> None:
    engine = connect(url)
    with reading(engine) as session:
        verdict = verify_audit(session, [head_of(session)])
    engine.dispose()
    assert verdict.broken is None
    print(f"the record holds after the restore: {verdict.rows} rows")
