"""The numbers over HTTP: JSON with definitions, CSV that no spreadsheet runs, gauges that name nobody."""

import csv
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine, update
from stopped_clock import StoppedClock
from story import Story

from service.db import writing
from service.incidents.models import Incident

AT = "/v1/metrics/response"
OLD, NEW, CVE = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21", "CVE-2021-1"


@pytest.fixture
def reports(admin: TestClient, own_engine: Engine, clock: StoppedClock) -> TestClient:
    """Let two products be affected: the first one seen after an hour and proved clean after three."""
    Story(own_engine).feed(
        make_record(CVE, "npm/lodash", "introduced 0", "fixed 4.17.21", published="2026-01-01T00:00:00Z")
    )
    admin.put("/v1/teams/web", json={"email": "web@example.org"})
    for product in ("-shop", "kiosk"):
        admin.put(f"/v1/products/{product}", json={"team": "web"})
        assert admin.post(f"/v1/products/{product}/sboms", content=make_sbom("pkg:npm/other@1")).is_success
        clock.advance(timedelta(hours=1))
        assert admin.post(f"/v1/products/{product}/sboms", content=make_sbom(OLD)).is_success
    return admin


def exposure_of(client: TestClient, product: str) -> tuple[str, str]:
    (found,) = client.get("/v1/exposures", params={"product": product}).json()["items"]
    at = f"/v1/exposures/{found['id']}"
    return at, client.get(at).headers["ETag"]


def test_numbers_come_with_what_they_count(reports: TestClient, clock: StoppedClock) -> None:
    at, tag = exposure_of(reports, "kiosk")
    clock.advance(timedelta(hours=1))
    assert reports.post(f"{at}/transitions", json={"to": "acknowledged"}, headers={"If-Match": tag}).is_success
    clock.advance(timedelta(hours=2))
    assert reports.post("/v1/products/kiosk/sboms", content=make_sbom(NEW)).json()["resolved"]
    clock.advance(timedelta(hours=1))
    answer = reports.get(AT, params={"by": "product"}).json()
    figures = {(one["group"], one["measure"]): one for one in answer["items"] if one["origin"] in {"new", None}}
    assert figures["kiosk", "mttr_median"]["whole"] == 1
    assert (figures["-shop", "active"]["value"], figures["kiosk", "mttr_median"]["part"]) == (1, None)
    assert figures["-shop", "exposure_days"]["value"] > figures["kiosk", "exposure_days"]["value"] > 0
    assert set(answer["measures"]) >= {one["measure"] for one in answer["items"]}
    assert answer["measures"]["coverage"]["definition"].startswith("Of the active products")
    assert figures["kiosk", "coverage"]["value"] == 1


def test_days_of_exposure_begin_when_it_was_published(
    admin: TestClient, own_engine: Engine, clock: StoppedClock
) -> None:
    admin.post("/v1/products/shop/sboms", content=make_sbom(OLD))
    for osv_id, day in ((CVE, 3), ("CVE-2021-2", 1)):
        record = make_record(osv_id, "npm/lodash", "introduced 0", published=f"2026-03-0{day}T00:00:00Z")
        Story(own_engine).feed(record)
    clock.advance(timedelta(days=3, hours=12))  # it is the fifth
    (days,) = [one for one in admin.get(AT).json()["items"] if one["measure"] == "exposure_days"]
    assert days["value"] == 2 + 3.5  # from the third; and from the upload at noon on the first


def test_a_page_holds_whole_groups(reports: TestClient) -> None:
    first = reports.get(AT, params={"by": "product", "limit": 1}).json()
    rest = reports.get(AT, params={"by": "product", "limit": 1, "after": first["next"]}).json()
    assert ({one["group"] for one in first["items"]}, {one["group"] for one in rest["items"]}) == ({"-shop"}, {"kiosk"})
    assert rest["next"] is None


def test_the_table_is_the_same_and_no_cell_is_a_formula(reports: TestClient) -> None:
    answer = reports.get(AT, params={"by": "product", "format": "csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.text)))
    items = reports.get(AT, params={"by": "product"}).json()["items"]
    assert [row["measure"] for row in rows] == [one["measure"] for one in items]
    assert {row["group"] for row in rows} == {"'-shop", "kiosk"}
    assert all(row["definition"] for row in rows)


def test_gauges_name_nobody_and_are_asked_once_a_minute(reports: TestClient, clock: StoppedClock) -> None:
    def active() -> list[str]:
        return [
            line for line in reports.get("/metrics").text.splitlines() if line.startswith("muster_response_active{")
        ]

    before = active()
    assert before == ['muster_response_active{origin="new"} 2']
    assert "kiosk" not in "\n".join(line for line in reports.get("/metrics").text.splitlines() if "response" in line)
    reports.post("/v1/products/kiosk/sboms", content=make_sbom(NEW))
    assert active() == before
    clock.advance(timedelta(minutes=1))
    assert active() == ['muster_response_active{origin="new"} 1']


def test_what_is_under_embargo_counts_for_those_who_know(
    reports: TestClient, client_as: Callable[..., TestClient], own_engine: Engine
) -> None:
    reader = client_as("reader")
    assert [one["value"] for one in reader.get(AT).json()["items"] if one["measure"] == "active"] == [2]
    with writing(own_engine) as session:
        session.execute(update(Incident).values(restricted=True))
    assert [
        one for one in reader.get(AT).json()["items"] if one["measure"] in {"active", "opened", "exposure_days"}
    ] == []
    assert [one["value"] for one in reports.get(AT).json()["items"] if one["measure"] == "active"] == [2]


def test_periods_that_are_none_are_refused(reports: TestClient) -> None:
    for period in ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, {"from": "1999-01-01T00:00:00Z"}):
        assert reports.get(AT, params=period).status_code == 422
    assert reports.get(AT, params={"from": "2026-03-01"}).status_code == 422
    assert reports.get(AT, params={"team": "nobody"}).status_code == 404
