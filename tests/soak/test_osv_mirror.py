"""The whole mirror through the feed: complete, idle the second time, exact the third."""

import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from heard import capture_logs
from sboms import make_sbom
from sqlalchemy import Engine, func, select, text

from service.advisories.feed_client import open_feed
from service.advisories.feeds import freshness
from service.advisories.models import Advisory, Feed, FeedAdvisory, Match, Vulnerability, VulnerabilityAdvisory
from service.advisories.osv_record import read_record
from service.advisories.storing import store
from service.advisories.syncing import Synced, sync_ecosystem
from service.db import reading, writing
from service.flows.applying import apply_feed
from service.flows.bundling import make_bundle
from service.flows.receiving import Request, receive_upload
from service.incidents.models import Exposure

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


def sync(engine: Engine, folder: Path, *ecosystems: str) -> dict[str, Synced]:
    with open_feed(folder.as_uri()) as client:
        return {
            ecosystem: sync_ecosystem(engine, client, ecosystem, now=NOON)
            for ecosystem in ecosystems or client.ecosystems()
        }


def archived(folder: Path) -> dict[str, set[str]]:
    found = {}
    for path in folder.glob("*/all.zip"):
        with zipfile.ZipFile(path) as archive:
            found[path.parent.name] = {name.removesuffix(".json") for name in archive.namelist()}
    return found


