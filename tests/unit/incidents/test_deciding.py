"""From what is known to a class and a time: the strictest rule wins, and every input says where it comes from."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from service.incidents.deciding import NOT_EXPLOITED, NOTHING_SAID, Facts, Place, Said, decide, read_facts
from service.incidents.priority import CLOCKS, PRIORITIES, due
from service.incidents.vectors import Reading, read_vector

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CRITICAL, LOW = Said("critical", "GHSA-1 says so"), Said("low", "GHSA-1 says so")
ACTIVE, LIKELY = Said("active", "CISA listed CVE-1 as exploited on 2026-03-01"), Said("public poc", "EPSS")
YES, NO, TOTAL, PARTIAL = (Said(value, "CVSS") for value in ("yes", "no", "total", "partial"))
INTERNAL, PUBLIC, VITAL = Place(), Place(exposed=True), Place("mission-critical", exposed=True)


@pytest.mark.parametrize(
    ("vector", "reading"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Reading("yes", "total")),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:H/I:H/A:N", Reading("yes", "total")),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Reading("no", "total")),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:L/A:N", Reading("no", "partial")),
        ("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Reading("no", "partial")),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Reading("yes", "total")),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:H/VI:N/VA:H/SC:N/SI:N/SA:N", Reading("no", "partial")),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", Reading("yes", "total")),
        ("(AV:N/AC:M/Au:S/C:P/I:P/A:P)", Reading("no", "partial")),
    ],
)
def test_a_vector_says_whether_it_can_be_automated_and_how_deep_it_goes(vector: str, reading: Reading) -> None:
    assert read_vector(vector) == reading


@pytest.mark.parametrize(
    ("facts", "place", "expected"),
    [
        # Over the network, without help, all is lost: on the internet within three days, inside within sixty.
        (Facts(CRITICAL, NOT_EXPLOITED, YES, TOTAL), PUBLIC, ("attend", 3)),
        (Facts(CRITICAL, NOT_EXPLOITED, YES, TOTAL), INTERNAL, ("track*", 60)),
        (Facts(CRITICAL, NOT_EXPLOITED, YES, TOTAL), Place("high"), ("attend", 14)),
        # Known exploitation: never less than Attend, whatever the coordinator's table says of it alone.
        (Facts(LOW, ACTIVE, NO, PARTIAL), INTERNAL, ("attend", 14)),
        (Facts(LOW, ACTIVE, YES, TOTAL), INTERNAL, ("act", 3)),
        (Facts(LOW, ACTIVE, NO, PARTIAL), Place("low"), ("attend", 14)),
        # Nobody rates it: what CISA lists may be anything.
        (Facts(NOTHING_SAID, ACTIVE), INTERNAL, ("act", 3)),
        (Facts(NOTHING_SAID, NOT_EXPLOITED), PUBLIC, ("track*", 60)),
        # Words where there is no vector.
        (Facts(CRITICAL, NOT_EXPLOITED, None, TOTAL), INTERNAL, ("attend", 7)),
        (Facts(Said("high", ""), NOT_EXPLOITED, None, TOTAL), INTERNAL, ("track*", 30)),
        (Facts(Said("medium", ""), NOT_EXPLOITED, None, PARTIAL), INTERNAL, ("track", 90)),
        (Facts(LOW, NOT_EXPLOITED, None, PARTIAL), INTERNAL, ("track", 180)),
        (Facts(LOW, LIKELY, None, PARTIAL), INTERNAL, ("track*", 60)),
        # No table is asked.
        (Facts(LOW, NOT_EXPLOITED, NO, PARTIAL, forced="an advisory calls it malicious code"), INTERNAL, ("act", 3)),
    ],
)
def test_the_strictest_rule_wins(facts: Facts, place: Place, expected: tuple[str, int]) -> None:
    decision = decide(facts, place)
    assert (decision.priority, decision.remediate_within.days) == expected


def every_decision() -> list[tuple[Facts, Place]]:
    facts = [
        Facts(Said(word, "") if word else NOTHING_SAID, exploitation, automatable, impact)
        for word, exploitation, automatable, impact in product(
            ("", "critical", "medium", "none"), (NOT_EXPLOITED, LIKELY, ACTIVE), (None, NO, YES), (None, PARTIAL, TOTAL)
        )
    ]
    places = [
        Place(tier, exposed) for tier in ("low", "medium", "high", "mission-critical") for exposed in (False, True)
    ]
    return list(product(facts, places))


def test_no_decision_has_more_time_than_its_class_and_every_input_says_where_it_comes_from() -> None:
    for facts, place in every_decision():
        decision = decide(facts, place)
        assert decision.remediate_within <= CLOCKS[decision.priority].remediate
        values = decision.as_values()
        assert all(one["value"] and isinstance(one["source"], str) for one in values["inputs"])
        listed = facts.exploitation.value == "active"
        assert not listed or PRIORITIES.index(decision.priority) <= PRIORITIES.index("attend")
        assert (decision.priority == "act") <= listed


def test_facts_survive_being_stored() -> None:
    for facts, _ in every_decision():
        assert read_facts(facts.as_values() | {"alone": "track"}) == facts


def test_a_decision_names_tables_versions_and_outcomes() -> None:
    values = decide(Facts(LOW, ACTIVE, NO, TOTAL), VITAL).as_values()
    assert [(t["name"], t["version"], t["outcome"]) for t in values["tables"]] == [
        ("cisa_coordinator", "2.0.3", "act"),
        ("cisa_bod_26_04", "1.0.0", "3 days & forensic investigation"),
    ]
    assert values["forensics"]
    assert {one["name"]: one["value"] for one in values["inputs"]} == {
        "exploitation": "active",
        "automatable": "no",
        "technical_impact": "total",
        "mission_impact": "high",
        "publicly_exposed": "yes",
        "in_kev": "yes",
    }


def test_the_first_day_asks_for_no_acknowledgement_but_of_what_is_confirmed() -> None:
    quiet = decide(Facts(CRITICAL, NOT_EXPLOITED, YES, TOTAL), PUBLIC)
    listed = decide(Facts(LOW, ACTIVE, NO, PARTIAL), INTERNAL)
    first, later = (due(quiet.priority, baseline=b, opened_at=NOON, inputs=quiet.as_values()) for b in (True, False))
    assert (first.acknowledge_at, first.remediate_at) == (None, NOON + timedelta(days=60))
    assert (later.acknowledge_at, later.remediate_at) == (NOON + timedelta(hours=8), NOON + timedelta(days=3))
    known = due(listed.priority, baseline=True, opened_at=NOON, inputs=listed.as_values())
    assert known == (NOON + timedelta(hours=8), NOON + timedelta(days=14))


def test_a_declared_incident_waits_a_quarter_of_an_hour() -> None:
    inputs = decide(Facts(NOTHING_SAID, NOT_EXPLOITED, forced="the CERT declared it: malicious code")).as_values()
    assert due("act", baseline=True, opened_at=NOON, inputs=inputs).acknowledge_at == NOON + timedelta(minutes=15)
    assert due("act", baseline=False, opened_at=NOON).acknowledge_at == NOON + timedelta(hours=1)
