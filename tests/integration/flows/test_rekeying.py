"""An ordering is corrected: what an older version of ours stored is read again, and everything follows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from osv_bucket import make_record
from sqlalchemy import Engine, text
from story import Story, statements

from service.advisories.rekeying import outdated
from service.db import reading, writing
from service.flows.rekeying import rekey, rematch
from service.flows.settling import settle
from service.inventory.catalogue_models import Component
from service.inventory.entries import entries_of
from service.inventory.rekeying import identity_of
from service.sbom import read

Corpus = Callable[[str], Path]

LODASH = make_record("GHSA-1111-1111-1111", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-1"])
SMTPD = make_record(
    "ALPINE-1", "Alpine:v3.18/opensmtpd", "introduced 0", "fixed 6.6.4p1-r0", upstream=["CVE-2020-7247"]
)
LIBRARY = make_record("GHSA-2222-2222-2222", "Maven/org.a:b", "introduced 0", "fixed 1.sp.1", aliases=["CVE-2021-2"])
LISTED = make_record("GHSA-3333-3333-3333", "npm/listed", versions=["1.0.0", "master"], aliases=["CVE-2021-3"])
GONE = make_record("GHSA-4444-4444-4444", "npm/gone", "introduced 0", aliases=["CVE-2021-4"])
AFFECTED = ("pkg:npm/lodash@4.17.20", "pkg:apk/alpine/opensmtpd@6.6.3p1-r0?distro=3.18", "pkg:maven/org.a/b@1-alpha")
FIXED = ("pkg:npm/lodash@4.17.21", "pkg:apk/alpine/opensmtpd@6.6.4p1-r0?distro=3.18", "pkg:npm/listed@1.0.0")
NAMES = ("CVE-2021-1", "CVE-2020-7247", "CVE-2021-2", "CVE-2021-3", "CVE-2021-4")

#: As an ordering that puts every version below every range would have written them.
_WRONG_COMPONENTS = (
    r"UPDATE component_coord SET sort_key = NULL, flagged = false WHERE version LIKE '6.6.%'",
    r"UPDATE component_coord SET sort_key = '\xfffffffe' WHERE sort_key IS NOT NULL",
    "UPDATE component SET key_version = 1, unevaluated = 'unparsable-version' WHERE purl LIKE 'pkg:apk%'",
    "UPDATE component SET key_version = 1",
)
_WRONG_ADVISORIES = (
    r"UPDATE affected SET hi = lo || '\x01' WHERE rule = 'range'",
    "UPDATE advisory SET key_version = 1, severity = 'low'",
)
_EVERYTHING = {
    "coordinates": """
        SELECT purl, unevaluated, ecosystem, name, sort_key, flagged, c.version, relation, release_known
        FROM component k LEFT JOIN component_coord c ON c.component_id = k.id
        LEFT JOIN osv_package p ON p.id = osv_package_id""",
    "ranges": """
        SELECT osv_id, severity, settled, lo, hi, exact_version, lo_version, hi_version, fixed, rule
        FROM advisory a LEFT JOIN affected f ON f.advisory_id = a.id""",
    "matches": """
        SELECT purl, osv_id, certainty, m.rule, m.lo_version, m.hi_version, m.fixed
        FROM match m JOIN component k ON k.id = component_id JOIN advisory a ON a.id = advisory_id""",
}


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine) as session:
        return {
            name: sorted((tuple(row) for row in session.execute(text(query))), key=repr)
            for name, query in _EVERYTHING.items()
        }


def spoil(engine: Engine, *statements: str) -> None:
    with writing(engine) as session:
        for statement in statements:
            session.execute(text(statement))


def tell(story: Story) -> None:
    story.feed(LODASH, SMTPD, LIBRARY, LISTED, GONE)
    story.upload("shop", *AFFECTED, "pkg:npm/gone@1.0.0")
    story.upload("blog", *FIXED)


def incident_of(story: Story, vulnerability: str) -> int | None:
    incident = story.incident(vulnerability)
    return incident.id if incident else None


def statuses(story: Story) -> list[str | None]:
    return [story.status(product, name) for product in ("shop", "blog") for name in NAMES]


def test_wrong_keys_are_corrected_and_matches_and_exposures_follow(story: Story) -> None:
    tell(story)
    right, exposed = everything(story.engine), statuses(story)

    spoil(story.engine, *_WRONG_COMPONENTS, *_WRONG_ADVISORIES)
    spoil(story.engine, "UPDATE match SET component_id = (SELECT id FROM component WHERE purl LIKE '%lodash@4.17.21')")
    assert everything(story.engine) != right
    assert rekey(story.engine, now=story.tick()) == (7, 5)

    assert everything(story.engine) == right
    assert statuses(story) == exposed
    assert story.differences() == []


def test_what_only_wrong_keys_hid_is_opened_and_what_they_made_up_is_taken_back(story: Story) -> None:
    story.feed(LODASH, SMTPD)
    spoil(story.engine, r"UPDATE affected SET lo = hi, hi = '\xffffffff' WHERE fixed <> ''")
    story.upload("shop", *AFFECTED)
    story.upload("blog", *FIXED)
    assert [story.status("shop", "CVE-2021-1"), story.status("blog", "CVE-2021-1")] == [None, "open"]

    spoil(story.engine, "UPDATE advisory SET key_version = 1")
    rekey(story.engine, now=story.tick())

    assert [story.status("shop", "CVE-2021-1"), story.status("shop", "CVE-2020-7247")] == ["open", "open"]
    assert [story.status("blog", "CVE-2021-1"), story.status("blog", "CVE-2020-7247")] == ["withdrawn", "withdrawn"]
    assert story.differences() == []


@pytest.mark.parametrize("table", ["component", "advisory"])
def test_while_keys_of_two_versions_lie_side_by_side_answers_are_unknown_and_nothing_is_settled(
    story: Story, table: str
) -> None:
    tell(story)
    assert story.upload("calm", "pkg:npm/lodash@4.17.21")["rekeying"] is False
    spoil(story.engine, f"UPDATE {table} SET key_version = 1", "UPDATE advisory SET settled = false")  # noqa: S608

    answer = story.upload("calm", "pkg:npm/lodash@4.17.22")
    assert (answer["rekeying"], answer["verdict"]) == (True, "unknown")
    assert settle(story.engine, actor="osv feed", now=story.tick()) == 0

    rekey(story.engine, now=story.tick())
    assert settle(story.engine, actor="osv feed", now=story.tick()) == 0
    assert story.rows()["advisory"] == 5
    assert story.differences() == []


def test_a_run_that_was_interrupted_is_resumed(story: Story) -> None:
    tell(story)
    right = everything(story.engine)
    spoil(story.engine, *_WRONG_COMPONENTS, *_WRONG_ADVISORIES)

    def stop(_components: int, _advisories: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        rekey(story.engine, now=story.tick(), progress=stop)
    with reading(story.engine) as session:
        assert outdated(session)
    assert rekey(story.engine, now=story.tick()) == (0, 5)
    assert everything(story.engine) == right


def test_two_at_once_share_the_work(story: Story) -> None:
    tell(story)
    right = everything(story.engine)
    spoil(story.engine, *_WRONG_COMPONENTS, *_WRONG_ADVISORIES)
    now = story.tick()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: rekey(story.engine, now=now), range(2)))

    assert tuple(map(sum, zip(*done, strict=True))) == (7, 5)
    assert everything(story.engine) == right
    assert story.differences() == []


def test_an_advisory_that_its_feed_no_longer_carries_does_not_come_back(story: Story) -> None:
    tell(story)
    spoil(
        story.engine,
        "UPDATE advisory SET withdrawn_at = now() WHERE osv_id = 'GHSA-4444-4444-4444'",
        "DELETE FROM affected WHERE advisory_id = (SELECT id FROM advisory WHERE osv_id = 'GHSA-4444-4444-4444')",
        "UPDATE advisory SET key_version = 1",
    )
    rekey(story.engine, now=story.tick())
    with reading(story.engine) as session:
        assert session.scalar(text("SELECT count(*) FROM advisory WHERE withdrawn_at IS NOT NULL")) == 1


def test_the_feeds_next_copy_of_what_was_read_again_is_no_news(story: Story) -> None:
    tell(story)
    before = everything(story.engine)["ranges"]
    spoil(story.engine, "UPDATE advisory SET key_version = 1, severity = 'low'")
    with reading(story.engine) as session:
        digests = session.scalars(text("SELECT digest FROM advisory ORDER BY id")).all()
    rekey(story.engine, now=story.tick())
    with reading(story.engine) as session:
        assert session.scalars(text("SELECT digest FROM advisory ORDER BY id")).all() == digests
    assert everything(story.engine)["ranges"] == before


def test_what_is_read_otherwise_joins_no_vulnerabilities_any_more(story: Story) -> None:
    story.feed(LODASH, make_record("GHSA-2222-2222-2222", "npm/pad", "introduced 0", aliases=["CVE-2021-2"]))
    story.feed(make_record("X-1", "npm/harmless", "introduced 0", aliases=["CVE-2021-1", "CVE-2021-2"]))
    story.upload("shop", AFFECTED[0], "pkg:npm/pad@1.0.0")
    assert incident_of(story, "CVE-2021-1") == incident_of(story, "CVE-2021-2")

    # As a version would have left it that did not know this kind of id for a bundle's.
    bundle = """UPDATE advisory SET osv_id = 'ELA-1-1', record = jsonb_set(record, '{id}', '"ELA-1-1"')"""
    spoil(story.engine, f"{bundle}, key_version = 1 WHERE osv_id = 'X-1'", "UPDATE advisory SET key_version = 1")
    rekey(story.engine, now=story.tick())

    assert incident_of(story, "CVE-2021-1") != incident_of(story, "CVE-2021-2")
    assert [story.status("shop", "CVE-2021-1"), story.status("shop", "CVE-2021-2")] == ["open", "open"]
    assert story.differences() == []


def test_nothing_to_do_costs_one_look(story: Story) -> None:
    tell(story)
    with statements(story.engine) as sent:
        assert rekey(story.engine, now=story.tick()) == (0, 0)
    assert sum(count for statement, count in sent.items() if "key_version" in statement) == 1


def test_matching_everything_anew_changes_nothing_that_is_right(story: Story) -> None:
    tell(story)
    right = everything(story.engine)
    assert rematch(story.engine, now=story.tick()) == (0, 0)
    assert everything(story.engine) == right


def test_matching_everything_anew_writes_what_is_missing_and_takes_back_what_is_too_much(story: Story) -> None:
    tell(story)
    right, exposed = everything(story.engine), statuses(story)
    spoil(
        story.engine,
        "UPDATE match SET fixed = 'never' WHERE rule = 'package:range'",
        "DELETE FROM match WHERE rule = 'package:version'",
        """INSERT INTO match (component_id, advisory_id, certainty, rule, osv_package_id, lo_version, hi_version, fixed)
           SELECT k.id, m.advisory_id, 'certain', 'package:range', m.osv_package_id, '', '', ''
           FROM component k, match m WHERE k.purl = 'pkg:npm/lodash@4.17.21' AND m.lo_version = '' LIMIT 1""",
    )
    done = rematch(story.engine, now=story.tick())
    assert done.taken_back == 1
    assert done.written >= 3
    assert everything(story.engine) == right
    assert statuses(story) == exposed
    assert story.differences() == []


@pytest.mark.parametrize("every", [120, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_what_is_stored_of_a_component_identifies_it(corpus: Corpus, every: int) -> None:
    compared = 0
    for file in sorted(corpus("sbom-bench").glob("*.json"))[::every]:
        for _, entry in entries_of(read(file.read_bytes())):
            said = entry.identity
            stored = Component(
                purl=said.purl,
                version=said.version,
                source_name=said.source_name,
                source_version=said.source_version,
                distribution=said.distribution,
            )
            if said.purl:
                again = identity_of(stored)
                assert (again.coordinates, again.unevaluated) == (said.coordinates, said.unevaluated), said.purl
                compared += 1
            else:
                assert not said.coordinates
    assert compared > 1_000
