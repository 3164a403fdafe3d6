"""One vulnerability turns out to be two: the other gets an incident of its own, and no exposure is lost."""

import pytest
from osv_bucket import make_record
from story import CERT, Story

from service.db import reading, writing
from service.incidents.lifecycle import Decision, transition
from service.incidents.models import Exposure, Incident, Transition

ONE, TWO = "CVE-2021-1111", "CVE-2021-2222"
OLD, OTHER = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash.core@1.0.0"
FIRST = make_record("GHSA-2222-2222-2222", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=[ONE])
SECOND = make_record("GHSA-3333-3333-3333", "npm/lodash.core", "introduced 0", "fixed 2.0.0", aliases=[TWO])
BRIDGE = make_record("OURS-1", aliases=[ONE, TWO])


@pytest.fixture
def joined(story: Story) -> Story:
    """Let one product have the first part, one both, one the other: one incident of three exposures."""
    story.feed(FIRST, SECOND, BRIDGE)
    for product, components in (("first", [OLD]), ("both", [OLD, OTHER]), ("second", [OTHER])):
        story.product(product, team=f"team-{product}")
        story.upload(product, *components)
    assert story.rows()["incident"] == 1
    return story


@pytest.fixture
def split(joined: Story) -> Story:
    joined.feed(BRIDGE | {"aliases": [ONE]})
    return joined


def exposure(story: Story, product: str, vulnerability: str) -> Exposure:
    found = story.exposure(product, vulnerability)
    assert found is not None
    return found


def incident(story: Story, vulnerability: str) -> Incident:
    found = story.incident(vulnerability)
    assert found is not None
    return found


def test_the_part_with_the_name_keeps_the_incident_and_the_other_opens_a_new_one(split: Story) -> None:
    assert (incident(split, ONE).status, incident(split, TWO).status) == ("open", "open")
    assert incident(split, TWO).id > incident(split, ONE).id
    assert [split.status(product, ONE) for product in ("first", "both", "second")] == ["open", "open", "withdrawn"]
    assert [split.status(product, TWO) for product in ("first", "both", "second")] == [None, "open", "open"]
    assert split.differences() == []


def test_a_new_exposure_begins_where_the_other_left_off(split: Story) -> None:
    was, now = exposure(split, "second", ONE), exposure(split, "second", TWO)

    assert (now.team_id, now.owner_reason, now.origin) == (was.team_id, was.owner_reason, was.origin)
    assert (now.opened_at, now.remediate_due_at) == (was.opened_at, was.remediate_due_at)
    assert [episode.opened_at for episode in split.episodes(now)] == [was.opened_at]


def test_both_sides_of_the_timeline_say_so(split: Story) -> None:
    was, now = exposure(split, "second", ONE), exposure(split, "second", TWO)
    old, new = incident(split, ONE), incident(split, TWO)

    assert [s.reason for s in split.steps(was)][-1] == (
        f"split: what is in the field is affected by INC-{new.id}, another vulnerability since"
    )
    assert [s.reason for s in split.steps(now)] == [f"split off EXP-{was.id} of INC-{old.id}"]
    with reading(split.engine) as session:
        rows = session.query(Transition).filter(Transition.exposure_id.is_(None)).order_by(Transition.id)
        said = {(row.incident_id, row.step): row.reason for row in rows}
    assert said[old.id, "split"] == f"{TWO} is another vulnerability: INC-{new.id}"
    assert said[new.id, "opened"].startswith(f"split off INC-{old.id}")
    types = [change.type for change in split.changes()]
    assert types.count("incident.split") == 1


def test_a_part_that_affects_nothing_opens_nothing(story: Story) -> None:
    story.feed(FIRST, SECOND, BRIDGE)
    story.upload("shop", OLD)
    story.feed(BRIDGE | {"aliases": [ONE]})

    assert (story.status("shop", ONE), story.incident(TWO), story.rows()["incident"]) == ("open", None, 1)
    story.upload("blog", OTHER)
    blog = exposure(story, "blog", TWO)
    assert (blog.opened_at, story.steps(blog)[0].reason) == (story.now, "found on the product's first SBOM")


def test_what_is_affected_after_the_split_is_news(split: Story) -> None:
    split.upload("first", OLD, OTHER)

    fresh = exposure(split, "first", TWO)
    assert (fresh.opened_at, fresh.origin) == (split.now, "new")


def test_a_withdrawn_bridge_splits_and_merges_again_when_it_is_back(joined: Story) -> None:
    joined.feed(BRIDGE | {"withdrawn": "2026-03-01T00:00:00Z"})
    assert incident(joined, ONE).id != incident(joined, TWO).id
    split_off = incident(joined, TWO).id

    joined.feed(BRIDGE)

    survivor = incident(joined, TWO)
    assert survivor.id == incident(joined, ONE).id
    with reading(joined.engine) as session:
        assert session.get_one(Incident, split_off).merged_into_id == survivor.id
    assert [joined.status(product, ONE) for product in ("first", "both", "second")] == ["open", "open", "open"]
    assert joined.differences() == []


def test_a_merge_keeps_the_work_that_was_begun_on_the_younger_side(split: Story) -> None:
    begun = exposure(split, "second", TWO)
    with writing(split.engine) as session:
        transition(session, begun.id, Decision("acknowledged"), actor=CERT, now=split.tick())
    work = exposure(split, "second", TWO)

    split.feed(BRIDGE)

    kept = exposure(split, "second", ONE)
    assert kept.id != begun.id
    assert (kept.status, kept.acknowledged_at, kept.ended_at) == ("acknowledged", work.acknowledged_at, None)
    assert (kept.acknowledge_due_at, kept.remediate_due_at) == (work.acknowledge_due_at, work.remediate_due_at)
    assert [(e.number, e.outcome) for e in split.episodes(kept)] == [(1, "withdrawn"), (2, None)]
    assert split.differences() == []
