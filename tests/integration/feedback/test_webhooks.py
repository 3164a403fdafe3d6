"""Webhooks: each change once for each that wants it, signed so that others' code agrees, and again when asked."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from outlets import House, secret_of
from receiver import Heard, Manner, Receiver, receiving
from sqlalchemy import Engine, select, update
from story import empty, statements

from service.access.models import Team
from service.changes.models import Change
from service.changes.reading import Forgotten, purge_changes
from service.db import connect, reading, writing
from service.errors import Unreadable
from service.feedback.delivering import LEASE, _send, deliver, take
from service.feedback.fan_out import fan_out, purge_deliveries
from service.feedback.keyring import rotate_keys
from service.feedback.models import Delivery, FeedbackCursor
from service.feedback.replaying import Range, replay
from service.feedback.webhooks import NewWebhook, Wish, change_webhook, enable_webhook, find_webhook
from service.incidents.models import Incident
from service.inventory.models import Product, ProductSlug

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.fixture(scope="module")
def own(module_database: str) -> Iterator[Engine]:
    engine = connect(module_database)
    yield engine
    engine.dispose()


@pytest.fixture
def house(own: Engine) -> Iterator[House]:
    yield House(own)
    empty(own)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


# --- what is sent ----------------------------------------------------------------------------------------------------


def _verify(secret: str, heard: Heard) -> dict[str, object]:
    verified: dict[str, object] = standardwebhooks.Webhook(secret).verify(heard.body, heard.headers)
    return verified


def _agrees(secret: str, heard: Heard) -> bool:
    """Tell whether the package would have signed this the same, whatever its clock says now."""
    at = datetime.fromtimestamp(int(heard.headers["webhook-timestamp"]), UTC)
    signed = standardwebhooks.Webhook(secret).sign(heard.headers["webhook-id"], at, heard.body.decode())
    return signed in heard.headers["webhook-signature"].split(" ")


def test_the_packages_of_the_standard_verify_what_is_sent(house: House, receiver: Receiver) -> None:
    house.clock.now = datetime.now(UTC)  # the package compares with its own clock
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    (heard,) = receiver.heard

    body = _verify(secret_of(hook), heard)

    assert body == {
        "type": "exposure.opened",
        "timestamp": house.clock().isoformat().replace("+00:00", "Z"),
        "data": {
            "seq": 1,
            "incident": "INC-7",
            "exposure": "EXP-41",
            "version": 3,
            "url": "https://muster.example/v1/exposures/EXP-41",
        },
    }
    assert heard.headers["content-type"] == "application/json"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        _verify(secret_of(hook), Heard(heard.path, heard.headers, heard.body.replace(b"41", b"42")))


def test_whoever_holds_the_public_key_alone_can_verify_too(house: House, receiver: Receiver) -> None:
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    (heard,) = receiver.heard
    public = next(key.public for key in hook.keys if key.public)
    first, second = heard.headers["webhook-signature"].split(" ")
    assert (first[:4], second[:3]) == ("v1a,", "v1,")
    signed = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body

    key = Ed25519PublicKey.from_public_bytes(b64decode(public.removeprefix("whpk_")))

    key.verify(b64decode(first.removeprefix("v1a,")), signed)


def test_the_recipe_for_integrators_verifies_before_and_after_a_rotation(house: House, receiver: Receiver) -> None:
    page = (Path(__file__).parents[3] / "openapi" / "README.md").read_text()
    recipe: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], recipe)  # noqa: S102 - our own page
    hook = house.webhook(receiver.url)
    with writing(house.engine) as session:
        keys = rotate_keys(session, hook.webhook.id, vault=house.vault, now=house.clock())
    house.change()
    house.work()
    (heard,) = receiver.heard
    for public in (key.public for key in (*hook.keys, *keys) if key.public):
        assert recipe["verify"](public, heard.headers, heard.body)
        assert not recipe["verify"](public, heard.headers, heard.body + b" ")


def test_after_a_rotation_both_secrets_verify_for_a_day(house: House, receiver: Receiver) -> None:
    hook = house.webhook(receiver.url)
    with writing(house.engine) as session:
        keys = rotate_keys(session, hook.webhook.id, vault=house.vault, now=house.clock())
    old, new = secret_of(hook), secret_of(keys)

    house.change()
    house.work()
    house.pass_time(timedelta(hours=24))
    house.change()
    house.work()

    during, after = receiver.heard
    assert (_agrees(old, during), _agrees(new, during)) == (True, True)
    assert len(during.headers["webhook-signature"].split(" ")) == 4
    assert (_agrees(old, after), _agrees(new, after)) == (False, True)


def test_each_attempt_has_a_timestamp_of_its_own_and_the_same_body(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(500)]
    hook = house.webhook(receiver.url)
    house.change()
    house.pass_time(10 * SECOND)
    first, second = receiver.heard
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 5
    assert _agrees(secret_of(hook), second)


def test_secrets_are_locked_where_they_lie_and_another_key_opens_none(house: House, receiver: Receiver) -> None:
    hook = house.webhook(receiver.url)
    with reading(house.engine) as session:
        dump = session.connection().exec_driver_sql("SELECT string_agg(w::text, ' ') FROM webhook_secret w").scalar()
    assert secret_of(hook).removeprefix("whsec_") not in str(dump)
    other = House(house.engine)
    other.outlet = type(other.outlet)(type(house.vault)("another secret"), other.outlet.post)
    house.change()
    other.work()
    assert receiver.heard == []
    assert "MUSTER_SECRET_KEY has changed" in house.attempts(hook)[0].reason


# --- once, and never not ---------------------------------------------------------------------------------------------


def test_a_change_is_fanned_out_once_however_often_it_is_tried(house: House, receiver: Receiver) -> None:
    first, second = house.webhook(receiver.url), house.webhook(receiver.url + "/2")
    house.change()
    assert house.fan_out() == 2
    assert house.fan_out() == 0
    with writing(house.engine) as session:  # as if a dump of yesterday had been restored
        session.execute(update(FeedbackCursor).values(seq=0))
    assert house.fan_out() == 0
    assert [len(house.deliveries(hook)) for hook in (first, second)] == [1, 1]


def test_a_crash_before_the_commit_loses_neither_rows_nor_the_place(house: House, receiver: Receiver) -> None:
    house.webhook(receiver.url)
    house.change()

    with writing(house.engine) as session:
        assert fan_out(session, now=house.clock()) == 1
        session.rollback()  # the power fails

    assert house.fan_out() == 1


def test_whoever_dies_between_sending_and_noting_is_followed_by_one_who_sends_the_same(
    house: House, receiver: Receiver
) -> None:
    hook = house.webhook(receiver.url)
    house.change()
    house.fan_out()
    with writing(house.engine) as session:
        (parcel,) = take(session, 1, now=house.clock())
    # It is sent, and then the process is killed: nothing is noted.
    assert _send(house.outlet, parcel, house.clock()).status == 204

    house.pass_time(LEASE - SECOND)
    assert len(receiver.heard) == 1, "it may still be on its way"
    house.pass_time(2 * SECOND)

    assert len(receiver.heard) == 2
    assert len(set(receiver.ids)) == 1
    assert [one.state for one in house.deliveries(hook)] == ["delivered"]
    # The dead one comes back to life and notes what it did: that is logged, and changes nothing.
    deliver(house.engine, house.outlet, parcel, clock=house.clock)
    assert [one.state for one in house.deliveries(hook)] == ["delivered"]


def test_two_at_it_share_the_work_and_send_nothing_twice(house: House, receiver: Receiver) -> None:
    house.webhook(receiver.url)
    for number in range(6):
        house.change(exposure=f"EXP-{number}")
    house.fan_out()
    with writing(house.engine) as one:
        first = take(one, 2, now=house.clock())
    with writing(house.engine) as other:
        second = take(other, 100, now=house.clock())
    taken = [parcel.delivery.seq for parcel in first + second]
    assert taken == [1, 2, 3, 4], "four places at this receiver, in order"


def test_fan_out_costs_the_same_for_twenty_webhooks_as_for_one(house: House, receiver: Receiver) -> None:
    counts = []
    for number in (1, 19):
        for _ in range(number):
            house.webhook(receiver.url)
        for exposure in range(50):
            house.change(exposure=f"EXP-{exposure}")
        with statements(house.engine) as sent:
            house.fan_out()
        counts.append(sum(sent.values()))
    assert counts[0] == counts[1]
    assert counts[0] <= 5


# --- which changes ---------------------------------------------------------------------------------------------------


def test_a_webhook_hears_only_of_what_it_asked_for(house: House, receiver: Receiver) -> None:
    with writing(house.engine) as session:
        team = Team(name="payments")
        shop = Product(slug="shop", title="shop", created_at=house.clock())
        session.add_all([team, shop])
        session.flush()
        session.add(ProductSlug(slug="store", product_id=shop.id))
        team_id, shop_id = team.id, shop.id
    hooks = {
        "all": house.webhook(receiver.url),
        "opened": house.webhook(receiver.url, types=["exposure.opened"]),
        "incidents": house.webhook(receiver.url, types=["incident.*"]),
        "payments": house.webhook(receiver.url, team_ids=[team_id]),
        "shop": house.webhook(receiver.url, product_ids=[shop_id]),
    }
    house.change("exposure.opened", product="shop", team="payments")
    house.change("exposure.resolved", product="store", team="search")
    house.change("incident.rated", exposure=None, product=None, team=None)
    house.work()

    seen = {name: [one.seq for one in house.deliveries(hook)] for name, hook in hooks.items()}

    assert seen == {"all": [1, 2, 3], "opened": [1], "incidents": [3], "payments": [1], "shop": [1, 2]}
    told = [json.loads(one.body)["data"].get("product") for one in receiver.heard]
    assert sorted(filter(None, told)) == ["shop", "store"], "only a webhook that names its products hears their names"


def test_a_webhook_hears_of_an_embargo_only_where_it_was_allowed_to(house: House, receiver: Receiver) -> None:
    with writing(house.engine) as session:
        now = house.clock()
        incident = Incident(
            kind="declared",
            title="xz",
            severity="critical",
            priority="act",
            status="open",
            opened_at=now,
            updated_at=now,
        )
        incident.restricted = True
        session.add(incident)
        session.flush()
        name = f"INC-{incident.id}"
    open_to_all, trusted = house.webhook(receiver.url), house.webhook(receiver.url, restricted=True)
    house.change(incident=name)
    house.change(incident="INC-999999")
    house.work()
    assert [len(house.deliveries(hook)) for hook in (open_to_all, trusted)] == [1, 2]


def test_a_webhook_begins_now_or_where_it_was_told_to(house: House, receiver: Receiver) -> None:
    for _ in range(3):
        house.change()
    house.fan_out()
    from_now, from_one = house.webhook(receiver.url), house.webhook(receiver.url, after_seq=1)
    house.change()
    house.work()
    assert [one.seq for one in house.deliveries(from_now)] == [4]
    assert [one.seq for one in house.deliveries(from_one)] == [2, 3, 4]


def test_a_webhook_cannot_begin_before_what_is_kept(house: House, receiver: Receiver) -> None:
    for _ in range(3):
        house.change()
        house.clock.advance(HOUR)
    with writing(house.engine) as session:
        purge_changes(session, before=house.clock() - 1.5 * HOUR)
    with pytest.raises(Forgotten):
        house.webhook(receiver.url, after_seq=1)


# --- again -----------------------------------------------------------------------------------------------------------


def _replay(house: House, hook: NewWebhook, **span: object) -> int:
    with writing(house.engine) as session:
        webhook = find_webhook(session, f"WHK-{hook.webhook.id}", lock=True)
        return replay(session, webhook, Range(**span), now=house.clock())  # type: ignore[arg-type]


def test_a_range_is_sent_again_under_the_same_ids(house: House, receiver: Receiver) -> None:
    hook = house.webhook(receiver.url)
    for _ in range(4):
        house.change()
        house.work()
        house.clock.advance(HOUR)
    before = receiver.ids

    assert _replay(house, hook, after=1, upto=3) == 2
    house.work()
    assert receiver.ids[4:] == before[1:3]

    assert _replay(house, hook, since=house.clock() - 2 * HOUR) == 2
    house.work()
    assert receiver.ids[6:] == before[2:]
    with pytest.raises(Unreadable):
        _replay(house, hook)


def test_dead_letters_alone_are_sent_again(house: House, receiver: Receiver) -> None:
    hook = house.webhook(receiver.url)
    receiver.usual = Manner(503)
    house.change()
    house.pass_time(timedelta(days=4))
    receiver.usual = Manner(200)
    house.change()
    house.work()
    assert [one.state for one in house.deliveries(hook)] == ["dead", "delivered"]
    assert len(receiver.heard) == 11

    assert _replay(house, hook, only_failed=True) == 1
    house.work()

    assert [one.state for one in house.deliveries(hook)] == ["delivered", "delivered"]
    assert receiver.ids[-1] == receiver.ids[0]


def test_what_happened_while_a_webhook_was_disabled_can_be_replayed(house: House, receiver: Receiver) -> None:
    receiver.manners = [Manner(410)]
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    house.change()
    house.work()
    with writing(house.engine) as session:
        enable_webhook(find_webhook(session, f"WHK-{hook.webhook.id}"))
    assert _replay(house, hook, after=0) == 3, "the notice that it was disabled among them"
    house.work()
    assert [one.state for one in house.deliveries(hook)] == ["delivered"] * 3


def test_what_waits_goes_to_the_new_address(house: House, receiver: Receiver) -> None:
    receiver.usual = Manner(500)
    hook = house.webhook(receiver.url)
    house.change()
    house.work()
    with receiving() as moved:
        with writing(house.engine) as session:
            change_webhook(find_webhook(session, f"WHK-{hook.webhook.id}"), Wish(moved.url))
        house.pass_time(10 * SECOND)
        assert len(moved.heard) == 1


def test_old_deliveries_are_forgotten_and_what_waits_is_not(house: House, receiver: Receiver) -> None:
    hook = house.webhook(receiver.url)
    receiver.manners = [Manner(204), Manner(500)]
    house.change()
    house.work()
    house.change()
    house.work()
    with writing(house.engine) as session:
        assert purge_deliveries(session, before=house.clock() + HOUR) == 1
    assert [one.state for one in house.deliveries(hook)] == ["waiting"]
    with reading(house.engine) as session:
        assert len(session.scalars(select(Change)).all()) == 2
        assert len(session.scalars(select(Delivery)).all()) == 1
