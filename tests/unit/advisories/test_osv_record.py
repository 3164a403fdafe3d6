import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osv_bucket import make_affected, make_record, to_bytes

from service.advisories.osv_record import MAX_RECORD_BYTES, read_record
from service.advisories.osv_schema import MalformedRecord, instant
from service.advisories.references import references


def test_a_record_is_read_with_what_it_affects() -> None:
    raw = to_bytes(
        make_record(
            "GHSA-2222-3333-4444",
            "PyPI/Flask",
            "introduced 0",
            "fixed 2.0",
            aliases=["CVE-2024-0001", " CVE-2024-0001 ", "not an id"],
            published="2024-03-01T00:00:00Z",
            details="# Flask is wrong\n\nVery much so.",
        )
    )

    record = read_record(raw)

    assert (record.osv_id, record.kind, record.withdrawn_at) == ("GHSA-2222-3333-4444", "vulnerability", None)
    assert record.aliases == ("CVE-2024-0001",)
    assert record.summary == "Flask is wrong"
    assert record.published == datetime(2024, 3, 1, tzinfo=UTC)
    assert [(p.ecosystem, p.name) for p in record.packages] == [("PyPI", "flask")]
    assert record.raw == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"GHSA-1"',
        b"{",
        b'{"id": "A-1"}',
        b'{"modified": "2024-04-01T00:00:00Z"}',
        b'{"id": "A-1", "modified": "yesterday"}',
        b'{"id": 7, "modified": "2024-04-01T00:00:00Z"}',
        b'{"id": "../../etc/passwd", "modified": "2024-04-01T00:00:00Z"}',
        b'{"id": "..", "modified": "2024-04-01T00:00:00Z"}',
        b'{"id": "A-1", "modified": "2024-04-01T00:00:00Z", "affected": [{"versions": [null]}]}',
        b'{"id": "A-1", "modified": "2024-04-01T00:00:00Z", "affected": {"package": 1}}',
        b'{"id": "A-1", "modified": "2024-04-01T00:00:00Z", "summary": "\xff"}',
        b'{"id": "A-1", "modified": "2024-04-01T00:00:00Z", "summary": "\\ud800", }',
        b"[" * 100_000,
        b'{"id": "A-1", "modified": "2024-04-01T00:00:00Z", "x": ' + b"[" * 100_000,
        b" " * (MAX_RECORD_BYTES + 1),
    ],
    ids=range(17),
)
def test_what_is_no_record_is_refused_with_a_reason(raw: bytes) -> None:
    with pytest.raises(MalformedRecord) as caught:
        read_record(raw)

    assert caught.value.detail


def test_what_the_database_cannot_hold_is_cleaned() -> None:
    raw = rb'{"id": "A-1", "modified": "2024-04-01T00:00:00Z", "summary": "a\u0000b\ud800c\ud83d\ude00", "x\u0000": 1}'

    record = read_record(raw)

    assert record.summary == "a�b�c😀"
    assert json.loads(record.raw)["x�"] == 1


def test_fields_that_nothing_depends_on_may_be_anything() -> None:
    record = read_record(
        to_bytes(make_record("A-1", severity="high", database_specific=[1], references=7, aliases=None, affected=None))
    )

    assert record.severity.level == "unscored"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"id": "MAL-2024-1"}, "malware"),
        ({"database_specific": {"cwe_ids": ["CWE-79", "CWE-506"]}}, "malware"),
        ({"affected": [{"database_specific": {"cwes": [{"cweId": "CWE-506"}]}}]}, "malware"),
        ({"database_specific": {"malicious-packages-origins": []}}, "malware"),
        ({"affected": [{"database_specific": {"informational": "unmaintained"}}]}, "informational"),
        ({"affected": [{"database_specific": {"informational": None}}]}, "vulnerability"),
        ({"affected": [{"database_specific": {"informational": "unsound"}}, {}]}, "vulnerability"),
        ({}, "vulnerability"),
    ],
)
def test_a_record_has_the_kind_its_marks_give_it(fields: dict[str, object], kind: str) -> None:
    assert read_record(to_bytes(make_record("A-1") | fields)).kind == kind


def test_malware_is_critical_whatever_it_says() -> None:
    assert read_record(to_bytes(make_record("MAL-2024-1"))).severity.level == "critical"


def test_packages_that_are_rated_by_themselves_count() -> None:
    part = {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}

    record = read_record(to_bytes(make_record("BIT-1", affected=[part], database_specific={"severity": "Low"})))

    assert (record.severity.level, record.severity.score) == ("critical", 9.8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-04-01T12:00:00Z", datetime(2024, 4, 1, 12, tzinfo=UTC)),
        ("2024-04-01T12:00:00.123456789Z", datetime(2024, 4, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2024-04-01T14:00:00+02:00", datetime(2024, 4, 1, 12, tzinfo=UTC)),
        ("2024-04-01T12:00:00", datetime(2024, 4, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_timestamps_become_utc(text: str, expected: datetime) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize("text", ["", "now", "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+10:00"])
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(MalformedRecord):
        instant(text)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=10,
)
_FIELDS = ["id", "modified", "withdrawn", "aliases", "upstream", "summary", "severity", "affected", "database_specific"]
_ENTRY_FIELDS = ["package", "ranges", "versions", "severity", "ecosystem_specific", "database_specific"]


@given(
    fields=st.dictionaries(st.sampled_from(_FIELDS), _ANYTHING, max_size=3),
    entry=st.dictionaries(st.sampled_from(_ENTRY_FIELDS), _ANYTHING, max_size=3),
    events=st.lists(st.dictionaries(st.sampled_from(["introduced", "fixed", "limit"]), st.text(max_size=9))),
)
def test_nothing_but_a_malformed_record_is_ever_raised(
    fields: dict[str, object], entry: dict[str, object], events: list[dict[str, str]]
) -> None:
    affected = make_affected("npm/left-pad") | {"ranges": [{"type": "SEMVER", "events": events}]} | entry
    raw = to_bytes(make_record("A-1", affected=[affected]) | fields)

    with contextlib.suppress(MalformedRecord):
        references(read_record(raw))
