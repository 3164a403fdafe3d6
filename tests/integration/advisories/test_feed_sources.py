"""Several sources of the same advisories: who carries what, what a second one costs, and when one no longer counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from heard import capture_logs
from osv_bucket import Record, make_affected, make_record, serve_bucket, write_ecosystem
from sqlalchemy import Engine, select

from service.advisories.feed_client import open_feed
from service.advisories.feed_loss import LAPSES_AFTER
from service.advisories.feeds import freshness
from service.advisories.models import Advisory, Feed
from service.advisories.syncing import Synced, sync_ecosystem
from service.db import reading

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
EARLIER, LATER = "2024-03-01T12:00:00Z", "2024-05-01T12:00:00Z"
DAY = timedelta(days=1)


def package(number: int, **fields: object) -> Record:
    return make_record(f"GHSA-{number:04}", f"npm/package-{number}", "introduced 0", "fixed 2.0", **fields)  # type: ignore[arg-type]


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


def sync(
    engine: Engine, source: Path | str, ecosystem: str = "npm", *, at: datetime = NOON, accepted: int = 0
) -> Synced:
    with open_feed(source if isinstance(source, str) else source.as_uri()) as client:
        return sync_ecosystem(engine, client, ecosystem, now=at, accepted=accepted)


def live(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.scalars(select(Advisory.osv_id).where(Advisory.withdrawn_at.is_(None))))


def urls(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.scalars(select(Feed.url)))


# --- records that move -----------------------------------------------------------------------------------------------


def moving(modified: str, ecosystem: str, fixed: str) -> Record:
    return make_record("GHSA-9999", f"{ecosystem}/mover", "introduced 0", f"fixed {fixed}", modified=modified)


@pytest.mark.parametrize("order", [("npm", "PyPI"), ("PyPI", "npm")], ids=["stale copy first", "stale copy last"])
def test_of_a_record_in_two_folders_the_newest_wins_in_any_order(
    engine: Engine, tmp_path: Path, order: tuple[str, str]
) -> None:
    write_ecosystem(tmp_path, "npm", [moving(EARLIER, "npm", "1.0")])
    write_ecosystem(tmp_path, "PyPI", [moving(LATER, "PyPI", "2.0")])
    for ecosystem in order:
        sync(engine, tmp_path, ecosystem)

    with reading(engine) as session:
        record = session.scalars(select(Advisory.record)).one()
    assert record["affected"] == [make_affected("PyPI/mover", "introduced 0", "fixed 2.0")]
    assert [sync(engine, tmp_path, ecosystem).stored for ecosystem in order] == [0, 0]


def test_a_record_that_leaves_one_folder_and_stays_in_another_is_not_gone(engine: Engine, tmp_path: Path) -> None:
    others = [package(n) for n in range(12)]
    write_ecosystem(tmp_path, "npm", [*others, moving(EARLIER, "npm", "1.0")])
    write_ecosystem(tmp_path, "PyPI", [moving(LATER, "PyPI", "2.0"), *(package(n) for n in range(20, 32))])
    sync(engine, tmp_path, "npm")
    sync(engine, tmp_path, "PyPI")

    write_ecosystem(tmp_path, "npm", others)
    sync(engine, tmp_path, "npm")
    assert "GHSA-9999" in live(engine)
    write_ecosystem(tmp_path, "PyPI", [package(n) for n in range(20, 32)])
    sync(engine, tmp_path, "PyPI")
    assert "GHSA-9999" not in live(engine)


def test_what_is_withdrawn_and_published_again_goes_and_comes(engine: Engine, tmp_path: Path) -> None:
    editions = [
        {"modified": EARLIER},
        {"modified": "2024-03-02T00:00:00Z", "withdrawn": "2024-03-02T00:00:00Z"},
        {"modified": "2024-03-03T00:00:00Z"},
    ]
    seen = []
    for edition in editions:
        write_ecosystem(tmp_path, "npm", [package(0, **edition), package(1)])
        assert sync(engine, tmp_path).held == 0
        seen.append("GHSA-0000" in live(engine))
    assert seen == [True, False, True]


# --- sources ---------------------------------------------------------------------------------------------------------


def test_a_second_source_of_the_same_records_costs_an_index(engine: Engine, tmp_path: Path) -> None:
    write_ecosystem(tmp_path, "npm", [package(n) for n in range(30)])
    sync(engine, tmp_path)
    with serve_bucket(tmp_path) as bucket:
        synced = sync(engine, bucket.url)
        assert [path for path, _ in bucket.requests] == ["npm/modified_id.csv"]

    assert (synced.known, synced.stored, synced.error) == (30, 0, None)


def test_an_advisory_is_gone_when_no_source_carries_it(engine: Engine, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        write_ecosystem(folder, "npm", [package(n) for n in range(12)])
        sync(engine, folder)

    write_ecosystem(one, "npm", [package(n) for n in range(11)])
    assert sync(engine, one, at=NOON + DAY).vanished == 1
    assert "GHSA-0011" in live(engine), "the other still carries it"
    write_ecosystem(other, "npm", [package(n) for n in range(11)])
    sync(engine, other, at=NOON + DAY)
    assert "GHSA-0011" not in live(engine)


def test_a_source_that_was_used_once_does_not_keep_alive_for_ever_what_vanished(engine: Engine, tmp_path: Path) -> None:
    once, always = tmp_path / "once", tmp_path / "always"
    for folder in (once, always):
        write_ecosystem(folder, "npm", [package(n) for n in range(12)])
        sync(engine, folder)
    write_ecosystem(always, "npm", [package(n) for n in range(11)])

    sync(engine, always, at=NOON + LAPSES_AFTER)
    assert (len(live(engine)), len(urls(engine))) == (12, 2)
    with capture_logs() as logs:
        synced = sync(engine, always, at=NOON + LAPSES_AFTER + timedelta(seconds=1))
    assert (synced.vanished, len(live(engine)), urls(engine)) == (1, 11, {always.as_uri()})
    assert [entry["event"] for entry in logs] == ["feeds that nobody uses any longer are forgotten"]


def test_a_source_that_had_much_more_than_the_one_in_use_is_not_let_go_silently(engine: Engine, tmp_path: Path) -> None:
    rich, poor = tmp_path / "rich", tmp_path / "poor"
    write_ecosystem(rich, "npm", [package(n) for n in range(60)])
    write_ecosystem(poor, "npm", [package(n) for n in range(30)])
    sync(engine, rich)
    sync(engine, poor)
    late = NOON + LAPSES_AFTER + DAY

    assert (sync(engine, poor, at=late).held, len(live(engine))) == (30, 60)
    with reading(engine) as session:
        states = {feed.url: feed.state for feed in freshness(session, now=late, sync_every=DAY)}
    assert states == {rich.as_uri(): "stale", poor.as_uri(): "held"}
    assert (sync(engine, poor, at=late, accepted=30).vanished, len(live(engine))) == (30, 30)
    assert urls(engine) == {poor.as_uri()}
