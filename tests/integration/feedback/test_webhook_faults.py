"""Receivers that misbehave, each with its log: nothing is lost, nothing is given up too early, nobody else waits."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from outlets import House
from own_certificate import server_context
from receiver import FOREVER, Manner, Receiver, free_port, receiving
from sqlalchemy import Engine
from story import empty

from service.changes.reading import changes_after
from service.db import connect, reading, writing
from service.feedback.delivering import take
from service.feedback.guarded_client import Guard, post
from service.feedback.schedule import WAITS

DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture(scope="module")
def own(module_database: str) -> Iterator[Engine]:
    engine = connect(module_database)
    yield engine
    engine.dispose()


@pytest.fixture
def house(own: Engine) -> Iterator[House]:
    yield House(own, patience_seconds=0.4)
    empty(own)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def test_silence_ends_after_the_time_an_attempt_has(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(silence_seconds=FOREVER)]
    hook = house.webhook(receiver.url)
    house.change()
    house.pass_time(6 * SECOND)
    assert house.log(hook, "says nothing, then answers") == ["no answer within 0.4 s", "delivered"]
    assert len(set(receiver.ids)) == 1


def test_a_head_that_drips_takes_no_longer_than_silence(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(drip_head_seconds=0.05)]
    hook = house.webhook(receiver.url)
    house.change()
    house.pass_time(6 * SECOND)
    assert house.log(hook, "drips its head") == ["no answer within 0.4 s", "delivered"]


def test_a_body_that_drips_or_never_ends_is_cut_off_and_its_status_counts(house: House, receiver: Receiver) -> None:
    receiver.manners = [
        Manner(200, body=b"slowly" * 100, drip_body_seconds=0.05),
        Manner(500, body=b"<h1>Oh no</h1>" * 100_000),
    ]
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    house.change(exposure="EXP-42")
    house.work()
    assert house.log(hook, "drips its body; a body of 1.4 MB") == ["delivered", "answered 500"]
    drop, flood = (attempt.response for attempt in house.attempts(hook))
    assert drop.startswith("slowly")
    assert len(flood) == 1024


def test_an_error_is_tried_again_after_five_seconds(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(500, body=b"the disk is full")]
    hook = house.webhook(receiver.url)
    house.change()
    house.pass_time(6 * SECOND)
    assert house.log(hook, "500, then fine") == ["answered 500", "delivered"]
    first, second = house.attempts(hook)
    assert first.response == "the disk is full"
    assert 5 * SECOND <= second.at - first.at <= 5.5 * SECOND
    assert house.state(hook).failing_since is None


def test_gone_disables_the_webhook_at_once_and_says_so_in_the_feed(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(410)]
    hook = house.webhook(receiver.url)
    house.change()
    house.pass_time(DAY)
    house.change(exposure="EXP-42")
    house.pass_time(DAY)
    assert house.log(hook, "410") == ["answered 410: the receiver wants no more"]
    assert not house.state(hook).enabled
    assert [one.state for one in house.deliveries(hook)] == ["dead"]
    house.change()  # numbers what was recorded
    with reading(house.engine) as session:
        assert "webhook.disabled" in [change.type for change in changes_after(session, 0).items]


def test_a_redirect_is_a_failure_that_says_where_it_led(house: House, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.manners = [Manner(307, headers={"Location": elsewhere.url})]
        hook = house.webhook(receiver.url)
        house.change()
        house.work()
        assert house.log(hook, "redirects") == [
            f"answered 307: redirects to {elsewhere.url}, and redirects are not followed"
        ]
        assert elsewhere.heard == []


@pytest.mark.parametrize("share", [0, 0.5])
def test_an_answer_cut_in_its_head_is_a_failure(house: House, receiver: Receiver, share: float) -> None:
    receiver.manners = [Manner(200, headers={"X-Long": "x" * 50}, head_share=share)]
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    assert house.log(hook, f"a head cut at {share:.0%}") == ["the answer was cut short"]


def test_an_answer_cut_in_its_body_is_what_its_status_says(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(200, body=b"taken" * 10, body_share=0.5)]
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    assert house.log(hook, "half a body") == ["delivered"]


def test_a_receiver_that_asks_for_time_gets_it_for_all_its_deliveries(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(429, headers={"Retry-After": "600"})]
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    house.change(exposure="EXP-42")
    house.pass_time(9 * MINUTE)
    assert len(receiver.heard) == 1
    house.pass_time(2 * MINUTE)
    reasons = house.log(hook, "429 with Retry-After: 600")
    assert reasons == ["answered 429: the receiver wants us to slow down", "delivered", "delivered"]
    assert all(one.state == "delivered" for one in house.deliveries(hook))


def test_what_happened_while_a_receiver_was_down_for_a_day_arrives_when_it_is_back(house: House) -> None:
    port = free_port()
    hook = house.webhook(f"http://127.0.0.1:{port}/hook")
    for number in range(6):
        house.change(exposure=f"EXP-{number}")
        house.pass_time(timedelta(hours=4))
    assert set(house.log(hook, "down for a day")) == {"connection refused"}
    assert {one.state for one in house.deliveries(hook)} == {"waiting"}
    with receiving(port) as back:
        house.pass_time(timedelta(hours=14))
        house.log(hook, "and back")
        assert {one.state for one in house.deliveries(hook)} == {"delivered"}
        assert len(back.heard) == len(set(back.ids)) == 6
    delivered = [attempt for attempt in house.attempts(hook) if attempt.reason == "delivered"]
    assert len({attempt.at for attempt in delivered}) == 1, "the first success brings forward what still waits"


def test_after_ten_attempts_a_delivery_is_dead_and_after_five_days_the_webhook_is_disabled(house: House) -> None:
    hook = house.webhook(f"http://127.0.0.1:{free_port()}/hook")
    house.change()
    house.pass_time(timedelta(days=4))
    house.log(hook, "down for good")
    (delivery,) = house.deliveries(hook)
    attempts = house.attempts(hook)
    assert (delivery.state, len(attempts)) == ("dead", 10)
    gaps = [later.at - earlier.at for earlier, later in pairwise(attempts)]
    assert all(wait <= gap <= wait * 1.1 for wait, gap in zip(WAITS[1:], gaps, strict=True))
    assert house.state(hook).enabled
    house.pass_time(2 * DAY)
    house.change(exposure="EXP-42")
    house.work()
    reason = house.state(hook).disabled_reason
    print(f"  disabled: {reason}")
    assert reason is not None
    assert reason.startswith("nothing was delivered since 2024-03-29 18:45 UTC; last: connection refused")


def test_a_receiver_that_hangs_holds_no_other_up(own: Engine, receiver: Receiver) -> None:
    house = House(own, patience_seconds=0.4)
    with receiving() as slow:
        slow.usual = Manner(silence_seconds=FOREVER)
        slow_hook, hook = house.webhook(slow.url), house.webhook(receiver.url)
        for number in range(20):
            house.change(exposure=f"EXP-{number}")
        house.fan_out()
        with writing(own) as session:
            taken = take(session, 100, now=house.clock())
            again = take(session, 100, now=house.clock())
    ours = [parcel.webhook.id for parcel in taken]
    assert (ours.count(slow_hook.webhook.id), ours.count(hook.webhook.id)) == (4, 4)
    assert again == [], "each has its places, and no more until one is done"
    empty(own)


# --- where a name leads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        (["10.0.0.1"], "10.0.0.1 is no public address"),
        (["127.0.0.1"], "127.0.0.1 is this machine itself"),
        (["93.184.216.34", "192.168.1.1"], "192.168.1.1 is no public address"),
        (["169.254.169.254"], "169.254.169.254 is a link-local address"),
        (["100.64.0.1"], "100.64.0.1 is no public address"),
        (["::ffff:10.0.0.1"], "::ffff:10.0.0.1 is no public address"),
        (["64:ff9b::a00:1"], "64:ff9b::a00:1 is no public address"),
        (["fd00::1"], "fd00::1 is no public address"),
        (["0.0.0.0"], "0.0.0.0 is no machine's address"),  # noqa: S104 - not bound to
    ],
)
def test_a_name_that_leads_into_private_networks_is_refused(own: Engine, addresses: list[str], why: str) -> None:
    house = House(own, guard=Guard(resolve=lambda _host, _port: addresses))
    hook = house.webhook("https://hooks.example/muster")
    house.change()
    house.work()
    assert house.log(hook, f"resolves to {', '.join(addresses)}") == [f"hooks.example is refused: {why}"]
    empty(own)


def test_a_name_is_resolved_once_and_the_connection_goes_exactly_there(receiver: Receiver) -> None:
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    guard = Guard(allow_private=True, resolve=lambda _host, _port: answers.pop(0))
    reply = post(guard, f"http://hooks.example:{receiver.port}/x", b"{}", {})
    assert reply.status == 204
    assert answers == [["10.0.0.1"]], "what it would answer the second time does not matter"
    assert receiver.heard[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_tls_names_the_host_and_wants_a_certificate_that_somebody_vouches_for(tmp_path: Path) -> None:
    names: list[str | None] = []
    context = server_context(tmp_path)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    guard = Guard(allow_private=True, resolve=lambda _host, _port: ["127.0.0.1"])
    with receiving(context=context) as secure:
        reply = post(guard, f"https://hooks.example:{secure.port}/", b"{}", {})
    assert names == ["hooks.example"]
    assert "certificate verify failed" in reply.reason


def test_the_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert post(Guard(allow_private=True), receiver.url, b"{}", {}).status == 204
        assert proxy.heard == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "https://hooks.example:22/", "ftp://hooks.example/", "https://", "hooks.example",
        "https://user:password@hooks.example/", "https://[::1", "https://hooks.example:99999/", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_an_address_of_the_wrong_form_is_not_even_resolved(url: str) -> None:
    def resolve(host: str, _port: int) -> list[str]:
        raise AssertionError(f"{host} was resolved")

    assert post(Guard(resolve=resolve), url, b"{}", {}).status is None
