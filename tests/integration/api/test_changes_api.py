"""The feed of changes over HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import monotonic, sleep

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from service.changes.sequencing import number_changes
from service.changes.writing import NewChange, record_changes
from service.db import writing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def happen(engine: Engine, *types: str) -> None:
    with writing(engine) as session:
        record_changes(session, *(NewChange(type_, NOON, {"status": "open"}, incident="INC-7") for type_ in types))
    with writing(engine) as session:
        number_changes(session)


def test_changes_are_read_page_by_page(client_as: Callable[..., TestClient], own_engine: Engine) -> None:
    reader = client_as("integration")
    happen(own_engine, "incident.opened", "exposure.opened", "exposure.opened")
    first = reader.get("/v1/changes", params={"limit": 2}).json()
    assert [(item["seq"], item["type"], item["incident"]) for item in first["items"]] == [
        (1, "incident.opened", "INC-7"),
        (2, "exposure.opened", "INC-7"),
    ]
    assert first["has_more"]
    second = reader.get("/v1/changes", params={"after": first["next"]}).json()
    assert ([item["seq"] for item in second["items"]], second["has_more"]) == ([3], False)
    assert reader.get("/v1/changes", params={"after": second["next"]}).json()["items"] == []
    picked = reader.get("/v1/changes", params={"types": "incident.opened, incident.closed"}).json()
    assert [item["seq"] for item in picked["items"]] == [1]


def test_a_waiting_reader_gets_what_happens_meanwhile(client_as: Callable[..., TestClient], own_engine: Engine) -> None:
    reader = client_as("integration")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.get, "/v1/changes", params={"wait": 20, "types": "incident.opened"})
        sleep(0.3)
        assert own_engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        happen(own_engine, "exposure.opened")
        happen(own_engine, "incident.opened")
        items = waiting.result(20).json()["items"]
    assert [item["seq"] for item in items] == [2]


def test_waiting_ends_with_nothing_and_a_place_to_go_on(client_as: Callable[..., TestClient]) -> None:
    began = monotonic()
    answer = client_as("reader").get("/v1/changes", params={"wait": 1}).json()
    assert 1 <= monotonic() - began < 10
    assert (answer["items"], answer["has_more"]) == ([], False)
    assert answer["next"]


def test_changes_that_are_no_longer_kept_are_gone(client_as: Callable[..., TestClient], own_engine: Engine) -> None:
    reader = client_as("reader")
    happen(own_engine, "incident.opened")
    after = reader.get("/v1/changes").json()["next"]
    happen(own_engine, "incident.opened", "incident.opened")
    with own_engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM change WHERE seq < 3")
    assert reader.get("/v1/changes", params={"after": after}).status_code == 410
