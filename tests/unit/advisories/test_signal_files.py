"""The files of CISA and FIRST, read; what is none of them is refused."""

import csv
import gzip
import json
from datetime import UTC, date, datetime

import pytest
from real_files import Corpus
from signal_servers import make_catalogue, make_listing, make_scores

from service.advisories.epss import read_scores
from service.advisories.kev import read_catalogue
from service.advisories.signals_reading import MalformedSignals, Reading


def rows(reading: Reading) -> list[list[str]]:
    return list(csv.reader(reading.rows.decode().splitlines()))


def test_a_listing_says_since_when_until_when_and_whether_ransomware_uses_it() -> None:
    listing = make_listing("CVE-2024-3094", ransomware=True, vulnerabilityName='A "name", with\x00 all', dueDate="soon")

    reading = read_catalogue(make_catalogue(listing, listing))

    assert reading.version == "2026.03.02"
    assert reading.released_at == datetime(2026, 3, 2, 16, 56, 6, 365700, tzinfo=UTC)
    action = "Apply mitigations per vendor instructions."
    assert rows(reading) == [["CVE-2024-3094", "2026-03-01", "", "True", 'A "name", with all', action]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>no</html>", "begins with '<html>"),
        (b"[]", "no KEV catalogue"),
        (b"{}", "no KEV catalogue"),
        (make_catalogue(), "nothing at all"),
        (make_catalogue(make_listing("CVE-2024-1")), "1 rows cannot be read: /vulnerabilities/0"),
        (make_catalogue(make_listing("CVE-2024-1000"))[:-30], "no KEV catalogue"),
        (make_catalogue(make_listing("CVE-2024-1000")).replace(b'"count": 1', b'"count": 2'), "lists 1"),
    ],
)
def test_what_is_no_catalogue_is_refused_with_how_it_begins_or_what_is_wrong(content: bytes, said: str) -> None:
    with pytest.raises(MalformedSignals, match=said.replace("(", r"\(")):
        read_catalogue(content)


def test_scores_are_read_packed_or_not_with_any_line_ends_and_notation() -> None:
    packed = make_scores({"CVE-2024-3094": 0.5, "CVE-2024-10000": 1.0})
    plain = gzip.decompress(packed)
    small = plain.replace(b"CVE-2024-3094,0.5", b"CVE-2024-3094,1e-05")

    assert read_scores(packed) == read_scores(plain) == read_scores(plain.replace(b"\n", b"\r\n"))
    assert rows(read_scores(small)) == [["CVE-2024-10000", "1.0", "1.00000"], ["CVE-2024-3094", "1e-05", "0.60000"]]
    assert read_scores(plain).released_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert read_scores(plain).version == "v2026.03.14"


@pytest.mark.parametrize(
    "row", ["CVE-2024-1000,1.5,0.1", "CVE-2024-1000,nan,0.1", "CVE-2024-1000,0.1", "x,0.1,0.1", ""]
)
def test_a_row_that_is_no_score_is_named_and_the_others_count(row: str) -> None:
    good = {f"CVE-2024-{n}": 0.1 for n in range(2000, 2020)}
    lines = gzip.decompress(make_scores(good)).decode().splitlines()

    reading = read_scores("\n".join([*lines[:5], row, *lines[5:]]).encode())

    assert reading.row_count == 20
    assert reading.malformed == [f"line 6: {row!r}"]


@pytest.mark.parametrize("content", [b"", b"cve,epss\nCVE-2024-1000,0.1", b"<html>", b"\x1f\x8b broken"])
def test_what_is_no_list_of_scores_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedSignals):
        read_scores(content)


def test_every_published_edition_is_read_whole(corpus: Corpus) -> None:
    folder = corpus("kev-epss")
    for file in folder.glob("kev-*.json"):
        document = json.loads(file.read_bytes())
        if "vulnerabilities" in document:
            reading = read_catalogue(file.read_bytes())
            assert (reading.row_count, reading.malformed) == (document["count"], [])
            assert {row[0]: date.fromisoformat(row[1]) for row in rows(reading)} == {
                each["cveID"]: date.fromisoformat(each["dateAdded"]) for each in document["vulnerabilities"]
            }
    for file in folder.glob("epss_*.csv.gz"):
        reading = read_scores(file.read_bytes())
        assert (reading.row_count, reading.malformed) == (len(gzip.decompress(file.read_bytes()).splitlines()) - 2, [])
