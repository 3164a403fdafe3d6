from typing import Any

import pytest

from service.cli.importing import Tally
from service.cli.searching import show_answer
from service.cli.showing import show_line, show_table
from service.cli.uploading import show_receipt
from service.flows.importing import Imported


def finding(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "severity": "high",
        "kind": "vulnerability",
        "certainty": "certain",
        "name": "lodash",
        "version": "4.17.20",
        "vulnerability": "CVE-2021-23337",
        "fixed_in": ["4.17.21"],
        "exposure": "EXP-1",
        "status": "open",
        "new": True,
    } | fields


def receipt(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "product": "shop",
        "stream": "main",
        "version": None,
        "sbom": {"id": 7},
        "late": False,
        "duplicate": False,
        "components": {"total": 9, "listed": 9, "added": 2, "removed": 1, "unidentified": 0},
        "verdict": "unknown",
        "gate": "high",
        "findings": [],
        "resolved": [],
        "held": [],
        "unevaluated": [],
        "missing_feeds": [],
        "warnings": [],
        "quality": {"score": 100, "advice": []},
        "next": None,
    } | fields


def place(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "product": "shop",
        "stream": "main",
        "release": None,
        "in_field": True,
        "owner": {"team": "web", "reason": "the product's team"},
        "component": {"purl": "", "name": "liblzma5", "version": "5.6.1-1"},
        "first_seen_at": "2024-03-01T10:00:00Z",
        "last_seen_at": None,
        "matched_by": [{"rule": "family", "detail": "xz: xz-utils"}],
        "path": [],
    } | fields


def answer(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"items": list(items), "next": None, "cannot_tell": [], "excluded": [], "cut": False} | fields


def test_a_receipt_says_what_a_clean_answer_would_not_cover(capsys: pytest.CaptureFixture[str]) -> None:
    doubts = [{"reason": "no-version"}, {"reason": "no-version"}, {"reason": "no-coordinates"}]
    show_receipt(receipt(unevaluated=doubts, missing_feeds=["Debian", "npm"]))
    out = capsys.readouterr().out
    assert "shop main: SBOM 7, 9 components (2 added, 1 removed)" in out
    assert "verdict: unknown (gate: high)" in out
    assert "3 components cannot be evaluated: 2 no-version, 1 no-coordinates" in out
    assert "advisories missing or stale: Debian, npm" in out


def test_a_possible_finding_is_marked_and_malware_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_receipt(receipt(findings=[finding(kind="malware", severity="unscored"), finding(certainty="possible")]))
    out = capsys.readouterr().out
    assert "malware " in out
    assert "high?" in out


def test_a_receipt_says_what_ended_and_what_could_not(capsys: pytest.CaptureFixture[str]) -> None:
    step = {"incident": "INC-1", "exposure": "EXP-2", "vulnerability": "CVE-1", "reason": "why"}
    show_receipt(receipt(resolved=[step], held=[step | {"exposure": "EXP-3"}]))
    out = capsys.readouterr().out
    assert "resolved: EXP-2 of INC-1, CVE-1: why" in out
    assert "held: EXP-3 of INC-1, CVE-1: why" in out


def test_a_repeated_upload_says_that_nothing_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    show_receipt(receipt(duplicate=True))
    assert "shop main: nothing new since SBOM 7, 9 components" in capsys.readouterr().out


def test_an_answer_tells_still_from_until(capsys: pytest.CaptureFixture[str]) -> None:
    gone = place(product="blog", in_field=False, last_seen_at="2024-04-01T10:00:00Z")
    show_answer(answer(place(), gone, place(product="wiki", in_field=False)), ever=True)
    shop, blog, wiki = (line for line in capsys.readouterr().out.splitlines() if "liblzma5" in line)
    assert "2024-03-01 10:00  still  " in shop
    assert "2024-03-01 10:00  2024-04-01 10:00" in blog
    assert "still, not in the field" in wiki


def test_an_answer_names_what_only_looks_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    reverted = {
        "component": {"purl": "", "name": "liblzma5", "version": "5.6.1+really5.4.5-1"},
        "reason": "it is 5.4.5",
    }
    lost = {"product": "shop", "stream": None, "release": None, "owner": {"team": "web"}, "component": None}
    show_answer(answer(cannot_tell=[lost | {"reason": "no_sbom"}], excluded=[reverted]), ever=False)
    out = capsys.readouterr().out
    assert "Cannot tell (1):" in out
    assert "no SBOM was ever sent" in out
    assert "liblzma5 5.6.1+really5.4.5-1  it is 5.4.5" in out


def test_an_incomplete_answer_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_answer(answer(place(), next="more", cut=True), ever=False)
    out = capsys.readouterr().out
    assert "1 place in 1 product; there are more, see --limit" in out
    assert "too broad" in out


def test_the_terminal_is_told_nothing_by_an_sbom(capsys: pytest.CaptureFixture[str]) -> None:
    show_line("\x1b[2J")
    show_table([{"name": "\x1b]0;title\x07", "tags": ["\x1b[31m"]}], ("name", "tags"))
    assert "\x1b" not in capsys.readouterr().out


def test_a_piped_row_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([{"name": "x" * 500, "why": "y " * 200}], ("name", "why"))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_tally_counts_what_is_in_the_database() -> None:
    tally = Tally()
    tally.add(Imported("a", "a", components=3, created=True))
    tally.add(Imported("b", "b", components=4))
    tally.add(Imported("c", "c", error="broken"))
    assert (tally.created, tally.repeated, tally.accepted, tally.components) == (1, 1, 2, 7)
    assert [one.place for one in tally.refused] == ["c"]


def test_a_receipt_says_how_complete_the_sbom_is_and_what_would_help_most(capsys: pytest.CaptureFixture[str]) -> None:
    advice: list[dict[str, object]] = [
        {"element": word, "change": f"Do {word}.", "gains": {}} for word in ("supplier", "licence", "hash")
    ]
    show_receipt(receipt(quality={"score": 67, "advice": advice}))
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "quality: 67 of 100",
        "  supplier: Do supplier.",
        "  licence: Do licence.",
    ]
