"""A whole feed: which ecosystems are taken, and what happens when one, or the feed itself, goes away."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from heard import capture_logs
from osv_bucket import Fault, make_record, serve_bucket, write_ecosystem
from sboms import make_sbom
from sqlalchemy import Engine, func, select

from service.advisories.feed_client import Patience
from service.advisories.feeds import Freshness, freshness, never_tried
from service.advisories.models import Advisory
from service.advisories.syncing import Progress
from service.db import reading
from service.errors import UpstreamUnavailable
from service.flows.applying import apply_feed
from service.flows.receiving import Request, receive_upload

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
EVERY = timedelta(minutes=15)
HASTY = Patience(attempts=1, longest_wait=timedelta(seconds=1))


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for ecosystem in ("npm", "PyPI", "Debian"):
        names = [f"{ecosystem}-{n}" for n in range(5)]
        write_ecosystem(
            tmp_path, ecosystem, [make_record(n, f"{ecosystem}/{n.lower()}", "introduced 0") for n in names]
        )
    return tmp_path


def states(engine: Engine) -> dict[str, Freshness]:
    with reading(engine) as session:
        return {feed.ecosystem: feed for feed in freshness(session, now=NOON, sync_every=EVERY)}


def live(engine: Engine) -> int:
    with reading(engine) as session:
        statement = select(func.count()).select_from(Advisory).where(Advisory.withdrawn_at.is_(None))
        return session.scalar(statement) or 0


def lose(folder: Path, *left: str) -> None:
    (folder / "ecosystems.txt").write_text("".join(f"{name}\n" for name in left))


def test_an_ecosystem_that_the_feed_no_longer_lists_is_held_until_somebody_agrees(engine: Engine, folder: Path) -> None:
    apply_feed(engine, folder.as_uri(), "all", now=NOON)
    lose(folder, "npm", "Debian")

    with capture_logs() as logs:
        apply_feed(engine, folder.as_uri(), "all", now=NOON + EVERY)

    assert [(entry["log_level"], entry["ecosystem"]) for entry in logs] == [("error", "PyPI")]
    held = states(engine)["PyPI"]
    assert (held.state, held.held_count, live(engine)) == ("held", 5, 15)
    assert "--accept-shrink PyPI" in (held.last_error or "")
    apply_feed(engine, folder.as_uri(), "all", now=NOON + EVERY, accepted={"PyPI": 5})
    assert (set(states(engine)), live(engine)) == ({"npm", "Debian"}, 10)


def test_an_ecosystem_that_is_listed_again_is_taken_again(engine: Engine, folder: Path) -> None:
    apply_feed(engine, folder.as_uri(), "all", now=NOON)
    lose(folder, "npm", "Debian")
    apply_feed(engine, folder.as_uri(), "all", now=NOON)
    lose(folder, "npm", "Debian", "PyPI")
    apply_feed(engine, folder.as_uri(), "all", now=NOON)

    assert {feed.state for feed in states(engine).values()} == {"fresh"}


@pytest.mark.parametrize("listing", ["", "\n\n"])
def test_a_feed_that_lists_nothing_has_failed(engine: Engine, folder: Path, listing: str) -> None:
    apply_feed(engine, folder.as_uri(), "all", now=NOON)
    (folder / "ecosystems.txt").write_text(listing)

    with capture_logs() as logs, pytest.raises(UpstreamUnavailable, match="lists no ecosystems"):
        apply_feed(engine, folder.as_uri(), "all", now=NOON)

    assert [(entry["log_level"], entry["event"]) for entry in logs] == [("warning", "feed failed")]
    assert ({feed.state for feed in states(engine).values()}, live(engine)) == ({"failing"}, 15)


def test_a_feed_that_is_not_there_any_more_says_so_in_each_ecosystem(engine: Engine, folder: Path) -> None:
    apply_feed(engine, folder.as_uri(), "all", now=NOON)
    folder.rename(folder.with_name("elsewhere"))

    with pytest.raises(UpstreamUnavailable, match="there is no folder"):
        apply_feed(engine, folder.as_uri(), "all", now=NOON)
    assert {feed.state for feed in states(engine).values()} == {"failing"}


def test_a_server_that_wants_peace_is_left_in_peace(engine: Engine, folder: Path) -> None:
    with serve_bucket(folder) as bucket:
        bucket.faults["npm/modified_id.csv"] = [Fault(429, {"Retry-After": "3600"})]
        lose(folder, "npm", "PyPI", "Debian")
        results = apply_feed(engine, bucket.url, "all", now=NOON, patience=HASTY)

    assert [(each.ecosystem, bool(each.error)) for each in results] == [("npm", True), ("PyPI", True), ("Debian", True)]
    assert [path for path, _ in bucket.requests] == ["ecosystems.txt", "npm/modified_id.csv"]
    assert "wants to be left alone" in (states(engine)["PyPI"].last_error or "")


def test_of_used_ecosystems_suffixes_count_as_their_folder_and_what_the_feed_lacks_is_seen(
    engine: Engine, folder: Path
) -> None:
    zlib = "pkg:deb/debian/zlib1g@1.2.13?arch=amd64&distro=debian-12"
    receive_upload(engine, make_sbom(zlib, "pkg:cargo/serde@1.0.0"), Request("shop", actor="ci"), now=NOON)

    results = apply_feed(engine, folder.as_uri(), "used", now=NOON)

    assert [each.ecosystem for each in results] == ["Debian"]
    assert {name: feed.state for name, feed in states(engine).items()} == {"Debian": "fresh", "crates.io": "never"}
    assert states(engine)["crates.io"].last_error == "The feed has no ecosystem crates.io."
    with reading(engine) as session:
        assert never_tried(session) == []


def test_who_watches_sees_records_out_of_how_many(engine: Engine, folder: Path) -> None:
    seen: list[Progress] = []
    apply_feed(engine, folder.as_uri(), ["npm"], now=NOON, watch=seen.append)

    assert [(far.phase, far.done, far.total) for far in seen] == [("storing", 5, 5), ("matching", 0, None)]
