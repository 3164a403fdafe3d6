"""The pure parts of what leaves: signatures, the schedule, who hears, and how it is written."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.teams import Recipient
from service.errors import Refused
from service.feedback.audience import Address, Role, addresses_of
from service.feedback.guarded_client import Guard
from service.feedback.letters import Letter, Part, one_line, shortened
from service.feedback.mail_client import MailServer, mail_server
from service.feedback.offices import PostOffice
from service.feedback.posting import Post
from service.feedback.schedule import WAITS, Meaning, Reply, hold_of, meaning_of, reason_of, wait_before
from service.feedback.signing import SigningKey, headers_of, new_key

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

# --- signatures ------------------------------------------------------------------------------------------------------


def test_a_known_secret_gives_the_signature_of_the_standards_own_example() -> None:
    key = SigningKey("v1", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [key], now=at)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_keys_have_the_lengths_that_the_standard_asks_for_and_do_not_show() -> None:
    secret, pair = new_key("v1"), new_key("v1a")
    assert 24 <= len(b64decode(secret.secret.removeprefix("whsec_"))) <= 64
    assert len(b64decode(pair.secret.removeprefix("whsk_"))) == 64
    assert pair.public is not None
    assert len(b64decode(pair.public.removeprefix("whpk_"))) == 32
    assert b64encode(b64decode(pair.secret.removeprefix("whsk_"))[32:]).decode() in pair.public
    assert secret.secret not in repr(secret)


# --- schedule --------------------------------------------------------------------------------------------------------


def test_the_schedule_is_the_standards() -> None:
    assert len(WAITS) == 10
    assert sum(WAITS, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, Meaning.DELIVERED), (204, Meaning.DELIVERED), (299, Meaning.DELIVERED), (301, Meaning.AGAIN),
        (308, Meaning.AGAIN), (400, Meaning.AGAIN), (404, Meaning.AGAIN), (410, Meaning.GONE), (429, Meaning.AGAIN),
        (500, Meaning.AGAIN), (502, Meaning.AGAIN), (999, Meaning.AGAIN), (None, Meaning.AGAIN),
    ],
)  # fmt: skip
def test_every_status_means_something(status: int | None, meaning: Meaning) -> None:
    reply = Reply(status, reason="connection refused")
    assert meaning_of(reply) is meaning
    assert reason_of(reply)


@given(attempt=st.integers(1, 12), chance=st.floats(0, 1), status=st.sampled_from([500, 429, 503, None]))
def test_waits_lie_between_the_schedule_and_a_tenth_more(attempt: int, chance: float, status: int | None) -> None:
    wait = wait_before(attempt, Reply(status), chance=chance)
    if attempt > len(WAITS):
        assert wait is None
    else:
        assert wait is not None
        assert WAITS[attempt - 1] <= wait <= WAITS[attempt - 1] * 1.1


def test_what_the_receiver_asks_for_is_waited_for_within_reason() -> None:
    assert wait_before(2, Reply(429, retry_after=HOUR), chance=0) == HOUR
    assert wait_before(7, Reply(503, retry_after=HOUR), chance=0) == WAITS[6]
    assert wait_before(2, Reply(500, retry_after=HOUR), chance=0) == WAITS[1]
    assert hold_of(Reply(503, retry_after=timedelta(days=365))) == timedelta(hours=24)


# --- who hears -------------------------------------------------------------------------------------------------------

_NOWHERE = {"email": None, "webhook": None, "chat": None, "on_call": None, "manager": None}


def _team(**addresses: str) -> Recipient:
    return Recipient(**{**_NOWHERE, **addresses}, members=(), team="team")


@pytest.mark.parametrize(
    ("role", "addresses", "expected"),
    [
        ("team", {"email": "P@acme.example", "chat": "slack://"}, [Address("mail", "p@acme.example")]),
        ("team", {"on_call": "carol@acme.example"}, [Address("mail", "carol@acme.example")]),
        ("team", {"webhook": "https://x"}, [Address("webhook", "team:7")]),
        ("team", {"chat": "slack://"}, [Address("mail", "cert@acme.example")]),
        ("team", {}, [Address("mail", "cert@acme.example")]),
        ("on-call", {"email": "p@acme.example"}, [Address("mail", "p@acme.example")]),
        ("manager", {"email": "p@acme.example"}, [Address("mail", "cert@acme.example")]),
        ("cert", {"email": "p@acme.example"}, [Address("mail", "cert@acme.example")]),
    ],
)
def test_whoever_cannot_be_reached_is_heard_for_by_the_next(
    role: Role, addresses: dict[str, str], expected: list[Address]
) -> None:
    teams = {7: _team(**addresses), 1: _team(email="cert@acme.example")}
    assert addresses_of(role, 7, teams, 1, {"mail", "webhook"}) == expected


def test_where_nobody_can_be_reached_nobody_is_told() -> None:
    assert addresses_of("team", 7, {7: _team(), 1: _team()}, 1, {"mail"}) == []


# --- how it is written -----------------------------------------------------------------------------------------------


@given(st.text())
def test_a_line_is_a_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 200


def test_lists_end_and_say_how_much_is_missing() -> None:
    assert shortened(["a", "b"], 2, 2) == ["a", "b"]
    assert shortened(["a", "b", "c"], 2, 1_234) == ["a", "b", "and 1,232 more"]


def test_nothing_in_a_letter_is_markup() -> None:
    letter = Letter("<b>", [Part("<i>&", ['"<script>"'], ("open", 'https://x/"onclick="'))])
    assert "<script>" not in letter.as_html()
    assert '"onclick="' not in letter.as_html()
    assert letter.as_text() == '<i>&\n- "<script>"\nopen: https://x/"onclick="\n'


# --- where mail goes -------------------------------------------------------------------------------------------------


def test_an_address_of_a_mail_server_is_read() -> None:
    server = mail_server("smtp://us%40er:p%2Fw@mail.acme.example:587?starttls=always", "muster@acme.example")
    assert (server.host, server.port, server.user, server.password) == ("mail.acme.example", 587, "us@er", "p/w")
    assert (server.encrypted, server.starttls) == (False, "always")
    assert "p/w" not in repr(server)
    secure = mail_server("smtps://mail.acme.example", "m@x")
    assert (secure.port, secure.encrypted) == (465, True)


@pytest.mark.parametrize(
    "url", ["mail.acme.example", "http://mail", "smtp://", "smtp://mail:99999", "smtp://mail?starttls=perhaps"]
)
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        mail_server(url, "m@x")


@pytest.mark.parametrize("to", ["<b\x7f@[", "-<;]@,:];_:", '.?=:"@\\', ':)))?-@][,"', "=)\\>@,<", "(]=>?@_).)"])
def test_an_address_on_which_the_library_stumbles_is_a_letter_that_cannot_be_sent(to: str) -> None:
    office = PostOffice(Guard(), MailServer("127.0.0.1", 1, "muster@example.org"))
    reply = office.send("mail", Post(Letter("News", [Part("Something")]), to, uuid4(), (), "INC-1", NOON))
    assert reply.status is None
    assert reply.reason
