"""What works on the database itself: `import`, and `advisories sync`."""

import bz2
import csv
import gzip
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from command_line import Ran, run_muster
from envelopes import make_dsse, make_key, make_statement
from osv_bucket import make_record, serve_bucket, write_ecosystem
from sboms import make_sbom
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from service.db import connect, reading
from service.incidents.models import Exposure
from service.inventory.models import Document, Product, Upload

Muster = Callable[..., Ran]
RowsOf = Callable[[InstrumentedAttribute[Any]], list[Any]]

LODASH = "pkg:npm/lodash@4.17.20"
RECORD = make_record("GHSA-35jh-r3h4-6jhm", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-23337"])


@pytest.fixture
def muster(fresh_database: str, tmp_path: Path) -> Muster:
    environment = {
        "MUSTER_DATABASE_URL": fresh_database,
        "MUSTER_DATA": str(tmp_path / "data"),
        "MUSTER_OSV_URL": "none",
        "MUSTER_KEV_URL": "none",
        "MUSTER_EPSS_URL": "none",
        "MUSTER_MAX_UPLOAD_BYTES": "100000",
    }
    return lambda *arguments: run_muster(*arguments, environment=environment)


@pytest.fixture
def rows_of(fresh_database: str) -> RowsOf:
    def read(column: InstrumentedAttribute[Any]) -> list[Any]:
        engine = connect(fresh_database)
        with reading(engine) as session:
            found = sorted(session.scalars(select(column)))
        engine.dispose()
        return found

    return read


def fill(folder: Path) -> Path:
    """Lay out SBOMs in every way that an import takes, and what it has to refuse."""
    (folder / "team" / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "web.cdx.json").write_bytes(make_sbom(LODASH))
    (folder / "team" / "web.json").write_bytes(make_sbom(LODASH))
    (folder / "team" / "deep" / "api.json").write_bytes(make_sbom(LODASH))
    (folder / ".hidden" / "x.json").write_bytes(make_sbom(LODASH))
    (folder / "README.md").write_text("not an SBOM")
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("zipped/one.json", make_sbom(LODASH))
        archive.writestr("../../etc/two.json", make_sbom(LODASH))
        archive.writestr("huge.json", b" " * 100_001)
    (folder / "three.json").write_bytes(make_sbom(LODASH))
    with tarfile.open(folder / "all.tar.gz", "w:gz") as archive:
        archive.add(folder / "three.json", "tarred/three.json")
    (folder / "three.json").unlink()
    return folder


def test_folders_and_archives_become_products(muster: Muster, tmp_path: Path, rows_of: RowsOf) -> None:
    failures = tmp_path / "failures.csv"
    ran = muster("import", str(fill(tmp_path / "in")), "--failures", str(failures), "--json")
    assert ran.code == 0
    counts = {name: ran.json()[name] for name in ("created", "unchanged", "refused", "components")}
    assert counts == {"created": 6, "unchanged": 0, "refused": 2, "components": 6}
    slugs = ["etc-two", "tarred-three", "team-deep-api", "team-web", "web", "zipped-one"]
    assert rows_of(Product.slug) == slugs
    with failures.open() as lines:
        listed = {row["file"].rsplit("/", 1)[1]: row["reason"] for row in csv.DictReader(lines)}
    assert listed.keys() == {"README.md", "all.zip!huge.json"}
    assert "100,000 bytes" in listed["all.zip!huge.json"]


def test_an_import_that_is_run_again_creates_nothing(muster: Muster, tmp_path: Path, rows_of: RowsOf) -> None:
    folder = fill(tmp_path / "in")
    muster("import", str(folder))
    uploads = rows_of(Upload.id)
    again = muster("import", str(folder), "--json").json()
    assert (again["created"], again["unchanged"]) == (0, 6)
    assert rows_of(Upload.id) == uploads


def test_names_that_are_no_text_and_names_that_are_commands_do_no_harm(
    muster: Muster, tmp_path: Path, rows_of: RowsOf
) -> None:
    for name in (b"ev\x1b[31mil\n.json", b"\xff\xfe.json", b"<b>'; --.json"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(make_sbom(LODASH))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.txt")).write_bytes(b"nothing")
    ran = muster("import", str(tmp_path))
    assert ran.code == 0
    assert len(rows_of(Product.slug)) == 3
    assert "\x1b" not in ran.out + ran.err + "".join(rows_of(Product.title))


@pytest.mark.parametrize(("name", "content"), [("a.zip", b"PK\3\4 cut"), ("a.tar.gz", b"\x1f\x8b cut"), ("a.tar", b"")])
def test_a_damaged_archive_is_refused_and_the_rest_goes_on(
    muster: Muster, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "web.json").write_bytes(make_sbom(LODASH))
    ran = muster("import", str(tmp_path), "--json")
    assert ran.code == 0
    assert (ran.json()["created"], ran.json()["refused"]) == (1, 1)


@pytest.mark.parametrize(
    ("ending", "pack"),
    [(".gz", gzip.compress), (".zst", zstandard.compress), (".xz", lzma.compress), (".bz2", bz2.compress)],
)
def test_packed_files_are_imported_and_bombs_refused(
    muster: Muster, tmp_path: Path, rows_of: RowsOf, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / f"web.json{ending}").write_bytes(pack(make_sbom(LODASH)))
    (tmp_path / f"bomb.json{ending}").write_bytes(pack(bytes(10_000_000)))
    (tmp_path / f"cut.json{ending}").write_bytes(pack(make_sbom(LODASH))[:-9])
    ran = muster("import", str(tmp_path), "--json").json()
    assert rows_of(Product.slug) == ["web"]
    reasons = {Path(one["file"]).name.partition(".")[0]: one["reason"] for one in ran["failures"]}
    assert reasons.keys() == {"bomb", "cut"}
    assert "100,000 bytes" in reasons["bomb"]


def test_signatures_of_imported_files_are_verified(fresh_database: str, tmp_path: Path, rows_of: RowsOf) -> None:
    sign, public = make_key()
    keys, folder = tmp_path / "keys", tmp_path / "in"
    keys.mkdir()
    folder.mkdir()
    (keys / "release.pub").write_bytes(public)
    (folder / "web.intoto.jsonl").write_text(json.dumps(make_dsse(make_statement(make_sbom(LODASH)), ("", sign))))
    environment = {"MUSTER_DATABASE_URL": fresh_database, "MUSTER_TRUSTED_KEYS": str(keys)}
    assert run_muster("import", str(folder), environment=environment).code == 0
    (envelope,) = rows_of(Document.envelope)
    assert (envelope["verification"], envelope["verified_by"]) == ("verified", ["release.pub"])


def test_an_import_fails_only_when_nothing_was_accepted(muster: Muster, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not an SBOM")
    assert muster("import", str(tmp_path / "nowhere")).code == 2
    assert muster("import", str(tmp_path / "README.md")).code == 2
    assert muster("import", str(tmp_path), "--failures", str(tmp_path / "no" / "such.csv")).code == 2


def test_a_database_that_is_not_there_ends_with_three(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_bytes(make_sbom(LODASH))
    nowhere = {"MUSTER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "MUSTER_DATA": str(tmp_path / "data")}
    assert run_muster("import", str(tmp_path), environment=nowhere).code == 3


def test_a_folder_is_a_feed_and_what_it_says_is_exposed(muster: Muster, tmp_path: Path, rows_of: RowsOf) -> None:
    (tmp_path / "shop.json").write_bytes(make_sbom(LODASH))
    muster("import", str(tmp_path / "shop.json"))
    bucket = tmp_path / "a bucket"
    write_ecosystem(bucket, "npm", [RECORD])
    write_ecosystem(bucket, "PyPI", [make_record("PYSEC-1", "PyPI/flask", "introduced 0")])

    first = muster("advisories", "sync", "--from", str(bucket), "--json")
    assert first.code == 0
    (npm,) = first.json()["items"]
    wanted = {"ecosystem": "npm", "added": 1, "changed": 0, "withdrawn": 0, "total": 1, "error": None}
    assert {name: npm[name] for name in wanted} == wanted
    assert rows_of(Exposure.origin) == ["new"]

    (again,) = muster("advisories", "sync", "--from", bucket.as_uri(), "--json").json()["items"]
    assert (again["added"], again["total"]) == (0, 1)
    everything = muster("advisories", "sync", "--from", str(bucket), "--ecosystem", "all")
    assert "PyPI" in everything.out

    # All of it is gone, which somebody has to say is right.
    write_ecosystem(bucket, "npm", [])
    from_there = ("advisories", "sync", "--from", str(bucket), "--ecosystem", "npm", "--json")
    assert muster(*from_there, "--accept-shrink", "npm").code == 2, "nothing is held yet"
    held = muster(*from_there)
    assert (held.code, held.json()["items"][0]["held"], "--accept-shrink npm" in held.err) == (1, 1, True)
    agreed = muster(*from_there, "--accept-shrink", "npm")
    assert (agreed.code, agreed.json()["items"][0]["withdrawn"]) == (0, 1)


def test_a_feed_that_cannot_be_reached_ends_with_three(muster: Muster, tmp_path: Path) -> None:
    gone = muster("advisories", "sync", "--from", (tmp_path / "nowhere").as_uri(), "--ecosystem", "all")
    assert gone.code == 3
    with serve_bucket(tmp_path) as bucket:
        lacking = muster("advisories", "sync", "--from", bucket.url, "--ecosystem", "npm")
    assert lacking.code == 3
    assert "did not give all of npm" in lacking.err


def test_a_bundle_carries_the_feed_to_another_machine(muster: Muster, tmp_path: Path, rows_of: RowsOf) -> None:
    write_ecosystem(tmp_path / "mirror", "npm", [RECORD])
    (tmp_path / "shop.json").write_bytes(make_sbom(LODASH))
    muster("import", str(tmp_path / "shop.json"))
    out = str(tmp_path / "osv.tar")

    made = muster("advisories", "bundle", out, "--from", str(tmp_path / "mirror"), "--json")
    taken = muster("advisories", "sync", "--from", out, "--json")

    assert (made.code, made.json()["records"], made.json()["left_out"]) == (0, 1, {})
    assert (taken.code, taken.json()["items"][0]["added"]) == (0, 1)
    assert rows_of(Exposure.origin) == ["new"]
    assert muster("advisories", "bundle", str(tmp_path / "mirror"), "--from", out).code == 2


def test_where_nothing_is_used_a_sync_says_so(muster: Muster, tmp_path: Path) -> None:
    write_ecosystem(tmp_path, "npm", [RECORD])
    ran = muster("advisories", "sync", "--from", str(tmp_path))
    assert (ran.code, "No ecosystem is in use yet" in ran.out) == (0, True)


def test_a_sync_without_a_feed_is_bad_usage(muster: Muster) -> None:
    assert muster("advisories", "sync").code == 2
    assert muster("advisories", "sync", "--from", "nowhere").code == 2
