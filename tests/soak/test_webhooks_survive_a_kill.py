"""A server is killed between sending and noting: after its restart the same event is sent again, under the same id."""

import time

import pytest
from receiver import FOREVER, Manner, receiving
from serving import serving

from service.changes.writing import NewChange, record_changes
from service.clock import utc_now
from service.db import connect, writing

pytestmark = pytest.mark.soak


def test_a_kill_between_sending_and_noting_costs_a_repetition_and_nothing_else(fresh_database: str) -> None:
    engine = connect(fresh_database)
    with receiving() as receiver, serving(fresh_database, {"MUSTER_WEBHOOK_ALLOW_PRIVATE": "true"}) as served:
        made = served.client.post("/v1/webhooks", json={"url": receiver.url}).json()
        receiver.manners = [Manner(204, silence_seconds=FOREVER)]
        with writing(engine) as session:
            change = NewChange("exposure.opened", utc_now(), {"version": 1}, incident="INC-1", exposure="EXP-1")
            record_changes(session, change)
        _wait(lambda: len(receiver.heard) == 1, 30)
        served.kill()
        receiver.release.set()
        served.start()
        began = time.monotonic()
        _wait(lambda: len(receiver.heard) == 2, 120)
        print(f"\nsent again {time.monotonic() - began:.0f} s after the restart")
        where = f"/v1/webhooks/{made['id']}/deliveries"
        _wait(lambda: served.client.get(where).json()["items"][0]["state"] == "delivered", 10)
        assert len(set(receiver.ids)) == 1
        assert len(served.client.get(where).json()["items"]) == 1
    engine.dispose()


def _wait(condition: object, seconds: float) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
