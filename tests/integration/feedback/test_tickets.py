"""Each connector against a server that behaves like the original: the same promises for all four."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from osv_bucket import make_record
from sqlalchemy import Engine, select
from story import START, Story, empty
from ticket_servers import Fault, Tracker, serving_tracker
from trackers import GitHubServer, GitLabServer, JiraServer, ServiceNowServer

from service.access.roles import SYSTEM
from service.access.vault import Vault
from service.changes.sequencing import number_changes
from service.db import reading, writing
from service.feedback.tickets.models import TicketSystem, TicketWork
from service.feedback.tickets.systems import Configured, connecting, put_system
from service.feedback.tickets.working import Round, work_all
from service.incidents.embargo import lift
from service.incidents.lifecycle import Decision, comment, find_exposure, transition
from service.incidents.link_models import Link
from service.incidents.models import Exposure, Incident
from service.log import configure

VAULT = Vault("of the tests")
LODASH, FIXED = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"
BACKDOOR = make_record("MAL-2026-1", "npm/lodash", "introduced 0", "fixed 4.17.21", summary="Backdoor")
SYSTEMS: dict[str, tuple[type[Tracker], str, str | None]] = {
    "jira": (JiraServer, "SEC", "ada@example.org"),
    "github": (GitHubServer, "acme/payments", None),
    "gitlab": (GitLabServer, "acme/payments", None),
    "servicenow": (ServiceNowServer, "incident", "muster"),
}


#: The words differ, what is promised does not: one of them shows the rest.
ONE = pytest.mark.parametrize("office", ["jira"], indirect=True)
EVENTUAL = pytest.mark.parametrize("office", ["github"], indirect=True)


class Office:
    """A ticket system beside a story."""

    def __init__(self, story: Story, tracker: Tracker, kind: str) -> None:
        self.story, self.there, self.kind = story, tracker, kind
        _, place, login = SYSTEMS[kind]
        said = Configured(kind, tracker.url, place, login, "right", wanted={"baseline": True})
        with writing(story.engine) as session:
            put_system(session, kind, said, vault=VAULT, now=story.now)
        self.turn = Round(story.engine, connecting(VAULT), lambda: story.now, "https://muster.example")

    def round(self, by: timedelta = timedelta(minutes=1)) -> dict[str, object]:
        """Let a minute go by, and the service go round."""
        self.story.tick(by)
        with writing(self.story.engine) as session:
            number_changes(session)
        done = work_all(self.turn)[self.kind] if self._is_awake() else {}
        assert isinstance(done, dict)
        return done

    def _is_awake(self) -> bool:
        until = self.system().waits_until
        return until is None or until <= self.story.now

    def system(self) -> TicketSystem:
        with reading(self.story.engine) as session:
            return session.scalars(select(TicketSystem)).one()

    def link(self) -> tuple[str, str]:
        with reading(self.story.engine) as session:
            key, state = session.execute(select(Link.key, Link.state)).one()
            return key, state

    def exposure(self) -> Exposure:
        found = self.story.exposure("shop", "MAL-2026-1")
        assert found is not None
        return found

    def only_ticket(self) -> str:
        (key,) = self.there.issues
        return key


@pytest.fixture(scope="module", autouse=True)
def _logs() -> None:
    configure(level="CRITICAL")


@pytest.fixture(params=SYSTEMS)
def office(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Office]:
    story = Story(engine)
    tracker = SYSTEMS[request.param][0](lambda: story.now)
    with serving_tracker(tracker):
        story.product("shop", team="payments")
        yield Office(story, tracker, request.param)
    empty(engine)


@pytest.fixture
def opened(office: Office) -> Office:
    """Have one exposure, and one ticket for it."""
    office.story.feed(BACKDOOR)
    office.story.upload("shop", LODASH)
    office.round()
    return office


def _step(office: Office, to: str, reason: str = "") -> None:
    with writing(office.story.engine) as session:
        id_ = office.exposure().id
        transition(session, id_, Decision(to=to, reason=reason), actor=SYSTEM, now=office.story.tick())


def test_an_exposure_gets_one_ticket_that_says_what_is_affected(opened: Office) -> None:
    key = opened.only_ticket()
    ticket = opened.there.issues[key]
    assert ticket.title == "MAL-2026-1 in shop: Backdoor"
    assert "- main: pkg:npm/lodash@4.17.20" in ticket.body
    assert "Owner: payments" in ticket.body
    assert "https://muster.example/incidents/INC-" in ticket.body
    assert opened.link() == (key, "open")
    opened.round()
    assert opened.only_ticket() == key
    assert ticket.comments == []


@ONE
def test_what_happens_is_commented_once(opened: Office) -> None:
    _step(opened, "acknowledged")
    with writing(opened.story.engine) as session:
        comment(session, opened.exposure().id, "We have paged Grace.", actor=SYSTEM, now=opened.story.tick())
    opened.round()
    opened.round()
    (said,) = opened.there.issues[opened.only_ticket()].comments
    assert "muster: acknowledged (open to acknowledged)" in said
    assert "commented: We have paged Grace." in said


def test_closing_a_ticket_claims_a_fix_and_no_more_and_proof_leaves_it_closed(opened: Office) -> None:
    key = opened.only_ticket()
    opened.there.close(key)
    opened.round(timedelta(minutes=3))
    assert opened.exposure().status == "fix_claimed"
    opened.round()
    assert opened.link() == (key, "closed")
    assert opened.there.issues[key].comments == []  # their own act is no news to them
    opened.story.upload("shop", FIXED)
    opened.round()
    assert opened.exposure().status == "resolved"
    assert "every upload in the field is clean" in opened.there.issues[key].comments[-1]
    assert opened.link() == (key, "closed")


def test_proof_closes_the_ticket_and_a_regression_opens_the_same_one_again(opened: Office) -> None:
    key = opened.only_ticket()
    opened.story.upload("shop", FIXED)
    opened.round()
    assert opened.link() == (key, "closed")
    opened.story.upload("shop", LODASH)
    opened.round()
    assert opened.link() == (key, "open")
    assert "affected again" in opened.there.issues[key].comments[-1]
    assert opened.exposure().status == "open"


@ONE
def test_what_we_closed_is_not_taken_for_a_claim(opened: Office) -> None:
    opened.story.upload("shop", FIXED)
    opened.round()
    opened.story.upload("shop", LODASH)  # affected again before anybody looked
    opened.story.tick()
    opened.round()
    opened.round()
    assert opened.exposure().status == "open"


@ONE
def test_a_ticket_closed_before_we_write_to_it_is_heard_first(opened: Office) -> None:
    key = opened.only_ticket()
    _step(opened, "acknowledged")
    opened.there.close(key)
    opened.round()
    opened.round()
    assert opened.exposure().status == "fix_claimed"
    assert opened.link() == (key, "closed")


@EVENTUAL
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_create_whose_answer_is_lost_makes_no_second_ticket(office: Office, method: str) -> None:
    office.story.feed(BACKDOOR)
    office.story.upload("shop", LODASH)
    office.there.faults = [Fault(only="POST", after=True)] if method == "POST" else [Fault(only="GET")]
    office.round()
    for _ in range(4):
        office.round(timedelta(minutes=6))
    assert office.link() == (office.only_ticket(), "open")


def test_a_lost_ticket_is_made_anew_while_something_is_left_to_do(opened: Office) -> None:
    key = opened.only_ticket()
    opened.there.delete(key)
    opened.round(timedelta(days=1, minutes=1))  # the daily reconciliation
    assert opened.system().last_result == {"tickets": 0, "lost": 1, "duplicates": 0, "missing": 0, "strangers": 0}
    for _ in range(3):
        opened.round(timedelta(minutes=11))
    new = opened.only_ticket()
    assert new != key
    assert opened.link() == (new, "open")


def test_of_two_tickets_the_linked_one_stays_and_the_other_is_closed_with_a_word(opened: Office) -> None:
    key = opened.only_ticket()
    twin = {"jira": "SEC-99", "servicenow": "INC0000099"}.get(opened.kind, "99")
    opened.there.copy(key, twin)
    opened.round(timedelta(days=1, minutes=1))
    assert opened.system().last_result == {"tickets": 2, "lost": 0, "duplicates": 1, "missing": 0, "strangers": 0}
    assert f"The same as {key}" in opened.there.issues[twin].comments[0]
    assert opened.there.issues[twin].state in {"closed", "done", "6"}
    assert opened.link() == (key, "open")
    opened.round(timedelta(days=1, minutes=1))
    assert opened.exposure().status == "open"  # a closed duplicate claims nothing


@ONE
def test_what_was_open_before_gets_its_ticket_from_the_first_reconciliation(office: Office) -> None:
    office.story.feed(BACKDOOR)
    office.story.upload("shop", LODASH)
    with writing(office.story.engine) as session:
        number_changes(session)
        session.scalars(select(TicketSystem)).one().seq = 10_000_000  # as if it had been made later
    office.round()
    with writing(office.story.engine) as session:
        session.scalars(select(TicketSystem)).one().seq = 0
    office.round()
    assert office.link() == (office.only_ticket(), "open")


LIMITS: dict[str, Callable[[Story], Fault]] = {
    "jira": lambda _: Fault(429, {"Retry-After": "300"}, {"errorMessages": ["Rate limit exceeded."]}),
    "github": lambda story: Fault(
        403,
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int((story.now + timedelta(minutes=5)).timestamp()))},
        {"message": "API rate limit exceeded for user ID 1."},
    ),
    "gitlab": lambda _: Fault(429, {"Retry-After": "300", "RateLimit-Remaining": "0"}, None),
    "servicenow": lambda _: Fault(429, {"Retry-After": "300"}, {"error": {"message": "Rate limit"}}),
}


def test_a_system_that_wants_us_to_wait_is_left_alone_until_then(office: Office) -> None:
    office.story.feed(BACKDOOR)
    office.story.upload("shop", LODASH)
    office.story.tick()
    office.there.faults = [LIMITS[office.kind](office.story)]
    office.round(timedelta(0))
    asked = len(office.there.requests)
    assert office.system().waits_until is not None
    for _ in range(4):
        office.round()
    assert len(office.there.requests) == asked
    for _ in range(3):
        office.round(timedelta(minutes=10))
    assert office.link() == (office.only_ticket(), "open")


@EVENTUAL
@pytest.mark.parametrize("status", [409, 503])
def test_a_clash_or_a_failure_is_tried_again_and_nothing_is_said_twice(opened: Office, status: int) -> None:
    _step(opened, "acknowledged")
    opened.there.faults = [Fault(status, only="PATCH" if opened.kind in ("github", "servicenow") else "PUT")]
    opened.round()
    for _ in range(2):
        opened.round(timedelta(minutes=5))
    (said,) = opened.there.issues[opened.only_ticket()].comments
    assert "acknowledged" in said


def test_a_comment_whose_answer_is_lost_is_found_again(opened: Office) -> None:
    _step(opened, "acknowledged")
    says = "PATCH" if opened.kind == "servicenow" else "POST"
    opened.there.faults = [Fault(after=True, only=says, says="" if says == "POST" else "work_notes")]
    opened.round()
    for _ in range(2):
        opened.round(timedelta(minutes=5))
    assert len(opened.there.issues[opened.only_ticket()].comments) == 1


@ONE
def test_wrong_credentials_are_said_where_people_look(office: Office) -> None:
    with writing(office.story.engine) as session:
        system = session.scalars(select(TicketSystem)).one()
        system.secret, system.login = VAULT.lock("ticket system", "wrong"), None
    office.story.feed(BACKDOOR)
    office.story.upload("shop", LODASH)
    office.round()
    assert (office.system().last_error or "").startswith("401")
    with reading(office.story.engine) as session:
        assert session.scalars(select(TicketWork)).one().run_at is not None  # it waits, and is not forgotten


@ONE
def test_what_nobody_wants_gets_no_ticket(office: Office) -> None:
    office.story.feed(make_record("GHSA-1", "npm/lodash", "introduced 0", "fixed 4.17.21"))
    office.story.upload("shop", LODASH)
    office.round()
    assert office.there.issues == {}
    assert office.story.now > START
    with reading(office.story.engine) as session:
        assert find_exposure(session, f"EXP-{_first_exposure(office)}").priority not in ("act", "attend")


@ONE
def test_what_is_under_embargo_is_no_ticket_unless_the_system_may_know(office: Office) -> None:
    office.story.feed(BACKDOOR)
    office.story.upload("shop", LODASH)
    _embargo(office)
    for _ in range(2):
        office.round(timedelta(days=1, minutes=1))  # with the daily reconciliation, which looks for what is missing
    assert office.there.issues == {}
    with writing(office.story.engine) as session:
        system = session.scalars(select(TicketSystem)).one()
        system.wanted, system.reconciled_at = system.wanted | {"restricted": True}, None
    for _ in range(2):
        office.round()
    assert office.link() == (office.only_ticket(), "open")


@ONE
def test_a_ticket_hears_no_more_from_when_an_embargo_begins_until_it_is_lifted(opened: Office) -> None:
    ticket = opened.there.issues[opened.only_ticket()]
    _embargo(opened)
    with writing(opened.story.engine) as session:
        comment(session, opened.exposure().id, "It is the loader.", actor=SYSTEM, now=opened.story.tick())
    opened.there.copy(ticket.key, "SEC-99")
    opened.round(timedelta(days=1, minutes=1))
    assert [said for issue in opened.there.issues.values() for said in issue.comments] == []
    with writing(opened.story.engine) as session:
        incident = session.scalars(select(Incident)).one()
        lift(session, f"INC-{incident.id}", reason="it is public", actor="cert", now=opened.story.tick())
    _step(opened, "acknowledged")
    opened.round()
    (said,) = ticket.comments
    assert "acknowledged" in said
    assert "loader" not in said


def _embargo(office: Office) -> None:
    with writing(office.story.engine) as session:
        for incident in session.scalars(select(Incident)):
            incident.restricted = True


def _first_exposure(office: Office) -> int:
    with reading(office.story.engine) as session:
        return session.scalars(select(Exposure.id)).one()
