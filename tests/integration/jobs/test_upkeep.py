"""What the schedule does by itself: sync, settle, reconcile, end what was accepted until now."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from zipfile import ZipFile

import pytest
from pydantic import SecretStr
from sboms import make_sbom
from sqlalchemy import Engine, select, update

from service.access.roles import SYSTEM
from service.advisories.feeds import freshness
from service.db import connect, reading, writing
from service.flows.publishing import publish_advisory
from service.flows.receiving import Request, receive_upload
from service.incidents.lifecycle import Decision, transition
from service.incidents.models import Exposure
from service.jobs.context import Interrupted, JobContext
from service.jobs.kinds import kinds_of
from service.jobs.models import Job
from service.jobs.running import running
from service.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LODASH = "pkg:npm/lodash@4.17.20"


@pytest.fixture
def own_engine(fresh_database: str) -> Iterator[Engine]:
    engine = connect(fresh_database)
    yield engine
    engine.dispose()


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """Write a feed of one advisory, in the layout of OSV's bucket."""
    record = {
        "id": "GHSA-35jh-r3h4-6jhm",
        "modified": "2026-02-01T00:00:00Z",
        "aliases": ["CVE-2021-23337"],
        "summary": "Command injection in lodash",
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": "lodash"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.21"}]}],
            }
        ],
    }
    folder = tmp_path / "feed" / "npm"
    folder.mkdir(parents=True)
    (tmp_path / "feed" / "ecosystems.txt").write_text("npm\nPyPI\n")
    (folder / "modified_id.csv").write_text(f"{record['modified']},{record['id']}\n")
    with ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr(f"{record['id']}.json", json.dumps(record))
    return tmp_path / "feed"


def settings_for(url: str) -> Settings:
    return Settings(secret_key=SecretStr("x"), osv_url=url)


@pytest.fixture
def run(own_engine: Engine) -> Callable[..., list[dict[str, object]]]:
    """Run a job of a kind once; gives what it noted as progress."""

    def act(kind: str, *, url: str = "none", now: datetime = NOON, stopping: bool = False) -> list[dict[str, object]]:
        noted: list[dict[str, object]] = []
        stop = Event()
        if stopping:
            stop.set()
        settings = settings_for(url)
        context = JobContext(
            own_engine, settings, lambda: now, kind, "1", {}, stop, lambda progress: noted.append(dict(progress))
        )
        kinds_of(settings)[kind].run(context)
        return noted

    return act


def exposures(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as session:
        rows = session.scalars(select(Exposure).order_by(Exposure.id)).all()
    return [(row.status, row.presence) for row in rows]


def test_a_sync_loads_what_is_used_and_opens_exposures(
    own_engine: Engine, feed: Path, run: Callable[..., list[dict[str, object]]]
) -> None:
    receive_upload(own_engine, make_sbom(LODASH), Request("shop", actor="ci"), now=NOON)
    assert run("sync", url=f"file://{feed}") == [{"npm": {"stored": 1, "vanished": 0}}]
    assert exposures(own_engine) == [("open", "present")]


def test_a_sync_ends_between_ecosystems_when_the_process_stops(
    own_engine: Engine, feed: Path, run: Callable[..., list[dict[str, object]]]
) -> None:
    receive_upload(own_engine, make_sbom(LODASH), Request("shop", actor="ci"), now=NOON)
    with pytest.raises(Interrupted):
        run("sync", url=f"file://{feed}", stopping=True)
    assert exposures(own_engine) == [("open", "present")]


def test_the_first_component_of_an_ecosystem_has_its_feed_loaded_within_a_minute(
    own_engine: Engine, feed: Path, run: Callable[..., list[dict[str, object]]]
) -> None:
    not_offered = "pkg:cargo/serde@1.0.0"
    receive_upload(own_engine, make_sbom(LODASH, not_offered), Request("shop", actor="ci"), now=NOON)
    slots = []
    for _ in range(4):
        run("settle", url=f"file://{feed}")
        run("sync", url=f"file://{feed}")
        with writing(own_engine) as session:
            slots += [job.slot for job in session.scalars(select(Job).where(Job.state == "queued"))]
            session.execute(update(Job).values(state="done"))
    assert slots == ["first crates.io, npm"]
    with reading(own_engine) as session:
        feeds = freshness(session, now=NOON, sync_every=timedelta(minutes=15))
    assert {feed.ecosystem: feed.state for feed in feeds} == {"npm": "fresh", "crates.io": "never"}


def test_without_a_feed_nothing_asks_for_one(own_engine: Engine, run: Callable[..., list[dict[str, object]]]) -> None:
    receive_upload(own_engine, make_sbom(LODASH), Request("shop", actor="ci"), now=NOON)
    run("settle")
    with reading(own_engine) as session:
        assert session.scalars(select(Job)).all() == []
    assert kinds_of(settings_for("none"))["sync"].every is None


def test_a_fresh_server_syncs_at_once(own_engine: Engine, feed: Path) -> None:
    settings = settings_for(f"file://{feed}")
    with running(own_engine, settings, clock=lambda: NOON):
        for _ in range(100):
            with reading(own_engine) as session:
                if session.scalar(select(Job.id).where(Job.kind == "sync")) is not None:
                    return
            Event().wait(0.05)
    raise AssertionError("no sync was put in")


def affected_shop(engine: Engine) -> int:
    receive_upload(engine, make_sbom(LODASH), Request("shop", actor="ci"), now=NOON)
    affected = [{"package": {"ecosystem": "npm", "name": "lodash"}, "versions": ["4.17.20"]}]
    publish_advisory(engine, "OWN-1", {"affected": affected}, actor=SYSTEM, now=NOON)
    with reading(engine) as session:
        return session.scalars(select(Exposure.id)).one()


def test_reconciling_counts_what_differed_and_repairs_it(
    own_engine: Engine, run: Callable[..., list[dict[str, object]]]
) -> None:
    exposure_id = affected_shop(own_engine)
    assert run("reconcile") == [{"differences": 0}]
    with writing(own_engine) as session:
        session.execute(update(Exposure).where(Exposure.id == exposure_id).values(status="resolved"))
    assert run("reconcile") == [{"differences": 1}]
    assert exposures(own_engine) == [("open", "present")]
    assert run("reconcile") == [{"differences": 0}]


def test_what_was_accepted_until_now_is_open_again(
    own_engine: Engine, run: Callable[..., list[dict[str, object]]]
) -> None:
    exposure_id = affected_shop(own_engine)
    until = NOON + timedelta(days=7)
    with writing(own_engine) as session:
        decision = Decision(to="risk_accepted", reason="the tunnel is closed", expires_at=until)
        transition(session, exposure_id, decision, actor=SYSTEM, now=NOON)
    assert run("end-acceptances", now=until - timedelta(seconds=1)) == [{"ended": 0}]
    assert run("end-acceptances", now=until) == [{"ended": 1}]
    assert exposures(own_engine) == [("open", "present")]
