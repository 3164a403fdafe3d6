"""What leaves the house in normal running: within two seconds, whoever else is slow, by any number of processes."""

import time
from collections.abc import Iterator

import pytest
from mail_sink import mail_sink, text_of
from offices import People
from outlets import House
from pydantic import SecretStr
from receiver import FOREVER, Manner, Receiver, receiving
from sqlalchemy import Engine
from story import empty

from service.clock import utc_now
from service.db import connect, writing
from service.feedback.models import Message
from service.jobs.couriers import sending
from service.jobs.running import numbering
from service.settings import Settings

SETTINGS = Settings(secret_key=SecretStr("a secret of the tests"), webhook_allow_private=True)


@pytest.fixture(scope="module")
def engine_of_module(module_database: str) -> Iterator[Engine]:
    engine = connect(module_database)
    yield engine
    engine.dispose()


@pytest.fixture
def own(engine_of_module: Engine) -> Iterator[Engine]:
    yield engine_of_module
    empty(engine_of_module)


def _wait_for(receiver: Receiver, count: int, seconds: float = 20) -> float:
    began = time.monotonic()
    while len(receiver.heard) < count:
        assert time.monotonic() - began < seconds, f"{len(receiver.heard)} of {count} arrived"
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_change_arrives_while_another_receiver_hangs_and_processes_share_the_work(own: Engine) -> None:
    house = House(own)
    house.clock.now = utc_now()
    with receiving() as slow, receiving() as quick:
        slow.usual = Manner(silence_seconds=FOREVER)
        house.webhook(slow.url)
        hook = house.webhook(quick.url)
        with numbering(own), sending(own, SETTINGS, clock=utc_now), sending(own, SETTINGS, clock=utc_now):
            house.change()
            first = _wait_for(quick, 1)
            for number in range(40):
                house.change(exposure=f"EXP-{number}")
            _wait_for(quick, 41)
            slow_count = len(slow.heard)
            slow.release.set()
        print(f"\nthe first after {first:.2f} s; {slow_count} wait at the receiver that hangs")
        assert first < 5, "two seconds on an idle machine"
        assert len(set(quick.ids)) == len(quick.ids) == 41, "once each, by two couriers"
        assert slow_count == 4
    assert {one.state for one in house.deliveries(hook)} == {"delivered"}


def test_mail_goes_out_beside_the_webhooks(own: Engine) -> None:
    with mail_sink() as sink:
        settings = SETTINGS.model_copy(update={"smtp_url": SecretStr(sink.url)})
        people = People(own, sink)
        people.clock.now = utc_now()
        with writing(own) as session:
            session.add(
                Message(
                    channel="mail",
                    recipient="p@acme.example",
                    events=[{"type": "webhook.disabled", "reason": "WHK-1"}],
                    due_at=people.clock(),
                    created_at=people.clock(),
                )
            )
        with sending(own, settings, clock=utc_now):
            deadline = time.monotonic() + 20
            while not sink.mails and time.monotonic() < deadline:
                time.sleep(0.01)
        assert "WHK-1" in text_of(sink.mails[0])
        assert [message.state for message in people.messages()] == ["sent"]


def test_without_a_secret_key_nothing_is_sent_and_nothing_breaks(own: Engine) -> None:
    with sending(own, Settings(), clock=utc_now):
        pass
