"""Clocks run, pause, and tell whom they should, once, however late the job comes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from osv_bucket import make_record
from sqlalchemy import event, null, update
from story import Story, statements

from service.access.roles import SYSTEM, Actor
from service.advisories.signal_models import Kev
from service.db import reading, writing
from service.errors import ServiceError
from service.flows.signalling import decide_undecided
from service.incidents import pausing
from service.incidents.clocks import meet_clock
from service.incidents.extending import ExtensionRefused, extend
from service.incidents.lifecycle import Decision, transition
from service.incidents.locking import locked_for
from service.incidents.models import Exposure, Incident
from service.incidents.pausing import NotPaused, PauseRefused
from service.incidents.rating import rate_anew
from service.incidents.redeciding import decide_product_anew
from service.incidents.representing import exposures_as_values
from service.incidents.ticking import tick
from service.inventory.models import Product

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CVE, UNFIXED = "CVE-2024-1", "CVE-2024-2"
OLD, NEW = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"
PAD = "pkg:npm/left-pad@1.3.0"
REMOTE = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
FLAW = make_record("x_ours-1", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=[CVE], severity=REMOTE)
WAITING = make_record("x_ours-2", "npm/left-pad", "introduced 0", aliases=[UNFIXED], severity=REMOTE)
FIXED_LATER = make_record("x_ours-2", "npm/left-pad", "introduced 0", "fixed 1.3.1", aliases=[UNFIXED], severity=REMOTE)


class Desk:
    """A product on the internet with two flaws, of which one has a fix, and a clock to move on."""

    def __init__(self, story: Story) -> None:
        self.story = story
        story.product("shop", exposed=True)
        story.upload("shop", "pkg:npm/other@1.0.0")
        story.publish(FLAW)
        story.publish(WAITING)
        story.upload("shop", OLD, PAD)
        self.opened_at = story.now

    def exposure(self, vulnerability: str = CVE) -> Exposure:
        exposure = self.story.exposure("shop", vulnerability)
        assert exposure is not None
        return exposure

    def values(self, vulnerability: str = CVE) -> dict[str, Any]:
        id_ = self.exposure(vulnerability).id
        with reading(self.story.engine) as session:
            return exposures_as_values(session, [id_], now=self.story.now)[id_]

    def tick(self, at: datetime) -> int:
        self.story.now = at
        with writing(self.story.engine) as session:
            return tick(session, now=at).escalated

    def told(self, vulnerability: str = CVE) -> list[tuple[Any, ...]]:
        steps = [s.evidence for s in self.story.steps(self.exposure(vulnerability)) if s.step == "escalated"]
        return [(e["clock"], e["level"], *e["skipped"]) for e in steps]

    def do(self, act: Any, *args: Any, vulnerability: str = CVE, actor: Actor = SYSTEM, **named: Any) -> Exposure:  # noqa: ANN401
        with writing(self.story.engine) as session:
            row = locked_for(session, self.exposure(vulnerability).id, actor)
            done: Exposure = act(session, row, *args, now=self.story.tick(), actor=actor, **named)
            return done

    def pause(self, kind: str, vulnerability: str = UNFIXED, until: datetime | None = None) -> Exposure:
        return self.do(pausing.pause, kind, reason="asked upstream", until=until, vulnerability=vulnerability)

    def step(self, to: str, reason: str = "") -> None:
        with writing(self.story.engine) as session:
            transition(session, self.exposure().id, Decision(to, reason), actor=SYSTEM, now=self.story.tick())

    def list_as_exploited(self, cve: str) -> None:
        with writing(self.story.engine) as session:
            session.add(Kev(cve=cve, added_on=self.story.now.date(), ransomware=False, title="", required_action=""))
            session.flush()
            incident = self.story.incident(cve)
            assert incident is not None
            assert incident.vulnerability_id is not None
            rate_anew(session, [incident.vulnerability_id], actor="signals", now=self.story.tick())


@pytest.fixture
def desk(story: Story) -> Desk:
    return Desk(story)


# --- escalation ------------------------------------------------------------------------------------------------------


def test_silence_goes_from_the_team_to_the_manager_and_each_step_is_taken_once(desk: Desk) -> None:
    assert desk.exposure().priority == "attend"  # eight hours to acknowledge
    for share, said in (
        (0.49, []),
        (0.5, [("acknowledge", "team")]),
        (0.9, [("acknowledge", "team")]),
        (1.0, [("acknowledge", "team"), ("acknowledge", "on-call")]),
    ):
        desk.tick(desk.opened_at + 8 * HOUR * share)
        assert desk.told() == said
        assert desk.tick(desk.story.now) == 0
    desk.tick(desk.opened_at + 16 * HOUR)
    assert desk.told()[2:] == [("acknowledge", "manager"), ("acknowledge", "cert")]
    changes = [change for change in desk.story.changes() if change.type == "exposure.escalated"]
    assert len(changes) == 2 * 4


def test_after_downtime_only_the_highest_step_is_taken_and_names_what_it_skips(desk: Desk) -> None:
    desk.tick(desk.opened_at + 8 * HOUR + HOUR)
    assert desk.told() == [("acknowledge", "on-call", "team")]
    desk.tick(desk.opened_at + 3 * DAY)
    assert desk.told()[1:] == [
        ("acknowledge", "manager"),
        ("acknowledge", "cert"),
        ("remediate", "manager", "team"),
    ]
    assert desk.tick(desk.opened_at + 30 * DAY) == 0


def test_who_acknowledges_hears_no_more_of_it_but_of_remediation(desk: Desk) -> None:
    desk.tick(desk.opened_at + 4 * HOUR)
    desk.step("acknowledged")
    desk.tick(desk.opened_at + 20 * HOUR)
    assert desk.told() == [("acknowledge", "team")]
    desk.tick(desk.opened_at + 3 * DAY * 0.8)
    assert desk.told()[1:] == [("remediate", "team")]


def test_a_regression_escalates_anew(desk: Desk) -> None:
    desk.tick(desk.opened_at + 8 * HOUR)
    desk.story.upload("shop", NEW, PAD)
    desk.story.upload("shop", OLD, PAD)
    desk.tick(desk.story.now + 4 * HOUR)
    assert desk.told() == [("acknowledge", "on-call", "team"), ("acknowledge", "team")]


def test_a_tick_takes_as_many_statements_for_many_as_for_one(desk: Desk) -> None:
    counts = []
    for products in (1, 12):
        for n in range(products):
            slug = f"p{products}-{n}"
            desk.story.product(slug, exposed=True)
            desk.story.upload(slug, "pkg:npm/other@1.0.0")
            desk.story.upload(slug, OLD)
        desk.story.now += 5 * HOUR
        with statements(desk.story.engine) as sent:
            assert desk.tick(desk.story.now)
        counts.append(len(sent))
        desk.tick(desk.story.now + 100 * DAY)
    assert counts[0] == counts[1]


# --- pauses ----------------------------------------------------------------------------------------------------------


def test_a_pause_moves_the_due_date_by_what_was_paused_and_no_more(desk: Desk) -> None:
    before = desk.exposure(UNFIXED)
    assert before.remediate_due_at is not None
    desk.pause("awaiting_upstream")
    begun = desk.story.now
    assert desk.exposure(UNFIXED).remediate_due_at == before.remediate_due_at + 30 * DAY
    desk.story.now += 2 * DAY
    desk.do(pausing.resume, reason="", vulnerability=UNFIXED)
    after = desk.exposure(UNFIXED)
    assert after.remediate_due_at == before.remediate_due_at + (desk.story.now - begun)
    assert after.acknowledge_due_at == before.acknowledge_due_at
    (pause,) = desk.values(UNFIXED)["pauses"]
    assert (pause["kind"], pause["reason"], pause["to"]) == (
        "awaiting_upstream", "asked upstream", desk.story.now.isoformat(),
    )  # fmt: skip
    assert [s.step for s in desk.story.steps(after)][-2:] == ["paused", "resumed"]


def test_a_pause_ends_at_its_limit_and_the_limit_counts_all_of_an_episode(desk: Desk) -> None:
    due = desk.exposure(UNFIXED).remediate_due_at
    assert due is not None
    desk.pause("awaiting_decision", until=desk.story.now + 2 * DAY)
    desk.tick(desk.story.now + 3 * DAY)
    (first,) = desk.values(UNFIXED)["pauses"]
    assert (first["to"], first["ended_because"]) == (first["ends_by"], "the time for awaiting decision is over")
    taken = desk.exposure(UNFIXED).remediate_due_at - due  # type: ignore[operator]
    desk.pause("awaiting_decision")
    assert desk.exposure(UNFIXED).remediate_due_at == due + 5 * DAY
    desk.tick(desk.story.now + 5 * DAY - taken)
    with pytest.raises(PauseRefused, match="for 5 days already"):
        desk.pause("awaiting_decision")


def test_waiting_for_upstream_is_over_when_a_fix_is_known(desk: Desk) -> None:
    with pytest.raises(PauseRefused, match="A fixed version is known"):
        desk.pause("awaiting_upstream", CVE)
    due = desk.exposure(UNFIXED).remediate_due_at
    assert due is not None
    desk.pause("awaiting_upstream")
    begun = desk.story.now
    desk.tick(begun + HOUR)
    assert desk.values(UNFIXED)["pauses"][0]["to"] is None
    desk.story.publish(FIXED_LATER)
    desk.tick(begun + 2 * HOUR)
    (pause,) = desk.values(UNFIXED)["pauses"]
    assert pause["ended_because"] == "a fixed version is known"
    assert desk.exposure(UNFIXED).remediate_due_at == due + 2 * HOUR


def test_what_becomes_act_waits_for_nobody_and_pauses_survive_a_new_priority(desk: Desk) -> None:
    desk.pause("awaiting_upstream")
    desk.list_as_exploited(UNFIXED)
    exposure = desk.exposure(UNFIXED)
    assert exposure.priority == "act"
    (pause,) = desk.values(UNFIXED)["pauses"]
    assert pause["ended_because"] == "what needs action now does not wait for upstream"
    assert exposure.remediate_due_at is not None
    assert exposure.remediate_due_at <= desk.story.now + 3 * DAY
    with pytest.raises(PauseRefused, match="does not wait for upstream"):
        desk.pause("awaiting_upstream")
    due = exposure.remediate_due_at
    desk.pause("awaiting_decision")
    assert desk.exposure(UNFIXED).remediate_due_at == due + 5 * DAY


def test_what_merges_brings_along_no_time_that_was_not_paused(desk: Desk) -> None:
    due = desk.exposure(UNFIXED).remediate_due_at
    assert due is not None
    desk.pause("awaiting_upstream")
    begun = desk.story.now
    twin = make_record("x_ours-3", "npm/left-pad", "introduced 0", aliases=["CVE-2024-3"], severity=REMOTE)
    desk.story.publish(twin)
    desk.story.publish(twin | {"aliases": ["CVE-2024-3", UNFIXED]})
    assert "resumed" in [one.step for one in desk.story.steps(desk.exposure(UNFIXED))]
    assert desk.exposure(UNFIXED).remediate_due_at == due + (desk.story.now - begun)
    assert desk.values(UNFIXED)["pauses"][0]["to"] is not None


def test_refusals_say_why(desk: Desk) -> None:
    with pytest.raises(NotPaused):
        desk.do(pausing.resume, reason="")
    desk.pause("awaiting_upstream")
    with pytest.raises(PauseRefused, match="paused already"):
        desk.pause("awaiting_decision")
    with pytest.raises(ServiceError, match="reason"):
        desk.do(pausing.pause, "awaiting_decision", reason=" ", until=None)
    with pytest.raises(ServiceError, match="future"):
        desk.do(pausing.pause, "awaiting_decision", reason="legal", until=desk.story.now - DAY)
    desk.story.now += 40 * DAY
    with pytest.raises(PauseRefused, match="due already"):
        desk.pause("awaiting_decision", CVE)
    desk.story.upload("shop", NEW)
    with pytest.raises(PauseRefused, match="is resolved"):
        desk.pause("awaiting_decision", CVE)
    desk.tick(desk.story.now + HOUR)
    assert desk.values(UNFIXED)["pauses"][0]["ended_because"] == "it is resolved"


# --- due dates -------------------------------------------------------------------------------------------------------


def test_only_the_cert_gives_more_time_and_the_reason_stands(desk: Desk) -> None:
    until = desk.story.now + 20 * DAY
    desk.do(extend, until, reason="the vendor ships on the 20th")
    assert desk.exposure().remediate_due_at == until
    assert "the vendor ships on the 20th" in desk.story.steps(desk.exposure())[-1].reason
    with pytest.raises(ExtensionRefused, match="not before"):
        desk.do(extend, until - DAY, reason="sooner")
    with pytest.raises(ServiceError, match="reason"):
        desk.do(extend, until + DAY, reason="")


def test_a_product_that_goes_online_has_less_time_and_one_that_leaves_keeps_its_due_date(story: Story) -> None:
    story.product("wiki")
    story.upload("wiki", "pkg:npm/other@1.0.0")
    story.publish(FLAW)
    story.upload("wiki", OLD)
    inside = story.exposure("wiki", CVE)
    assert inside is not None
    assert inside.priority == "track*"

    def change(*, exposed: bool) -> Exposure:
        with writing(story.engine) as session:
            session.execute(update(Product).values(exposed=exposed))
            assert decide_product_anew(session, inside.product_id, actor="ann", now=story.tick()) == 1
        exposure = story.exposure("wiki", CVE)
        assert exposure is not None
        return exposure

    online = change(exposed=True)
    assert (online.priority, online.remediate_due_at) == ("attend", story.now + 3 * DAY)
    assert online.remediate_from_at == story.now
    incident = story.incident(CVE)
    assert incident is not None
    assert incident.priority == "attend"
    step = story.steps(online)[-1]
    assert step.reason == "publicly exposed no before, yes now; track* before; now attend"
    assert step.evidence["priority_inputs"]["tables"][1]["outcome"] == "3 days"
    offline = change(exposed=False)
    assert (offline.priority, offline.remediate_due_at) == ("track*", online.remediate_due_at)


def test_an_incident_is_as_urgent_as_the_worst_of_its_exposures(desk: Desk) -> None:
    desk.story.upload("wiki", "pkg:npm/other@1.0.0")
    desk.story.upload("wiki", OLD)
    incident = desk.story.incident(CVE)
    assert incident is not None
    assert (incident.priority, desk.story.exposure("wiki", CVE).priority) == ("attend", "track*")  # type: ignore[union-attr]
    desk.story.upload("shop", NEW)
    eased = desk.story.incident(CVE)
    assert eased is not None
    assert eased.priority == "track*"


@pytest.mark.parametrize(
    ("priority", "reason"), [("track", "track before; now attend"), ("attend", "decided by published tables")]
)
def test_what_a_version_before_the_tables_decided_is_decided_anew_once(desk: Desk, priority: str, reason: str) -> None:
    before = desk.exposure()
    with writing(desk.story.engine) as session:
        session.execute(update(Incident).values(priority_facts=null()))
        session.execute(update(Exposure).values(priority_inputs=null(), priority=priority))
        session.execute(update(Exposure).values(remediate_due_at=before.opened_at + 180 * DAY))
    assert decide_undecided(desk.story.engine, now=desk.story.tick()) == 2
    after = desk.exposure()
    assert (after.priority, after.priority_inputs) == (before.priority, before.priority_inputs)
    assert after.remediate_due_at == desk.story.now + 3 * DAY
    assert desk.story.steps(after)[-1].reason == reason
    assert decide_undecided(desk.story.engine, now=desk.story.tick()) == 0


def test_what_is_rated_anew_locks_exposures_before_incidents_are_written(desk: Desk) -> None:
    with writing(desk.story.engine) as session:
        session.execute(update(Incident).values(priority_facts=null()))
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(desk.story.engine, "before_cursor_execute", note)
    assert decide_undecided(desk.story.engine, now=desk.story.tick()) == 2
    event.remove(desk.story.engine, "before_cursor_execute", note)
    written = next(at for at, statement in enumerate(sent) if statement.startswith("UPDATE incident"))
    locked = next(at for at, statement in enumerate(sent) if "FROM exposure" in statement and "FOR UPDATE" in statement)
    assert locked < written


# --- further clocks --------------------------------------------------------------------------------------------------


def clocks(desk: Desk, vulnerability: str) -> dict[str, Any]:
    return {one["name"]: one for one in desk.values(vulnerability)["clocks"]}


def test_act_is_contained_within_a_day_and_what_is_exploited_in_the_union_is_reported(desk: Desk) -> None:
    with writing(desk.story.engine) as session:
        session.execute(update(Product).values(tags=["eu"]))
    desk.list_as_exploited(CVE)
    begun = desk.story.now
    running = clocks(desk, CVE)
    due = {name: datetime.fromisoformat(one["due_at"]) - begun for name, one in running.items()}
    assert due["contain"] == due["cra_early_warning"] == 24 * HOUR
    assert (due["cra_notification"], due["remediate"]) == (72 * HOUR, desk.exposure().remediate_due_at - begun)  # type: ignore[operator]
    desk.do(lambda session, row, **k: meet_clock(session, row, "cra_early_warning", note="CSIRT", **k | {"actor": "c"}))
    desk.step("in_progress", "update")
    started = desk.story.now
    desk.tick(begun + 80 * HOUR)
    running = clocks(desk, CVE)
    assert datetime.fromisoformat(running["contain"]["met_at"]) == started
    breached = {name: one["breached"] for name, one in running.items()}
    assert breached["cra_notification"]
    assert not breached["contain"] | breached["cra_early_warning"]
    desk.story.upload("shop", NEW, PAD)
    fixed = desk.story.now
    desk.tick(fixed + HOUR)
    assert datetime.fromisoformat(clocks(desk, CVE)["cra_final_report"]["due_at"]) == fixed + 14 * DAY
    with pytest.raises(ServiceError, match="no clock"):
        desk.do(
            lambda session, row, **k: meet_clock(session, row, "cra_notification", note="", **k | {"actor": "c"}),
            vulnerability=UNFIXED,
        )