def test_the_mirror_is_taken_in_full_and_nothing_is_done_twice(
    engine: Engine, corpus: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = corpus("osv")
    first = sync(engine, folder)
    expected = archived(folder)

    assert [s for s in first.values() if s.error or s.trouble or s.missing or s.outdated or s.malformed] == []
    with reading(engine) as session:
        counts = session.execute(
            select(Feed.ecosystem, func.count()).join(FeedAdvisory, FeedAdvisory.feed_id == Feed.id).group_by(Feed.id)
        ).all()
        stored = set(session.scalars(select(Advisory.osv_id)))
        reasons = session.execute(
            text("SELECT each ->> 'reason', count(*) FROM advisory, jsonb_array_elements(unevaluated) each GROUP BY 1")
        ).all()
    assert dict(counts) == {ecosystem: len(ids) for ecosystem, ids in expected.items()}
    assert stored == set().union(*expected.values())
    with capsys.disabled():
        print("\nunevaluated:", dict(Counter(dict(reasons)).most_common()))

    again = sync(engine, folder)
    assert [s for s in again.values() if s.added or s.changed or s.vanished or s.stored] == []


def test_the_next_edition_of_a_feed_brings_exactly_what_changed(engine: Engine, corpus: Callable[[str], Path]) -> None:
    # The two editions lie in different places; a feed is known by its address, so the first is moved under the second.
    before, after = corpus("osv-prev"), corpus("osv")
    sync(engine, before, "Go", "crates.io")
    with writing(engine) as session:
        for feed in session.scalars(select(Feed)):
            feed.url = after.as_uri()
        withdrawn_before = set(session.scalars(select(Advisory.osv_id).where(Advisory.withdrawn_at.is_not(None))))

    synced = sync(engine, after, "Go", "crates.io")

    # The later edition also has records of GitHub's and of malware, which the earlier one leaves out.
    assert {e: (s.added, s.changed, s.vanished) for e, s in synced.items()} == {
        "Go": (505 + 30, 16, 0),
        "crates.io": (79 + 20, 27, 0),
    }
    with reading(engine) as session:
        withdrawn = set(session.scalars(select(Advisory.osv_id).where(Advisory.withdrawn_at.is_not(None))))
        records = session.execute(select(Advisory.osv_id, Advisory.record)).all()
    assert len({osv_id for osv_id in withdrawn - withdrawn_before if osv_id.startswith("GO-")}) == 8
    assert dict(records) == contents(after, "Go") | contents(after, "crates.io")


def contents(folder: Path, ecosystem: str) -> dict[str, object]:
    with zipfile.ZipFile(folder / ecosystem / "all.zip") as archive:
        return {record["id"]: record for name in archive.namelist() if (record := orjson.loads(archive.read(name)))}


def test_the_published_records_of_the_xz_backdoor_are_one_vulnerability(
    engine: Engine, corpus: Callable[[str], Path]
) -> None:
    raws = [path.read_bytes() for path in sorted(corpus("xz-scenario/advisories").glob("*.json"))]
    assert len(raws) == 5
    with writing(engine) as session:
        store(session, [read_record(raw) for raw in raws])
        linked = session.execute(
            select(Vulnerability.name, func.count())
            .join(VulnerabilityAdvisory, VulnerabilityAdvisory.vulnerability_id == Vulnerability.id)
            .group_by(Vulnerability.name)
        ).all()

    assert dict(linked) == {"CVE-2024-3094": 5}


def test_records_that_claim_a_bare_distribution_are_taken_and_open_nothing(
    engine: Engine, corpus: Callable[[str], Path]
) -> None:
    """Another distribution's records in the folder of Alpine, as they were published, with ids of their own.

    They are records like any other: well-formed, listed, and the feed's to correct. So all of them are taken, and what
    they name is shown. But they speak of no release, so none of their matches is certain, and nothing opens.
    """
    hostile = corpus("osv-hostile")
    calico = "pkg:apk/alpine/calico-fips@3.28.5-r3?distro=alpine-3.18.4"
    receive_upload(engine, make_sbom(calico), Request("shop", actor="ci"), now=NOON)

    with capture_logs() as logs:
        (synced,) = apply_feed(engine, hostile.as_uri(), ["Alpine"], now=NOON)

    assert (synced.stored, synced.malformed, synced.error, synced.trouble, logs) == (2127, {}, None, None, [])
    with reading(engine) as session:
        (feed,) = freshness(session, now=NOON, sync_every=timedelta(minutes=15))
        matched = session.execute(
            select(Match.certainty, func.count())
            .join(Advisory, Advisory.id == Match.advisory_id)
            .where(Advisory.osv_id.like("CLEANSTART-%"))
            .group_by(Match.certainty)
        ).all()
        assert session.scalar(select(func.count()).select_from(Exposure)) == 0
    assert (feed.state, feed.record_count) == ("fresh", 2127)
    assert [certainty for certainty, _ in matched] == ["possible"]
    # The real records of Alpine beside them have other ids: neither replaces the other, whichever came first.
    (real,) = apply_feed(engine, corpus("osv").as_uri(), ["Alpine"], now=NOON)
    assert (real.added, real.vanished, real.known) == (2576, 0, 0)


def test_the_edition_before_as_a_bundle_and_the_one_after_it(
    engine: Engine, corpus: Callable[[str], Path], tmp_path: Path
) -> None:
    for name, at in (("osv-prev", NOON), ("osv", NOON + timedelta(days=1))):
        make_bundle(
            _moved(corpus(name), tmp_path / "feed"), tmp_path / f"{name}.tar", ["Go", "crates.io"], signals={}, now=at
        )
    first = apply_feed(engine, (tmp_path / "osv-prev.tar").as_uri(), "all", now=NOON)
    second = apply_feed(engine, (tmp_path / "osv.tar").as_uri(), "all", now=NOON + timedelta(days=1))
    back = apply_feed(engine, (tmp_path / "osv-prev.tar").as_uri(), "all", now=NOON + timedelta(days=1))

    assert [each.error for each in first] == [None, None]
    assert {each.ecosystem: (each.added, each.changed, each.vanished) for each in second} == {
        "Go": (505 + 30, 16, 0),
        "crates.io": (79 + 20, 27, 0),
    }
    assert [(each.stored, bool(each.note)) for each in back] == [(0, True), (0, True)]


def _moved(folder: Path, place: Path) -> str:
    """Let two editions lie at one address, one after the other."""
    place.unlink(missing_ok=True)
    place.symlink_to(folder)
    return place.as_uri()
