"""The numbers of response: a small history calculated by hand, and random ones calculated plainly, row by row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import fmean, median
from typing import Any

import pytest
from factories import make_product, make_stream, make_team, make_upload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update
from story import statements

from service.access.models import Team
from service.db import WriteSession
from service.incidents.declaration_models import Broadcast, BroadcastTeam, IncidentAnswer
from service.incidents.measures import MEASURES, Slice, Window
from service.incidents.models import Episode, Exposure, ExposureComponent, Incident, Transition
from service.incidents.numbers import numbers
from service.inventory.catalogue_models import Component
from service.inventory.models import Product, Release, Stream

JUNE, JULY = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WINDOW = Window(JUNE, JULY, JULY + 10 * DAY)
ENDS = ("resolved", "not_affected", "risk_accepted", "withdrawn", "retired", "merged")
_numbers = count(1)


@dataclass(frozen=True)
class Spell:
    """An episode; times are hours after the first of June, None: it has not happened."""

    opened: int
    acknowledged: int | None = None
    ended: int | None = None
    outcome: str | None = None
    due: int = 24 * 20
    see_by: int = 24
    priority: str = "attend"


def at(hours: int | None) -> datetime | None:
    return None if hours is None else JUNE + hours * HOUR


def make_incident(session: WriteSession, kind: str = "vulnerability", opened_at: datetime = JUNE) -> Incident:
    row = Incident(
        kind=kind, title="x", severity="high", priority="act", status="open", opened_at=opened_at, updated_at=JUNE
    )
    session.add(row)
    session.flush()
    return row


def make_exposure(
    session: WriteSession,
    product: Product,
    spells: Sequence[Spell],
    *,
    status: str = "open",
    **columns: Any,  # noqa: ANN401
) -> Exposure:
    """Make an exposure that is what its last spell says, and its episodes as the service keeps them."""
    last = spells[-1]
    now = {
        "incident_id": columns.pop("incident_id", None) or make_incident(session).id,
        "product_id": product.id,
        "team_id": product.team_id or session.scalars(select(Team.id).where(Team.fallback)).one(),
        "owner_reason": "tests", "origin": "new", "presence": "present", "priority": last.priority,
        "status": last.outcome or status, "opened_at": at(spells[0].opened), "updated_at": JUNE,
        "acknowledged_at": at(last.acknowledged), "acknowledge_due_at": at(last.see_by),
        "remediate_due_at": at(last.due), "ended_at": at(last.ended),
    }  # fmt: skip
    exposure = Exposure(**{**now, **columns})
    session.add(exposure)
    session.flush()
    for number, spell in enumerate(spells, start=1):
        kept: dict[str, Any] = {}
        if spell.ended is not None:
            kept = {
                "acknowledged_at": at(spell.acknowledged), "acknowledge_due_at": at(spell.see_by),
                "remediate_due_at": at(spell.due), "ended_at": at(spell.ended), "outcome": spell.outcome,
                "team_id": exposure.team_id, "priority": spell.priority, "origin": exposure.origin,
            }  # fmt: skip
        session.add(Episode(exposure_id=exposure.id, number=number, opened_at=at(spell.opened), **kept))
    session.flush()
    return exposure


def shop(session: WriteSession, team: str | None = None, **columns: object) -> Product:
    number = next(_numbers)
    owner = make_team(session, team) if team else None
    return make_product(session, f"shop-{number}", team=owner, **columns)


def figures(
    session: WriteSession, asked: Slice | None = None, *, group: str | None = None, origin: str | None = "new"
) -> dict[str, float | None]:
    found = numbers(session, WINDOW, asked or Slice())
    return {one.measure: one.value for one in found if one.group == group and one.origin in {origin, None}}


def test_the_numbers_of_a_small_history_are_those_calculated_by_hand(session: WriteSession) -> None:
    product = shop(session, "web")
    for spells in (
        [Spell(0, 2, 48, "resolved")],  # seen in 2 h, proved over in 48 h
        [Spell(0, 10, 96, "resolved"), Spell(120, 126)],  # reopened after a day; the second one runs, seen in 6 h
        [Spell(0, None, 600, "resolved", due=480)],  # nobody saw it in time, and it was late
        [Spell(24, 74, 100, "not_affected")],  # seen in 50 h, which was late
        [Spell(30, None, 40, "withdrawn")],
        [Spell(50, None, 60, "retired", see_by=74)],
        [Spell(200, None, due=2_000, see_by=800)],  # runs, unseen; due after June
    ):
        make_exposure(session, product, spells)
    make_exposure(session, product, [Spell(0, 4)], status="risk_accepted")
    make_exposure(session, product, [Spell(0, 1, 1, "merged")])
    make_exposure(session, product, [Spell(-720, 1, None)], origin="baseline")

    new = figures(session)
    hours = {
        name: value / 3600 for name, value in new.items() if value is not None and MEASURES[name].unit == "seconds"
    }
    assert new["opened"] == 9
    assert hours["mtta_median"] == 6  # of 2, 4, 6, 10, 50
    assert hours["mtta_p90"] == pytest.approx(34)  # between 10 and 50
    assert (new["unacknowledged"], hours["unacknowledged_oldest"]) == (1, 720 - 200)
    assert hours["mttr_mean"] == pytest.approx(248)  # of 48, 96, 600
    assert hours["mttr_median"] == 96
    assert new["reopen_rate"] == pytest.approx(1 / 3)
    # To be seen in June: 2, 10, 126 (by 24), none, 74 (by 24), 60 (over by 74), 4; 126, none and 74 were late.
    assert new["acknowledge_breach"] == pytest.approx(3 / 7)
    # Due on the 21st: 48, 96, running, 600, 100, retired, accepted; the one that runs and 600 are late.
    assert new["remediate_breach"] == pytest.approx(2 / 7)
    assert new["accepted_past_due"] == pytest.approx(1 / 7)
    baseline = figures(session, origin="baseline")
    assert (baseline["opened"], baseline["mtta_median"]) == (0, 721 * 3600)


@pytest.mark.parametrize("outcome", ENDS)
def test_every_way_to_end_counts_as_the_definitions_say(session: WriteSession, outcome: str) -> None:
    running = outcome == "risk_accepted"
    spell = Spell(0, 1, None if running else 500, None if running else outcome, due=480)
    make_exposure(session, shop(session), [spell], status=outcome)
    found = figures(session)
    if outcome == "merged":
        assert "mtta_median" not in found
        return
    assert found["mtta_median"] == 3600
    assert found["mttr_median"] == (500 * 3600 if outcome == "resolved" else None)
    assert found["remediate_breach"] == {"risk_accepted": 0, "withdrawn": None}.get(outcome, 1)
    assert found["accepted_past_due"] == {"risk_accepted": 1, "withdrawn": None}.get(outcome, 0)


def test_an_episode_counts_for_whoever_had_it_then(session: WriteSession) -> None:
    product = shop(session, "then")
    exposure = make_exposure(session, product, [Spell(0, 1, 2, "resolved", priority="act"), Spell(10, 12)])
    exposure.team_id = make_team(session, "later").id
    session.flush()
    by_team = Slice(by="team")
    assert figures(session, by_team, group="then")["mttr_median"] == 2 * 3600
    assert figures(session, by_team, group="later")["mtta_median"] == 2 * 3600
    by_priority = Slice(by="priority")
    assert figures(session, by_priority, group="act")["opened"] == 1
    assert figures(session, by_priority, group="attend")["opened"] == 1
    assert figures(session, Slice(by="product"), group=product.slug)["opened"] == 2
    assert figures(session, Slice(by="product", priority="act"), group=product.slug)["opened"] == 1


# --- what stands -----------------------------------------------------------------------------------------------------


def test_what_stands_is_counted_with_whom_nobody_owns_and_what_nobody_can_tell(session: WriteSession) -> None:
    owned = shop(session, "web")
    make_exposure(session, owned, [Spell(0)])
    make_exposure(session, owned, [Spell(0)], presence="unknown")
    make_exposure(session, shop(session), [Spell(0)])
    make_exposure(session, owned, [Spell(0, 1, 2, "resolved")])
    found = figures(session)
    assert found["active"] == 3
    assert found["cannot_tell"] == found["fallback_queue"] == pytest.approx(1 / 3)


def test_those_that_changed_hands_are_counted_once(session: WriteSession) -> None:
    for evidence in (
        [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}], [{"from": "a", "to": "a"}], [], [{"team": "b"}],
    ):  # fmt: skip
        exposure = make_exposure(session, shop(session), [Spell(1)])
        for one in evidence:
            step = Transition(step="assigned", actor="x", reason="", at=JUNE + DAY, evidence=one)
            step.incident_id, step.exposure_id = exposure.incident_id, exposure.id
            session.add(step)
    session.flush()
    assert figures(session)["reassignment_rate"] == 0.5


def test_the_first_statement_that_says_something_ends_the_wait(session: WriteSession) -> None:
    for steps in (
        [("acknowledged", 1), ("in_progress", 5), ("fix_claimed", 7)],
        [("not_affected", 9)],
        [("acknowledged", 2)],
    ):
        exposure = make_exposure(session, shop(session), [Spell(0)])
        for to, hour in steps:
            step = Transition(step=to, to_status=to, actor="x", reason="", at=at(hour))
            step.incident_id, step.exposure_id = exposure.incident_id, exposure.id
            session.add(step)
    session.flush()
    assert figures(session)["vex_latency_median"] == 7 * 3600


def test_coverage_needs_a_living_sbom_in_every_live_stream(session: WriteSession) -> None:
    before = [one for one in numbers(session, WINDOW, Slice()) if one.measure == "coverage"]
    assert before == []
    covered, silent, half, none, gone = (shop(session, f"team-{number}") for number in range(5))
    for product in (covered, silent, half, gone):
        make_upload(session, make_stream(session, product), "pkg:npm/a@1")
    make_stream(session, half, "2.x")
    session.execute(update(Stream).where(Stream.product_id == silent.id).values(stale_since=JUNE))
    session.execute(update(Stream).where(Stream.product_id == gone.id).values(retired_at=JUNE, retired_reason="x"))
    (number,) = [one for one in numbers(session, WINDOW, Slice()) if one.measure == "coverage"]
    assert (number.part, number.whole, number.value) == (1, 4, 0.25)
    by_team = [one for one in numbers(session, WINDOW, Slice(by="team")) if one.measure == "coverage"]
    assert [(one.group, one.value) for one in by_team] == [("team-0", 1), ("team-1", 0), ("team-2", 0), ("team-3", 0)]
    assert none.team_id is not None


# --- exposure-days ---------------------------------------------------------------------------------------------------

LODASH, OTHER = "pkg:npm/lodash@4.17.20", "pkg:npm/other@1.0.0"


def affect(session: WriteSession, product: Product, status: str = "open") -> Exposure:
    exposure = make_exposure(session, product, [Spell(0)], status=status)
    lodash = session.scalars(select(Component.id).where(Component.purl == LODASH)).one()
    session.add(ExposureComponent(exposure_id=exposure.id, component_id=lodash))
    session.flush()
    return exposure


def test_days_count_from_publication_or_arrival_until_it_is_gone_whatever_was_decided(session: WriteSession) -> None:
    product = shop(session)
    main = make_stream(session, product)
    make_upload(session, main, LODASH, at=JUNE - 5 * DAY)  # known since the first of June: counts from there
    make_upload(session, main, OTHER, at=JUNE + 3 * DAY)  # gone after three days
    make_upload(session, main, LODASH, at=JUNE + 10 * DAY)  # back for two
    make_upload(session, main, OTHER, at=JUNE + 12 * DAY)
    affect(session, product, status="risk_accepted")
    assert figures(session)["exposure_days"] == 5
    beside = make_stream(session, product, "2.x")
    make_upload(session, beside, LODASH, at=JUNE + 11 * DAY)  # a day of it overlaps
    make_upload(session, beside, OTHER, at=JUNE + 13 * DAY)
    assert figures(session)["exposure_days"] == 6
    make_upload(session, make_stream(session, product, "branch", preview=True), LODASH, at=JUNE)
    assert figures(session)["exposure_days"] == 6


def test_a_supported_release_exposes_until_it_retires(session: WriteSession) -> None:
    product = shop(session)
    main = make_stream(session, product)
    release = make_upload(session, main, LODASH, at=JUNE + DAY, version="1.0", supported=True)
    make_upload(session, main, OTHER, at=JUNE + 2 * DAY)
    affect(session, product)
    assert figures(session)["exposure_days"] == 29
    session.execute(update(Release).where(Release.upload_id == release.id).values(retired_at=JUNE + 5 * DAY))
    assert figures(session)["exposure_days"] == 4


def test_what_turned_out_to_be_none_was_no_exposure(session: WriteSession) -> None:
    for status in ("not_affected", "withdrawn", "merged"):
        product = shop(session)
        make_upload(session, make_stream(session, product), LODASH, at=JUNE)
        affect(session, product, status=status)
    assert figures(session).get("exposure_days") is None


# --- declared --------------------------------------------------------------------------------------------------------


def test_a_declaration_is_answered_when_the_last_one_has_and_seen_when_the_last_one_did(session: WriteSession) -> None:
    first, second = shop(session, "web"), shop(session, "edge")
    declared = [make_incident(session, "declared", JUNE + hour * HOUR) for hour in (0, 1, 2)]
    for incident, hours in zip(declared, ((1, 3), (2, 9), (5, None)), strict=True):
        for product, hour in zip((first, second), hours, strict=True):
            make_exposure(session, product, [Spell(0, hour)], incident_id=incident.id)
    for number, incident in enumerate(declared[:2]):
        broadcast = Broadcast(incident_id=incident.id, at=JUNE, actor="cert", message="")
        session.add(broadcast)
        session.flush()
        products = {"confirm": [first.slug, second.slug], "clear": 3}
        session.add(
            BroadcastTeam(broadcast_id=broadcast.id, team_id=first.team_id, audience="confirm", products=products)
        )
        for product, hour in ((first, 4), (second, 6))[: 2 - number]:
            said = {"actor": "x", "affected": False, "sentence": "no"}
            session.add(IncidentAnswer(incident_id=incident.id, product_id=product.id, at=at(hour), **said))
    session.flush()
    found = figures(session)
    assert found["declare_to_answer_median"] == 3 * 3600  # of 6, and 0 where nobody was asked
    assert found["declare_to_acknowledged_median"] == 5.5 * 3600  # of 3 and 8
    assert (found["declared_unanswered"], found["declared_unacknowledged"]) == (1, 1)


# --- against a plain calculation -------------------------------------------------------------------------------------

_HOURS = st.integers(-200, 900)


@st.composite
def _histories(draw: st.DrawFn) -> list[Spell]:
    """Draw the episodes of one exposure, one after the other; the last one may run."""
    spells = []
    opened = draw(_HOURS)
    for _ in range(draw(st.integers(1, 3))):
        see_by, due = opened + draw(st.integers(1, 80)), opened + draw(st.integers(1, 400))
        ended = opened + draw(st.integers(1, 300))
        seen = draw(st.none() | st.integers(opened, ended))
        outcome = draw(st.sampled_from(["resolved", "resolved", "not_affected", "withdrawn", "retired"]))
        spells.append(Spell(opened, seen, ended, outcome, due, see_by, draw(st.sampled_from(["act", "track"]))))
        opened = ended + draw(st.integers(1, 100))
    if draw(st.booleans()):
        last = spells[-1]
        spells[-1] = Spell(last.opened, last.acknowledged, None, None, last.due, last.see_by, last.priority)
    return spells


def _plainly(histories: Iterable[Sequence[Spell]], priority: str) -> dict[str, float | None]:
    """Calculate row by row what the definitions say; the period is hours 0 to 720, all of it in the past."""
    spells = [
        (one, history[place + 1] if place + 1 < len(history) else None)
        for history in histories
        for place, one in enumerate(history)
        if one.opened < 720 and one.priority == priority
    ]

    def within(hour: int | None) -> bool:
        return hour is not None and 0 <= hour < 720

    seen = [
        one.acknowledged - one.opened for one, _ in spells if one.acknowledged is not None and within(one.acknowledged)
    ]
    waiting = [
        720 - one.opened
        for one, _ in spells
        if (one.acknowledged is None or one.acknowledged >= 720) and (one.ended is None or one.ended >= 720)
    ]
    proved = [(one, after) for one, after in spells if one.outcome == "resolved" and within(one.ended)]
    took = [one.ended - one.opened for one, _ in proved if one.ended is not None]
    to_see = [one for one, _ in spells if one.outcome != "withdrawn" and within(one.see_by)]
    due = [one for one, _ in spells if one.outcome != "withdrawn" and within(one.due)]
    unseen = [
        one
        for one in to_see
        if not any(hour is not None and hour <= one.see_by for hour in (one.acknowledged, one.ended))
    ]
    return {
        "opened": sum(within(one.opened) for one, _ in spells),
        "mtta_median": median(seen) * 3600 if seen else None,
        "unacknowledged": len(waiting),
        "unacknowledged_oldest": max(waiting) * 3600 if waiting else None,
        "mttr_mean": fmean(took) * 3600 if took else None,
        "mttr_median": median(took) * 3600 if took else None,
        "reopen_rate": _of(sum(after is not None and after.opened < 720 for _, after in proved), len(proved)),
        "acknowledge_breach": _of(len(unseen), len(to_see)),
        "remediate_breach": _of(sum(one.ended is None or one.ended > one.due for one in due), len(due)),
    }


def _of(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_histories(), min_size=1, max_size=6))
def test_they_are_what_a_plain_calculation_gives(session: WriteSession, histories: list[list[Spell]]) -> None:
    undo = session.begin_nested()
    product = shop(session)
    for history in histories:
        make_exposure(session, product, history)
    for priority in {one.priority for history in histories for one in history if one.opened < 720}:
        found = figures(session, Slice(by="priority"), group=priority)
        for measure, value in _plainly(histories, priority).items():
            assert found[measure] == (None if value is None else pytest.approx(value)), measure
    undo.rollback()


def test_many_teams_cost_as_many_statements_as_one(session: WriteSession, engine: Engine) -> None:
    def sent_for(asked: Slice) -> int:
        with statements(engine) as sent:
            numbers(session, WINDOW, asked)
        return sum(sent.values())

    make_exposure(session, shop(session, "web"), [Spell(0)])
    one = sent_for(Slice(by="team"))
    for number in range(12):
        make_exposure(session, shop(session, f"team-{number}"), [Spell(0, 1, 2, "resolved"), Spell(3)])
    assert sent_for(Slice(by="team")) == one == 6
    assert sent_for(Slice()) == 9
