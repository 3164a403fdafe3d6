"""Bundles: an edition of a feed that is carried, whole or not at all, and is as old as it is."""

import gzip
import json
import tarfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from osv_bucket import Fault, Record, make_record, serve_bucket, to_bytes, write_ecosystem
from sqlalchemy import Engine, func, select

from service.advisories.feed_client import FeedUnavailable, Patience
from service.advisories.feeds import Freshness, freshness
from service.advisories.models import Advisory, Feed
from service.advisories.signal_models import Epss, Kev
from service.advisories.signals_syncing import Name
from service.advisories.syncing import Synced
from service.db import reading
from service.flows.applying import apply_feed
from service.flows.bundling import Bundled, NoPlaceForBundle, make_bundle

NOON = datetime(2024, 4, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HASTY = Patience(attempts=1, longest_wait=timedelta(seconds=1))
KEV = {
    "title": "CISA Catalog of Known Exploited Vulnerabilities",
    "catalogVersion": "2024.04.01",
    "dateReleased": "2024-04-01T10:00:00.0000Z",
    "count": 1,
    "vulnerabilities": [
        {
            "cveID": "CVE-2024-3094",
            "vendorProject": "Tukaani",
            "product": "xz",
            "vulnerabilityName": "xz backdoor",
            "dateAdded": "2024-04-01",
            "shortDescription": "A backdoor.",
            "requiredAction": "Go back to 5.4.",
            "dueDate": "2024-04-22",
            "knownRansomwareCampaignUse": "Unknown",
            "notes": "",
        }
    ],
}
EPSS = "#model_version:v2023.03.01,score_date:2024-04-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-3094,0.9,0.99\n"


def package(number: int) -> Record:
    return make_record(f"GHSA-{number:04}", f"npm/package-{number}", "introduced 0", "fixed 2.0")


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    write_ecosystem(folder, "npm", [package(n) for n in range(20)])
    write_ecosystem(folder, "BellSoft Hardened Containers", [make_record("BELL-1", "npm/x", "introduced 0")])
    return folder


def bundle(
    source: Path | str, out: Path, *ecosystems: str, at: datetime = NOON, kev: str = "none", epss: str = "none"
) -> Bundled:
    url = source if isinstance(source, str) else source.as_uri()
    signals: dict[Name, str] = {"kev": kev, "epss": epss}
    return make_bundle(url, out, ecosystems or None, signals=signals, now=at, patience=HASTY)


def take(engine: Engine, source: Path | str, at: datetime = NOON) -> list[Synced]:
    url = source if isinstance(source, str) else source.as_uri()
    return apply_feed(engine, url, "all", now=at, patience=HASTY)


def states(engine: Engine, at: datetime = NOON) -> dict[str, Freshness]:
    with reading(engine) as session:
        return {feed.ecosystem: feed for feed in freshness(session, now=at, sync_every=DAY)}


def live(engine: Engine) -> int:
    with reading(engine) as session:
        statement = select(func.count()).select_from(Advisory).where(Advisory.withdrawn_at.is_(None))
        return session.scalar(statement) or 0


# --- making ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["osv.tar", "osv"])
def test_a_bundle_of_a_bucket_is_that_bucket_carried(engine: Engine, mirror: Path, tmp_path: Path, name: str) -> None:
    with serve_bucket(mirror) as bucket:
        made = bundle(bucket.url, tmp_path / name)
    taken = take(engine, tmp_path / name, NOON + DAY)

    assert (made.manifest.origin, made.manifest.as_of, made.manifest.complete) == (bucket.url, NOON, True)
    assert sum(each.stored for each in taken) == 21
    npm = states(engine, NOON + DAY)["npm"]
    assert (npm.url, npm.as_of, npm.succeeded_at, npm.record_count) == (bucket.url, NOON, NOON + DAY, 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mirror", name], "nothing is left beside it"


def test_what_only_single_files_have_is_in_the_bundle_and_what_nobody_has_is_counted(
    engine: Engine, mirror: Path, tmp_path: Path
) -> None:
    (mirror / "npm" / "GHSA-9998.json").write_bytes(to_bytes(package(9998)))
    with (mirror / "npm" / "modified_id.csv").open("a") as index:
        index.write("2024-04-01T12:00:00Z,GHSA-9998\n2024-04-01T12:00:00Z,GHSA-9999\n")

    made = bundle(mirror, tmp_path / "osv.tar")
    (synced,) = (each for each in take(engine, tmp_path / "osv.tar") if each.ecosystem == "npm")

    described = made.manifest.ecosystems["npm"]
    assert (described.records, described.missing) == (21, 1)
    assert (synced.stored, synced.missing) == (21, ["GHSA-9999"])


def test_half_a_bundle_is_never_written_and_the_last_one_stays(mirror: Path, tmp_path: Path) -> None:
    out = tmp_path / "osv.tar"
    bundle(mirror, out)
    before = out.read_bytes()
    with serve_bucket(mirror) as bucket:
        bucket.faults["npm/all.zip"] = [Fault(503)]
        with pytest.raises(FeedUnavailable):
            bundle(bucket.url, out)
        bucket.faults["npm/all.zip"] = [Fault(body=(mirror / "npm" / "all.zip").read_bytes()[:-40])]
        with pytest.raises(FeedUnavailable, match="damaged"):
            bundle(bucket.url, out)

    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mirror", "osv.tar"]


def test_a_bundle_replaces_a_bundle_and_nothing_else(mirror: Path, tmp_path: Path) -> None:
    for _ in range(2):
        bundle(mirror, tmp_path / "osv")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    for out in (tmp_path / "letters", tmp_path / "letters" / "love.txt"):
        with pytest.raises(NoPlaceForBundle):
            bundle(mirror, out)
    with pytest.raises(NoPlaceForBundle):
        bundle(mirror, tmp_path / "letters" / "love.txt" / "osv.tar")


# --- taking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "short", "changed", "missing", "no manifest", "later format", "no tar"])
def test_a_bundle_that_is_not_whole_is_not_taken(engine: Engine, mirror: Path, tmp_path: Path, damage: str) -> None:
    out = tmp_path / "osv.tar"
    bundle(mirror, out)
    _damage(out, damage)

    try:
        results = take(engine, out)
    except FeedUnavailable:
        results = []

    assert all(each.error for each in results if each.ecosystem == "npm")
    with reading(engine) as session:
        assert session.scalar(select(func.count()).where(Advisory.osv_id.like("GHSA-%"))) == 0


def _damage(out: Path, damage: str) -> None:
    whole = out.read_bytes()
    if damage == "cut":
        out.write_bytes(whole[: len(whole) // 2])
    elif damage == "no tar":
        out.write_bytes(b"PK\x03\x04" + whole)
    else:
        with tarfile.open(fileobj=BytesIO(whole)) as tar:
            files = {member.name: read.read() for member in tar if (read := tar.extractfile(member))}
        archive, manifest = files["npm/all.zip"], files["MANIFEST.json"]
        files["npm/all.zip"] = {"short": archive[:-1], "changed": archive[:-1] + b"?"}.get(damage, archive)
        files["MANIFEST.json"] = manifest.replace(b"bundle/1", b"bundle/2") if damage == "later format" else manifest
        for name in {"missing": ["npm/all.zip"], "no manifest": ["MANIFEST.json"]}.get(damage, []):
            del files[name]
        with tarfile.open(out, "w") as tar:
            for name, raw in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(raw)
                tar.addfile(member, BytesIO(raw))


def test_a_bundle_after_its_feed_makes_nothing_new_and_an_older_one_takes_nothing_back(
    engine: Engine, mirror: Path, tmp_path: Path
) -> None:
    with serve_bucket(mirror) as bucket:
        bundle(bucket.url, tmp_path / "old.tar", at=NOON)
        write_ecosystem(mirror, "npm", [package(n) for n in range(21)])
        take(engine, bucket.url, NOON + DAY)
        write_ecosystem(mirror, "npm", [package(n) for n in range(1, 22)])
        bundle(bucket.url, tmp_path / "new.tar", at=NOON + 2 * DAY)

    old = {each.ecosystem: each for each in take(engine, tmp_path / "old.tar", NOON + 2 * DAY)}["npm"]
    assert (old.stored, old.vanished, live(engine)) == (0, 0, 22)
    assert "older than what was taken of it already" in (old.note or "")
    new = {each.ecosystem: each for each in take(engine, tmp_path / "new.tar", NOON + 3 * DAY)}["npm"]
    assert (new.added, new.stored, new.vanished, live(engine)) == (1, 2, 1, 22)
    with reading(engine) as session:
        assert set(session.scalars(select(Feed.url))) == {bucket.url}


def test_a_bundle_gets_stale_however_often_it_is_taken(engine: Engine, mirror: Path, tmp_path: Path) -> None:
    bundle(mirror, tmp_path / "osv", at=NOON)
    for day in range(6):
        take(engine, tmp_path / "osv", NOON + day * DAY)

    assert states(engine, NOON + 5 * DAY)["npm"].state == "stale"
    assert states(engine, NOON + 5 * DAY)["npm"].attempted_at == NOON + 5 * DAY


def test_a_bundle_of_some_ecosystems_says_nothing_of_the_others(engine: Engine, mirror: Path, tmp_path: Path) -> None:
    take(engine, mirror)
    bundle(mirror, tmp_path / "some.tar", "npm", at=NOON + DAY)

    (npm,) = take(engine, tmp_path / "some.tar", NOON + DAY)

    assert (npm.ecosystem, npm.error) == ("npm", None)
    assert {feed.state for feed in states(engine).values()} == {"fresh"}


def test_a_bundle_of_a_bundle_keeps_origin_and_age(mirror: Path, tmp_path: Path) -> None:
    bundle(mirror, tmp_path / "one.tar", at=NOON)
    made = bundle(tmp_path / "one.tar", tmp_path / "two", "npm", at=NOON + DAY)

    assert (made.manifest.origin, made.manifest.as_of) == (mirror.as_uri(), NOON)
    assert not made.manifest.complete


def test_a_bundle_can_be_taken_over_http(engine: Engine, mirror: Path, tmp_path: Path) -> None:
    bundle(mirror, tmp_path / "osv.tar")
    with serve_bucket(tmp_path) as bucket:
        taken = take(engine, f"{bucket.url}/osv.tar")

    assert (sum(each.stored for each in taken), states(engine)["npm"].url) == (21, mirror.as_uri())


# --- signals ---------------------------------------------------------------------------------------------------------


def test_signals_travel_with_advisories(engine: Engine, mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    (tmp_path / "epss.csv.gz").write_bytes(gzip.compress(EPSS.encode()))
    kev, epss = (tmp_path / "kev.json").as_uri(), (tmp_path / "epss.csv.gz").as_uri()

    made = bundle(mirror, tmp_path / "osv.tar", kev=kev, epss=epss)
    take(engine, tmp_path / "osv.tar")

    assert made.left_out == {}
    with reading(engine) as session:
        assert session.scalars(select(Kev.cve)).all() == session.scalars(select(Epss.cve)).all() == ["CVE-2024-3094"]


def test_signals_that_cannot_be_had_are_left_out_and_told(mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>Sign in")
    page, nowhere = (tmp_path / "page.html").as_uri(), (tmp_path / "nowhere").as_uri()

    made = bundle(mirror, tmp_path / "osv.tar", kev=page, epss=nowhere)

    assert set(made.left_out) == {"kev", "epss"}
    assert not [name for name in made.manifest.files if name.startswith("signals/")]
