"""What a stream contained, out again over HTTP, at once or as a job; sent back, it is the same inventory."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sboms import listed, make_sbom
from sqlalchemy import Engine
from stopped_clock import StoppedClock

from service.flows import exporting
from service.flows.exporting import make_export
from service.sbom import read
from service.sbom.export import ExportFormat

LODASH, LEFT_PAD = "pkg:npm/lodash@4.17.20", "pkg:npm/left-pad@1.3.0"
XZ = "pkg:deb/debian/liblzma5@5.4.1-0.2?arch=amd64&distro=debian-12"


def placed(client: TestClient, stream: str) -> set[tuple[str, str, str, str]]:
    rows = client.get("/v1/products/shop/components", params={"stream": stream}).json()["items"]
    return {(row["purl"], row["name"], row["version"], row["scope"]) for row in rows}


@pytest.mark.parametrize("form", ExportFormat)
def test_an_export_sent_to_another_stream_is_the_same_inventory(admin: TestClient, form: ExportFormat) -> None:
    sbom = make_sbom(LODASH, XZ, listed(LEFT_PAD, scope="dev"), listed(name="firmware", version="7"))
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
