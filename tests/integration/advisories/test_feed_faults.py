"""A feed that fails, in each way that a server, a network or an archive can: what is kept, what is said, and where."""

import zipfile
from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from heard import capture_logs
from osv_bucket import Bucket, Fault, Record, make_record, serve_bucket, to_bytes, write_ecosystem
from own_certificate import server_context
from sqlalchemy import Engine, func, select

from service.advisories.feed_client import Patience, open_feed
from service.advisories.feeds import Freshness, freshness
from service.advisories.models import Advisory, FeedAdvisory
from service.advisories.syncing import Synced, sync_ecosystem
from service.db import reading

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
EVERY = timedelta(minutes=15)
LATER = "2024-05-01T12:00:00Z"
HASTY = Patience(
    attempts=2,
    first_wait=timedelta(milliseconds=1),
    longest_wait=timedelta(seconds=1),
    connect=timedelta(seconds=2),
    silence=timedelta(milliseconds=300),
)
INDEX, ARCHIVE = "npm/modified_id.csv", "npm/all.zip"
PAGE = b"<!DOCTYPE html><title>Sign in to the network</title>"


def package(number: int, **fields: object) -> Record:
    return make_record(f"GHSA-{number:04}", f"npm/package-{number}", "introduced 0", "fixed 2.0", **fields)  # type: ignore[arg-type]


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_ecosystem(tmp_path, "npm", [package(n) for n in range(40)])
    return tmp_path


def sync(engine: Engine, url: str, *, at: datetime = NOON, accepted: int = 0) -> Synced:
    with open_feed(url, HASTY) as client:
        return sync_ecosystem(engine, client, "npm", now=at, accepted=accepted)


def state(engine: Engine, *, at: datetime = NOON) -> Freshness:
    with reading(engine) as session:
        (one,) = freshness(session, now=at, sync_every=EVERY)
    return one


def carried(engine: Engine) -> tuple[int, int]:
    """Count advisories that are not withdrawn, and what the feed is noted to carry."""
    with reading(engine) as session:
        live = session.scalar(select(func.count()).select_from(Advisory).where(Advisory.withdrawn_at.is_(None)))
        return live or 0, session.scalar(select(func.count()).select_from(FeedAdvisory)) or 0


