"""What a declaration says, whom a broadcast tells what, and how a report is written: values in, values out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.advisories.declaration import Declaration, declaration_in
from service.flows.declaring_entries import entries_of
from service.incidents.broadcasting import shares_of
from service.incidents.closing import obstacles_in
from service.incidents.report_writing import as_html, as_markdown
from service.incidents.situation import Situation, Standing, TeamStanding
from service.inventory.constraints import Outcome

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("purl_type", "version", "outcome"),
    [
        ("deb", "5.6.1-1", Outcome.IN),
        ("conan", "5.6.0", Outcome.IN),
        ("deb", "5.6.1+really5.4.5-1", Outcome.STEPPED_BACK),
        ("apk", "5.4.6-r0", Outcome.OUT),
        ("generic", "4.9", Outcome.IN),
        ("generic", "", Outcome.UNKNOWN),
    ],
)
def test_ranges_are_alternatives_and_the_best_verdict_counts(purl_type: str, version: str, outcome: Outcome) -> None:
    declaration = Declaration(ranges=(">=5.6.0,<5.6.2", "=4.9"))
    assert declaration.versions.judge(purl_type, version).outcome is outcome


@pytest.mark.parametrize(
    "written",
    [None, [], "xz", {"names": "xz"}, {"names": ["xz"], "ranges": ["five"]}, {"purls": ["xz"]}, {"names": [1]}],
)
def test_what_is_no_declaration_declares_nothing(written: object) -> None:
    assert declaration_in({"database_specific": {"declaration": written}}) is None


def test_a_declaration_reads_back_as_it_was_written() -> None:
    said = Declaration(kind="malicious_code", names=("evil",), hashes=("ab" * 32,), ranges=("=1.0",))
    assert declaration_in({"database_specific": {"declaration": said.as_values()}}) == said


def test_osv_is_told_of_registries_and_never_of_distributions() -> None:
    purls = ("pkg:npm/%40evil/pad", "pkg:pypi/wrong@1.2", "pkg:deb/debian/xz-utils", "pkg:generic/xz")
    ranges = (">=1.0,<2.0", "=3.1", "vers:npm/>=9", ">4")
    assert entries_of(Declaration(purls=purls, ranges=ranges)) == [
        {
            "package": {"ecosystem": "npm", "name": "@evil/pad"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"fixed": "2.0"}]}],
            "versions": ["3.1"],
        },
        {"package": {"ecosystem": "PyPI", "name": "wrong"}, "versions": ["1.2"]},
    ]
    whole = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}
    assert entries_of(Declaration(purls=("pkg:npm/evil",))) == [
        {"package": {"ecosystem": "npm", "name": "evil"}, "ranges": [whole]}
    ]


def standing(number: int, product: str, team: int, status: str, presence: str) -> Standing:
    return Standing(number, number, product, team, status, presence, NOON, None)


def situation() -> Situation:
    exposures = [
        standing(1, "shop", 1, "open", "present"),
        standing(2, "till", 1, "risk_accepted", "present"),
        standing(3, "firmware", 2, "acknowledged", "unknown"),
        standing(4, "gone", 2, "resolved", "absent"),
        standing(5, "spared", 2, "not_affected", "present"),
    ]
    teams = {
        1: TeamStanding("payments", affected=["till", "shop"]),
        2: TeamStanding("edge", suspected=["firmware"], cannot_tell=["silent"], clear=2),
        3: TeamStanding("web", clear=7),
        4: TeamStanding("idle"),
    }
    return Situation(1, exposures, teams, {"silent": "no_sbom"}, 13)


def test_each_team_hears_what_is_asked_of_it_and_who_owns_nothing_hears_nothing() -> None:
    told = [(share.team, share.audience, share.products) for share in shares_of(situation(), restricted=False)]
    assert told == [
        ("payments", "act", {"act": ["shop", "till"], "confirm": [], "clear": 0}),
        ("edge", "confirm", {"act": [], "confirm": ["firmware", "silent"], "clear": 2}),
        ("web", "clear", {"act": [], "confirm": [], "clear": 7}),
    ]
    assert [share.team for share in shares_of(situation(), restricted=True)] == ["payments", "edge"]


def test_an_accepted_risk_is_in_the_way_and_a_decision_is_not() -> None:
    assert [(one.name, one.reason) for one in obstacles_in(situation())] == [
        ("EXP-1", "affected"),
        ("EXP-2", "affected"),
        ("EXP-3", "unknown"),
        ("silent", "no_sbom"),
    ]


def report(title: str) -> dict[str, Any]:
    step = {"at": "2026-03-01T12:00:00Z", "actor": title, "step": "announced", "exposure": None, "reason": title}
    return {
        "incident": {
            "id": "INC-1", "title": title, "kind": "declared", "severity": "critical", "priority": "act",
            "status": "open", "vulnerability": None, "aliases": [], "opened_at": "2026-03-01T12:00:00Z",
        },
        "as_of": "2026-03-01T12:00:00Z",
        "declarations": [],
        "numbers": {
            "products": 0, "teams": 0, "by_status": {}, "acknowledged": 0, "median_minutes_to_acknowledge": None,
            "resolved": 0, "median_minutes_to_resolve": None, "reopened": 0, "clocks_held": {}, "clocks_breached": {},
        },
        "timeline": [step], "decisions": [], "exposures": [], "broadcasts": [], "answers": [], "closings": [],
        "ever_in_use": [], "ever_in_use_since": None, "digest": "sha256:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    "title", ["<b>", "a | b", "[x](http://y)", "`x`", "# x\n## y", "*x*", "x\u202ey", "&lt;", "x\\", "~~x~~", "{0}"]
)
def test_no_title_means_anything_in_a_report(title: str) -> None:
    markdown, page = as_markdown(report(title)), as_html(report(title))
    assert "<b>" not in page + markdown
    assert "\u202e" not in page + markdown
    assert sum(line.startswith("# ") for line in markdown.splitlines()) == 1
    (row,) = [line for line in markdown.splitlines() if "announced" in line and line.startswith("|")]
    unescaped = row.replace("\\\\", "").replace("\\|", "")
    assert unescaped.count("|") == 6
    for sign in "*`[]<~":
        assert f"\\{sign}" in markdown or sign not in title
