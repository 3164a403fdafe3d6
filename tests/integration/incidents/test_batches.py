"""Many steps at once: in as many statements as one, each judged by itself, all or none where that is asked for."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from osv_bucket import make_record
from sqlalchemy import func, select
from story import Story, statements

from service.access.roles import Actor, Role
from service.db import reading, writing
from service.errors import NotFound
from service.incidents.decision_models import DecisionRow, Proposal
from service.incidents.lifecycle import Decision, Outcome, Request, take_transitions
from service.incidents.models import Exposure, Transition
from service.incidents.requests import ChangedMeanwhile, NotTaken, StepRefused

LODASH = "pkg:npm/lodash@4.17.20"
CERT = Actor("cert", Role.CERT, key_id=4)
DAY = timedelta(days=1)
MANY = 500


def affected_by(story: Story, count: int) -> list[int]:
    """Give the exposures of one product to this many vulnerabilities."""
    numbers = range(count)
    story.feed(*(make_record(f"CVE-2021-{n:04}", "npm/lodash", "introduced 0", "fixed 4.17.21") for n in numbers))
    story.upload("shop", LODASH)
    with reading(story.engine) as session:
        return list(session.scalars(select(Exposure.id).order_by(Exposure.id)))


def take(story: Story, decisions: dict[int, Decision], **how: Any) -> list[Outcome]:  # noqa: ANN401
    requests = [Request(id_, decision) for id_, decision in decisions.items()]
    with writing(story.engine) as session:
        return take_transitions(session, requests, actor=CERT, now=story.tick(), **how)


def counts(story: Story) -> Counter[str]:
    with reading(story.engine) as session:
        return Counter(dict(session.execute(select(Exposure.status, func.count()).group_by(Exposure.status)).all()))


def test_five_hundred_steps_cost_as_many_statements_as_one(story: Story) -> None:
    one, two, *many = affected_by(story, MANY + 2)
    some = many[:20]
    until = story.now + 30 * DAY
    steps = {
        "acknowledged": Decision("acknowledged"),
        "in_progress": Decision("in_progress", plan="update", planned_for=until.date()),
        "fix_claimed": Decision("fix_claimed", evidence={"build": 1}),
        "risk_accepted": Decision("risk_accepted", "internal", expires_at=until),
        "open": Decision("open", "no longer"),
        "proposed": Decision("not_affected", "dead code", "code_not_reachable"),
        "not_affected": Decision("not_affected", "dead code", "code_not_reachable", approved_by="a supplier"),
    }
    take(story, {one: steps["acknowledged"]})  # what a connection does once is done
    take(story, {one: steps["in_progress"]})
    for name, decision in steps.items():
        with statements(story.engine) as few:
            (outcome,) = take(story, {two: decision})
        all_of_them = name in ("acknowledged", "not_affected")
        with statements(story.engine) as lots:
            outcomes = take(story, dict.fromkeys(many if all_of_them else some, decision))
        assert {outcome.step, *(each.step for each in outcomes)} == {name}
        assert lots.total() == few.total(), name
    assert counts(story) == {"not_affected": MANY + 1, "in_progress": 1}
    with reading(story.engine) as session:
        assert session.scalar(select(func.count(DecisionRow.id)).where(DecisionRow.ended_at.is_(None))) == MANY + 1
        assert session.scalar(select(func.count(Proposal.id)).where(Proposal.outcome == "lapsed")) == len(some) + 1
        steps_taken = select(func.count()).where(Transition.exposure_id == Exposure.id).scalar_subquery()
        assert session.scalars(select(Exposure.id).where(Exposure.version != steps_taken)).all() == []


@pytest.fixture
def three(story: Story) -> list[int]:
    return affected_by(story, 3)


CLAIM, BAD = Decision("fix_claimed"), Decision("risk_accepted", "no day")


def test_each_item_is_judged_by_itself(story: Story, three: list[int]) -> None:
    one, two, three_ = three
    outcomes = take(story, {one: CLAIM, two: BAD, three_: CLAIM, 999_999: CLAIM})
    assert [outcome.step for outcome in outcomes] == ["fix_claimed", None, "fix_claimed", None]
    assert [type(outcome.refusal) for outcome in outcomes] == [type(None), StepRefused, type(None), NotFound]
    assert counts(story) == {"fix_claimed": 2, "open": 1}


def test_all_or_none(story: Story, three: list[int]) -> None:
    one, two, three_ = three
    before = story.rows()
    outcomes = take(story, {one: CLAIM, two: BAD, three_: CLAIM}, atomic=True)
    assert [type(outcome.refusal) for outcome in outcomes] == [NotTaken, StepRefused, NotTaken]
    assert (counts(story), story.rows()) == ({"open": 3}, before)
    assert all(outcome.taken for outcome in take(story, dict.fromkeys(three, CLAIM), atomic=True))
    assert counts(story) == {"fix_claimed": 3}


def test_a_dry_run_says_the_same_and_does_nothing(story: Story, three: list[int]) -> None:
    one, two, three_ = three
    wanted = {one: CLAIM, two: BAD, three_: Decision("not_affected", "dead code", "code_not_reachable")}
    before = story.rows()
    tried = take(story, wanted, dry_run=True)
    assert [outcome.step for outcome in tried] == ["fix_claimed", None, "proposed"]
    assert story.rows() == before
    assert take(story, wanted) == tried


def test_an_exposure_takes_one_step_at_a_time_and_the_version_that_was_read(story: Story, three: list[int]) -> None:
    requests = [Request(three[0], Decision("acknowledged"), 1), Request(three[0], CLAIM), Request(three[1], CLAIM, 7)]
    with writing(story.engine) as session:
        outcomes = take_transitions(session, requests, actor=CERT, now=story.tick())
    assert [type(outcome.refusal) for outcome in outcomes] == [type(None), StepRefused, ChangedMeanwhile]


def test_nothing_asked_is_nothing_done(story: Story) -> None:
    assert take(story, {}) == []
