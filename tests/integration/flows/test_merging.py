"""Two vulnerabilities turn out to be one: incidents merge, exposures are handed over, nothing is lost."""

import pytest
from osv_bucket import make_record
from story import Story

from service.db import reading
from service.incidents.models import Exposure, Incident

OLD, OTHER = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash.core@1.0.0"
ONE = make_record("GHSA-2222-2222-2222", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-1"])
APART = make_record("OURS-1", "npm/lodash.core", "introduced 0", "fixed 2.0.0")
JOINED = APART | {"aliases": ["CVE-2021-1"]}


@pytest.fixture
def merged(story: Story) -> Story:
    """Let one product have both, one the older only, one the younger only."""
    story.publish(ONE)
    story.publish(APART)
    story.upload("older", OLD)
    story.upload("both", OLD, OTHER)
    story.upload("younger", OTHER)
    assert story.rows()["incident"] == 2
    story.publish(JOINED)
    return story


def test_the_older_incident_survives_and_the_younger_points_to_it(merged: Story) -> None:
    survivor = merged.incident("CVE-2021-1")
    assert survivor is not None
    assert merged.incident("OURS-1") is not None
    with reading(merged.engine) as session:
        younger = session.get_one(Incident, survivor.id + 1)
    assert (younger.status, younger.merged_into_id, younger.vulnerability_id) == ("merged", survivor.id, None)


def test_exposures_are_handed_over_and_none_is_doubled(merged: Story) -> None:
    survivor = merged.incident("CVE-2021-1")
    assert survivor is not None
    for product in ("older", "both", "younger"):
        exposure = merged.exposure(product, "CVE-2021-1")
        assert exposure is not None
        assert (exposure.incident_id, exposure.status, exposure.presence) == (survivor.id, "open", "present")
    moved = merged.exposure("younger", "CVE-2021-1")
    assert moved is not None
    assert [s.step for s in merged.steps(moved)] == ["opened", "moved"]
    assert merged.differences() == []


def test_what_either_said_keeps_the_one_exposure_open(merged: Story) -> None:
    merged.upload("both", "pkg:npm/lodash@4.17.21", OTHER)
    assert merged.status("both", "CVE-2021-1") == "open"
    merged.upload("both", "pkg:npm/lodash@4.17.21", "pkg:npm/lodash.core@2.0.0")
    assert merged.status("both", "CVE-2021-1") == "resolved"


def test_the_exposure_that_was_one_too_many_ends_as_merged_with_its_episode(merged: Story) -> None:
    survivor = merged.incident("CVE-2021-1")
    assert survivor is not None
    with reading(merged.engine) as session:
        [doubled] = session.query(Exposure).filter(Exposure.status == "merged").all()
    assert doubled.incident_id == survivor.id + 1
    assert [e.outcome for e in merged.episodes(doubled)] == ["merged"]


def test_every_step_of_a_merge_is_in_the_feed_of_changes(merged: Story) -> None:
    types = [change.type for change in merged.changes()]
    for expected in ("incident.merged", "incident.joined", "exposure.moved", "exposure.merged"):
        assert types.count(expected) == 1


def test_an_incident_whose_vulnerability_gets_another_name_keeps_its_number(story: Story) -> None:
    story.publish(make_record("CVE-2021-1", aliases=[]))
    story.publish(APART)
    story.upload("shop", OTHER)
    before = story.incident("OURS-1")
    story.publish(JOINED)
    after = story.incident("CVE-2021-1")
    assert before is not None
    assert after is not None
    assert (after.id, after.status) == (before.id, "open")
    assert story.differences() == []


def test_an_advisory_that_no_longer_names_a_vulnerability_withdraws_what_it_opened_there(story: Story) -> None:
    notice = make_record("DSA-1", "npm/lodash", "introduced 0", upstream=["CVE-2021-1", "CVE-2021-2"])
    story.upload("shop", OLD)
    story.feed(notice)
    assert (story.status("shop", "CVE-2021-1"), story.status("shop", "CVE-2021-2")) == ("open", "open")
    story.feed(notice | {"upstream": ["CVE-2021-2"]})
    assert (story.status("shop", "CVE-2021-1"), story.status("shop", "CVE-2021-2")) == ("withdrawn", "open")
    assert story.differences() == []
