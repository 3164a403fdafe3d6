"""Rules over HTTP: as JSON and as a file, with If-Match, dry runs and explanations; teams that retire; who had it."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from osv_bucket import make_record
from sboms import make_sbom
from sqlalchemy import Engine
from story import Story

OLD, CVE = "pkg:npm/lodash@4.17.20", "CVE-2021-1"
AT = "/v1/ownership-rules"


@pytest.fixture
def shop(admin: TestClient, own_engine: Engine) -> TestClient:
    """Let the product shop, which web owns, be affected."""
    for team in ("web", "npm"):
        admin.put(f"/v1/teams/{team}", json={"email": f"{team}@example.org"})
    admin.put("/v1/products/shop", json={"team": "web"})
    Story(own_engine).feed(make_record(CVE, "npm/lodash", "introduced 0", "fixed 4.17.21"))
    assert admin.post("/v1/products/shop/sboms", content=make_sbom(OLD)).status_code == 201
    return admin


def put_file(client: TestClient, text: str, **headers: str) -> Any:  # noqa: ANN401
    return client.put(AT, content=text, headers={"Content-Type": "text/plain", **headers})


def exposure(client: TestClient) -> dict[str, Any]:
    (found,) = client.get("/v1/exposures", params={"product": "shop"}).json()["items"]
    return dict(found)


def test_rules_go_in_and_out_as_json_and_as_a_file(shop: TestClient) -> None:
    rules: list[dict[str, str | None]] = [
        {"product": "shop", "purl": "pkg:npm/@acme/*", "team": "npm", "note": "theirs"},
        {"product": None, "purl": "pkg:npm/lodash", "team": "npm", "note": ""},
    ]
    answer = shop.put(AT, json={"items": rules}, headers={"If-Match": shop.get(AT).headers["ETag"]})
    assert (answer.status_code, answer.json()["rules"], answer.json()["changed"]) == (200, 2, 0)
    listed = shop.get(AT)
    items = listed.json()["items"]
    assert [{name: one[name] for name in rules[0]} for one in items] == rules
    assert (items[0]["made_by"], items[0]["position"]) == ("the admin", 1)
    as_file = shop.get(AT, headers={"Accept": "text/plain"})
    assert as_file.headers["Content-Type"].startswith("text/plain")
    assert as_file.text.splitlines()[-2:] == ["shop:pkg:npm/@acme/*  npm  # theirs", "pkg:npm/lodash        npm"]
    again = put_file(shop, as_file.text, **{"If-Match": as_file.headers["ETag"]})
    assert again.headers["ETag"] == listed.headers["ETag"]  # nothing was to be changed


def test_a_version_that_was_not_read_is_not_replaced(shop: TestClient) -> None:
    assert put_file(shop, "shop npm").status_code == 428
    first = shop.get(AT).headers["ETag"]
    assert put_file(shop, "shop npm", **{"If-Match": first}).json()["changed"] == 1
    assert exposure(shop)["owner"] == {"team": "npm", "reason": "rule for shop"}
    stale = put_file(shop, "shop web", **{"If-Match": first})
    assert (stale.status_code, exposure(shop)["owner"]["team"]) == (412, "npm")


def test_a_dry_run_needs_no_version_and_changes_nothing(shop: TestClient) -> None:
    answer = shop.put(AT, params={"dry_run": True}, json={"items": [{"product": "shop", "team": "npm"}]})
    change = answer.json()["changes"][0]
    assert (change["exposure"], change["from"], change["to"]) == (exposure(shop)["id"], "web", "npm")
    assert (answer.json()["changed"], shop.get(AT).json()["items"], exposure(shop)["owner"]["team"]) == (1, [], "web")


def test_what_cannot_be_taken_says_where(shop: TestClient) -> None:
    bad = put_file(shop, "shop npm\nshop\nblog nobody", **{"If-Match": "*"})
    assert (bad.status_code, bad.json()["errors"][0]["where"]) == (422, "line 2")
    bad = shop.put(AT, json={"items": [{"product": "shop", "team": "nobody"}]}, headers={"If-Match": "*"})
    assert (bad.status_code, bad.json()["errors"][0]["where"]) == (422, "/items/0")
    for content, kind, status in (
        (b"{", "application/json", 400), (b'{"items": 7}', "application/json", 422), (b"\xff", "text/plain", 422),
        (b"a b", "text/csv", 415), (b"#" * (4 * 1024 * 1024 + 1), "text/plain", 413), (b"[]", "application/json", 422),
    ):  # fmt: skip
        assert shop.put(AT, content=content, headers={"Content-Type": kind, "If-Match": "*"}).status_code == status


def test_an_explanation_shows_each_step_and_agrees_with_the_exposure(shop: TestClient) -> None:
    put_file(shop, "shop:pkg:npm/* npm\nshop:pkg:pypi/* web", **{"If-Match": "*"})
    found = shop.get("/v1/ownership:explain", params={"product": "shop", "vulnerability": CVE}).json()
    assert (found["exposure"], found["owner"]) == (exposure(shop)["id"], exposure(shop)["owner"])
    assert found["steps"] == [
        {"step": "product and purl rule", "rule": "shop with pkg:npm/*", "team": "npm", "hit": True,
         "detail": "rule for shop with pkg:npm/*"},
    ]  # fmt: skip
    plain = shop.get("/v1/ownership:explain", params={"product": "shop"}).json()
    assert (plain["owner"]["team"], [step["hit"] for step in plain["steps"]]) == ("web", [False, False, True])
    asked = shop.get("/v1/ownership:explain", params={"product": "shop", "purl": "pkg:pypi/flask@1"}).json()
    assert asked["owner"]["reason"] == "rule for shop with pkg:pypi/*"
    for unknown in ({"product": "blog"}, {"product": "shop", "vulnerability": "CVE-1"}):
        assert shop.get("/v1/ownership:explain", params=unknown).status_code == 404


def test_an_owner_can_be_chosen_and_given_back_and_both_are_told(shop: TestClient) -> None:
    at = f"/v1/exposures/{exposure(shop)['id']}"
    shop.put(f"{at}/owner", json={"team": "npm", "reason": "they know it"})
    assert exposure(shop)["owner"] == {"team": "npm", "reason": "assigned by the admin"}
    assert shop.delete(f"{at}/owner", headers={"If-Match": '"999"'}).status_code == 412
    assert shop.delete(f"{at}/owner").json()["owner"] == {"team": "web", "reason": "the product's team"}
    assert shop.delete(f"{at}/owner").status_code == 409
    told = shop.get(f"{at}/owners").json()["items"]
    assert [(one["from"], one["to"], one["manual"]) for one in told] == [
        (None, "web", False), ("web", "npm", True), ("npm", "web", False),
    ]  # fmt: skip
    assert told[1]["reason"] == "they know it"


def test_a_product_that_changes_hands_takes_its_exposures_along(shop: TestClient) -> None:
    headers = {"If-Match": shop.get("/v1/products/shop").headers["ETag"]}
    shop.patch("/v1/products/shop", json={"team": "npm"}, headers=headers)
    assert exposure(shop)["owner"]["team"] == "npm"


def test_a_team_retires_to_its_successor_and_its_exposures_follow(shop: TestClient) -> None:
    answer = shop.post("/v1/teams/web:retire", json={"reason": "merged", "successor": "npm"})
    assert (answer.status_code, answer.json()["successor"]) == (200, "npm")
    assert exposure(shop)["owner"]["team"] == "npm"
    assert shop.put("/v1/teams/web", json={}).status_code == 409
    assert shop.put("/v1/products/blog", json={"team": "web"}).status_code == 409
    assert shop.post("/v1/teams/cert-triage:retire", json={"reason": "x"}).status_code == 409
    assert shop.post("/v1/teams/nobody:retire", json={"reason": "x"}).status_code == 404


def test_what_a_team_says_of_itself_comes_back_but_for_the_secrets(admin: TestClient) -> None:
    said = {
        "email": "w@example.org", "webhook": None, "chat": "slack://secret-token/a", "on_call": "n@example.org",
        "manager": "m@example.org", "members": ["b@example.org", "a@example.org", "a@example.org"],
    }  # fmt: skip
    team = admin.put("/v1/teams/web", json=said).json()
    assert {**said, "chat": "slack://…", "members": ["a@example.org", "b@example.org"]}.items() <= team.items()
    kept = admin.put("/v1/teams/web", json={"chat": team["chat"], "email": "v@example.org"}).json()
    assert (kept["chat"], kept["on_call"], kept["email"]) == ("slack://…", "n@example.org", "v@example.org")
    assert "secret-token" not in admin.get("/v1/audit").text
    assert admin.put("/v1/teams/web", json={"chat": None, "email": None, "members": []}).json()["reachable"] is False


def test_what_is_changed_or_carried_out_is_recorded_once_and_a_dry_run_is_not(shop: TestClient) -> None:
    def actions() -> list[str]:
        return [row["action"] for row in shop.get("/v1/audit").json()["items"]]

    before = len(actions())
    assert shop.put(AT, params={"dry_run": True}, json={"items": []}).is_success
    put_file(shop, "shop npm", **{"If-Match": "*"})
    shop.get(AT, headers={"Accept": "text/plain"})
    shop.post("/v1/teams/web:retire", json={"reason": "merged"})
    shop.get("/v1/metrics/response", params={"format": "csv"})
    recorded = ["numbers.export", "team.retire", "ownership-rules.export", "ownership-rules.put"]
    assert actions()[: len(actions()) - before] == recorded


@pytest.mark.usefixtures("shop")
def test_readers_see_rules_and_only_the_cert_changes_them(client_as: Callable[..., TestClient]) -> None:
    reader = client_as("reader")
    assert reader.get(AT).status_code == 200
    assert reader.get("/v1/ownership:explain", params={"product": "shop"}).status_code == 200
    assert put_file(reader, "shop npm", **{"If-Match": "*"}).status_code == 403
    assert put_file(client_as("cert"), "shop npm", **{"If-Match": "*"}).status_code == 200
    assert reader.post("/v1/teams/web:retire", json={"reason": "x"}).status_code == 403
