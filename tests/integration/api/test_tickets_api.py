from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sqlalchemy import Engine
from stopped_clock import StoppedClock
from story import Story
from ticket_servers import serving_tracker
from trackers import GitHubServer

Client = Callable[..., TestClient]


@pytest.fixture
def exposed(own_engine: Engine) -> str:
    """Have one exposure; gives its address."""
    story = Story(own_engine)
    story.product("shop")
    story.feed(make_record("GHSA-1", "npm/lodash", "introduced 0", "fixed 4.17.21"))
    answer = story.upload("shop", "pkg:npm/lodash@4.17.20")
    return f"/v1/exposures/{answer['findings'][0]['exposure']}"


def test_an_integration_links_its_ticket_and_closing_it_claims_a_fix(client_as: Client, exposed: str) -> None:
    helpdesk = client_as("integration")
    said = {"key": "HD-7", "url": "https://helpdesk.example/HD-7", "version": 1}
    answer = helpdesk.put(f"{exposed}/links/helpdesk", json=said)
    assert answer.status_code == 200, answer.text
    (link,) = answer.json()["links"]
    assert link | {"updated_at": ""} == {
        "system": "helpdesk", "key": "HD-7", "url": said["url"], "state": "open", "version_seen": 1, "updated_at": "",
    }  # fmt: skip
    version = answer.json()["version"]
    assert helpdesk.put(f"{exposed}/links/helpdesk", json=said).json()["version"] == version
    closed = helpdesk.put(f"{exposed}/links/helpdesk", json=said | {"state": "closed"}).json()
    assert closed["status"] == "fix_claimed"
    steps = [step["step"] for step in helpdesk.get(f"{exposed}/timeline").json()["items"]]
    assert steps == ["opened", "linked", "linked", "fix_claimed"]
    assert helpdesk.delete(f"{exposed}/links/helpdesk").json()["links"] == []
    assert helpdesk.delete(f"{exposed}/links/helpdesk").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": ""}, 422),
        ({"key": "HD-7", "url": "javascript:alert(1)"}, 422),
        ({"key": "HD-7", "state": "resolved"}, 422),
        ({"state": "open"}, 422),
    ],
)
def test_a_link_that_is_none_is_refused(client_as: Client, exposed: str, body: dict[str, object], status: int) -> None:
    assert client_as("integration").put(f"{exposed}/links/helpdesk", json=body).status_code == status


def test_a_link_compares_the_version_where_it_is_sent_and_wants_a_plain_name(client_as: Client, exposed: str) -> None:
    helpdesk = client_as("integration")
    stale = helpdesk.put(f"{exposed}/links/helpdesk", json={"key": "HD-7"}, headers={"If-Match": '"99"'})
    assert stale.status_code == 412
    assert helpdesk.put(f"{exposed}/links/Help Desk", json={"key": "HD-7"}).status_code == 422
    assert helpdesk.put("/v1/exposures/EXP-99999/links/helpdesk", json={"key": "HD-7"}).status_code == 404


def test_a_ticket_system_is_configured_tried_and_forgotten_and_its_secret_never_shown(
    admin: TestClient, clock: StoppedClock
) -> None:
    with serving_tracker(GitHubServer(clock)) as url:
        body = {"kind": "github", "url": url, "place": "acme/payments", "secret": "right"}
        made = admin.put("/v1/ticket-systems/github", json=body)
        assert made.status_code == 201, made.text
        assert "right" not in made.text
        assert admin.put("/v1/ticket-systems/github", json=body).status_code == 200
        assert admin.post("/v1/ticket-systems/github:test").json()["works"] is True
        admin.put("/v1/ticket-systems/github", json=body | {"secret": "wrong"})
        tried = admin.post("/v1/ticket-systems/github:test").json()
        assert (tried["works"], tried["detail"][:4]) == (False, "401:")
    assert admin.post("/v1/ticket-systems/github:test").json()["works"] is False  # nobody is there any more
    assert admin.post("/v1/ticket-systems/github:reconcile").status_code == 202
    (listed,) = admin.get("/v1/ticket-systems").json()["items"]
    assert listed["wanted"] == {
        "priorities": ["act", "attend"], "teams": [], "products": [], "baseline": False, "restricted": False,
    }  # fmt: skip
    assert "wrong" not in admin.get("/v1/audit").text
    assert admin.delete("/v1/ticket-systems/github").status_code == 204
    assert admin.get("/v1/ticket-systems").json()["items"] == []


def test_nobody_has_our_connector_write_over_a_ticket_of_theirs(
    admin: TestClient, client_as: Client, exposed: str
) -> None:
    system = {"kind": "jira", "url": "https://jira.example", "place": "SEC", "secret": "right", "enabled": False}
    assert admin.put("/v1/ticket-systems/jira", json=system).status_code == 201
    theirs = {"key": "HR-1"}
    assert client_as("integration").put(f"{exposed}/links/jira", json=theirs).status_code == 403
    assert client_as("integration").put(f"{exposed}/links/helpdesk", json=theirs).status_code == 200
    assert client_as("cert").put(f"{exposed}/links/jira", json={"key": "SEC-7"}).status_code == 200
    assert client_as("integration").delete(f"{exposed}/links/jira").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "github", "url": "https://api.example", "place": "acme/payments"},
        {"kind": "github", "url": "ftp://api.example", "place": "acme/payments", "secret": "x"},
        {"kind": "bugzilla", "url": "https://api.example", "place": "acme", "secret": "x"},
    ],
)
def test_a_ticket_system_without_what_it_needs_is_refused(admin: TestClient, body: dict[str, object]) -> None:
    assert admin.put("/v1/ticket-systems/github", json=body).status_code == 422
