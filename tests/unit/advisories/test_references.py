import pytest
from osv_bucket import make_record, to_bytes

from service.advisories.osv_record import read_record
from service.advisories.references import preference, references


@pytest.mark.parametrize(
    ("osv_id", "fields", "names", "evidence"),
    [
        # aliases join
        ("GHSA-1", {"aliases": ["CVE-2024-3094"]}, ["GHSA-1", "CVE-2024-3094"], []),
        ("CVE-2024-3094", {}, ["CVE-2024-3094"], []),
        ("RUSTSEC-2024-0001", {}, ["RUSTSEC-2024-0001"], []),
        # upstream passes on
        ("DEBIAN-CVE-2024-3094", {"upstream": ["CVE-2024-3094"]}, [], ["CVE-2024-3094"]),
        ("DSA-5649-1", {"upstream": ["CVE-2024-1111", "CVE-2024-2222"]}, [], ["CVE-2024-1111", "CVE-2024-2222"]),
        # both
        (
            "ECHO-1",
            {"aliases": ["CVE-2024-1111"], "upstream": ["CVE-2024-2222", "CVE-2024-1111"]},
            ["ECHO-1", "CVE-2024-1111"],
            ["CVE-2024-2222"],
        ),
        # related only links
        ("GHSA-1", {"aliases": ["CVE-2024-1111"], "related": ["CVE-2024-2222"]}, ["GHSA-1", "CVE-2024-1111"], []),
        # bundles without upstream
        ("ALSA-2024:1", {"related": ["CVE-2024-1111", "CVE-2024-2222"]}, [], ["CVE-2024-1111", "CVE-2024-2222"]),
        ("RHEA-2024:1", {"related": ["CVE-2024-1111", "GO-2024-1"]}, [], ["CVE-2024-1111"]),
        ("ALBA-2024:1", {}, ["ALBA-2024:1"], []),
        ("DSA-3029-1", {"aliases": ["CVE-2014-3616"]}, [], ["CVE-2014-3616"]),
        ("USN-1-1", {"related": ["CVE-2024-1111", "UBUNTU-CVE-2024-1111"]}, [], ["CVE-2024-1111"]),
        # a distribution's view of a CVE is that CVE
        ("USN-2-1", {"upstream": ["UBUNTU-CVE-2024-1111", "CVE-2024-1111"]}, [], ["CVE-2024-1111"]),
        ("UBUNTU-CVE-2024-1111", {}, [], ["CVE-2024-1111"]),
        ("CURL-CVE-2024-1111", {"aliases": ["CVE-2024-1111"]}, ["CURL-CVE-2024-1111", "CVE-2024-1111"], []),
        # one flaw under all its names
        ("JLSEC-1", {"upstream": ["CVE-2024-1111", "EUVD-2024-9", "GHSA-2222-3333-4444"]}, [], ["CVE-2024-1111"]),
        ("JLSEC-2", {"upstream": ["EUVD-2024-9"]}, [], ["EUVD-2024-9"]),
        # spelling
        ("CLEANSTART-1", {"upstream": ["ghsa-2222-3333-4444"]}, [], ["GHSA-2222-3333-4444"]),
        ("OSEC-1", {"aliases": ["cve-2024-1111"]}, ["OSEC-1", "CVE-2024-1111"], []),
    ],
)
def test_a_record_joins_or_passes_on(
    osv_id: str, fields: dict[str, object], names: list[str], evidence: list[str]
) -> None:
    found = references(read_record(to_bytes(make_record(osv_id, **fields))))  # type: ignore[arg-type]

    assert (list(found.names), list(found.evidence)) == (names, evidence)


def test_the_name_that_people_say_is_preferred() -> None:
    names = ["x", "MAL-2024-1", "GHSA-2222-3333-4444", "CVE-2024-22222", "CVE-2024-1111", "RUSTSEC-2024-0001"]

    assert sorted(names, key=preference) == [
        "CVE-2024-1111",
        "CVE-2024-22222",
        "GHSA-2222-3333-4444",
        "MAL-2024-1",
        "x",
        "RUSTSEC-2024-0001",
    ]
