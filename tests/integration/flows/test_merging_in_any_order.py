"""Three vulnerabilities turn out to be one, told in whatever order: the exposure that is left is the same."""

from datetime import timedelta

import pytest
from osv_bucket import Record, make_record
from sqlalchemy import select, update
from story import START, Story

from service.access.roles import SYSTEM
from service.db import reading, writing
from service.incidents.history import timeline_of
from service.incidents.lifecycle import comment
from service.incidents.link_models import Link
from service.incidents.models import Exposure

NAMES = ("OURS-1", "OURS-2", "OURS-3")
USED = tuple(f"pkg:npm/part-{n}@1.0.0" for n in (1, 2, 3))
JOINS = {"OURS-2": "OURS-1", "OURS-3": "OURS-1"}


def record(name: str, *aliases: str) -> Record:
    return make_record(name, f"npm/part-{name[-1]}", "introduced 0", "fixed 2.0.0", aliases=list(aliases))


def play(story: Story, orders: list[tuple[str, tuple[str, ...]]]) -> None:
    """Let one product have all three, each in a state of its own, another the last only; then join them."""
    for name in NAMES:
        story.publish(record(name))
    story.upload("late", USED[2])
    for count in (1, 2, 3):
        story.upload("all", *USED[:count])
    first, second, third = (_of(story, name) for name in NAMES)
    with writing(story.engine) as session:
        soon = update(Exposure).values(remediate_due_at=START + timedelta(days=1))
        session.execute(soon.where(Exposure.id == second))
        done = {"status": "in_progress", "acknowledged_at": START, "plan": "update"}
        session.execute(update(Exposure).where(Exposure.id == third).values(**done))
        session.add(
            Link(exposure_id=third, system="jira", key="SEC-7", state="open", created_at=START, updated_at=START)
        )
        comment(session, third, "we look into it", actor=SYSTEM, now=story.tick())
    assert first < second < third
    for name, aliases in orders:
        story.publish(record(name, *aliases))


def _of(story: Story, name: str) -> int:
    exposure = story.exposure("all", name)
    assert exposure is not None
    return exposure.id


@pytest.mark.parametrize(
    "orders",
    [
        [("OURS-2", ("OURS-1",)), ("OURS-3", ("OURS-1",))],
        [("OURS-3", ("OURS-2",)), ("OURS-2", ("OURS-1",))],
        [("OURS-3", ("OURS-1",)), ("OURS-2", ("OURS-1",))],
    ],
    ids=["one-after-the-other", "the-younger-first", "the-youngest-first"],
)
def test_merging_in_every_order_gives_the_same(story: Story, orders: list[tuple[str, tuple[str, ...]]]) -> None:
    play(story, orders)
    with reading(story.engine) as session:
        left = session.scalars(select(Exposure).where(Exposure.status != "merged").order_by(Exposure.id)).all()
        ends = session.scalars(select(Exposure).where(Exposure.status == "merged")).all()
        survivor = max(left, key=lambda e: e.incident_id == left[0].incident_id and e.status == "in_progress")
        assert [e.status for e in left] == ["open", "in_progress"]
        assert {e.incident_id for e in left} == {_incident(story)}
        assert (survivor.presence, survivor.plan, survivor.acknowledged_at) == ("present", "update", START)
        assert survivor.remediate_due_at == START + timedelta(days=1)
        assert survivor.opened_at == START + timedelta(minutes=5)
        assert {e.merged_into_id for e in ends} == {survivor.id}
        assert [link.exposure_id for link in session.scalars(select(Link))] == [survivor.id]
        told = [values["reason"] for _, values in timeline_of(session, exposure_id=survivor.id)]
    assert "we look into it" in told
    assert [(e.number, e.outcome) for e in story.episodes(survivor)] == [(1, None)]
    assert story.differences() == []
    types = [change.type for change in story.changes()]
    assert types.count("incident.merged") == types.count("exposure.merged") == 2


def _incident(story: Story) -> int:
    incident = story.incident("OURS-1")
    assert incident is not None
    return incident.id
