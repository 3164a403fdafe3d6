"""People are told once for each incident, at once where it is urgent, and whoever should hear does."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from mail_sink import Sink, mail_sink, text_of
from offices import SENDER, People
from outlets import PUBLIC_URL, House
from own_certificate import server_context
from receiver import Manner, Receiver, receiving
from sqlalchemy import Engine
from story import statements

from service.db import writing
from service.feedback import chat_client
from service.feedback.gathering import GATHER, QUIET
from service.feedback.guarded_client import Guard
from service.feedback.offices import PostOffice
from service.feedback.posting import LEASE, take_messages
from service.incidents.acknowledging import read_link
from service.incidents.broadcasting import broadcast
from service.incidents.clock_models import Escalation
from service.incidents.declaration_models import Broadcast, BroadcastTeam
from service.incidents.models import Incident
from service.incidents.timeline import Entry, write_timeline

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


# --- one by one ------------------------------------------------------------------------------------------------------


def test_fifty_products_of_a_team_are_one_mail(people: People, sink: Sink) -> None:
    team, incident = people.team("payments", email="payments@acme.example"), people.incident("CVE-2024-3094 in xz")
    for batch in range(5):
        people.expose(incident, team, [f"shop-{batch}-{number}" for number in range(10)])
        people.gather()
        people.clock.advance(5 * SECOND)

    people.pass_time(MINUTE)

    (mail,) = sink.mails
    print(mail)
    assert sink.recipients == [["payments@acme.example"]]
    assert mail["Subject"] == f"[INC-{incident}] act: CVE-2024-3094 in xz, 50 of your products: new"
    assert "- shop-0-0 (EXP-" in text_of(mail)
    assert "acknowledge until 2024-03-29 19:45 UTC" in text_of(mail)
    assert "and 25 more" in text_of(mail)
    assert f"{PUBLIC_URL}/incidents/INC-{incident}" in text_of(mail)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_each_team_is_told_of_its_own_and_a_shared_address_once(people: People, sink: Sink) -> None:
    incident = people.incident()
    for name, email in (("a", "one@acme.example"), ("b", "Two@acme.example"), ("c", "two@acme.example")):
        people.expose(incident, people.team(name, email=email), [f"product-{name}"])
    people.pass_time(MINUTE)
    told = {to: text_of(mail) for (to,), mail in zip(sink.recipients, sink.mails, strict=True)}
    assert set(told) == {"one@acme.example", "two@acme.example"}
    assert "product-b" not in told["one@acme.example"]
    assert all(slug in told["two@acme.example"] for slug in ("product-b", "product-c"))


def test_what_is_opened_later_waits_a_quarter_of_an_hour_and_answers_to_the_first(people: People, sink: Sink) -> None:
    team, incident = people.team("payments", email="p@acme.example"), people.incident()
    people.expose(incident, team, ["one"])
    people.pass_time(MINUTE)
    for number in range(5):
        people.expose(incident, team, [f"later-{number}"])
        people.pass_time(MINUTE)
    assert len(sink.mails) == 1
    people.pass_time(QUIET)
    first, second = sink.mails
    assert second["In-Reply-To"] == first["Message-ID"]
    assert second["References"] == first["Message-ID"]
    assert all(f"later-{number}" in text_of(second) for number in range(5))


@pytest.mark.parametrize(("priority", "origin"), [("track", "new"), ("track*", "new"), ("act", "baseline")])
def test_what_is_not_urgent_and_what_a_first_sbom_brought_waits_for_the_digest(
    people: People, sink: Sink, priority: str, origin: str
) -> None:
    team = people.team("payments", email="p@acme.example")
    people.expose(people.incident(priority=priority), team, ["shop"], priority=priority, origin=origin)
    people.pass_time(DAY)
    assert sink.mails == []


def test_becoming_urgent_is_told_and_becoming_less_urgent_is_not(people: People, sink: Sink) -> None:
    team, incident = people.team("payments", email="p@acme.example"), people.incident(priority="track")
    ids = people.expose(incident, team, ["shop"], priority="track", origin="baseline")
    people.step(incident, ids, "rated", priority="act")
    people.pass_time(MINUTE)
    assert [mail["Subject"].rpartition(": ")[2] for mail in sink.mails] == ["more urgent now"]
    people.step(incident, ids, "rated", priority="attend")
    people.step(incident, ids, "rated", priority="track")
    people.pass_time(DAY)
    assert len(sink.mails) == 1


def _escalate(people: People, exposure_id: int, *levels: str) -> None:
    now = people.clock()
    with writing(people.engine) as session:
        for level in levels:
            row = {"exposure_id": exposure_id, "episode": 1, "clock": "acknowledge", "level": level}
            session.add(Escalation(**row, at=now, due_at=now))


def test_silence_goes_up_to_on_call_and_then_to_the_manager_and_the_cert(people: People, sink: Sink) -> None:
    people.fallback(email="cert@acme.example")
    addresses = {"email": "p@acme.example", "on_call": "carol@acme.example", "manager": "max@acme.example"}
    team, incident = people.team("payments", **addresses), people.incident()
    (exposure,) = people.expose(incident, team, ["shop"])
    people.pass_time(MINUTE)
    for levels in (["on-call"], ["manager", "cert"]):
        people.clock.advance(10 * MINUTE)
        _escalate(people, exposure, *levels)
        for _ in levels:
            people.step(incident, [exposure], "escalated")
        people.pass_time(SECOND)
    told = [to for (to,) in sink.recipients]
    assert told[:2] == ["p@acme.example", "carol@acme.example"]
    assert sorted(told[2:]) == ["cert@acme.example", "max@acme.example"]
    assert sink.mails[-1]["Subject"].endswith(": nobody has reacted")


def test_whoever_has_no_address_is_heard_for_by_the_next(people: People, sink: Sink) -> None:
    people.fallback(email="cert@acme.example")
    incident = people.incident()
    people.expose(incident, people.team("unreachable"), ["one"])
    people.expose(incident, people.team("called", on_call="carol@acme.example"), ["two"])
    people.pass_time(MINUTE)
    assert sorted(to for (to,) in sink.recipients) == ["carol@acme.example", "cert@acme.example"]


def test_a_broadcast_goes_out_at_once_with_a_link_for_each_team(people: People, sink: Sink) -> None:
    first, second = people.team("a", email="one@acme.example"), people.team("b", email="one@acme.example")
    incident = people.incident()
    people.expose(incident, first, ["shop"])
    people.gather()
    now = people.clock()
    with writing(people.engine) as session:
        broadcast = Broadcast(incident_id=incident, at=now, actor="cert", message="Stop sshd.\nSee the wiki.")
        session.add(broadcast)
        session.flush()
        for team, audience, products in ((first, "act", ["shop"]), (second, "confirm", ["router"])):
            session.add(
                BroadcastTeam(
                    broadcast_id=broadcast.id,
                    team_id=team,
                    audience=audience,
                    products={audience: products, "clear": 3},
                )
            )
        session.flush()
        write_timeline(session, [Entry(incident, "broadcast", "told")], actor="cert", now=now)
        broadcast_id = broadcast.id
    people.number()
    people.pass_time(SECOND)

    (mail,) = sink.mails
    text = text_of(mail)
    print(text)
    assert mail["Subject"].endswith(": the CERT asks you")
    assert "Stop sshd.\n\nSee the wiki." in text
    assert "- router" in text
    links = [line.rpartition("/")[2] for line in text.splitlines() if line.startswith("We have seen it: ")]
    opened = [read_link(people.seals, link, now=people.clock()) for link in links]
    assert opened == [(incident, first, broadcast_id), (incident, second, broadcast_id)]


def test_what_the_cert_says_to_all_reaches_each_team(people: People, sink: Sink) -> None:
    incident = people.incident()
    for name in ("a", "b"):
        people.expose(incident, people.team(name, email=f"{name}@acme.example"), [f"product-{name}"])
    people.pass_time(MINUTE)
    with writing(people.engine) as session:
        said = broadcast(session, session.get_one(Incident, incident), "Stop sshd.", actor="cert", now=people.clock())
    people.number()
    people.pass_time(SECOND)
    told = {to: text_of(mail) for (to,), mail in zip(sink.recipients[2:], sink.mails[2:], strict=True)}
    assert len(said.shares) == len(told) == 2
    assert "Affected:\n- product-b" in told["b@acme.example"]
    assert "product-a" not in told["b@acme.example"]
    assert all("We have seen it: https://muster.example/acknowledge/" in text for text in told.values())


def test_an_embargo_does_not_travel_by_mail(people: People, sink: Sink) -> None:
    team, incident = people.team("p", email="p@acme.example"), people.incident("xz has a backdoor", restricted=True)
    people.expose(incident, team, ["secret-product"])
    people.pass_time(MINUTE)
    (mail,) = sink.mails
    assert mail["Subject"] == f"[INC-{incident}] under embargo: new"
    assert "xz" not in mail.as_string()
    assert "secret-product" not in mail.as_string()


def test_a_disabled_webhook_is_told_to_whoever_answers_for_what_nobody_owns(people: People, sink: Sink) -> None:
    people.fallback(email="cert@acme.example")
    house = House(people.engine)
    with receiving() as receiver:
        receiver.manners = [Manner(410)]
        house.webhook(receiver.url)
        house.change()
        house.work()
    people.number()
    people.pass_time(SECOND)
    (mail,) = sink.mails
    assert f"{receiver.url}: answered 410: the receiver wants no more" in text_of(mail)


def test_no_title_writes_headers_or_markup(people: People, sink: Sink) -> None:
    title = "xz\r\nBcc: everybody@acme.example\r\n\r\n<script>alert(1)</script>\u202egnp.exe"
    people.expose(people.incident(title), people.team("p", email="p@acme.example"), ["shop"])
    people.pass_time(MINUTE)
    (mail,) = sink.mails
    assert sink.recipients == [["p@acme.example"]]
    assert mail["Bcc"] is None
    assert mail["Subject"].count("xz Bcc: everybody@acme.example") == 1
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "\u202e" not in mail["Subject"] + text_of(mail) + html.get_content()


def test_gathering_costs_the_same_for_fifty_products_as_for_one(people: People) -> None:
    counts = []
    people.gather()
    for size in (1, 50):
        team, incident = people.team(f"team-{size}", email=f"{size}@acme.example"), people.incident()
        people.expose(incident, team, [f"p-{size}-{number}" for number in range(size)])
        with statements(people.engine) as sent:
            people.gather()
        counts.append(sum(sent.values()))
    assert counts[0] == counts[1] <= 9


# --- on the way ------------------------------------------------------------------------------------------------------


@pytest.fixture
def urgent(people: People) -> People:
    people.expose(people.incident(), people.team("p", email="p@acme.example"), ["shop"])
    return people


def test_a_mail_server_that_is_busy_is_asked_again_for_the_same_mail(urgent: People, sink: Sink) -> None:
    sink.refusals = ["450 4.2.1 greylisted, try later"]
    urgent.pass_time(GATHER)
    (message,) = urgent.messages()
    assert (message.state, message.last_error) == ("sending", "450 4.2.1 greylisted, try later")
    urgent.pass_time(10 * SECOND)
    (message,) = urgent.messages()
    assert (message.state, message.attempts) == ("sent", 2)
    assert sink.mails[0]["Message-ID"] == f"<{message.event_id}@acme.example>"
    assert sink.mails[0]["From"] == SENDER


def test_a_refusal_for_good_is_a_dead_letter(urgent: People, sink: Sink) -> None:
    sink.refusals = ["550 5.1.1 no such user"]
    urgent.pass_time(DAY)
    (message,) = urgent.messages()
    assert (message.state, message.attempts, message.last_error) == ("dead", 1, "550 5.1.1 no such user")


def test_a_mail_server_that_hangs_up_is_asked_again(urgent: People, sink: Sink) -> None:
    sink.cut = 2
    urgent.pass_time(10 * MINUTE)
    assert [message.state for message in urgent.messages()] == ["sent"]
    assert len(sink.mails) == 1


def test_what_is_taken_and_never_noted_is_sent_again_under_the_same_id(urgent: People, sink: Sink) -> None:
    urgent.gather()
    urgent.clock.advance(GATHER)
    with writing(urgent.engine) as session:
        (taken,) = take_messages(session, 10, now=urgent.clock())
    # Whoever took it is killed.
    urgent.pass_time(LEASE + SECOND)
    assert sink.mails[0]["Message-ID"] == f"<{taken.event_id}@acme.example>"


def test_what_happens_while_a_message_is_on_its_way_is_in_the_next(urgent: People, sink: Sink) -> None:
    urgent.gather()
    urgent.clock.advance(GATHER)
    with writing(urgent.engine) as session:
        (taken,) = take_messages(session, 10, now=urgent.clock())
    urgent.expose(taken.incident_id or 0, urgent.team("q", email="p@acme.example"), ["late"])
    urgent.pass_time(DAY)
    assert [message.state for message in urgent.messages()] == ["sent", "sent"]
    assert ["late" in text_of(mail) for mail in sink.mails] == [False, True]


def test_a_password_is_sent_and_a_wrong_one_is_no_reason_to_give_up(own: Engine, sink: Sink) -> None:
    people = People(own, sink)
    server = people.office.server
    assert server is not None
    people.office = PostOffice(
        people.office.guard,
        type(server)(server.host, server.port, SENDER, user="u", password="p"),  # noqa: S106
    )
    people.expose(people.incident(), people.team("p", email="p@acme.example"), ["shop"])
    sink.login_refused = True
    people.pass_time(GATHER)
    (message,) = people.messages()
    assert message.state == "sending"
    assert "the mail server refuses us: 535" in str(message.last_error)
    sink.login_refused = False
    people.pass_time(10 * SECOND)
    assert sink.passwords == ["u:p", "u:p"]
    assert len(sink.mails) == 1


def test_starttls_is_taken_where_it_is_offered_and_the_certificate_has_to_be_good(own: Engine, tmp_path: Path) -> None:
    with mail_sink(server_context(tmp_path)) as secure:
        people = People(own, secure)
        people.expose(people.incident(), people.team("p", email="p@acme.example"), ["shop"])
        people.pass_time(GATHER)
        (message,) = people.messages()
        assert "certificate verify failed" in str(message.last_error)


def test_starttls_can_be_demanded_or_left_out(own: Engine, sink: Sink) -> None:
    people = People(own, sink, options="?starttls=always")
    people.expose(people.incident(), people.team("p", email="p@acme.example"), ["shop"])
    people.pass_time(GATHER)
    (message,) = people.messages()
    assert "it does not offer STARTTLS" in str(message.last_error)
    people.office = People(own, sink, options="?starttls=never").office
    people.pass_time(10 * SECOND)
    assert sink.encrypted == [False]


# --- rooms -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def test_a_team_has_an_address_of_its_own(own: Engine, receiver: Receiver) -> None:
    people = People(own, None)
    people.expose(people.incident(), people.team("p", webhook=receiver.url), ["shop"])
    people.pass_time(MINUTE)
    (heard,) = receiver.heard
    assert heard.body.startswith(b'{"text":"[INC-')


@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")  # a plugin of apprise that nobody asked for
def test_a_chat_room_is_told_through_apprise(own: Engine, receiver: Receiver) -> None:
    pytest.importorskip("apprise")
    people = People(own, None, chat=True)
    receiver.usual = Manner(200, body=b"ok")
    chat = f"mmost://127.0.0.1:{receiver.port}/3ccdd113474722377935511fc85d3dd4"
    people.expose(people.incident(), people.team("p", chat=chat), ["shop"])
    people.pass_time(MINUTE)
    assert [message.last_error for message in people.messages()] == [None]
    (heard,) = receiver.heard
    assert heard.path == "/hooks/3ccdd113474722377935511fc85d3dd4"
    assert b"shop (EXP-" in heard.body
    assert b"github" not in heard.body


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("syslog://localhost", "syslog:// is not among the chat systems that are allowed"),
        ("json://10.0.0.1/", "json:// is not among the chat systems that are allowed"),
        ("mmost://chat.example/token", "mmost:// is not encrypted; use mmosts://"),
        ("mmosts://chat.example/token", "chat.example is refused: 10.0.0.1 is no public address"),
    ],
)
def test_chat_leads_nowhere_but_to_chat(url: str, why: str) -> None:
    guard = Guard(resolve=lambda _host, _port: ["10.0.0.1"])
    assert chat_client.send_chat(guard, url, "subject", "text").reason == why


def test_without_apprise_a_chat_address_is_none(people: People, sink: Sink) -> None:
    people.expose(people.incident(), people.team("p", chat="slack://a/b/c", on_call="c@acme.example"), ["shop"])
    people.pass_time(MINUTE)
    assert sink.recipients == [["c@acme.example"]], "whoever is on call hears for a team that cannot be reached"