def events(logs: Sequence[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    """Give what was logged, but for the retries, of which each is."""
    return [(entry["log_level"], entry["event"]) for entry in logs if not entry["event"].startswith("stamina")]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(429, {"Retry-After": "0"}), "answered 429"),
        (Fault(429, {"Retry-After": "99999999999999999999"}), "answered 429"),
        (Fault(503, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}), "answered 503"),
        (Fault(503, {"Retry-After": "soon"}), "answered 503"),
        (Fault(500), "answered 500"),
        (Fault(403), "answered 403"),
        (Fault(302, {"Location": f"/{INDEX}"}), "redirect"),
        (Fault(302, {"Location": "ftp://elsewhere.example/"}), "ftp"),
        (Fault(share=0.5), "closed connection"),
        (Fault(share=0), "disconnected"),
        (Fault(silence_seconds=5), "timed out"),
        (Fault(body=PAGE, headers={"Content-Type": "text/html; charset=utf-8"}), "a web page"),
        (Fault(body=PAGE), "this is no index"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_lasting_fault_is_told_and_costs_nothing_that_was_there(
    engine: Engine, folder: Path, bucket: Bucket, fault: Fault, why: str
) -> None:
    sync(engine, bucket.url)
    write_ecosystem(folder, "npm", [package(n) for n in range(41)], singles=True)
    bucket.faults[INDEX] = [fault] * 30

    with capture_logs() as logs:
        synced = sync(engine, bucket.url, at=NOON + EVERY)

    assert why in (synced.error or "").lower()
    assert events(logs) == [("warning", "feed failed")]
    assert (state(engine).state, state(engine).last_error) == ("failing", synced.error)
    assert (carried(engine), state(engine).as_of) == ((40, 40), NOON)
    # And when it passes, nothing is left of it.
    bucket.faults.clear()
    assert sync(engine, bucket.url, at=NOON + 2 * EVERY).stored == 1
    assert (state(engine).state, state(engine).last_error) == ("fresh", None)


@pytest.mark.parametrize("path", [INDEX, ARCHIVE])
def test_a_server_that_fails_a_few_times_and_then_does_not_is_no_failure(
    engine: Engine, bucket: Bucket, path: str
) -> None:
    bucket.faults[path] = [Fault(503, {"Retry-After": "0"})]

    with capture_logs() as logs:
        assert sync(engine, bucket.url).stored == 40

    assert (events(logs), state(engine).state) == ([], "fresh")


def test_nobody_at_the_other_end_is_a_failure_like_any(engine: Engine) -> None:
    for url in ("http://127.0.0.1:9/", "http://feed.invalid/", "http://[::1]:9/"):
        with capture_logs() as logs:
            assert sync(engine, url).error
        assert events(logs) == [("warning", "feed failed")]
    with reading(engine) as session:
        assert {one.state for one in freshness(session, now=NOON, sync_every=EVERY)} == {"never"}


def test_a_certificate_that_nobody_vouches_for_is_refused(engine: Engine, folder: Path, tmp_path: Path) -> None:
    with serve_bucket(folder, context=server_context(tmp_path)) as bucket:
        synced = sync(engine, bucket.url)

    assert "certificate" in (synced.error or "").lower()
    assert (bucket.requests, state(engine).state) == ([], "never")


def test_a_password_in_the_address_is_kept_to_ourselves(engine: Engine, bucket: Bucket) -> None:
    secret = bucket.url.replace("//", "//mirror:correct-horse@")
    bucket.faults[INDEX] = [Fault(403)]

    with capture_logs() as logs:
        synced = sync(engine, secret)

    assert "correct-horse" not in f"{synced}{logs}{state(engine)}"
    assert state(engine).url == bucket.url


# --- archives --------------------------------------------------------------------------------------------------------


def pack(folder: Path, entries: Sequence[tuple[str, bytes]]) -> None:
    """Write an archive in the place of the bucket's."""
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in entries:
            archive.writestr(name, raw)


def test_of_a_truncated_archive_what_is_whole_is_kept_and_the_rest_asked_for_again(
    engine: Engine, folder: Path, bucket: Bucket
) -> None:
    whole = (folder / ARCHIVE).read_bytes()
    (folder / ARCHIVE).write_bytes(whole[: len(whole) // 2])

    with capture_logs() as logs:
        synced = sync(engine, bucket.url)

    kept = synced.stored
    assert 0 < kept < 40
    assert "the archive is damaged" in (synced.error or "")
    assert (events(logs), state(engine).state) == ([("warning", "feed failed")], "never")
    assert carried(engine) == (kept, kept)
    (folder / ARCHIVE).write_bytes(whole)
    again = sync(engine, bucket.url)
    assert (again.added, again.stored, carried(engine)) == (40 - kept, 40 - kept, (40, 40))
    assert state(engine).state == "fresh"


def test_an_entry_with_a_wrong_checksum_costs_only_itself(engine: Engine, folder: Path, bucket: Bucket) -> None:
    records = [(f"GHSA-{n:04}.json", to_bytes(package(n))) for n in range(40)]
    pack(folder, records)
    with zipfile.ZipFile(folder / ARCHIVE) as archive:
        start = archive.getinfo("GHSA-0017.json").header_offset + 60
    damaged = bytearray((folder / ARCHIVE).read_bytes())
    damaged[start] ^= 0xFF
    (folder / ARCHIVE).write_bytes(damaged)

    synced = sync(engine, bucket.url)

    assert (synced.stored, state(engine).state) == (39, "never")
    assert "1 records in it cannot be read (GHSA-0017)" in (synced.error or "")
    (folder / "npm" / "GHSA-0017.json").write_bytes(to_bytes(package(17)))
    assert (sync(engine, bucket.url).stored, state(engine).state) == (1, "fresh")


def test_strange_names_in_an_archive_lead_nowhere(engine: Engine, folder: Path, bucket: Bucket) -> None:
    entries = [(f"GHSA-{n:04}.json", to_bytes(package(n))) for n in range(40)]
    strange = [("../../GHSA-0000.json", to_bytes(package(0))), ("/etc/passwd", b"x"), ("GHSA-0001.json/", b"")]
    with pytest.warns(UserWarning, match="Duplicate name"):
        pack(folder, [("GHSA-0003.json", b"{}"), *entries, *strange])

    assert sync(engine, bucket.url).stored == 40, "of twins the last counts"


def test_a_bomb_is_left_alone(engine: Engine, folder: Path, bucket: Bucket) -> None:
    nothing = bytes(33 * 2**20)
    pack(folder, [(f"GHSA-{n:04}.json", nothing if n < 1 else to_bytes(package(n))) for n in range(40)])

    synced = sync(engine, bucket.url)

    # One that is too large is listed; it is the archive as a whole that may not grow without end.
    assert (synced.stored, list(synced.malformed), synced.error) == (39, ["GHSA-0000"], None)


def test_an_archive_that_breaks_off_goes_on_where_it_broke(engine: Engine, folder: Path, bucket: Bucket) -> None:
    size = (folder / ARCHIVE).stat().st_size
    bucket.faults[ARCHIVE] = [Fault(share=0.5)] * 4

    assert sync(engine, bucket.url).stored == 40

    assert bucket.asked(ARCHIVE) == [200, 206, 206, 206, 206]
    index = (folder / INDEX).stat().st_size
    assert bucket.sent_bytes == size + index, "no byte was sent twice"


def test_where_a_server_gives_no_parts_or_has_another_file_by_now_it_begins_anew(
    engine: Engine, bucket: Bucket
) -> None:
    bucket.ranges = False
    bucket.faults[ARCHIVE] = [Fault(share=0.5)]

    assert sync(engine, bucket.url).stored == 40
    assert bucket.asked(ARCHIVE) == [200, 200]


# --- an index that lies ----------------------------------------------------------------------------------------------


def test_an_index_of_which_half_is_nowhere_is_no_success_even_while_nothing_is_asked_for(
    engine: Engine, folder: Path, bucket: Bucket
) -> None:
    with (folder / INDEX).open("a") as index:
        index.writelines(f"{LATER},GHSA-9{n:03}\n" for n in range(40))

    for tick in range(2):
        synced = sync(engine, bucket.url, at=NOON + tick * EVERY / 3)
        assert "40 of 80 records that the index lists cannot be had" in (synced.error or "")
        assert (state(engine).state, state(engine).missing_count, carried(engine)) == ("never", 40, (40, 40))
    assert bucket.asked(ARCHIVE) == [200]


@pytest.mark.parametrize("left", [20, 0], ids=["half", "nothing"])
def test_a_feed_that_shrinks_is_held_loudly_until_somebody_agrees(
    engine: Engine, folder: Path, bucket: Bucket, left: int
) -> None:
    sync(engine, bucket.url)
    write_ecosystem(folder, "npm", [package(n, modified=LATER) for n in range(left)], singles=True)

    with capture_logs() as logs:
        sync(engine, bucket.url, at=NOON + EVERY)

    assert events(logs) == [("error", "vanished advisories held")]
    assert (logs[0]["ecosystem"], logs[0]["count"]) == ("npm", 40 - left)
    held = state(engine, at=NOON + EVERY)
    assert (held.state, held.held_count, held.record_count, held.as_of) == ("held", 40 - left, 40, NOON)
    assert "muster advisories sync --accept-shrink npm" in (held.last_error or "")
    assert state(engine, at=NOON + 5 * EVERY).stale, "while it is held, nobody knows what it does not say"
    assert sync(engine, bucket.url, at=NOON + EVERY, accepted=40 - left).vanished == 40 - left
    assert (state(engine).state, carried(engine)) == ("fresh", (left, left))


def test_a_feed_that_comes_back_needs_nobody_to_agree(engine: Engine, folder: Path, bucket: Bucket) -> None:
    sync(engine, bucket.url)
    write_ecosystem(folder, "npm", [])
    sync(engine, bucket.url)
    write_ecosystem(folder, "npm", [package(n) for n in range(40)])
    sync(engine, bucket.url)

    assert (state(engine).state, state(engine).held_count, carried(engine)) == ("fresh", 0, (40, 40))


def test_a_date_that_was_wrong_can_be_corrected(engine: Engine, folder: Path, bucket: Bucket) -> None:
    def edition(modified: str, fixed: str) -> None:
        record = make_record("GHSA-0000", "npm/package-0", "introduced 0", f"fixed {fixed}", modified=modified)
        write_ecosystem(folder, "npm", [record, *(package(n) for n in range(1, 40))])

    edition("2031-01-01T00:00:00Z", "2.0")
    sync(engine, bucket.url)
    edition(LATER, "3.0")

    assert sync(engine, bucket.url).stored == 1
    with reading(engine) as session:
        record = session.scalars(select(Advisory.record).where(Advisory.osv_id == "GHSA-0000")).one()
    assert "3.0" in str(record)


def test_an_archive_that_is_a_web_page_is_no_archive(engine: Engine, folder: Path, bucket: Bucket) -> None:
    bucket.faults[ARCHIVE] = [Fault(body=PAGE)] * 2

    assert "the archive is damaged" in (sync(engine, bucket.url).error or "")
    assert zipfile.is_zipfile(BytesIO((folder / ARCHIVE).read_bytes()))
    assert sync(engine, bucket.url).error
    assert sync(engine, bucket.url).stored == 40


def test_a_web_page_instead_of_a_record_is_not_taken_for_one(engine: Engine, folder: Path, bucket: Bucket) -> None:
    write_ecosystem(folder, "npm", [package(n) for n in range(5)], singles=True)
    bucket.faults["npm/GHSA-0002.json"] = [Fault(body=PAGE, headers={"Content-Type": "text/html"})] * 2

    assert "a web page" in (sync(engine, bucket.url).error or "")
    assert (sync(engine, bucket.url).malformed, carried(engine)) == ({}, (5, 5))
