"""Every broken and hostile file of the corpus through the door: soon an answer in our words, nothing half stored."""

import csv
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from real_files import Corpus
from serving import Served, serving

from service.sbom.conformance import check

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

MOST_SECONDS = 5.0
#: Shorter than this, a detail does not say what happened and what to do.
LEAST_DETAIL = 40
ENCODINGS = {".gz": "gzip", ".xz": "xz"}
SOUND = b'{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"type": "library", "name": "a"}]}'
TABLES = ("product", "stream", "upload", "release", "usage", "graph", "document", "component", "coord", "package")

#: What is wrong changes nothing of what we read, so no warning; the schema's report must say it instead.
BY_SCHEMA = "wrong where nothing is read: the schema's report says it"
#: File -> why our answer is the right one where the collection proposes another.
ARGUED = {
    **dict.fromkeys(
        (
            f"spec/*/invalid-{what}[-.]*"
            for what in (
                "citations", "component-ref", "component-swid", "issue-type", "license-choice", "license-encoding",
                "license-declared-concluded-mix", "license-id", "license-id-count", "license-name-count", "patch-type",
                "properties", "component-external-version-and-range", "component-versionRange-non-external-explicit",
                "component-versionRange-non-external-implicit",
            )
        ),
        BY_SCHEMA,
    ),
    "cdx/version-0.json": BY_SCHEMA,
    "wild/cdx-1-6-invalid-sbom.cdx.json": BY_SCHEMA,
    "spec/*/invalid-component-type-*": "an unknown type is read as library, with a warning",
    "spec/*/invalid-missing-component-type-*": "a missing type is read as library, with a warning",
    "cdx/component-no-name.json": "the purl has the name; refusing would hide the other components",
    "cdx/component-null.json": "null is no component and is left out, with a warning",
    "wild/powershell-2.2.6.spdx.json": "a page footer after a document hides nothing; it is cut off, with a warning",
    "syntax/huge-exponent.json": "the number stands where nothing is read",
    "syntax/huge-int.json": "the number stands where nothing is read",
    "xml/many-attributes.xml": "unknown attributes are passed over; they cost 0.05 s",
    "bomb/spaces-50mb.json.gz": "50 MB is within MUSTER_MAX_UPLOAD_BYTES; spaces cost no more than their bytes",
    "bomb/string-50mb.json.gz": "50 MB is within MUSTER_MAX_UPLOAD_BYTES; a string that nobody reads costs its bytes",
}  # fmt: skip


class Told(NamedTuple):
    """One file's answer."""

    row: dict[str, str]
    status: int
    said: dict[str, Any]
    media_type: str
    seconds: float

    @property
    def outcome(self) -> str:
        if self.status in (200, 201):
            return "warned" if self.said["warnings"] else "accepted"
        return "refused"


#: What the manifest expects -> outcomes that fulfil it.
FULFILLED = {
    "accept": {"accepted", "warned"},
    "accept-with-warnings": {"warned"},
    "either": {"accepted", "warned", "refused"},
    "reject-strict|warn-lenient": {"warned", "refused"},
    "reject": {"refused"},
}


@pytest.fixture(scope="module")
def served(module_database: str) -> Iterator[Served]:
    with serving(module_database) as server:
        yield server


@pytest.fixture(scope="module")
def told(corpus: Corpus, served: Served) -> list[Told]:
    folder = corpus("sbom-invalid")
    with (folder / "MANIFEST.tsv").open() as manifest:
        rows = list(csv.DictReader(manifest, delimiter="\t"))
    return [send(served.client, folder / row["file"], row, place) for place, row in enumerate(rows)]


def send(client: httpx.Client, path: Path, row: dict[str, str], place: int) -> Told:
    packed = ENCODINGS.get(path.suffix)
    headers = {"Content-Encoding": packed} if packed else {}
    began = time.monotonic()
    answer = client.post(f"/v1/products/file-{place}/sboms", content=path.read_bytes(), headers=headers)
    seconds = time.monotonic() - began
    said = answer.json() if "json" in answer.headers["content-type"] else {}
    return Told(row, answer.status_code, said, answer.headers["content-type"], seconds)


