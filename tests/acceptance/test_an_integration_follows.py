"""What an integration lives through: upload, sync, the feed of changes, a fix claimed and proved. All parts running."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record, write_ecosystem
from pydantic import SecretStr
from sboms import make_sbom

from service.access.keys import create_key
from service.access.roles import Role
from service.clock import utc_now
from service.db import connect, writing
from service.main import create_app
from service.settings import Settings

LODASH, FIXED = "pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.21"


@pytest.fixture
def client(fresh_database: str, tmp_path: Path) -> Iterator[TestClient]:
    """Give a client of a whole service, jobs and all, whose feed has one advisory."""
    record = make_record(
        "GHSA-35jh-r3h4-6jhm", "npm/lodash", "introduced 0", "fixed 4.17.21", aliases=["CVE-2021-23337"]
    )
    write_ecosystem(tmp_path, "npm", [record])
    (tmp_path / "ecosystems.txt").write_text("npm\n")
    engine = connect(fresh_database)
    with writing(engine) as session:
        token = create_key(session, "tests", Role.ADMIN, now=utc_now()).token
    secret, bucket = SecretStr("a secret of the tests"), tmp_path.as_uri()
    settings = Settings(secret_key=secret, osv_url=bucket, kev_url="none", epss_url="none")
    app = create_app(settings, engine=engine, jobs=True)
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as running:
        yield running
    engine.dispose()


def eventually(look: Callable[[], Any], seconds: float = 30) -> Any:  # noqa: ANN401 - whatever is looked for
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def upload(client: TestClient, component: str) -> dict[str, Any]:
    answer = client.post("/v1/products/shop/sboms", content=make_sbom(component))
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def follow(client: TestClient, after: str | None, until: str) -> tuple[list[dict[str, Any]], str]:
    """Read the feed of changes until one of a type has come; gives all of them and where to go on."""
    seen: list[dict[str, Any]] = []
    for _ in range(20):
        page = client.get("/v1/changes", params={"wait": 5} | ({"after": after} if after else {})).json()
        seen += page["items"]
        after = page["next"]
        if any(one["type"] == until for one in seen):
            return seen, str(after)
    raise AssertionError(f"{until} did not come: {[one['type'] for one in seen]}")


def test_an_integration_hears_of_an_incident_and_of_its_end(client: TestClient) -> None:
    first = upload(client, LODASH)
    assert (first["verdict"], first["missing_feeds"], first["findings"]) == ("unknown", ["npm"], [])

    assert client.post("/v1/feeds:sync").status_code == 202
    feeds = eventually(lambda: [one for one in client.get("/v1/feeds").json()["items"] if not one["stale"]])
    assert [one["ecosystem"] for one in feeds] == ["npm"]

    opened, cursor = follow(client, None, "exposure.opened")
    assert [one["type"] for one in opened] == ["incident.opened", "exposure.opened"]
    exposure = opened[-1]["data"]
    assert (exposure["product"], exposure["status"], exposure["owner"]["team"]) == ("shop", "open", "cert-triage")

    etag = client.get(f"/v1/exposures/{exposure['id']}").headers["ETag"]
    path = f"/v1/exposures/{exposure['id']}/transitions"
    claimed = client.post(path, json={"to": "fix_claimed"}, headers={"If-Match": etag})
    assert claimed.json()["status"] == "fix_claimed"

    proof = upload(client, FIXED)
    assert (proof["verdict"], [step["exposure"] for step in proof["resolved"]]) == ("pass", [exposure["id"]])
    heard, _ = follow(client, cursor, "exposure.resolved")
    assert [one["type"] for one in heard] == ["exposure.fix_claimed", "exposure.resolved"]
    assert client.get(f"/v1/incidents/{exposure['incident']}").json()["status"] == "resolved"
    gone = client.get("/v1/search", params={"q": "lodash 4.17.20"}).json()
    once = client.get("/v1/search", params={"q": "lodash 4.17.20", "ever": True}).json()
    assert (gone["items"], [item["product"] for item in once["items"]]) == ([], ["shop"])
