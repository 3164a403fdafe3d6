"""What a record is about: a flaw, malicious code, or neither."""

import json

import pytest
from osv_bucket import make_record

from service.advisories.osv_record import read_record

CVE = "CVE-2024-1234"


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (make_record("MAL-2024-1"), "malware"),
        (make_record("PYSEC-2024-1", aliases=["MAL-2024-1"]), "malware"),
        (make_record("LWA-2024-1", database_specific={"leitwacht": {"category": "dependency_confusion"}}), "malware"),
        (make_record("LWA-2024-2", database_specific={"leitwacht": {"category": "pua"}}), "vulnerability"),
        (make_record("ALBA-2024:1"), "informational"),
        (make_record("ALBA-2024:2", related=[CVE]), "vulnerability"),
        (make_record("RHEA-2024:3", upstream=[CVE]), "vulnerability"),
        (make_record("ALSA-2024:4"), "vulnerability"),
    ],
)
def test_a_record_says_what_it_is_about(record: dict[str, object], kind: str) -> None:
    assert read_record(json.dumps(record).encode()).kind == kind


def test_an_erratum_is_as_severe_as_its_title_says() -> None:
    record = make_record("ALSA-2024:4", summary="Important: xz security update", related=[CVE])

    severity = read_record(json.dumps(record).encode()).severity

    assert (severity.level, severity.source) == ("high", "summary")


def test_a_vector_of_one_package_counts_before_a_word_about_all() -> None:
    record = make_record("BIT-x-2024-1", "Bitnami/x", "introduced 0", database_specific={"severity": "High"})
    vector = "CVSS:3.1/AV:L/AC:H/PR:H/UI:N/S:U/C:L/I:N/A:N"
    record["affected"][0]["severity"] = [{"type": "CVSS_V3", "score": vector}]

    severity = read_record(json.dumps(record).encode()).severity

    assert (severity.level, severity.vector, severity.source) == ("low", vector, "CVSS_V3")
