"""Decisions hold for the packages and versions they were about: what comes beside them opens the exposure again."""

from datetime import timedelta

import pytest
from osv_bucket import make_affected, make_record
from story import CERT, Story

from service.access.roles import Actor, Role
from service.advisories.signal_models import Kev
from service.db import reading, writing
from service.flows.settling import settle
from service.incidents import lifecycle
from service.incidents.claims import BELIEVED_FOR, doubt_claims
from service.incidents.decisions import covered, decisions_of
from service.incidents.grounds import in_field
from service.incidents.lifecycle import Decision, transition
from service.incidents.models import Exposure
from service.incidents.rating import rate_anew
from service.incidents.requests import StepRefused

OLD, OLDER, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.19", "pkg:npm/lodash@4.17.21"
CORE = "pkg:npm/lodash.core@4.17.0"
CVE = "CVE-2021-1"
LODASH = make_record("GHSA-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=[CVE])
BOTH = LODASH | {"affected": [*LODASH["affected"], make_affected("npm/lodash.core", "introduced 0", "fixed 5.0.0")]}
WIDER = make_record("GHSA-1", "npm/lodash", "introduced 0", "fixed 5.0.0", aliases=[CVE])
PARTS = LODASH | {
    "affected": [
        make_affected("npm/lodash", "introduced 3.0.0", "fixed 3.10.2"),
        make_affected("npm/lodash", "introduced 4.0.0", "fixed 4.17.21"),
    ]
}
DAY = timedelta(days=1)
OWNER = Actor("cert", Role.CERT, key_id=4)


@pytest.fixture
def story(story: Story) -> Story:
    story.product("shop")
    story.feed(LODASH)
    story.upload("shop", OLD)
    return story


def take(story: Story, to: str, **fields: object) -> Exposure:
    """Take a step; what takes two people has its second."""
    decision = Decision(to, **{"approved_by": "a colleague"} | fields)  # type: ignore[arg-type]
    with writing(story.engine) as session:
        return transition(session, now_of(story).id, decision, actor=OWNER, now=story.tick())


def now_of(story: Story) -> Exposure:
    exposure = story.exposure("shop", CVE)
    assert exposure is not None
    return exposure


def decide(story: Story, to: str = "not_affected", **fields: object) -> Exposure:
    if to == "not_affected":
        return take(story, to, **{"reason": "dead code", "justification": "code_not_reachable"} | fields)
    return take(story, to, **{"reason": "internal", "expires_at": story.now + 30 * DAY} | fields)


def standing(story: Story) -> list[tuple[str, str]]:
    """Give package and range of the decision that stands."""
    id_ = now_of(story).id
    with reading(story.engine) as session:
        made = decisions_of(session, [id_], standing=True).get(id_, [])
        return [(bound.package, bound.range) for each in made for bound in each.bounds]


def why(story: Story) -> str:
    return story.steps(now_of(story))[-1].reason


@pytest.mark.parametrize("to", ["not_affected", "risk_accepted"])
def test_another_version_in_the_range_is_covered(story: Story, to: str) -> None:
    decide(story, to)
    story.upload("shop", OLDER)
    assert now_of(story).status == to
    assert standing(story) == [("pkg:npm/lodash", "vers:npm/<4.17.21")]


@pytest.mark.parametrize("to", ["not_affected", "risk_accepted"])
def test_a_version_out_of_the_range_opens_it_again(story: Story, to: str) -> None:
    story.feed(PARTS)
    decide(story, to)
    story.upload("shop", "pkg:npm/lodash@3.10.1")
    exposure = now_of(story)
    assert (exposure.status, exposure.assessment, exposure.expires_at) == ("open", None, None)
    assert why(story) == "pkg:npm/lodash 3.10.1: a version that it was not decided for"
    assert standing(story) == []
    assert exposure.version == len(story.steps(exposure))
    outcomes = [episode.outcome for episode in story.episodes(exposure)]
    assert outcomes == (["not_affected", None] if to == "not_affected" else [None])


def test_another_package_opens_it_again(story: Story) -> None:
    story.feed(BOTH)
    decide(story)
    story.upload("shop", OLD, CORE)
    assert (now_of(story).status, why(story)) == (
        "open", "pkg:npm/lodash.core 4.17.0: a package that it was not decided for",
    )  # fmt: skip
    decide(story)
    assert [package for package, _ in standing(story)] == ["pkg:npm/lodash", "pkg:npm/lodash.core"]


def test_what_comes_back_in_another_version_is_judged_again(story: Story) -> None:
    story.feed(PARTS)
    decide(story)
    story.upload("shop", NEW)
    gone = now_of(story)
    assert (gone.status, gone.presence) == ("not_affected", "absent")
    story.upload("shop", OLDER)
    assert now_of(story).status == "not_affected"
    story.upload("shop", NEW)
    story.upload("shop", "pkg:npm/lodash@3.10.1")
    assert (now_of(story).status, now_of(story).presence) == ("open", "present")


def test_an_advisory_that_moves_its_range_opens_it_again(story: Story) -> None:
    decide(story)
    story.feed(LODASH | {"summary": "the same, in other words"})
    assert now_of(story).status == "not_affected"
    story.feed(WIDER)
    assert now_of(story).status == "open"
    assert why(story) == "GHSA-1 named vers:npm/<4.17.21 when it was decided, and names vers:npm/<5.0.0 now"


@pytest.mark.parametrize("to", ["not_affected", "risk_accepted"])
def test_a_severity_that_rises_opens_it_again(story: Story, to: str) -> None:
    story.feed(LODASH | {"database_specific": {"severity": "MODERATE"}})
    decide(story, to)
    story.feed(LODASH | {"database_specific": {"severity": "LOW"}})
    assert now_of(story).status == to
    story.feed(LODASH | {"database_specific": {"severity": "HIGH"}})
    assert (now_of(story).status, standing(story)) == ("open", [])
    assert why(story) == "it was medium when it was decided, and is high now"


def test_what_becomes_known_as_exploited_is_looked_at_again(story: Story) -> None:
    decide(story)
    incident = story.incident(CVE)
    assert incident is not None
    assert incident.vulnerability_id is not None
    with writing(story.engine) as session:
        session.add(
            Kev(
                cve=CVE, added_on=story.now.date(), due_on=story.now.date(), ransomware=False, title="",
                required_action="",
            )
        )  # fmt: skip
        session.flush()  # rating reads what the catalogue lists
        rate_anew(session, [incident.vulnerability_id], actor="kev", now=story.tick())
    exposure = now_of(story)
    assert (exposure.status, exposure.priority) == ("open", "act")
    assert exposure.remediate_due_at == story.now + 3 * DAY, "it was not known before"
    assert "exploited" in why(story)


def test_a_decision_can_be_narrowed_and_not_beside_what_is_there(story: Story) -> None:
    with pytest.raises(StepRefused, match=r"would not hold for what is there: .*4\.17\.20"):
        decide(story, versions="<4.17.20")
    decide(story, versions=">=4.17.20,<4.17.21")
    story.upload("shop", OLDER)
    assert now_of(story).status == "open"


def test_a_decision_whose_time_is_over_opens_it_again(story: Story) -> None:
    decide(story, expires_at=story.now + 10 * DAY)
    later = story.now + 10 * DAY
    with writing(story.engine) as session:
        assert lifecycle.end_acceptances(session, now=later - DAY) == 0
        assert lifecycle.end_acceptances(session, now=later) == 1
        assert lifecycle.end_acceptances(session, now=later) == 0
    exposure = now_of(story)
    assert (exposure.status, exposure.expires_at, standing(story)) == ("open", None, [])
    assert [episode.outcome for episode in story.episodes(exposure)] == ["not_affected", None]
    assert story.steps(exposure)[-1].step == "expired"


def test_what_is_gone_does_not_open_when_its_time_is_over(story: Story) -> None:
    decide(story, expires_at=story.now + 10 * DAY)
    story.upload("shop", NEW)
    with writing(story.engine) as session:
        assert lifecycle.end_acceptances(session, now=story.now + 10 * DAY) == 0
    story.upload("shop", OLD)
    with writing(story.engine) as session:
        assert lifecycle.end_acceptances(session, now=story.now + 10 * DAY) == 1


def test_a_machine_asks_for_many_exposures_at_once(story: Story) -> None:
    decide(story)
    id_ = now_of(story).id
    with reading(story.engine) as session:
        field = in_field(session, [id_])
        assert covered(session, [id_], field) == {id_: None}
        assert covered(session, [id_ + 1], {}) == {}


def test_nothing_is_decided_anew_by_looking_again(story: Story) -> None:
    decide(story)
    before = story.rows()
    settle(story.engine, actor=CERT.name, now=story.tick())
    story.upload("shop", OLD)
    assert (story.rows()["transition"], story.rows()["decision"]) == (before["transition"], before["decision"])


# --- plans and claims ------------------------------------------------------------------------------------------------


def test_a_plan_is_kept_and_an_old_call_s_reason_is_one(story: Story) -> None:
    by = (story.now + 3 * DAY).date()
    begun = take(story, "in_progress", plan="update", planned_for=by)
    assert (begun.plan, begun.planned_for) == ("update", by)
    claimed = take(story, "fix_claimed")
    assert (claimed.plan, claimed.claimed_at) == ("update", story.now)
    again = take(story, "in_progress", reason="rollback to 3.x")
    assert (again.plan, again.planned_for, again.claimed_at) == ("rollback to 3.x", None, None)


def test_a_claim_is_doubted_once_a_newer_sbom_still_has_it(story: Story) -> None:
    due = now_of(story).remediate_due_at
    take(story, "fix_claimed")
    story.upload("shop", OLDER)
    exposure = now_of(story)
    assert (exposure.status, exposure.claimed_at, exposure.ended_at) == ("in_progress", None, None)
    assert (story.steps(exposure)[-1].step, why(story)) == ("doubted", "a newer SBOM of main still has it")
    assert exposure.remediate_due_at == due, "the clock ran on"
    assert len(story.episodes(exposure)) == 1


def test_a_claim_is_doubted_by_the_same_sbom_sent_again_and_by_time(story: Story) -> None:
    take(story, "fix_claimed")
    with writing(story.engine) as session:
        assert doubt_claims(session, now=story.now + BELIEVED_FOR - timedelta(seconds=1)) == 0
        assert doubt_claims(session, now=story.now + BELIEVED_FOR) == 1
        assert doubt_claims(session, now=story.now + BELIEVED_FOR) == 0
    assert why(story) == "nothing has proved the fix for 7 days"
    take(story, "fix_claimed")
    story.upload("shop", OLD, "pkg:npm/ms@2.1.3")
    with writing(story.engine) as session:
        doubt_claims(session, now=story.tick())
    assert (now_of(story).status, why(story)) == ("in_progress", "a newer SBOM of main still has it")


def test_an_sbom_of_before_the_claim_says_nothing_against_it(story: Story) -> None:
    take(story, "fix_claimed")
    story.upload("shop", OLDER, stream="2.x", at=story.now - timedelta(hours=1))
    assert now_of(story).status == "fix_claimed"
