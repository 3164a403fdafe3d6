"""What a stream contained, out again over HTTP, at once or as a job; sent back, it is the same inventory."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sboms import listed, make_sbom
from sqlalchemy import Engine
from stopped_clock import StoppedClock

from service.errors import Busy
from service.flows import exporting
from service.flows.exporting import make_export, purge_exports
from service.sbom import apart, read
from service.sbom.export import ExportFormat

LODASH, LEFT_PAD = "pkg:npm/lodash@4.17.20", "pkg:npm/left-pad@1.3.0"
#: No library, so the end of its name is no version; the inventory does not keep what it is instead.
RSA = listed(name="RSA-PKCS1-1.5") | {"type": "cryptographic-asset"}
XZ = "pkg:deb/debian/liblzma5@5.4.1-0.2?arch=amd64&distro=debian-12"


def placed(client: TestClient, stream: str) -> set[tuple[str, str, str, str]]:
    rows = client.get("/v1/products/shop/components", params={"stream": stream}).json()["items"]
    return {(row["purl"], row["name"], row["version"], row["scope"]) for row in rows}


@pytest.mark.parametrize("form", ExportFormat)
def test_an_export_sent_to_another_stream_is_the_same_inventory(admin: TestClient, form: ExportFormat) -> None:
    sbom = make_sbom(LODASH, XZ, listed(LEFT_PAD, scope="dev"), listed(name="firmware", version="7"), RSA)
    assert admin.post("/v1/products/shop/sboms", content=sbom).status_code == 201
    answer = admin.get("/v1/products/shop/sbom", params={"format": form.value})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, form.media_type)
    again = admin.post("/v1/products/shop/sboms", params={"stream": "again"}, content=answer.content)
    assert (again.status_code, again.json()["warnings"]) == (201, [])
    assert placed(admin, "again") == placed(admin, "main")


def test_the_past_and_releases_can_be_had_too(admin: TestClient, clock: StoppedClock) -> None:
    admin.post("/v1/products/shop/sboms", params={"version": "1.0"}, content=make_sbom(LODASH))
    first = clock.now
    clock.advance(timedelta(days=1))
    admin.post("/v1/products/shop/sboms", params={"version": "1.1"}, content=make_sbom(LEFT_PAD))
    for params in ({"as_of": first.isoformat()}, {"release": "1.0"}):
        document = read(admin.get("/v1/products/shop/sbom", params=params).content)
        assert [one.purl for one in document.components] == [LODASH]
        assert document.subject is not None
        assert document.subject.version == "1.0"
    now = read(admin.get("/v1/products/shop/sbom").content)
    assert [one.purl for one in now.components] == [LEFT_PAD]


def test_a_large_view_is_a_job(
    admin: TestClient, clock: StoppedClock, own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 1)
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH, LEFT_PAD))
    refused = admin.get("/v1/products/shop/sbom")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (413, "export-too-large")

    asked = admin.post("/v1/products/shop/exports", json={"format": "spdx-2.3-json"})
    assert (asked.status_code, asked.json()["state"], asked.json()["components"]) == (202, "waiting", 2)
    place = asked.headers["location"]
    early = admin.get(f"{place}/document")
    assert (early.status_code, early.json()["type"].rpartition("/")[2]) == (409, "export-not-ready")

    make_export(own_engine, asked.json()["id"], now=clock.now)
    done = admin.get(place).json()
    assert done["state"] == "done"
    document = read(admin.get(done["document"]).content)
    assert {one.purl for one in document.components} == {LODASH, LEFT_PAD}


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"stream": "nope"}, 404),
        ({"release": "9"}, 404),
        ({"format": "cyclonedx-1.2-json"}, 422),
        ({"as_of": "2026-03-01T12:00:00"}, 422),
        ({"as_of": "2026-03-01T12:00:00Z", "release": "1"}, 422),
    ],
)
def test_what_cannot_be_exported_is_said(admin: TestClient, params: dict[str, str], status: int) -> None:
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    assert admin.get("/v1/products/shop/sbom", params=params).status_code == status


def test_exports_are_for_readers(admin: TestClient, client_as: Callable[..., TestClient]) -> None:
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    assert client_as("reader").get("/v1/products/shop/sbom").status_code == 200
    assert client_as("uploader").get("/v1/products/shop/sbom").status_code == 403
    assert admin.get("/v1/exports/9999").status_code == 404


class _NoTurn:
    """Stands where a process of its own is waited for, and looks at who holds connections meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.held = engine, [-1]

    def acquire(self, **_: object) -> bool:
        self.held = [self._engine.pool.checkedout()]  # type: ignore[attr-defined]  # it is a queue
        return False


def test_no_connection_is_held_while_a_document_is_written(
    admin: TestClient, own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    turns = _NoTurn(own_engine)
    monkeypatch.setattr(apart, "_TURNS", turns)
    busy = admin.get("/v1/products/shop/sbom")
    assert (busy.status_code, turns.held) == (503, [0])
    assert int(busy.headers["retry-after"]) > 0


def test_a_job_that_finds_everybody_busy_is_tried_again(
    admin: TestClient, clock: StoppedClock, own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    asked = admin.post("/v1/products/shop/exports", json={}).json()
    with monkeypatch.context() as busy:
        busy.setattr(apart, "_TURNS", _NoTurn(own_engine))
        with pytest.raises(Busy):
            make_export(own_engine, asked["id"], now=clock.now)
    assert admin.get(f"/v1/exports/{asked['id']}").json()["state"] == "waiting"
    make_export(own_engine, asked["id"], now=clock.now)
    assert admin.get(f"/v1/exports/{asked['id']}").json()["state"] == "done"


def test_an_export_whose_writers_died_fails_after_a_day_and_is_forgotten_after_a_week(
    admin: TestClient, clock: StoppedClock, own_engine: Engine
) -> None:
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    place = admin.post("/v1/products/shop/exports", json={}).headers["location"]
    purge_exports(own_engine, now=clock.now + timedelta(hours=23))
    assert admin.get(place).json()["state"] == "waiting"
    purge_exports(own_engine, now=clock.now + timedelta(hours=25))
    assert admin.get(place).json()["state"] == "failed"
    assert "Ask for it again" in admin.get(f"{place}/document").json()["detail"]
    purge_exports(own_engine, now=clock.now + timedelta(days=8))
    assert admin.get(place).status_code == 404


def test_exports_do_not_pile_up(admin: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_MOST_WAITING", 1)
    admin.post("/v1/products/shop/sboms", content=make_sbom(LODASH))
    statuses = [admin.post("/v1/products/shop/exports", json={}).status_code for _ in range(2)]
    assert statuses == [202, 503]