def test_every_outcome_is_the_expected_or_an_argued_one(told: list[Told]) -> None:
    wrong = []
    argued: Counter[str] = Counter()
    for one in told:
        if one.outcome in FULFILLED[one.row["expect"]]:
            continue
        reason = argument(one.row)
        argued[reason or "?"] += 1
        if not reason:
            seen = one.said.get("detail") or [each["code"] for each in one.said["warnings"]]
            wrong.append(f"{one.row['file']}: {one.outcome}, expected {one.row['expect']}; {seen}")
    print_table(told)
    print(*(f"{count:4} x {reason}" for reason, count in sorted(argued.items())), sep="\n")
    assert wrong == []


def test_where_a_fault_is_left_to_the_schema_its_report_names_it(told: list[Told], corpus: Corpus) -> None:
    folder = corpus("sbom-invalid")
    for one in told:
        if one.outcome == "accepted" and argument(one.row) == BY_SCHEMA:
            found = check((folder / one.row["file"]).read_bytes(), one.said["sbom"]["spec_version"])
            assert found.verdict.value == "invalid", one.row["file"]


def argument(row: dict[str, str]) -> str:
    return next((why for what, why in ARGUED.items() if fnmatch(row["file"], what)), "")


def test_no_answer_is_a_fault_of_ours_or_slow(told: list[Told]) -> None:
    slowest = max(told, key=lambda one: one.seconds)
    print(f"slowest: {slowest.seconds:.2f} s, {slowest.row['file']}")

    assert [one.row["file"] for one in told if one.status >= 500] == []
    assert slowest.seconds < MOST_SECONDS


def test_every_refusal_is_a_problem_that_says_what_to_do(told: list[Told]) -> None:
    for one in told:
        if one.outcome == "refused":
            assert one.media_type == "application/problem+json", one.row
            assert re.fullmatch(r".*/problems/[a-z-]+", one.said["type"]), one
            assert one.said["status"] == one.status, one
            assert len(one.said["detail"]) >= LEAST_DETAIL, one


def test_nothing_of_a_refused_file_is_stored(told: list[Told], served: Served) -> None:
    refused = {f"file-{place}" for place, one in enumerate(told) if one.outcome == "refused"}
    accepted = len(told) - len(refused)
    with psycopg.connect(served.database.replace("+psycopg", "")) as connection:
        products = {name for (name,) in connection.execute("SELECT slug FROM product")}
        (uploads,) = connection.execute("SELECT count(*) FROM upload").fetchone() or (0,)
        (documents,) = connection.execute("SELECT count(*) FROM document").fetchone() or (0,)

    assert products & refused == set()
    assert uploads == accepted
    assert documents <= accepted


def test_the_server_answers_as_before_and_has_not_swollen(told: list[Told], served: Served) -> None:
    assert told
    assert served.client.post("/v1/products/after/sboms", content=SOUND).status_code == 201
    assert served.client.get("/readyz").status_code == 200
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{served.pid}/status").read_text())
    print(f"peak memory of the server: {int(peak[1]) / 1024 if peak else 0:.0f} MB")


def print_table(told: list[Told]) -> None:
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    kinds: Counter[str] = Counter()
    for one in told:
        table[one.row["file"].partition("/")[0]][one.outcome] += 1
        kinds[one.said["type"].rpartition("/")[2] if one.outcome == "refused" else one.outcome] += 1
    print(f"\n{'folder':12}{'accepted':>10}{'warned':>10}{'refused':>10}")
    for folder, counts in sorted(table.items()):
        print(f"{folder:12}{counts['accepted']:10}{counts['warned']:10}{counts['refused']:10}")
    print(*(f"{count:4} x {kind}" for kind, count in kinds.most_common()), sep="\n")
