"""The way of the client commands through a running service, with their exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Ran, run_muster
from osv_bucket import make_record
from sboms import listed, make_sbom

Muster = Callable[..., Ran]

LODASH = "pkg:npm/lodash@4.17.20"
FIXED = "pkg:npm/lodash@4.17.21"
ADVISORY = make_record(
    "ACME-2024-1",
    "npm/lodash",
    "introduced 0",
    "fixed 4.17.21",
    aliases=["CVE-2021-23337"],
    summary="Command injection in lodash",
    database_specific={"severity": "HIGH"},
)


@pytest.fixture
def sbom(tmp_path: Path) -> Path:
    return written(tmp_path, make_sbom(LODASH, "pkg:npm/express@4.0.0"))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "sbom.json"
    path.write_bytes(data)
    return path


def publish(muster: Muster, folder: Path, *options: str) -> Ran:
    path = folder / "advisory.json"
    path.write_text(json.dumps(ADVISORY))
    return muster("advisories", "publish", str(path), *options)


def affected(muster: Muster, folder: Path, *products: str) -> str:
    """Publish the advisory and let these products have what it affects; gives the incident."""
    publish(muster, folder)
    for product in products:
        ran = muster("upload", "-", "-p", product, "--json", stdin=make_sbom(LODASH))
    incident: str = ran.json()["findings"][0]["incident"]
    return incident


def test_the_story_from_upload_to_acknowledged(muster: Muster, sbom: Path, tmp_path: Path) -> None:
    muster("teams", "set", "payments", "--email", "payments@example.org")
    assert muster("products", "set", "payments-api", "--owner", "payments").code == 0

    uploaded = muster("upload", str(sbom), "--product", "payments-api", "--version", "1.0")
    assert (uploaded.code, uploaded.err) == (0, "")
    assert "payments-api main 1.0: SBOM 1, 2 components (2 added, 0 removed)" in uploaded.out
    assert "advisories missing or stale: npm" in uploaded.out

    published = publish(muster, tmp_path)
    assert published.code == 0
    assert "ACME-2024-1 is published and meets 1 components, in 1 products in the field." in published.out
    assert "INC-1: CVE-2021-23337" in published.out

    used = muster("who-uses", "lodash", ">=4.0,<4.17.21")
    assert used.code == 0
    assert "payments-api" in used.out
    assert "lodash 4.17.20" in used.out
    assert "1 place in 1 product" in used.out

    listed_ = muster("incidents", "list")
    assert listed_.code == 0
    assert "1 open" in listed_.out

    acknowledged = muster("incidents", "ack", "INC-1", "--product", "payments-api")
    assert (acknowledged.code, acknowledged.out) == (0, "EXP-1 payments-api: acknowledged\n")

    shown = muster("incidents", "show", "INC-1")
    assert shown.code == 0
    assert "lodash 4.17.20 (fixed in 4.17.21)" in shown.out
    assert "acknowledged" in shown.out

    fixed = muster("upload", "-", "--product", "payments-api", stdin=make_sbom(FIXED))
    assert fixed.code == 0


def test_only_a_gate_that_was_asked_for_says_no(muster: Muster, sbom: Path, tmp_path: Path) -> None:
    publish(muster, tmp_path)
    assert muster("upload", str(sbom), "-p", "shop").code == 0
    refused = muster("upload", str(sbom), "-p", "shop", "--gate", "high")
    assert refused.code == 1
    assert "verdict: fail (gate: high)" in refused.out
    assert muster("upload", str(sbom), "-p", "shop", "--gate", "critical").code == 0


def test_a_preview_answers_and_opens_nothing(muster: Muster, sbom: Path, tmp_path: Path) -> None:
    publish(muster, tmp_path)
    ran = muster("upload", str(sbom), "-p", "shop", "--stream", "feature/x", "--preview", "--gate", "low", "--json")
    assert ran.code == 1
    assert ran.json()["findings"][0]["incident"] is None
    assert muster("incidents", "list", "--json").json()["items"] == []


def test_the_table_ends_after_twenty_findings(muster: Muster, tmp_path: Path) -> None:
    publish(muster, tmp_path)
    many = make_sbom(*(f"pkg:npm/lodash@4.17.{patch}" for patch in range(21)), "pkg:npm/lodash@3.0.0")
    ran = muster("upload", "-", "-p", "shop", stdin=many)
    assert ran.out.count("CVE-2021-23337") == 20
    assert "and 2 others; --json lists them" in ran.out


def test_an_old_sbom_is_placed_where_it_belongs(muster: Muster, sbom: Path) -> None:
    muster("upload", "-", "-p", "shop", stdin=make_sbom(FIXED))
    ran = muster("upload", str(sbom), "-p", "shop", "--at", "2024-03-29", "--json")
    assert (ran.code, ran.json()["late"], ran.json()["at"]) == (0, True, "2024-03-29T00:00:00Z")
    then = muster("who-uses", "lodash", "--as-of", "2024-04-01", "--json").json()
    assert [one["component"]["version"] for one in then["items"]] == ["4.17.20"]


BAD = (
    ("upload", "nowhere.json", "-p", "shop"),
    ("upload", "-", "-p", "shop", "--gate", "terrible"),
    ("upload", "-", "-p", "shop", "--at", "yesterday"),
    ("upload", "-", "-p", "shop"),
    ("who-uses",),
    ("who-uses", "lodash", "--range", "between 1 and 2"),
    ("who-uses", "--purl", "pkg:"),
    ("incidents", "show", "INC-77"),
    ("incidents", "ack", "lodash"),
    ("incidents", "start", "INC-1"),
    ("incidents", "accept", "INC-1", "--reason", "so", "--until", "some day"),
    ("advisories", "withdraw", "ACME-9"),
    ("advisories", "publish", "-"),
    ("advisories", "sync", "--from", "https://mirror.example/osv"),
)


def test_bad_input_ends_with_two_and_says_why(muster: Muster) -> None:
    for arguments in BAD:
        ran = muster(*arguments, stdin=b"nothing that anybody could read")
        assert (ran.code, ran.out) == (2, ""), arguments
        assert ran.err, arguments
        assert "Traceback" not in ran.err


def test_a_service_that_is_not_there_ends_with_three(sbom: Path, tmp_path: Path) -> None:
    nobody = {"MUSTER_URL": "http://127.0.0.1:1", "MUSTER_DATA": str(tmp_path)}
    for arguments in (("upload", str(sbom), "-p", "shop"), ("who-uses", "lodash"), ("incidents", "list")):
        ran = run_muster(*arguments, environment=nobody)
        assert (ran.code, "cannot be reached" in ran.err) == (3, True)


def test_a_key_that_may_not_is_told_so(muster_as: Callable[[str], Muster], sbom: Path) -> None:
    reader = muster_as("reader")
    assert reader("who-uses", "lodash").code == 0
    ran = reader("upload", str(sbom), "-p", "shop")
    assert (ran.code, "permission upload" in ran.err) == (2, True)


def test_no_hits_are_no_failure(muster: Muster) -> None:
    ran = muster("who-uses", "liblzma", "5.6")
    assert (ran.code, ran.out) == (0, "Nobody is known to use it now; --ever asks about the past.\n")


def test_what_cannot_be_told_is_told(muster: Muster) -> None:
    muster("upload", "-", "-p", "shop", stdin=make_sbom(listed(name="lodash")))
    ran = muster("who-uses", "lodash", "4.17")
    assert "Cannot tell (1):" in ran.out
    assert "the component has no version" in ran.out


def test_a_search_follows_next_up_to_its_limit(muster: Muster) -> None:
    muster("upload", "-", "-p", "shop", stdin=make_sbom(*(f"pkg:npm/lodash@1.0.{patch}" for patch in range(7))))
    for limit, is_complete in ((3, False), (7, True), (500, True)):
        answer = muster("who-uses", "lodash", "--limit", str(limit), "--json").json()
        assert (len(answer["items"]), answer["next"] is None) == (min(limit, 7), is_complete)


def test_a_purl_is_asked_for_as_it_is(muster: Muster) -> None:
    muster("upload", "-", "-p", "shop", stdin=make_sbom(LODASH))
    assert "lodash 4.17.20" in muster("who-uses", "--purl", LODASH).out
    assert "lodash 4.17.20" in muster("who-uses", LODASH).out


def test_ever_finds_what_is_gone(muster: Muster) -> None:
    muster("upload", "-", "-p", "shop", "--at", "2024-03-01", stdin=make_sbom(LODASH))
    muster("upload", "-", "-p", "shop", "--at", "2024-04-01", stdin=make_sbom(FIXED))
    assert "4.17.20" not in muster("who-uses", "lodash").out
    assert "2024-03-01 00:00  2024-04-01 00:00" in muster("who-uses", "lodash", "--ever").out


def test_a_step_on_an_incident_is_taken_where_it_fits(muster: Muster, tmp_path: Path) -> None:
    incident = affected(muster, tmp_path, "shop", "blog", "wiki")
    muster("incidents", "ack", incident, "--product", "blog")

    ran = muster("incidents", "ack", incident)
    assert ran.code == 0
    assert ran.out == "EXP-1 shop: acknowledged\nEXP-3 wiki: acknowledged\n"

    again = muster("incidents", "ack", incident)
    assert (again.code, "no exposure that is still to be acknowledged" in again.err) == (2, True)


def test_a_refused_step_says_what_is_missing(muster: Muster, tmp_path: Path) -> None:
    affected(muster, tmp_path, "shop")
    long = muster("incidents", "accept", "EXP-1", "--reason", "behind a proxy", "--until", "2999-01-01")
    assert long.code == 2
    assert "at most 90 days ahead" in long.err
    wrong = muster("incidents", "not-affected", "EXP-1", "--reason", "no", "--justification", "no-need")
    assert (wrong.code, "code_not_reachable" in wrong.err) == (2, True)


def test_all_that_people_can_do_with_an_exposure(
    muster: Muster, muster_as: Callable[[str], Muster], tmp_path: Path
) -> None:
    affected(muster, tmp_path, "shop")
    muster("teams", "set", "web", "--email", "web@example.org")
    steps = (
        ("comment", "EXP-1", "we", "look", "at", "it"),
        ("assign", "EXP-1", "--team", "web", "--reason", "they built it"),
        ("start", "EXP-1", "--reason", "update"),
        ("claim-fixed", "EXP-1"),
        ("not-affected", "exp-1", "--reason", "never called", "--justification", "code-not-reachable"),
    )
    for step in steps:
        ran = muster("incidents", *step)
        assert (ran.code, ran.err) == (0, ""), step
    assert ran.out == "EXP-1 shop: proposed; another person approves with `muster incidents approve EXP-1`\n"
    own = muster("incidents", "approve", "EXP-1")
    assert (own.code, "the key that proposed it cannot approve it" in own.err) == (2, True)
    second = muster_as("cert")
    assert second("incidents", "approve", "EXP-1").out == "EXP-1 shop: approved\n"
    shown = muster("incidents", "show", "EXP-1", "--json").json()
    assert (shown["owner"]["team"], shown["status"]) == ("web", "not_affected")
    assert muster("incidents", "reopen", "EXP-1", "--reason", "a plug-in calls it").out == "EXP-1 shop: open\n"
    muster("incidents", "not-affected", "EXP-1", "--reason", "sure", "--justification", "code-not-reachable")
    declined = second("incidents", "decline", "EXP-1", "--reason", "show us the call graph")
    assert (declined.code, declined.out) == (0, "EXP-1 shop: declined\n")
    said = [entry["reason"] for entry in shown["timeline"]["items"]]
    assert "we look at it" in said


def test_json_of_a_step_has_what_was_refused_too(muster: Muster, tmp_path: Path) -> None:
    incident = affected(muster, tmp_path, "shop", "blog")
    muster("incidents", "start", "EXP-1", "--reason", "update")
    answer = muster("incidents", "ack", incident, "--json").json()
    assert [one["id"] for one in answer["items"]] == ["EXP-2"]
    assert [(one["exposure"], one["status"]) for one in answer["refused"]] == [("EXP-1", 409)]


def test_a_dry_run_keeps_nothing_and_a_withdrawn_advisory_goes(muster: Muster, sbom: Path, tmp_path: Path) -> None:
    muster("upload", str(sbom), "-p", "shop")
    assert "would meet 1 components" in publish(muster, tmp_path, "--dry-run").out
    assert muster("incidents", "list", "--all").out == "There are none.\n"
    publish(muster, tmp_path)
    assert muster("advisories", "withdraw", "ACME-2024-1").out.splitlines() == [
        "ACME-2024-1 is withdrawn.",
        "No longer affected: 1 components, in 1 products in the field: lodash 4.17.20",
    ]
    assert muster("incidents", "list").out == "There are none.\n"
    assert "withdrawn" in muster("incidents", "list", "--all").out


def test_what_cannot_be_evaluated_is_counted_and_listed(muster: Muster) -> None:
    assert muster("advisories", "unevaluated").out == "There are none.\n"
    record = make_record("ACME-2", "npm/lodash", "introduced not a version", "fixed 2")
    ran = muster("advisories", "publish", "-", stdin=json.dumps(record).encode())
    assert (ran.code, "match nothing" in ran.out) == (0, True)
    (reason,) = muster("advisories", "unevaluated", "--json").json()["unevaluated"]
    assert "ACME-2" in muster("advisories", "unevaluated", "--reason", reason).out


def test_a_file_of_owners_is_applied_as_a_whole(muster: Muster, tmp_path: Path) -> None:
    muster("teams", "set", "web", "--email", "web@example.org")
    file = tmp_path / "owners.csv"
    file.write_text("slug,team,tier,exposed,kind,tags,title\nshop,web,high,yes,vendor,eu b2c,The shop\n")
    assert muster("products", "import", str(file), "--dry-run").code == 0
    assert muster("products", "list", "--json").json()["items"] == []
    assert muster("products", "import", str(file)).code == 0
    (shop,) = muster("products", "list", "--json").json()["items"]
    wanted = {"slug": "shop", "team": "web", "tier": "high", "exposed": True, "kind": "vendor", "title": "The shop"}
    assert {name: shop[name] for name in wanted} == wanted
    assert sorted(shop["tags"]) == ["b2c", "eu"]


def test_a_stream_that_is_no_longer_built_is_retired(muster: Muster) -> None:
    muster("upload", "-", "-p", "shop", "--stream", "release/1.x", stdin=make_sbom(LODASH))
    assert muster("products", "retire-stream", "shop", "release/1.x", "--reason", "end of life").code == 0
    assert muster("who-uses", "lodash", "--json").json()["items"] == []


def test_a_running_service_can_be_asked_to_sync_but_not_from_elsewhere(muster: Muster) -> None:
    ran = muster("advisories", "sync")
    assert (ran.code, "MUSTER_OSV_URL is none" in ran.err) == (2, True)
