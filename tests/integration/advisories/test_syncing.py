"""A feed into the tables: what is fetched, what is left alone, and what happens when the feed fails."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from osv_bucket import Bucket, Fault, Record, make_record, to_bytes, write_ecosystem
from sqlalchemy import Engine, func, select

from service.advisories.feed_client import FeedUnavailable, Patience, open_feed
from service.advisories.feeds import ecosystems_in_use, freshness
from service.advisories.models import Advisory, Affected, Feed, FeedAdvisory
from service.advisories.syncing import Synced, sync_ecosystem
from service.db import reading

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
LATER = "2024-05-01T12:00:00Z"
QUICK = Patience(
    attempts=3,
    first_wait=timedelta(milliseconds=5),
    longest_wait=timedelta(seconds=2),
    silence=timedelta(seconds=5),
)
EVERY = timedelta(minutes=15)


def gem(number: int, **fields: object) -> Record:
    return make_record(f"GHSA-{number:04}", f"RubyGems/gem-{number}", "introduced 0", "fixed 2.0", **fields)  # type: ignore[arg-type]


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_ecosystem(tmp_path, "RubyGems", [gem(n) for n in range(30)])
    return tmp_path


def sync(engine: Engine, url: str, *, accepted: int = 0, at: datetime = NOON) -> Synced:
    with open_feed(url, QUICK) as client:
        return sync_ecosystem(engine, client, "RubyGems", now=at, accepted=accepted)


def count(engine: Engine, model: type) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def feed(engine: Engine) -> Feed:
    with reading(engine) as session:
        return session.scalars(select(Feed)).one()


def withdrawn(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return sorted(session.scalars(select(Advisory.osv_id).where(Advisory.withdrawn_at.is_not(None))))


def test_a_folder_is_taken_in_full_and_then_left_alone(engine: Engine, folder: Path) -> None:
    first = sync(engine, folder.as_uri())
    second = sync(engine, folder.as_uri())

    assert (first.added, first.stored, first.error) == (30, 30, None)
    assert (second.added, second.changed, second.stored) == (0, 0, 0)
    assert count(engine, Advisory) == count(engine, Affected) == count(engine, FeedAdvisory) == 30
    assert feed(engine).record_count == 30


def test_over_http_an_unchanged_index_is_not_even_sent(engine: Engine, bucket: Bucket) -> None:
    sync(engine, bucket.url)
    sync(engine, bucket.url)

    assert bucket.asked("RubyGems/modified_id.csv") == [200, 304]
    assert bucket.asked("RubyGems/all.zip") == [200]


def test_only_what_is_new_or_changed_is_asked_for(engine: Engine, folder: Path, bucket: Bucket) -> None:
    sync(engine, bucket.url)
    records = [gem(0, modified=LATER), *(gem(n) for n in range(1, 31))]
    write_ecosystem(folder, "RubyGems", records, singles=True)

    synced = sync(engine, bucket.url)

    assert (synced.added, synced.changed, synced.stored, synced.vanished) == (1, 1, 2, 0)
    assert {path for path, _ in bucket.requests[-2:]} == {"RubyGems/GHSA-0000.json", "RubyGems/GHSA-0030.json"}


def test_many_records_are_fetched_ten_at_a_time_when_the_archive_is_large(
    engine: Engine, folder: Path, bucket: Bucket
) -> None:
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(30)], singles=True)
    archive = folder / "RubyGems" / "all.zip"
    archive.write_bytes(bytes(30 * 2**16) + archive.read_bytes())

    assert sync(engine, bucket.url).stored == 30
    assert bucket.asked("RubyGems/all.zip") == []
    assert 2 <= bucket.most_at_once <= 10


def test_a_mirror_that_gives_only_dates_is_asked_with_those(engine: Engine, folder: Path, bucket: Bucket) -> None:
    bucket.tags = False
    long_ago = (NOON - timedelta(days=1)).timestamp()
    os.utime(folder / "RubyGems" / "modified_id.csv", (long_ago, long_ago))

    sync(engine, bucket.url)
    sync(engine, bucket.url)

    assert bucket.asked("RubyGems/modified_id.csv") == [200, 304]


def test_a_mirror_without_single_records_gives_them_from_its_archive(engine: Engine, folder: Path) -> None:
    sync(engine, folder.as_uri())
    write_ecosystem(folder, "RubyGems", [gem(0, modified=LATER), *(gem(n) for n in range(1, 31))])

    assert sync(engine, folder.as_uri()).stored == 2


def test_a_record_dated_in_the_future_hides_no_update(engine: Engine, folder: Path) -> None:
    records = [gem(0, modified="2031-01-01T00:00:00Z"), *(gem(n) for n in range(1, 30))]
    write_ecosystem(folder, "RubyGems", records)
    sync(engine, folder.as_uri())

    write_ecosystem(folder, "RubyGems", [*records[:-1], gem(29, modified=LATER)])

    assert sync(engine, folder.as_uri()).stored == 1


def test_what_vanished_is_withdrawn_and_returns(engine: Engine, folder: Path) -> None:
    sync(engine, folder.as_uri())
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(28)])

    synced = sync(engine, folder.as_uri())

    assert synced.vanished == 2
    assert withdrawn(engine) == ["GHSA-0028", "GHSA-0029"]
    assert count(engine, Affected) == 28
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(30)])
    sync(engine, folder.as_uri())
    assert withdrawn(engine) == []
    assert count(engine, Affected) == 30


def test_a_feed_that_loses_more_than_a_tenth_is_held_until_somebody_agrees(engine: Engine, folder: Path) -> None:
    sync(engine, folder.as_uri())
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(10)])

    held = sync(engine, folder.as_uri())

    assert (held.vanished, withdrawn(engine)) == (0, [])
    assert held.trouble is not None
    assert "20 advisories are gone" in held.trouble
    assert (feed(engine).last_error, feed(engine).held_count) == (held.trouble, 20)
    # Still so the next time, although the index has not changed since.
    assert sync(engine, folder.as_uri()).trouble == held.trouble
    # Whoever agreed has not agreed to more.
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(9)])
    assert sync(engine, folder.as_uri(), accepted=20).held == 21
    assert sync(engine, folder.as_uri(), accepted=21).vanished == 21
    assert (feed(engine).last_error, feed(engine).held_count) == (None, 0)


def test_a_malformed_record_is_listed_and_the_rest_is_taken(engine: Engine, folder: Path) -> None:
    broken = b'{"id": "GHSA-9999", "modified": "2024-04-01T12:00:00Z", "affected": "all of them"}'
    write_ecosystem(folder, "RubyGems", [gem(0), broken])

    synced = sync(engine, folder.as_uri())

    assert (synced.stored, list(synced.malformed)) == (1, ["GHSA-9999"])
    # It stays listed while other records come and go, and is not asked for again.
    write_ecosystem(folder, "RubyGems", [gem(0), broken, gem(1)])
    synced = sync(engine, folder.as_uri())
    assert (synced.added, synced.changed, list(synced.malformed)) == (1, 0, ["GHSA-9999"])
    # Until a later version is right.
    write_ecosystem(folder, "RubyGems", [gem(0), gem(9999, modified=LATER), gem(1)])
    synced = sync(engine, folder.as_uri())
    assert (synced.stored, synced.malformed) == (1, {})


def test_a_file_that_says_it_is_another_record_is_malformed(engine: Engine, folder: Path) -> None:
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(3)], singles=True)
    (folder / "RubyGems" / "GHSA-0001.json").write_bytes(to_bytes(gem(2)))

    assert list(sync(engine, folder.as_uri()).malformed) == ["GHSA-0001"]


def test_a_record_that_the_index_promises_but_nobody_has_is_asked_for_again(engine: Engine, folder: Path) -> None:
    index = folder / "RubyGems" / "modified_id.csv"
    index.write_text(index.read_text() + "2024-04-01T12:00:00Z,GHSA-9999\n")

    assert sync(engine, folder.as_uri()).missing == ["GHSA-9999"]
    assert sync(engine, folder.as_uri(), at=NOON + EVERY).missing == ["GHSA-9999"]
    write_ecosystem(folder, "RubyGems", [*(gem(n) for n in range(30)), gem(9999)])
    assert (sync(engine, folder.as_uri(), at=NOON + 3 * EVERY).stored, count(engine, Advisory)) == (1, 31)


def test_what_nobody_has_is_asked_for_ever_more_rarely_and_costs_no_archive(
    engine: Engine, folder: Path, bucket: Bucket
) -> None:
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(30)], singles=True)
    index = folder / "RubyGems" / "modified_id.csv"
    index.write_text(index.read_text() + "2024-04-01T12:00:00Z,GHSA-9999\n")

    for tick in range(20):
        sync(engine, bucket.url, at=NOON + tick * EVERY)

    # At the first sync from the archive, and alone; then alone, 1, 3, 7 and 15 ticks later.
    assert bucket.asked("RubyGems/all.zip") == [200]
    assert bucket.asked("RubyGems/GHSA-9999.json") == [404] * 5
    assert bucket.asked("RubyGems/modified_id.csv").count(304) == 15
    with reading(engine) as session:
        (fresh,) = freshness(session, now=NOON + 19 * EVERY, sync_every=EVERY)
    assert (fresh.state, fresh.missing_count) == ("fresh", 1)


def test_an_archive_behind_its_index_is_caught_up_with(engine: Engine, folder: Path) -> None:
    index = folder / "RubyGems" / "modified_id.csv"
    index.write_text(index.read_text().replace("2024-04-01T12:00:00Z,GHSA-0007", f"{LATER},GHSA-0007"))

    assert sync(engine, folder.as_uri()).outdated == {"GHSA-0007": NOON}
    (folder / "RubyGems" / "GHSA-0007.json").write_bytes(to_bytes(gem(7, modified=LATER)))
    synced = sync(engine, folder.as_uri(), at=NOON + EVERY)
    assert (synced.stored, synced.outdated) == (1, {})


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, {"Retry-After": "1"}),
        Fault(503, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT", "Date": "Thu, 01 Jan 1970 00:00:00 GMT"}),
        Fault(500),
        Fault(share=0.5),
        Fault(share=0),
    ],
    ids=["too many requests", "unavailable", "internal error", "half a body", "nothing"],
)
@pytest.mark.parametrize("path", ["RubyGems/modified_id.csv", "RubyGems/all.zip"])
def test_a_passing_fault_is_passed_over(engine: Engine, bucket: Bucket, path: str, fault: Fault) -> None:
    bucket.faults[path] = [fault]

    synced = sync(engine, bucket.url)

    assert (synced.stored, synced.error) == (30, None)


def test_the_server_says_how_long_to_wait(engine: Engine, bucket: Bucket) -> None:
    bucket.faults["RubyGems/all.zip"] = [Fault(429, {"Retry-After": "1"})]
    before = datetime.now(UTC)

    sync(engine, bucket.url)

    assert datetime.now(UTC) - before >= timedelta(seconds=1)


def test_a_wait_longer_than_our_patience_is_a_failure_at_once(engine: Engine, bucket: Bucket) -> None:
    bucket.faults["RubyGems/all.zip"] = [Fault(429, {"Retry-After": "3600"})]

    assert "answered 429" in (sync(engine, bucket.url).error or "")
    assert bucket.asked("RubyGems/all.zip") == [429]


def test_a_lasting_fault_is_recorded_and_the_next_sync_goes_on(engine: Engine, bucket: Bucket) -> None:
    bucket.faults["RubyGems/all.zip"] = [Fault(503)] * 3

    synced = sync(engine, bucket.url)

    assert "answered 503" in (synced.error or "")
    assert (feed(engine).last_error, feed(engine).succeeded_at) == (synced.error, None)
    assert sync(engine, bucket.url).stored == 30
    assert feed(engine).last_error is None


def test_a_sync_that_breaks_off_keeps_what_it_stored_and_asks_only_for_the_rest(
    engine: Engine, folder: Path, bucket: Bucket
) -> None:
    write_ecosystem(folder, "RubyGems", [gem(n) for n in range(9)], singles=True)
    bucket.faults["RubyGems/GHSA-0005.json"] = [Fault(503)] * 3

    with open_feed(bucket.url, QUICK) as client:
        assert sync_ecosystem(engine, client, "RubyGems", now=NOON, batch_size=2).error
    assert count(engine, Advisory) == count(engine, FeedAdvisory) == 5
    assert sync(engine, bucket.url).added == 4


def test_an_ecosystem_that_the_feed_lacks_is_a_recorded_failure(engine: Engine, bucket: Bucket) -> None:
    with open_feed(bucket.url, QUICK) as client:
        assert client.ecosystems() == ["RubyGems"]
        assert "does not exist" in (sync_ecosystem(engine, client, "CPAN", now=NOON).error or "")


@pytest.mark.parametrize("url", ["ftp://feed.example", "bucket", "file:///no/such/folder"])
def test_an_address_that_is_no_feed_is_refused(url: str) -> None:
    with pytest.raises(FeedUnavailable), open_feed(url):
        pass


def test_an_address_that_nobody_can_read_is_a_failure_of_the_feed() -> None:
    with open_feed("http://127.0.0.1:port/", QUICK) as client, pytest.raises(FeedUnavailable):
        client.ecosystems()


def test_names_cannot_lead_out_of_the_feed(folder: Path) -> None:
    (folder / "secret.json").write_text("{}")
    with open_feed(folder.as_uri()) as client:
        for ecosystem, osv_id in [("RubyGems", "../secret"), ("..", "secret"), ("RubyGems/..", "secret")]:
            with pytest.raises(FeedUnavailable):
                client.record(ecosystem, osv_id)


def test_a_feed_is_stale_when_it_never_succeeded_or_missed_four_syncs(engine: Engine, folder: Path) -> None:
    sync(engine, folder.as_uri())
    with open_feed(folder.as_uri()) as client:
        sync_ecosystem(engine, client, "CPAN", now=NOON)

    def stale(now: datetime) -> dict[str, bool]:
        with reading(engine) as session:
            return {each.ecosystem: each.stale for each in freshness(session, now=now, sync_every=EVERY)}

    assert stale(NOON + 4 * EVERY) == {"CPAN": True, "RubyGems": False}
    assert stale(NOON + 5 * EVERY) == {"CPAN": True, "RubyGems": True}


def test_an_idle_sync_renews_the_feeds_freshness(engine: Engine, folder: Path) -> None:
    sync(engine, folder.as_uri())
    sync(engine, folder.as_uri(), at=NOON + EVERY)

    assert feed(engine).succeeded_at == NOON + EVERY
    assert feed(engine).record_count == 30


def test_what_is_loaded_covers_nothing_before_it_is_settled(engine: Engine, folder: Path) -> None:
    seen: list[datetime | None] = []
    with open_feed(folder.as_uri(), QUICK) as client:
        sync_ecosystem(engine, client, "RubyGems", now=NOON, settle=lambda: seen.append(feed(engine).succeeded_at))
    assert count(engine, Advisory) == 30
    assert (seen, feed(engine).succeeded_at) == ([None], NOON)


def test_no_component_means_no_ecosystem_in_use(engine: Engine, folder: Path) -> None:
    sync(engine, folder.as_uri())

    with reading(engine) as session:
        assert ecosystems_in_use(session) == set()
