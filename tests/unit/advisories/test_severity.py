import pytest

from service.advisories.severity import UNSCORED, Severity, cvss_version, most_severe, rate, rate_erratum

V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N"


def cvss(kind: str, score: object) -> dict[str, object]:
    return {"type": kind, "score": score}


@pytest.mark.parametrize(
    ("severities", "level", "score"),
    [
        ([cvss("CVSS_V3", V3)], "critical", 10.0),
        ([cvss("CVSS_V4", V4)], "medium", 6.9),
        ([cvss("CVSS_V2", V2)], "high", 7.5),
        ([cvss("CVSS_V3", V3), cvss("CVSS_V4", V4), cvss("CVSS_V2", V2)], "medium", 6.9),
        ([cvss("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N")], "none", 0.0),
        # A vector that does not hold together gives way to the next.
        ([cvss("CVSS_V4", "CVSS:4.0/AV:N"), cvss("CVSS_V3", V3)], "critical", 10.0),
        ([cvss("Ubuntu", "medium")], "medium", None),
        ([cvss("Ubuntu", "negligible")], "low", None),
    ],
)
def test_the_newest_cvss_decides(severities: list[dict[str, object]], level: str, score: float | None) -> None:
    rated = rate(severities, None, None)

    assert (rated.level, rated.score) == (level, score)


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("MODERATE", "medium"),
        ("CRITICAL", "critical"),
        ("High", "high"),
        ("important", "high"),
        ("unimportant", "low"),
        ("Unknown", "unscored"),
        ("not yet assigned", "unscored"),
        ("end-of-life", "unscored"),
    ],
)
def test_databases_words_are_translated(word: str, level: str) -> None:
    assert rate([], {"severity": word}, None).level == level
    assert rate(None, None, {"urgency": word}).level == level


@pytest.mark.parametrize("severities", [None, "high", [None], [{}], [cvss("CVSS_V3", 9.8)], [cvss("CVSS_V3", "")]])
def test_what_says_nothing_is_unscored_not_none(severities: object) -> None:
    assert rate(severities, {"severity": None}, "x") is UNSCORED


def test_what_is_too_long_for_a_vector_is_none() -> None:
    assert rate([{"type": "CVSS_V3", "score": "CVSS:3.1/" + "AV:N/" * 200}], None, None) is UNSCORED


def test_the_most_severe_is_picked_by_level_then_score() -> None:
    word, lower, higher = (Severity("high", None, None), Severity("high", 7.1, "a"), Severity("high", 8.8, "b"))

    assert most_severe([UNSCORED, word, lower, higher]) is higher
    assert most_severe([]) is UNSCORED


@pytest.mark.parametrize(
    ("severities", "database_specific", "ecosystem_specific", "source"),
    [
        ([cvss("CVSS_V3", V3)], {"severity": "LOW"}, None, "CVSS_V3"),
        ([cvss("CVSS_V3", V3), cvss("CVSS_V4", V4)], None, None, "CVSS_V4"),
        ([cvss("CVSS_V2", f"({V2})")], None, None, "CVSS_V2"),
        ([{"score": "low"}], None, None, "severity"),
        ([cvss("Ubuntu", "low")], None, None, "Ubuntu"),
        ([], {"cvss": V3}, None, "database_specific.cvss"),
        ([], {"cvss": {"score": 9.8, "vectorString": V3}}, None, "database_specific.cvss"),
        ([], {"CVSS": {"Score": "9.8", "Code": V3}}, None, "database_specific.cvss"),
        ([], {"cvss": {"score": 0, "vectorString": None}, "severity": "LOW"}, None, "database_specific.severity"),
        ([], None, {"ubuntu_priority": "medium"}, "ecosystem_specific.ubuntu_priority"),
        ([], None, {"urgency": "unimportant"}, "ecosystem_specific.urgency"),
        ([], None, {"urgency": "end-of-life"}, ""),
    ],
)
def test_a_rating_names_the_field_it_was_read_from(
    severities: object, database_specific: object, ecosystem_specific: object, source: str
) -> None:
    assert rate(severities, database_specific, ecosystem_specific).source == source


@pytest.mark.parametrize(
    ("summary", "level"),
    [
        ("Important: kernel security update", "high"),
        ("Moderate: nodejs:16 security update", "medium"),
        ("kernel bug fix update", "unscored"),
        ("Lowering: not a word of theirs", "unscored"),
    ],
)
def test_the_title_of_a_red_hat_erratum_begins_with_its_severity(summary: str, level: str) -> None:
    assert rate_erratum(summary).level == level


def test_versions_of_vectors_are_told() -> None:
    assert [cvss_version(vector) for vector in (V2, V3, V4)] == ["2.0", "3.1", "4.0"]
