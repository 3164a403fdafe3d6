"""Real editions of KEV and EPSS, one after the other, over HTTP: what is in the field becomes urgent, and says why."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record
from pydantic import SecretStr
from real_files import Corpus
from sboms import make_sbom
from signal_servers import EPSS, HASTY, KEV, SignalServer, serve_signals
from sqlalchemy import Engine

from service.access.keys import create_key
from service.access.roles import Role
from service.clock import utc_now
from service.db import connect, writing
from service.flows.signalling import apply_signals
from service.main import create_app
from service.settings import Settings

#: Listed between the first edition and the last; its score rose in 2026.
LISTED_LATER = "CVE-2025-48384"
LEFT_PAD = "pkg:npm/left-pad@1.3.0"


@pytest.fixture
def own_engine(fresh_database: str) -> Iterator[Engine]:
    engine = connect(fresh_database)
    yield engine
    engine.dispose()


@pytest.fixture
def client(own_engine: Engine) -> Iterator[TestClient]:
    with writing(own_engine) as session:
        token = create_key(session, "tests", Role.ADMIN, now=utc_now()).token
    settings = Settings(secret_key=SecretStr("a secret of the tests"), osv_url="none", kev_url="none", epss_url="none")
    with TestClient(create_app(settings, engine=own_engine), headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


class Editions:
    """The corpus' editions, put in place one after the other."""

    def __init__(self, engine: Engine, folder: Path, server: SignalServer) -> None:
        self.engine, self.folder, self.server = engine, folder, server

    def hear(self, *, kev: str | None = None, epss: str | None = None) -> dict[str, Any]:
        self.server.publish(
            kev=(self.folder / kev).read_bytes() if kev else None,
            epss=(self.folder / f"epss_kev-subset-{epss}.csv.gz").read_bytes() if epss else None,
        )
        urls = {"kev_url": self.server.kev_url, "epss_url": self.server.epss_url}
        results = apply_signals(self.engine, **urls, now=datetime.now(UTC), patience=HASTY)
        return {one.name: one for one in results}


@pytest.fixture
def editions(own_engine: Engine, corpus: Corpus, tmp_path: Path) -> Iterator[Editions]:
    with serve_signals(tmp_path / "signals") as server:
        yield Editions(own_engine, corpus("kev-epss"), server)


def test_editions_of_kev_and_epss_raise_what_is_open_and_say_so(client: TestClient, editions: Editions) -> None:
    record = make_record(
        "x_OURS-2025-1",
        "npm/left-pad",
        "introduced 0",
        "fixed 1.3.1",
        aliases=[LISTED_LATER],
        database_specific={"severity": "LOW"},
    )
    assert client.put("/v1/advisories/x_OURS-2025-1", json=record).status_code == 201
    first = editions.hear(kev="kev-asof-2025-05-01.json", epss="2024-09-01")
    assert (first["kev"].added, first["epss"].added) == (1327, 1159)
    (finding,) = client.post("/v1/products/shop/sboms", content=make_sbom(LEFT_PAD)).json()["findings"]
    assert (finding["signals"]["kev"], finding["severity"]) == (None, "low")
    assert finding["fixes"] == {"nearest": "1.3.1", "all": ["1.3.1"], "known": True, "hint": None}
    before = client.get(f"/v1/exposures/{finding['exposure']}").json()
    assert before["priority"] == "track"

    later = editions.hear(kev="kev-known_exploited_vulnerabilities.json", epss="2026-08-22")

    assert later["kev"].added == 77
    after = client.get(f"/v1/exposures/{finding['exposure']}").json()
    # A word calls its impact partial, and the product is inside: a fortnight by the directive, which makes it Attend.
    assert after["priority"] == "attend"
    assert after["remediate_due_at"] < before["remediate_due_at"]
    reasons = [step["reason"] for step in client.get(f"/v1/exposures/{after['id']}/timeline").json()["items"]]
    assert reasons[-1] == (
        f"CISA listed {LISTED_LATER} as exploited on 2025-08-25; the tables have their inputs now; "
        "track before; now attend"
    )
    (incident,) = client.get("/v1/incidents?kev=true").json()["items"]
    assert incident["signals"]["kev"]["due"] == "2025-09-15"
    scores = gzip.decompress((editions.folder / "epss_kev-subset-2026-08-22.csv.gz").read_bytes()).decode()
    (row,) = (line for line in scores.splitlines() if line.startswith(f"{LISTED_LATER},"))
    epss = incident["signals"]["epss"]
    assert row == f"{LISTED_LATER},{epss['score']},{epss['percentile']}"
    assert epss["date"] == "2026-08-22"
    gated = client.post("/v1/products/blog/sboms?gate=critical", content=make_sbom(LEFT_PAD)).json()
    assert gated["verdict"] == "fail"


def test_one_that_leaves_the_catalogue_eases_and_keeps_its_deadline(client: TestClient, editions: Editions) -> None:
    record = make_record("x_OURS-2025-1", "npm/left-pad", "introduced 0", aliases=[LISTED_LATER])
    client.put("/v1/advisories/x_OURS-2025-1", json=record)
    editions.hear(kev="kev-known_exploited_vulnerabilities.json", epss="2026-08-22")
    (finding,) = client.post("/v1/products/shop/sboms", content=make_sbom(LEFT_PAD)).json()["findings"]
    urgent = client.get(f"/v1/exposures/{finding['exposure']}").json()
    assert (urgent["priority"], urgent["origin"]) == ("act", "baseline")
    assert urgent["acknowledge_due_at"] is not None  # on the first day too
    file = editions.folder / "kev-known_exploited_vulnerabilities.json"
    catalogue = json.loads(file.read_bytes())
    left = [each for each in catalogue["vulnerabilities"] if each["cveID"] != LISTED_LATER]
    shorter = catalogue | {"vulnerabilities": left, "count": len(left), "catalogVersion": "2025.08.26"}
    editions.server.publish(kev=json.dumps(shorter).encode())

    assert editions.hear()["kev"].vanished == 1

    eased = client.get(f"/v1/exposures/{finding['exposure']}").json()
    assert (eased["priority"], eased["remediate_due_at"]) == ("track*", urgent["remediate_due_at"])
    counts = {one["name"]: one["record_count"] for one in client.get("/v1/feeds").json()["signals"]}
    assert counts == {"kev": 1403, "epss": 1556}


def test_editions_that_are_there_already_are_not_sent_again(editions: Editions) -> None:
    editions.hear(kev="kev-asof-2025-05-01.json", epss="2026-08-22")
    editions.hear()
    assert (editions.server.bucket.asked(KEV), editions.server.bucket.asked(EPSS)) == ([200, 304], [200, 304])
