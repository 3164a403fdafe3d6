"""Webhooks over HTTP: made, shown without secrets, tested, rotated, replayed, and by whom."""

from collections.abc import Callable, Iterator

import pytest
import standardwebhooks
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from receiver import Manner, Receiver, receiving
from same_app import app_as_new
from sqlalchemy import Engine
from stopped_clock import StoppedClock

from service.changes.sequencing import number_changes
from service.changes.writing import NewChange, record_changes
from service.clock import utc_now
from service.db import writing
from service.feedback.fan_out import fan_out
from service.settings import Settings

AT = "/v1/webhooks"


@pytest.fixture
def app(own_engine: Engine, clock: StoppedClock) -> FastAPI:
    settings = Settings(
        secret_key=SecretStr("a secret of the tests"), public_url="https://muster.example", webhook_allow_private=True
    )
    return app_as_new(settings, engine=own_engine, clock=clock)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def _happen(engine: Engine, clock: StoppedClock) -> None:
    with writing(engine) as session:
        record_changes(
            session, NewChange("exposure.opened", clock(), {"version": 1}, incident="INC-1", exposure="EXP-1")
        )
    with writing(engine) as session:
        number_changes(session)
    with writing(engine) as session:
        fan_out(session, now=clock())


def test_a_webhook_shows_its_secret_once(admin: TestClient, receiver: Receiver) -> None:
    made = admin.post(AT, json={"url": receiver.url, "description": "SIEM", "types": ["exposure.*"]})
    assert made.status_code == 201, made.text
    new = made.json()
    assert new["secret"].startswith("whsec_")
    assert new["public_key"].startswith("whpk_")
    shown = admin.get(f"{AT}/{new['id']}")
    assert "whsec_" not in shown.text + admin.get(AT).text + admin.get("/v1/audit").text
    assert shown.json()["public_keys"] == [new["public_key"]]
    assert shown.json()["signatures"] == ["v1a", "v1"]
    assert (shown.json()["types"], shown.json()["enabled"], shown.json()["waiting"]) == (["exposure.*"], True, 0)


def test_a_test_is_sent_at_once_and_its_outcome_answered(
    admin: TestClient, receiver: Receiver, clock: StoppedClock
) -> None:
    clock.now = utc_now()
    receiver.manners = [Manner(200, body=b"thanks"), Manner(500)]
    new = admin.post(AT, json={"url": receiver.url}).json()
    first, second = (admin.post(f"{AT}/{new['id']}:test").json() for _ in range(2))
    assert (first["type"], first["state"], first["attempts"][0]["response"]) == ("webhook.test", "delivered", "thanks")
    assert (second["state"], second["attempts"][0]["reason"]) == ("dead", "answered 500")
    heard = receiver.heard[0]
    assert standardwebhooks.Webhook(new["secret"]).verify(heard.body, heard.headers)["type"] == "webhook.test"


def test_the_log_shows_what_waits_and_a_replay_begins_anew(
    admin: TestClient, receiver: Receiver, clock: StoppedClock, own_engine: Engine
) -> None:
    new = admin.post(AT, json={"url": receiver.url}).json()
    _happen(own_engine, clock)
    log = admin.get(f"{AT}/{new['id']}/deliveries").json()
    assert [(one["seq"], one["state"], one["attempts"]) for one in log["items"]] == [(1, "waiting", [])]
    assert admin.get(f"{AT}/{new['id']}/deliveries", params={"state": "dead"}).json()["items"] == []
    assert admin.post(f"{AT}/{new['id']}:replay", json={"after": 0}).json() == {"deliveries": 1}
    assert admin.post(f"{AT}/{new['id']}:replay", json={}).status_code == 422
    assert admin.post(f"{AT}/{new['id']}:replay", json={"since": "2026-03-01T00:00:00Z"}).json() == {"deliveries": 1}


def test_a_webhook_begins_at_a_cursor_of_the_feed(
    admin: TestClient, receiver: Receiver, clock: StoppedClock, own_engine: Engine
) -> None:
    _happen(own_engine, clock)
    cursor = admin.get("/v1/changes", params={"limit": 1}).json()["next"]
    _happen(own_engine, clock)
    new = admin.post(AT, json={"url": receiver.url, "after": cursor}).json()
    assert [one["seq"] for one in admin.get(f"{AT}/{new['id']}/deliveries").json()["items"]] == [2]
    assert admin.post(AT, json={"url": receiver.url, "after": "made-up"}).status_code == 400


def test_a_webhook_is_changed_by_whoever_has_read_it(admin: TestClient, receiver: Receiver) -> None:
    new = admin.post(AT, json={"url": receiver.url}).json()
    where = f"{AT}/{new['id']}"
    assert admin.patch(where, json={"types": ["incident.*"]}).status_code == 428
    tag = admin.get(where).headers["ETag"]
    changed = admin.patch(where, json={"types": ["incident.*"]}, headers={"If-Match": tag})
    assert changed.json()["types"] == ["incident.*"]
    assert admin.patch(where, json={"types": []}, headers={"If-Match": tag}).status_code == 412
    assert admin.delete(where).status_code == 204
    assert admin.get(where).status_code == 404


def test_a_rotation_answers_with_new_keys(admin: TestClient, receiver: Receiver) -> None:
    new = admin.post(AT, json={"url": receiver.url, "signatures": ["v1"]}).json()
    assert new["public_key"] is None
    again = admin.post(f"{AT}/{new['id']}:rotate").json()
    assert again["secret"].startswith("whsec_")
    assert again["secret"] != new["secret"]


def test_a_webhook_that_was_disabled_is_enabled_again(admin: TestClient, receiver: Receiver) -> None:
    receiver.manners = [Manner(410)]
    new = admin.post(AT, json={"url": receiver.url}).json()
    admin.post(f"{AT}/{new['id']}:test")
    shown = admin.get(f"{AT}/{new['id']}").json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "answered 410: the receiver wants no more")
    refused = admin.post(f"{AT}/{new['id']}:replay", json={"only_failed": True})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "webhook-disabled")
    assert admin.post(f"{AT}/{new['id']}:enable").json()["enabled"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://hooks.example/"},
        {"url": "https://user:password@hooks.example/"},
        {"url": "nonsense"},
        {"url": "https://hooks.example/", "types": ["everything"]},
        {"url": "https://hooks.example/", "signatures": []},
        {"url": "https://hooks.example/", "signatures": ["v2"]},
        {"url": "https://hooks.example/", "secret": "mine"},
        {},
    ],
)
def test_what_makes_no_webhook_is_refused(admin: TestClient, body: dict[str, object]) -> None:
    assert admin.post(AT, json=body).status_code == 422


def test_teams_and_products_have_to_exist(admin: TestClient) -> None:
    assert admin.post(AT, json={"url": "https://hooks.example/", "teams": ["nobody"]}).status_code == 404
    assert admin.post(AT, json={"url": "https://hooks.example/", "products": ["nothing"]}).status_code == 404
    assert admin.get(f"{AT}/WHK-99999999999999999999").status_code == 404
    assert admin.get(f"{AT}/nonsense/deliveries").status_code == 404


@pytest.mark.parametrize("role", ["reader", "integration", "uploader"])
def test_only_the_cert_and_administrators_keep_webhooks(client_as: Callable[..., TestClient], role: str) -> None:
    client = client_as(role)
    assert {client.get(AT).status_code, client.post(AT, json={"url": "https://hooks.example/"}).status_code} == {403}
    assert client_as("cert").get(AT).status_code == 200
