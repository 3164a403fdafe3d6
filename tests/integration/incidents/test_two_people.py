"""What takes two people: proposed, approved by another key or declined, and dead when what it is about changes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from interleaving import interleave
from osv_bucket import make_record
from sqlalchemy import Engine, select
from story import Story

from service.access.keys import create_key, revoke_key
from service.access.models import Team
from service.access.roles import SYSTEM, Actor, Role
from service.db import connect, reading, writing
from service.errors import Forbidden
from service.incidents.approving import NothingProposed, approve, decline, lapse_outdated
from service.incidents.decision_models import DecisionRow, Proposal
from service.incidents.decisions import decisions_of
from service.incidents.lifecycle import Decision, transition
from service.incidents.models import Exposure
from service.incidents.proposals import waiting_for
from service.incidents.requests import ChangedMeanwhile, StepRefused

OLD, OLDER, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.19", "pkg:npm/lodash@4.17.21"
LODASH = make_record("GHSA-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-1"])
WIDER = make_record("GHSA-1", "npm/lodash", "introduced 0", "fixed 5.0.0", aliases=["CVE-2021-1"])
DAY = timedelta(days=1)
NOT_AFFECTED = Decision("not_affected", "only in the installer", "code_not_reachable", evidence={"commit": "abc"})
OVERRIDE = Decision("resolved", "patched in place", evidence={"ticket": "OPS-1"})
CERT, CERT_TOO = Actor("cert", Role.CERT, key_id=4), Actor("cert", Role.CERT, key_id=5)


def test_what_a_key_proposed_that_was_revoked_since_is_proposed_anew(desk: "Desk") -> None:
    with writing(desk.story.engine) as session:
        new = create_key(session, "stolen", Role.CERT, now=desk.story.now)
    stolen = Actor("stolen", Role.CERT, key_id=new.key.id)
    desk.propose(actor=stolen)
    with writing(desk.story.engine) as session:
        revoke_key(session, new.key.public_id, now=desk.story.tick())
    with pytest.raises(StepRefused, match="revoked"):
        desk.act(approve, actor=CERT)
    assert desk.exposure.status == "open"
    desk.propose(actor=CERT_TOO)
    assert desk.act(approve, actor=CERT).status == "not_affected"


class Desk:
    """Two owners of one team, and a product that is affected."""

    def __init__(self, story: Story) -> None:
        self.story = story
        story.product("shop", team="payments")
        story.feed(LODASH)
        story.upload("shop", OLD)
        with reading(story.engine) as session:
            team_id = session.scalars(select(Team.id).where(Team.name == "payments")).one()
        self.ann, self.ben = (Actor("ann", Role.OWNER, key_id=k, team_id=team_id) for k in (1, 2))
        self.stranger = Actor("eve", Role.OWNER, key_id=3, team_id=team_id + 1_000)

    @property
    def exposure(self) -> Exposure:
        exposure = self.story.exposure("shop", "CVE-2021-1")
        assert exposure is not None
        return exposure

    def act(self, how: Any, *args: Any, actor: Actor, **more: Any) -> Exposure:  # noqa: ANN401
        with writing(self.story.engine) as session:
            acted: Exposure = how(session, self.exposure.id, *args, actor=actor, now=self.story.tick(), **more)
            return acted

    def propose(self, decision: Decision = NOT_AFFECTED, actor: Actor | None = None) -> Exposure:
        return self.act(transition, decision, actor=actor or self.ann)

    def approve(self, actor: Actor | None = None, **more: Any) -> Exposure:  # noqa: ANN401
        return self.act(approve, actor=actor or self.ben, **more)

    def waits(self) -> bool:
        with reading(self.story.engine) as session:
            return bool(waiting_for(session, [self.exposure.id]))

    def outcomes(self) -> list[str | None]:
        with reading(self.story.engine) as session:
            return list(session.scalars(select(Proposal.outcome).order_by(Proposal.id)))

    def steps(self) -> list[str]:
        return [step.step for step in self.story.steps(self.exposure)]


@pytest.fixture
def desk(story: Story) -> Desk:
    return Desk(story)


def test_a_proposal_moves_nothing_until_another_approves(desk: Desk) -> None:
    proposed = desk.propose()
    assert (proposed.status, proposed.assessment, proposed.acknowledged_at) == ("open", None, None)
    with pytest.raises(StepRefused, match="second person"):
        desk.approve(desk.ann)
    with pytest.raises(Forbidden):
        desk.approve(desk.stranger)
    decided = desk.approve()
    assert (decided.status, decided.assessment, decided.ended_at) == ("not_affected", "not_affected", desk.story.now)
    assert desk.steps() == ["opened", "proposed", "not_affected"]
    last = desk.story.steps(decided)[-1]
    assert (last.actor, last.reason) == ("ann", NOT_AFFECTED.reason), "both are called ann; their keys differ"
    assert last.evidence["commit"] == "abc"
    assert desk.outcomes() == ["approved"]
    assert decided.version == 3, "one for each line of the timeline"


def test_a_decision_names_both_and_what_it_is_bound_to(desk: Desk) -> None:
    desk.propose()
    desk.approve(CERT)
    with reading(desk.story.engine) as session:
        (made,) = decisions_of(session, [desk.exposure.id])[desk.exposure.id]
    assert (made.to, made.justification, made.source, made.stands) == (
        "not_affected", "code_not_reachable", "person", True,
    )  # fmt: skip
    assert ((made.decided_by, made.decided_key_id), (made.approved_by, made.approved_key_id)) == (
        ("ann", 1), ("cert", 4),
    )  # fmt: skip
    assert [(bound.package, bound.range) for bound in made.bounds] == [("pkg:npm/lodash", "vers:npm/<4.17.21")]


def test_an_episode_ends_with_the_decision_and_the_next_begins_when_it_is_taken_back(desk: Desk) -> None:
    desk.propose()
    decided = desk.approve()
    (episode,) = desk.story.episodes(decided)
    assert (episode.ended_at, episode.outcome) == (desk.story.now, "not_affected")
    due = decided.remediate_due_at
    opened = desk.act(transition, Decision("open", "a plug-in calls it"), actor=desk.ann)
    assert (opened.status, opened.ended_at, opened.acknowledged_at, opened.reopen_count) == ("open", None, None, 1)
    assert opened.remediate_due_at == due, "nobody gains time by deciding wrongly"
    assert [episode.outcome for episode in desk.story.episodes(opened)] == ["not_affected", None]
    with reading(desk.story.engine) as session:
        (made,) = decisions_of(session, [opened.id])[opened.id]
    assert (made.ended_at, made.ended_reason) == (desk.story.now, "a plug-in calls it")


def test_an_accepted_risk_runs_on_in_its_episode(desk: Desk) -> None:
    until = desk.story.now + 30 * DAY
    accepted = desk.act(transition, Decision("risk_accepted", "internal", expires_at=until), actor=desk.ann)
    assert accepted.ended_at is None
    opened = desk.act(transition, Decision("open", "no longer"), actor=desk.ann)
    assert [episode.ended_at for episode in desk.story.episodes(opened)] == [None]
    assert (opened.reopen_count, opened.acknowledged_at) == (0, accepted.acknowledged_at)


@pytest.mark.parametrize("how", ["approve", "decline"])
def test_there_has_to_be_something_to_judge(desk: Desk, how: str) -> None:
    with pytest.raises(NothingProposed):
        desk.approve() if how == "approve" else desk.act(decline, actor=desk.ben, reason="no")
    desk.propose()
    desk.approve()
    with pytest.raises(NothingProposed):
        desk.approve(CERT)


def test_a_proposal_can_be_declined_or_taken_back(desk: Desk) -> None:
    for actor in (desk.ben, desk.ann):
        desk.propose()
        declined = desk.act(decline, actor=actor, reason="show us the call graph")
        assert declined.status == "open"
    desk.propose()
    with pytest.raises(Forbidden):
        desk.act(decline, actor=desk.stranger, reason="mine")
    assert desk.outcomes() == ["declined", "declined", None]
    assert desk.steps() == ["opened", "proposed", "declined", "proposed", "declined", "proposed"]


def test_a_new_proposal_replaces_the_one_that_waits(desk: Desk) -> None:
    desk.propose()
    desk.propose(Decision("not_affected", "a better reason", "code_not_present"), actor=desk.ben)
    with pytest.raises(StepRefused):
        desk.approve(desk.ben)
    assert desk.approve(desk.ann).status == "not_affected"
    assert desk.outcomes() == ["replaced", "approved"]


def test_a_proposal_dies_with_the_status_that_it_was_about(desk: Desk) -> None:
    desk.propose()
    moved = desk.act(transition, Decision("acknowledged"), actor=desk.ben)
    assert not desk.waits()
    assert desk.steps() == ["opened", "proposed", "acknowledged", "lapsed"]
    assert moved.version == 4
    with pytest.raises(NothingProposed):
        desk.approve()


def test_a_proposal_dies_when_what_it_is_about_leaves(desk: Desk) -> None:
    desk.propose()
    desk.story.upload("shop", NEW)
    assert (desk.exposure.status, desk.waits(), desk.steps()[-2:]) == ("resolved", False, ["resolved", "lapsed"])
    last = [change for change in desk.story.changes() if change.exposure][-1]
    assert (last.type, last.data["proposal"], last.data["version"]) == ("exposure.lapsed", None, 4)


def test_a_proposal_is_not_approved_once_its_advisory_has_changed(desk: Desk) -> None:
    desk.propose()
    desk.story.feed(WIDER)
    with pytest.raises(StepRefused, match="GHSA-1 named"):
        desk.approve()
    with writing(desk.story.engine) as session:
        assert lapse_outdated(session, now=desk.story.tick()) == 1
        assert lapse_outdated(session, now=desk.story.now) == 0
    assert (desk.waits(), desk.steps()[-1], desk.exposure.version) == (False, "lapsed", 3)
    desk.propose()
    assert desk.approve().status == "not_affected"


def test_a_proposal_that_still_fits_waits_on(desk: Desk) -> None:
    desk.propose()
    desk.story.feed(LODASH | {"summary": "the same, in other words"})
    desk.story.upload("shop", OLDER)
    with writing(desk.story.engine) as session:
        assert lapse_outdated(session, now=desk.story.tick()) == 0
    assert desk.approve().status == "not_affected"


def test_an_override_takes_evidence_and_two_of_the_cert(desk: Desk) -> None:
    with pytest.raises(StepRefused, match="Nothing closes on a word"):
        desk.propose(OVERRIDE)
    desk.propose(OVERRIDE, actor=CERT)
    for actor in (desk.ben, CERT):
        with pytest.raises(StepRefused):
            desk.approve(actor)
    decided = desk.approve(CERT_TOO)
    assert (decided.status, decided.presence, decided.ended_at) == ("resolved", "present", desk.story.now)
    assert [episode.outcome for episode in desk.story.episodes(decided)] == ["resolved"]
    assert desk.story.differences() == [], "what was overridden is no fault of the inventory"
    desk.story.feed(LODASH | {"summary": "again"})
    assert desk.exposure.status == "resolved", "looking again proves nothing new"
    desk.story.upload("shop", OLDER)
    assert desk.exposure.status == "open", "it was about the very version that was patched"


def test_who_has_no_key_proposes_nothing(desk: Desk) -> None:
    with pytest.raises(StepRefused, match="key of your own"):
        desk.propose(actor=SYSTEM)


def test_a_version_that_was_read_is_compared(desk: Desk) -> None:
    version = desk.propose().version
    with pytest.raises(ChangedMeanwhile):
        desk.approve(version=version - 1)
    assert desk.approve(version=version).status == "not_affected"


# --- races -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engines(database_url: str) -> Iterator[tuple[Engine, Engine]]:
    pair = connect(database_url), connect(database_url)
    yield pair
    for each in pair:
        each.dispose()


@pytest.mark.parametrize("before", [2, 6, 12])
def test_of_two_who_approve_at_once_one_is_told(desk: Desk, engines: tuple[Engine, Engine], before: int) -> None:
    desk.propose()
    id_, told = desk.exposure.id, []

    def approving(actor: Actor) -> Any:  # noqa: ANN401 - an act
        def act(engine: Engine, now: datetime) -> None:
            try:
                with writing(engine) as session:
                    approve(session, id_, actor=actor, now=now)
            except NothingProposed:
                told.append(actor)

        return act

    interleave(approving(desk.ben), approving(CERT), engines, before=before, now=desk.story.tick())
    assert (desk.exposure.status, len(told)) == ("not_affected", 1)
    with reading(desk.story.engine) as session:
        assert len(session.scalars(select(DecisionRow)).all()) == 1


@pytest.mark.parametrize("before", [2, 8, 20])
@pytest.mark.parametrize("turned", [False, True])
def test_an_approval_beside_the_upload_that_resolves(
    desk: Desk,
    engines: tuple[Engine, Engine],
    before: int,
    turned: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    desk.propose()
    id_ = desk.exposure.id

    def approval(engine: Engine, now: datetime) -> None:
        try:
            with writing(engine) as session:
                approve(session, id_, actor=desk.ben, now=now)
        except NothingProposed:
            pass

    def upload(engine: Engine, _now: datetime) -> None:
        Story(engine).upload("shop", NEW, at=desk.story.now)

    one, other = (upload, approval) if turned else (approval, upload)
    interleave(one, other, engines, before=before, now=desk.story.tick())
    exposure = desk.exposure
    assert (exposure.status, exposure.presence) in {("resolved", "absent"), ("not_affected", "absent")}
    assert not desk.waits()
    assert exposure.version == len(desk.steps())
    assert desk.story.differences() == []
