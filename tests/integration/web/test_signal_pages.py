"""Pages say what is exploited, how likely that is, and which version fixes it."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from signal_servers import make_catalogue, make_listing, make_scores
from sqlalchemy import Engine
from stopped_clock import EVENING

from service.access.keys import NewKey
from service.flows.signalling import apply_signals

CVE = "CVE-2024-1234"


def test_pages_show_badges_the_vector_and_the_nearest_fix(
    reader: TestClient, app: FastAPI, own_engine: Engine, new_key: Callable[..., NewKey], tmp_path: Path
) -> None:
    admin = TestClient(app, headers={"Authorization": f"Bearer {new_key('admin').token}"})
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"
    events = ("introduced 0", "fixed 1.4.5", "introduced 2.0.0", "fixed 2.0.1")
    record = make_record(
        "x_ours-1", "npm/lodash", *events, aliases=[CVE], severity=[{"type": "CVSS_V3", "score": vector}]
    )
    assert admin.put("/v1/advisories/x_ours-1", json=record).status_code == 201
    (tmp_path / "kev").write_bytes(make_catalogue(make_listing(CVE, ransomware=True, requiredAction="<b>Patch</b>.")))
    (tmp_path / "epss").write_bytes(make_scores({CVE: 0.934}))
    urls = {name: (tmp_path / name).as_uri() for name in ("kev", "epss")}
    apply_signals(own_engine, kev_url=urls["kev"], epss_url=urls["epss"], now=EVENING)
    answer = admin.post("/v1/products/shop/sboms", content=make_sbom("pkg:npm/lodash@1.4.2")).json()
    incident = answer["findings"][0]["incident"]

    pages = {path: reader.get(path).text for path in ("/incidents", "/products/shop", f"/incidents/{incident}")}

    for path, page in pages.items():
        assert ">exploited, ransomware</span>" in page, path
        assert "EPSS 93.4 %" in page, path
    told = pages[f"/incidents/{incident}"]
    assert "CISA lists CVE-2024-1234 as exploited since 2026-03-01, in ransomware campaigns too" in told
    assert "&lt;b&gt;Patch&lt;/b&gt;." in told
    assert vector in told
    assert 'fixed in <span class="mono">1.4.5</span>' in told
    assert 'also named: <span class="mono">2.0.1</span>' in told
